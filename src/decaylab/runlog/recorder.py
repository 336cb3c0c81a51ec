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
import signal
import sys
import threading
import time
import warnings
from typing import Any, Literal

from decaylab.errors import RunLogError
from decaylab.runlog import digests, surroundings
from decaylab.runlog.document import Document
from decaylab.runlog.files import replace_file, sync_directory
from decaylab.runlog.history import HistoryWriter
from decaylab.runlog.naming import check_model_name, make_run_directory
from decaylab.runlog.output import OutputLog
from decaylab.runlog.process import HEARTBEAT_SECONDS, identity
from decaylab.runlog.schema import BEST_CHECKPOINT, HEARTBEAT, HISTORY, METADATA, OUTPUT, STORED_STATUSES
from decaylab.runlog.values import history_line

Direction = Literal["min", "max"]


class RunLogWarning(UserWarning):
    """Something of the record could not be written; the training goes on."""


class Terminated(SystemExit):
    """SIGTERM arrived: the scheduler, or a person, ended the process."""

    def __init__(self) -> None:
        super().__init__(143)

    def __str__(self) -> str:
        return "SIGTERM"  # in the record; the status says nothing to its reader


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
        self._pid = os.getpid()
        self._lock = threading.RLock()
        self._goes_on = seconds_before is not None
        self._started = time.monotonic() - (seconds_before or 0.0)
        self._said: set[str] = set()
        self._closed = threading.Event()
        self._output: OutputLog | None = None
        self._last_epoch: int | None = None
        self._history = HistoryWriter(os.path.join(self.directory, HISTORY))
        self._touch_heartbeat()
        self._write()
        self._history.sync()
        sync_directory(self.experiments)
        if capture:
            self._output = OutputLog(os.path.join(self.directory, OUTPUT))
        self._previous_sigterm: Any = None
        if handle_sigterm:
            self._take_sigterm()
        atexit.register(self._at_exit)
        threading.Thread(target=self._beat, name=f"heartbeat {self.run_id}", daemon=True).start()
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
            self._tell_history_trouble()

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
        """
        if os.getpid() != self._pid:
            raise RunLogError(f"run {self.run_id} was started by process {self._pid}; only that process finishes it")
        if status not in STORED_STATUSES or status == "running":
            raise RunLogError(f"a run cannot finish as {status!r}: choose from {', '.join(STORED_STATUSES[1:])}")
        with self._lock:
            self._refuse_if_finished()
            self._document.update(None, {**sections, **({"metrics": metrics} if metrics else {})})
            self._close(status, error, without)

    def _refuse_if_finished(self) -> None:
        if self._closed.is_set():
            raise RunLogError(f"run {self.run_id} is already finished")

    @property
    def finished(self) -> bool:
        return self._closed.is_set()

    def __enter__(self) -> Run:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: Any) -> None:
        if self._closed.is_set() or os.getpid() != self._pid:
            return
        if error is None or (isinstance(error, SystemExit) and error.code in (None, 0)):
            self.finish()
        elif isinstance(error, (KeyboardInterrupt, Terminated)):
            self.finish(status="interrupted", error=error)
        else:
            self.finish(status="failed", error=error)

    def _close(self, status: str, error: BaseException | str | None, without: tuple[str, ...]) -> None:
        self._closed.set()
        self._give_sigterm_back()
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
        if not self._history.flush():
            self._warn(f"{self._history.held_back} lines of {HISTORY} could not be written: {self._history.trouble}")
        try:
            self._history.sync()
        except OSError as problem:
            self._warn(f"{HISTORY} could not be flushed to the disk: {problem.strerror}")
        self._write()
        self._history.close()

    def _write(self) -> None:
        """Replace metadata.json; what fails is said and stays pending for the next time."""
        if os.getpid() != self._pid:
            raise RunLogError(f"run {self.run_id} was started by process {self._pid}; only that process changes it")
        try:
            replace_file(os.path.join(self.directory, METADATA), self._document.encode())
        except OSError as error:
            self._warn(f"{METADATA} could not be written ({error.strerror}); it is tried again, the training goes on")

    def _record_surroundings(self) -> None:
        state, diff = surroundings.git_state(os.getcwd())
        if self._goes_on:  # what was found at the start stays
            with self._lock:
                self._document.surround_again(surroundings.environment(), state)
                self._write()
            return
        if diff:
            try:
                replace_file(os.path.join(self.directory, "git.diff"), diff)
            except OSError as error:
                self._warn(f"git.diff could not be written ({error.strerror})")
        with self._lock:
            self._document.surround(surroundings.environment(), state)
            self._write()

    def _beat(self) -> None:
        while not self._closed.wait(HEARTBEAT_SECONDS):
            self._touch_heartbeat()
            if self._history.held_back:
                with self._lock:
                    if not self._closed.is_set() and self._history.flush():
                        self._write()
            if not os.path.isdir(self.directory):
                self._warn("its directory was removed; the record is kept in memory and written again at the end")

    def _touch_heartbeat(self) -> None:
        path = os.path.join(self.directory, HEARTBEAT)
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o666))
            os.utime(path)
        except OSError as error:
            self._warn(f"the heartbeat could not be written ({error.strerror})")

    def _rescue_if_removed(self) -> None:
        if os.path.isdir(self.directory):
            return
        self._warn("its directory was removed; the record is written again, files of other writers are lost")
        try:
            os.makedirs(self.directory)
            replace_file(os.path.join(self.directory, HISTORY), self._history.content())
        except OSError as error:
            self._warn(f"the record could not be written again ({error.strerror})")

    def _tell_history_trouble(self) -> None:
        error, self._history.trouble = self._history.trouble, None
        if error is not None:
            self._warn(f"{HISTORY} could not be written ({error.strerror}); lines are kept and tried again")

    def _warn(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            warnings.warn(f"run {self.run_id}: {text}", RunLogWarning, stacklevel=3)

    def _take_sigterm(self) -> None:
        main = threading.current_thread() is threading.main_thread()
        if main and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            self._previous_sigterm = signal.signal(signal.SIGTERM, _raise_terminated)

    def _give_sigterm_back(self) -> None:
        main = threading.current_thread() is threading.main_thread()
        if self._previous_sigterm is not None and main and signal.getsignal(signal.SIGTERM) is _raise_terminated:
            signal.signal(signal.SIGTERM, self._previous_sigterm)

    def _at_exit(self) -> None:
        """A run that nobody finished: its process ended in an error, or its author forgot `finish`."""
        if self._closed.is_set() or os.getpid() != self._pid:
            return
        error = getattr(sys, "last_value", None)
        if isinstance(error, (KeyboardInterrupt, Terminated)):
            self.finish(status="interrupted", error=error)
        elif error is not None:
            self.finish(status="failed", error=error)
        else:
            self.finish()


def _raise_terminated(number: int, frame: Any) -> None:
    raise Terminated
