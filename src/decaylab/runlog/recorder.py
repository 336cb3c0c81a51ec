"""The recorder: the only writer of a run's directory, for any training loop.

    with runlog.start("my_model", config={"batch_size": 8}, experiments="experiments") as run:
        for epoch in range(1, 11):
            run.log(epoch=epoch, val_loss=train_one_epoch())
        run.finish(metrics={"t20": {"mae": 0.012}})

The record exists before the first line of training runs. metadata.json is replaced as a whole whenever something
changes; history.jsonl grows by one line a `log`. What the disk refuses is said once, kept, and tried again.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
import time
from typing import Any, Literal

from decaylab.catalogue.document import STORED_STATUSES
from decaylab.errors import RunLogError
from decaylab.runlog import digests, surroundings
from decaylab.runlog.document import Document
from decaylab.runlog.files import sync_directory
from decaylab.runlog.history import HistoryWriter
from decaylab.runlog.naming import check_model_name, make_run_directory
from decaylab.runlog.process import identity
from decaylab.runlog.recording import git
from decaylab.runlog.recording.heartbeat import Heartbeat
from decaylab.runlog.recording.output import OutputLog
from decaylab.runlog.recording.signals import Signals, is_clean, status_after
from decaylab.runlog.recording.writer import RunLogWarning as RunLogWarning
from decaylab.runlog.recording.writer import Writer
from decaylab.runlog.schema import BEST_CHECKPOINT, HEARTBEAT, HISTORY, METADATA, OUTPUT
from decaylab.runlog.values import history_line

Direction = Literal["min", "max"]


def start(
    model_name: str,
    *,
    config: dict[str, Any] | None = None,
    experiments: str | os.PathLike[str] = "experiments",
    directions: dict[str, Direction] | None = None,
    note: str | None = None,
    tags: tuple[str, ...] | list[str] = (),
    capture_output: bool = True,
    handle_sigterm: bool = True,
    run_id: str | None = None,
    **sections: Any,
) -> Run:
    """Put a new run on record and return its recorder, best used in a `with` block.

    Args:
        model_name: letters, digits, `.`, `-`, `_`; the directory is `{model_name}_{timestamp}`.
        config: settings. Those with a documented place (`batch_size`, `loss_type`, ...) go there, the rest stays
            under `config`.
        experiments: the folder of runs; made if need be, with `archive/` beside it.
        directions: for metrics of your own, which way is better: `{"accuracy": "max"}`. Less is better otherwise.
        note: a line for NOTES.md.
        tags: words to find the run by.
        capture_output: keep what is printed in output.log, too.
        handle_sigterm: record SIGTERM as an interruption (main thread only, and only if nobody else handles it).
        run_id: name of the run's directory, `{model_name}_{timestamp}`, that must not exist; None: by the clock.
        **sections: further top-level keys, as in `Run.update`.

    Raises:
        RunLogError: a name, an id, a value or a folder that cannot be used; nothing is left behind.
    """
    check_model_name(model_name)
    folder = os.fspath(experiments)
    document = Document(model_name)
    document.set_directions(directions or {})
    document.update(config, sections)
    if note or tags:
        from decaylab.runlog.notes import check_note, check_tags

        check_tags(tags)
        if note:
            check_note(note)
    directory, timestamp = make_run_directory(folder, model_name, run_id)
    run_id = os.path.basename(directory)
    document.begin(run_id, timestamp, identity(), surroundings.command_line(), os.getcwd())
    run = Run(directory, folder, document, capture_output, handle_sigterm)
    if note:
        run.note(note)
    if tags:
        run.tag(*tags)
    return run


class Run:
    """A run in progress. `directory` is where its files go; `run_id` is that directory's name.

    Made by `start`, or by `takeover.take_over` for a run that goes on: `seconds_before` then is what it took so far.

    Args:
        experiments: the folder of runs that `directory` lies in.
        document: the content of metadata.json, begun.
        capture: keep what is printed in output.log, too.
        handle_sigterm: as in `start`.
    """

    def __init__(
        self,
        directory: str,
        experiments: str,
        document: Document,
        capture: bool = True,
        handle_sigterm: bool = True,
        seconds_before: float | None = None,
    ) -> None:
        self.directory = os.path.abspath(directory)
        self.experiments = os.path.abspath(experiments)
        self.run_id = os.path.basename(self.directory)
        self._shown_directory = directory
        self._document = document
        self._lock = threading.RLock()
        self._goes_on = seconds_before is not None
        self._started = time.monotonic() - (seconds_before or 0.0)
        self._finished = False
        self._last_epoch: int | None = None
        self._history = HistoryWriter(os.path.join(self.directory, HISTORY))
        self._writer = Writer(self.directory)
        self._heartbeat = Heartbeat(os.path.join(self.directory, HEARTBEAT), self._writer.warn, self._after_beat)
        self._signals = Signals()
        self._output: OutputLog | None = None
        self._heartbeat.touch()
        self._write()
        self._history.sync()
        sync_directory(self.experiments)
        if capture:
            self._output = OutputLog(os.path.join(self.directory, OUTPUT))
        if handle_sigterm:
            self._signals.take()
        atexit.register(self._at_exit)
        self._heartbeat.start(self.run_id)
        self._record_surroundings()

    def log(self, **values: Any) -> None:
        """Append one line to history.jsonl: `run.log(epoch=3, train_loss=0.2, val_loss=0.3)`. Epochs count from 1.

        Raises:
            RunLogError: a value that cannot be recorded, named by its key, or a run that is finished. A full disk
                raises nothing (see module).
        """
        self._refuse_if_finished()
        self._history.append(history_line(values))
        if isinstance(epoch := values.get("epoch"), int) and not isinstance(epoch, bool):
            self._last_epoch = max(epoch, self._last_epoch or epoch)
        if self._history.trouble is not None:
            trouble, self._history.trouble = self._history.trouble, None
            self._writer.warn(f"{HISTORY} could not be written ({trouble.strerror}); lines are kept and tried again")

    def update(self, config: dict[str, Any] | None = None, **sections: Any) -> None:
        """Add or change settings and results while the run goes on; dicts are merged into what is there.

        `config` is placed as in `start`; keywords are top-level keys: `run.update(training_config={"max_epochs": 9})`.

        Raises:
            RunLogError: a value that cannot be recorded, a key that only the recorder writes, or a finished run.
        """
        with self._lock:
            self._refuse_if_finished()
            self._document.update(config, sections)
            self._write()

    def note(self, text: str) -> None:
        """Append a line on this run to the NOTES.md of the experiments folder."""
        from decaylab.runlog.notes import append_note

        append_note(self.experiments, self.run_id, text)

    def tag(self, *tags: str) -> None:
        """Add tags to this run's tags.txt."""
        from decaylab.runlog.notes import add_tags

        add_tags(self.directory, tags)

    def finish(
        self,
        metrics: dict[str, Any] | None = None,
        *,
        status: str = "completed",
        error: BaseException | str | None = None,
        without: tuple[str, ...] = (),
        **sections: Any,
    ) -> None:
        """Close the record: final metrics, status, durations, digests of the files. A second call is refused.

        `metrics` takes the documented form (`{"t20": {"mae": 0.01}}`), short names (`{"t20_mae": 0.01}`) and metrics
        of your own. A metric that is not finite is recorded as null, its value under `metrics_raw`. `without` are
        files of the run that are going to be removed: their digests are not kept.

        Args:
            status: "completed", or another one that ends a run.
            error: what ended the run, where something did.
            **sections: further top-level keys, as in `update`.

        Raises:
            RunLogError: a status that ends no run, a value that cannot be recorded, or a run that is finished already.
        """
        self._writer.check_ours()
        if status not in STORED_STATUSES or status == "running":
            raise RunLogError(f"a run cannot finish as {status!r}: choose from {', '.join(STORED_STATUSES[1:])}")
        with self._lock:
            self._refuse_if_finished()
            self._document.update(None, {**sections, **({"metrics": metrics} if metrics else {})})
            self._close(status, error, without)

    @property
    def finished(self) -> bool:
        return self._finished

    def __enter__(self) -> Run:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: Any) -> None:
        self._finish_after(error)

    def _at_exit(self) -> None:
        """A run that nobody finished: its process ended in an error, or its author forgot `finish`."""
        self._finish_after(getattr(sys, "last_value", None))

    def _finish_after(self, error: BaseException | None) -> None:
        """End the run as its program ended: with this exception, or with none."""
        if not self._finished and self._writer.is_ours:
            self.finish(status=status_after(error), error=None if is_clean(error) else error)

    def _refuse_if_finished(self) -> None:
        if self._finished:
            raise RunLogError(f"run {self.run_id} is already finished")

    def _close(self, status: str, error: BaseException | str | None, without: tuple[str, ...]) -> None:
        self._finished = True
        self._heartbeat.stop()
        self._signals.give_back()
        atexit.unregister(self._at_exit)
        if self._output is not None:
            self._output.close()
        self._rescue_if_removed()
        best = os.path.join(self.directory, BEST_CHECKPOINT)
        best_path = os.path.join(self._shown_directory, BEST_CHECKPOINT) if os.path.isfile(best) else None
        self._document.end(
            status,
            error,
            seconds=time.monotonic() - self._started,
            last_epoch=self._last_epoch,
            best_model_path=best_path,
            peak_memory=surroundings.peak_memory_bytes(),
            files=digests.of_directory(self.directory, without),
        )
        self._close_history()
        self._write()

    def _close_history(self) -> None:
        if not self._history.flush():
            count, trouble = self._history.held_back, self._history.trouble
            self._writer.warn(f"{count} lines of {HISTORY} could not be written: {trouble}")
        try:
            self._history.sync()
        except OSError as problem:
            self._writer.warn(f"{HISTORY} could not be flushed to the disk: {problem.strerror}")
        self._history.close()

    def _write(self) -> None:
        """Replace metadata.json; what fails stays pending for the next time."""
        failed = f"{METADATA} could not be written ({{reason}}); it is tried again, the training goes on"
        self._writer.replace(METADATA, self._document.encode(), failed)

    def _record_surroundings(self) -> None:
        state, diff = git.state_of(os.getcwd())
        environment = surroundings.environment()
        if diff and not self._goes_on:
            self._writer.replace("git.diff", diff, "git.diff could not be written ({reason})")
        with self._lock:
            if self._goes_on:  # what was found at the start stays
                self._document.surround_again(environment, state)
            else:
                self._document.surround(environment, state)
            self._write()

    def _after_beat(self) -> None:
        """What is tried again while the training goes on, in the heartbeat's thread."""
        if self._history.held_back:
            with self._lock:
                if not self._finished and self._history.flush():
                    self._write()
        if not os.path.isdir(self.directory):
            self._writer.warn("its directory was removed; the record is kept in memory and written again at the end")

    def _rescue_if_removed(self) -> None:
        if os.path.isdir(self.directory):
            return
        self._writer.warn("its directory was removed; the record is written again, files of other writers are lost")
        failed = "the record could not be written again ({reason})"
        try:
            os.makedirs(self.directory)
        except OSError as error:
            self._writer.warn(failed.format(reason=error.strerror))
        else:
            self._writer.replace(HISTORY, self._history.content(), failed)
