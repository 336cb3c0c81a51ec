"""history.jsonl: one strict JSON object a line, one line a `run.log()` call, appended and never rewritten.

The writer issues one `write` a line on a descriptor opened for appending, so lines of threads and of forked
workers do not mix, and a kill loses none that was logged. The reader believes nothing: it skips and counts lines
that are torn.
"""

from __future__ import annotations

import os
from collections import deque
from typing import Any, NamedTuple

import msgspec

from decaylab.errors import RunLogError
from decaylab.runlog.files import open_regular
from decaylab.runlog.values import decode

#: Lines that a full disk held back are kept, and written as soon as there is room.
PENDING_LIMIT = 100_000
#: A history is read up to this size; ten thousand epochs of twenty scalars take 5 MB.
READ_LIMIT = 256 * 1024 * 1024


class HistoryWriter:
    """Appends lines; keeps those that the file system refuses and tells of it through `trouble`."""

    def __init__(self, path: str) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
        self.descriptor = os.open(path, flags, 0o666)
        self.trouble: OSError | None = None
        self._pending: deque[bytes] = deque(maxlen=PENDING_LIMIT)
        size = os.fstat(self.descriptor).st_size
        if size and os.pread(self.descriptor, 1, size - 1) != b"\n":
            os.write(self.descriptor, b"\n")

    def append(self, line: bytes) -> None:
        """Write one line, newline included; never raises for a disk that is full or gone."""
        if self._pending:
            self._pending.append(line)
            self.flush()
            return
        try:
            written = os.write(self.descriptor, line)
        except OSError as error:
            self.trouble = error
            self._pending.append(line)
            return
        if written != len(line):
            self._pending.append(b"\n" + line)

    def flush(self) -> bool:
        """Try again what was held back; True when nothing is left."""
        while self._pending:
            line = self._pending[0]
            try:
                written = os.write(self.descriptor, line)
            except OSError as error:
                self.trouble = error
                return False
            # A line that was cut short is written whole again on a line of its own; readers skip the torn one.
            if written != len(line):
                self._pending[0] = b"\n" + line.lstrip(b"\n")
                continue
            self._pending.popleft()
        return True

    @property
    def held_back(self) -> int:
        return len(self._pending)

    def sync(self) -> None:
        os.fsync(self.descriptor)

    def content(self) -> bytes:
        """Everything written so far, also when the file's directory has been removed."""
        return os.pread(self.descriptor, os.fstat(self.descriptor).st_size, 0) + b"".join(self._pending)

    def close(self) -> None:
        """Closed, it must not write into whatever file gets the number next."""
        descriptor, self.descriptor = self.descriptor, -1
        os.close(descriptor)


class History(NamedTuple):
    """Lines of a history in their order, the number of torn lines, and why it could not be read, if so."""

    lines: list[dict[str, Any]]
    torn: int
    problem: str | None

    def by_epoch(self) -> dict[int, dict[str, Any]]:
        """Values of each epoch, merged; after a resume the later line of an epoch counts."""
        epochs: dict[int, dict[str, Any]] = {}
        for line in self.lines:
            epoch = line.get("epoch")
            if isinstance(epoch, int) and not isinstance(epoch, bool):
                epochs.setdefault(epoch, {}).update(line)
        return epochs

    @property
    def last_epoch(self) -> int | None:
        return max(self.by_epoch(), default=None)


def parse_line(raw: bytes) -> dict[str, Any] | None:
    """The object on one line; None for one that is torn."""
    try:
        line = msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return None
    return line if isinstance(line, dict) else None


def read_history(path: str, limit: int = READ_LIMIT) -> History:
    """Read history.jsonl as far as it goes; strings that stand for NaN and infinities become floats again."""
    try:
        descriptor = open_regular(path)
    except FileNotFoundError:
        return History([], 0, "no history.jsonl")
    except RunLogError as error:
        return History([], 0, str(error))
    with os.fdopen(descriptor, "rb") as file:
        data = file.read(limit + 1)
    problem = None
    if len(data) > limit:
        data, problem = data[: data.rfind(b"\n", 0, limit) + 1], f"history.jsonl is read up to {limit:,} bytes only"
    lines: list[dict[str, Any]] = []
    torn = 0
    for raw in data.split(b"\n"):
        if not raw.strip():
            continue
        line = parse_line(raw)
        if line is None:
            torn += 1
        else:
            lines.append({k: decode(v) for k, v in line.items()})
    return History(lines, torn, problem)
