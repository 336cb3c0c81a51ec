"""A history that grows, read on where the last reading stopped: what `watch` knows of a run's losses.

A refresh costs the lines that are new, not those that are there. Nothing is believed: torn lines, files that shrink
or are replaced, and lines of any length.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from decaylab.errors import RunLogError
from decaylab.runlog.files import open_regular
from decaylab.runlog.history import parse_line
from decaylab.runlog.reading import number
from decaylab.runlog.values import decode

#: The pace is that of the last epochs: a machine that others use changes its speed within a run.
RECENT = 10


def epoch_seconds(ends: Sequence[tuple[int, float]]) -> float | None:
    """Seconds an epoch, from (epoch, seconds since the fit began) at the ends of epochs, in order; None: too little.

    The last ten epochs count; of the first one alone, all of its time.
    """
    known = [(epoch, seconds) for epoch, seconds in ends[-RECENT - 1 :] if seconds - seconds == 0]
    if not known:
        return None
    (first, began), (last, ended) = known[0], known[-1]
    if len(known) == 1:
        first, began = 0, 0.0
    if last <= first or ended < began:
        return None
    return (ended - began) / (last - first)


def seconds_left(epoch: int, max_epochs: int, pace: float, since: float = 0.0) -> float:
    """Seconds to the end of `max_epochs`, `since` seconds after the end of `epoch`; early stopping may end it sooner.

    `pace` is the seconds that an epoch takes. One that takes longer holds the estimate, it does not make it negative.
    """
    return max(0, max_epochs - epoch) * pace - min(max(since, 0.0), pace if epoch < max_epochs else 0.0)


#: Names under which loops log their losses, ours first.
TRAIN_LOSSES = ("train_loss", "loss", "training_loss")
VALIDATION_LOSSES = ("val_loss", "validation_loss", "valid_loss")
#: Of a history that is longer, only the end is read: a hundred thousand epochs of twenty scalars.
LIMIT_BYTES = 32 * 1024 * 1024
#: A line without an end is given up at this length.
_LINE_LIMIT = 1024 * 1024


class Point(NamedTuple):
    """One epoch: its losses, and the seconds since the fit began; None where nothing was logged."""

    train: float | None
    validation: float | None
    seconds: float | None


def best_of(losses: Iterable[tuple[int, float]]) -> tuple[int, float] | None:
    """Epoch and value of the lowest finite loss, the first of equal ones."""
    finite = [(loss, epoch) for epoch, loss in losses if loss - loss == 0]
    if not finite:
        return None
    loss, epoch = min(finite)
    return epoch, loss


class HistoryTail:
    """The epochs of one history.jsonl so far.

    Attributes:
        points: by epoch, in the order of logging; after a resume the later line of an epoch counts.
        epoch: the epoch of the last line that names one; None before that.
        changed: time of the file's last change (its file system's clock); None while there is none.
        ends: the last epochs whose end was seen as it happened, each with the `changed` of then.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._forget()
        self.changed: float | None = None
        self.ends: list[tuple[int, float]] = []

    def read_on(self) -> None:
        """Take in what was appended since the last call; a file that is gone or unreadable changes nothing."""
        before = self.epoch
        self._read_file()
        if self.epoch is not None and self.epoch != before and self.changed is not None:
            went_back = before is not None and self.epoch < before  # a resume: the pace is measured anew
            self.ends = [*([] if went_back else self.ends[-RECENT:]), (self.epoch, self.changed)]

    def _read_file(self) -> None:
        try:
            descriptor = open_regular(self._path)
        except (FileNotFoundError, RunLogError):
            return
        try:
            self._read(descriptor)
        except OSError:  # a network share that went away: the next refresh tries again
            return
        finally:
            os.close(descriptor)

    def losses(self) -> list[tuple[int, float]]:
        """(epoch, loss) up to the present epoch: the validation's, or the training's where no other is logged."""
        reached = [(epoch, point) for epoch, point in sorted(self.points.items()) if epoch <= (self.epoch or epoch)]
        found = [(epoch, point.validation) for epoch, point in reached if point.validation is not None]
        return found or [(epoch, point.train) for epoch, point in reached if point.train is not None]

    def _forget(self) -> None:
        self.points: dict[int, Point] = {}
        self.epoch: int | None = None
        self._offset = 0
        self._file: tuple[int, int] | None = None
        self._rest = b""

    def _read(self, descriptor: int) -> None:
        found = os.fstat(descriptor)
        if (found.st_dev, found.st_ino) != self._file or found.st_size < self._offset:
            self._forget()
            self._file = found.st_dev, found.st_ino
        self.changed = found.st_mtime
        if found.st_size - self._offset > LIMIT_BYTES:
            self._offset, self._rest = found.st_size - LIMIT_BYTES, b""  # its first line is torn, and skipped as such
        if found.st_size == self._offset:
            return
        data = self._rest + os.pread(descriptor, found.st_size - self._offset, self._offset)
        self._offset = found.st_size
        *lines, rest = data.split(b"\n")
        self._rest = rest if len(rest) <= _LINE_LIMIT else b""
        for line in lines:
            self._take(line)

    def _take(self, raw: bytes) -> None:
        line = parse_line(raw) or {}
        epoch = line.get("epoch")
        if not isinstance(epoch, int) or isinstance(epoch, bool) or epoch < 0:
            return
        self.epoch = epoch
        before = self.points.get(epoch, Point(None, None, None))
        now = Point(_first(line, TRAIN_LOSSES), _first(line, VALIDATION_LOSSES), _first(line, ("seconds",)))
        self.points[epoch] = Point(*(old if new is None else new for old, new in zip(before, now, strict=True)))


def _first(line: dict[str, Any], names: tuple[str, ...]) -> float | None:
    """The number under the first of these names that the line has."""
    for name in names:
        value = number(decode(line.get(name)))
        if value is not None:
            return float(value)
    return None
