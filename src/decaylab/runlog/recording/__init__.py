"""The parts of the recorder: who answers signals, the heartbeat, captured output, git, and the files of the record."""
