"""The runs in progress of an experiments folder, again and again, and those that ended a short while ago.

Nothing is written into a run's directory, and a refresh reads only what changed: metadata files whose marks are new,
and the lines that histories have gained. Runs may appear, vanish and be replaced at any moment.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from decaylab.errors import RunLogError
from decaylab.runlog.reading import at, moment, number, section
from decaylab.runlog.record import Folder, Record
from decaylab.runlog.schema import HEARTBEAT, HISTORY, METADATA
from decaylab.runlog.store import directories, prepare_for, read_entry
from decaylab.runlog.watching.tail import HistoryTail, best_of, epoch_seconds, seconds_left

#: A run directory without metadata is one that is being made, until it is older than this.
STARTING_SECONDS = 10.0

_Marks = tuple[int, int, int, int]


class Watched(NamedTuple):
    """One run as it is now.

    Attributes:
        status: as `compare` has it; "removed" for a run whose directory vanished while it was running.
        phase: of a running one "starting", "training" or "evaluating"; "" of any other.
        losses: the curve to show, see `HistoryTail.losses`.
        seconds_left: to the end of `max_epochs`; None where that cannot be told.
        guard: the state that the guard recorded; None without a guard.
        said: what there is to say: the guard's message, the error that ended the run, why it cannot be read.
        ended_ago: seconds since a run ended, or since its last sign of life; None while it runs.
    """

    run_id: str
    status: str
    phase: str
    epoch: int | None
    max_epochs: int | None
    train_loss: float | None
    val_loss: float | None
    best: tuple[int, float] | None
    losses: list[float]
    seconds_left: float | None
    guard: str | None
    said: str | None
    ended_ago: float | None


class View(NamedTuple):
    """The runs in progress, newest last, then those that ended recently, newest first; how many more there are."""

    running: list[Watched]
    ended: list[Watched]
    earlier: int
    problem: str | None = None


class _Entry:
    """What is kept of one directory between two readings."""

    __slots__ = ("count", "marks", "records", "seen_running", "tail")

    def __init__(self) -> None:
        self.marks: _Marks | None = None
        self.count = 0
        self.records: list[Record] = []  # less those that ended long ago: their documents would fill the memory
        self.seen_running = False
        self.tail: HistoryTail | None = None


class Watcher:
    """Reads a folder of runs as often as `look` is called.

    Args:
        recent: seconds for which a run that has ended is shown. Those that ended while they were watched stay.
        clock: seconds since the epoch, as file times are given in.
    """

    def __init__(self, experiments: str, recent: float = 3600.0, clock: Callable[[], float] = time.time) -> None:
        self.experiments = experiments
        self._recent = recent
        self._clock = clock
        self._entries: dict[str, _Entry] = {}
        self._removed: dict[str, tuple[Watched, float]] = {}

    def look(self) -> View:
        """The runs as they are now.

        Raises:
            RunLogError: the folder does not exist or may not be listed.
        """
        now = self._clock()
        found = directories(self.experiments)
        prepare_for(len(found))
        folder = Folder(self.experiments)
        running: list[Watched] = []
        ended: list[Watched] = []
        earlier = 0
        names = set()
        for name, is_link in found:
            entry = self._entry(folder, name, is_link, now)
            if entry is None:
                continue
            names.add(name)
            states = [state for record in entry.records if (state := self._state(entry, record, now)) is not None]
            running += [state for state in states if state.ended_ago is None]
            ended += [state for state in states if state.ended_ago is not None]
            earlier += entry.count - len(states)
        self._note_removed(names, now)
        ended += [state._replace(ended_ago=now - when) for state, when in self._removed.values()]
        running.sort(key=lambda state: state.run_id)
        ended.sort(key=lambda state: (state.ended_ago, state.run_id))
        return View(running, ended, earlier)

    def _entry(self, folder: Folder, name: str, is_link: bool, now: float) -> _Entry | None:
        """What is known of one directory, read anew if it changed; None for what is no run, or not one yet."""
        path = os.path.join(folder.path, name)
        marks = _marks(path)
        if marks is None:
            return None
        entry = self._entries.get(name)
        if entry is not None and entry.marks == marks:
            return entry
        try:
            records = read_entry(folder, name, is_link)
        except OSError:  # vanished between two of its files
            records = []
        if not os.path.lexists(path):
            return None
        if records and records[0].raw in ("empty", "no metadata") and now - marks[0] / 1e9 < STARTING_SECONDS:
            return None
        entry = self._entries.setdefault(name, _Entry())
        entry.marks, entry.records, entry.count = marks, records, len(records)
        return entry

    def _state(self, entry: _Entry, record: Record, now: float) -> Watched | None:
        """The run as it is now; None if it ended too long ago to be shown."""
        record.forget_status()
        status = record.status
        ended_ago = None
        if status == "running":
            entry.seen_running = True
        else:
            ended_ago = max(0.0, now - _ended(record))
            if ended_ago > self._recent and not entry.seen_running:
                entry.records = [kept for kept in entry.records if kept is not record]
                entry.tail = None
                return None
        if entry.tail is None:
            entry.tail = HistoryTail(os.path.join(record.path, HISTORY))
        if record.raw != "broken":
            entry.tail.read_on()
        return _watched(record, status, ended_ago, entry.tail, now)

    def _note_removed(self, names: set[str], now: float) -> None:
        """Say of a run whose directory vanished while it was running that it is gone, as long as of one that ended."""
        for name in [name for name in self._entries if name not in names]:
            entry = self._entries.pop(name)
            for record in entry.records if entry.seen_running else []:
                if record.status == "running":
                    state = _watched(record, "removed", 0.0, entry.tail or HistoryTail(""), now)
                    self._removed[record.run_id] = state._replace(said="its directory was removed or moved"), now
        for run_id, (_, when) in list(self._removed.items()):
            if run_id in names or now - when > self._recent:
                del self._removed[run_id]


def _watched(record: Record, status: str, ended_ago: float | None, tail: HistoryTail, now: float) -> Watched:
    metadata = record.metadata if record.raw != "broken" else {}
    training = section(metadata, "training_config")
    max_epochs = _count(training.get("max_epochs"))
    epoch = tail.epoch if tail.epoch is not None else _count(training.get("actual_epochs"))
    point = tail.points.get(tail.epoch) if tail.epoch is not None else None
    guard = section(metadata, "guard")
    state = guard.get("state")
    losses = tail.losses()
    left: float | None = None
    phase = ""
    if status == "running":
        phase = _phase(training, epoch)
        left = _left(metadata, tail, max_epochs, now) if phase != "evaluating" else None
    return Watched(
        record.run_id,
        status,
        phase,
        epoch,
        max_epochs,
        point.train if point else None,
        point.validation if point else None,
        best_of(losses),
        [loss for _, loss in losses],
        left,
        state if isinstance(state, str) else None,
        _said(record, status, guard),
        ended_ago,
    )


def _phase(training: dict[str, Any], epoch: int | None) -> str:
    """`actual_epochs` is recorded when the fit ends; what comes after it is the evaluation of the test rooms."""
    if training.get("actual_epochs") is not None:
        return "evaluating"
    return "starting" if epoch is None else "training"


def _left(metadata: dict[str, Any], tail: HistoryTail, max_epochs: int | None, now: float) -> float | None:
    """Seconds to the end of `max_epochs`: by the pace of the last epochs, before the first by preflight's estimate."""
    if max_epochs is None:
        return None
    if tail.epoch is None:
        total = number(at(metadata, "preflight.estimate.total_seconds"))
        started = moment(metadata.get("started_utc"))
        if total is None or total - total != 0 or started is None:
            return None
        return max(0.0, float(total) - max(0.0, now - started))
    logged = [
        (epoch, point.seconds) for epoch, point in sorted(tail.points.items()) if point.seconds and epoch <= tail.epoch
    ]
    pace = epoch_seconds(logged) if logged else _watched_pace(metadata, tail)
    if pace is None:
        return None
    return seconds_left(tail.epoch, max_epochs, pace, now - tail.changed if tail.changed is not None else 0.0)


def _watched_pace(metadata: dict[str, Any], tail: HistoryTail) -> float | None:
    """Seconds an epoch of a loop that logs no `seconds`: from the times at which its history grew."""
    if len(tail.ends) > 1:
        return epoch_seconds(tail.ends)
    started = moment(metadata.get("started_utc"))
    if started is None or tail.changed is None or tail.epoch is None or metadata.get("resumes"):
        return None
    return epoch_seconds([(tail.epoch, tail.changed - started)])


def _said(record: Record, status: str, guard: dict[str, Any]) -> str | None:
    message = guard.get("message")
    if isinstance(message, str) and guard.get("state") in ("warned", "stopped"):
        return f"guard: {message}"
    if status in ("failed", "interrupted", "diverged"):
        return record.error
    if status == "lost":
        return "its process is gone" if record.raw == "documented" else "; ".join(record.problems[:1]) or None
    return "; ".join(record.problems[:1]) or None if status == "unreadable" else None


def _ended(record: Record) -> float:
    """When a run ended: as it recorded it, else its last sign of life, by the clock of its file system."""
    stored = moment(record.document.get("ended_utc"))
    if stored is not None:
        return stored
    signs = [_changed(os.path.join(record.path, name)) for name in (METADATA, HEARTBEAT, HISTORY)]
    known = [sign for sign in signs if sign is not None]
    return max(known) if known else _changed(record.path) or 0.0


def _changed(path: str) -> float | None:
    """Time of a file's last change; None where there is none."""
    try:
        return os.stat(path, follow_symlinks=False).st_mtime
    except OSError:
        return None


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 10**12 else None


def _marks(path: str) -> _Marks | None:
    """Marks of a run's metadata file, else of its directory: when they are the same, so is what was read."""
    for place in (os.path.join(path, METADATA), path):
        try:
            found = os.stat(place, follow_symlinks=False)
        except OSError:
            continue
        return found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_size
    return None


def look_again(watcher: Watcher, before: View) -> View:
    """The view of now; of a folder that cannot be read at this moment the last one, with the reason."""
    try:
        return watcher.look()
    except RunLogError as error:
        return before._replace(problem=str(error))
