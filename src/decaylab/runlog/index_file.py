"""The file of an index, `EXPERIMENTS/.decaylab/index.<user>`: columns of values, each readable without the others.

One line of JSON, the header, says where each column lies, how long it is, its checksum and its form; a column holds
one value a run, as 64-bit integers, as doubles (NaN stands for null) or as a JSON array. Whatever in the file is not
as expected makes it, or that column, as good as absent. It is only ever replaced as a whole, and a reader keeps the
file that it opened, so writers and readers need no lock.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
import sys
import zlib
from array import array
from typing import Any

from decaylab.errors import RunLogError
from decaylab.runlog.files import open_regular, remove_if_there, write_all

FOLDER = ".decaylab"
FORMAT = 1
_HEADER_LIMIT = 1 << 16
_LONGEST_COLUMN = 1 << 28
_OLD_SECONDS = 3600
_NAN = float("nan")


class IndexFile:
    """An index opened for reading. `rows` is the number of its runs, `columns` the names of its columns."""

    def __init__(self, descriptor: int, rows: int, columns: dict[str, list[Any]]) -> None:
        self._descriptor = descriptor
        self.rows = rows
        self.columns = columns

    def column(self, name: str) -> list[Any] | None:
        """One value a run, or None if the column is not there or not whole."""
        offset, length, checksum, form = self.columns.get(name, (0, 0, 0, ""))
        if not 0 < length <= _LONGEST_COLUMN or offset < 0:
            return None
        try:
            data = _read(self._descriptor, offset, length)
            if len(data) != length or zlib.crc32(data) != checksum:
                return None
            values = _decoded(data, form)
        except (OSError, ValueError, RecursionError, OverflowError):
            return None
        return values if isinstance(values, list) and len(values) == self.rows else None

    def close(self) -> None:
        os.close(self._descriptor)


def open_index(experiments: str, key: str) -> IndexFile | None:
    """The index of this user in a folder, if there is one that programs like this one (`key`) wrote."""
    path = _path(experiments)
    if path is None:
        return None
    try:
        descriptor = open_regular(path)
    except (FileNotFoundError, RunLogError):
        return None
    try:
        opened = _opened(descriptor, key)
    except (OSError, ValueError, RecursionError):
        opened = None
    if opened is None:
        os.close(descriptor)
    return opened


class IndexWriter:
    """A new index in the making. It is opened before the runs are read, so that `now` comes before all of them.

    Attributes:
        now: the file system's own time at the opening, in ns since 1970; the clock of this machine may be another.
    """

    def __init__(self, path: str, temporary: str, descriptor: int) -> None:
        self.now = os.fstat(descriptor).st_mtime_ns
        self._path, self._temporary, self._descriptor = path, temporary, descriptor

    def write(self, key: str, rows: int, columns: dict[str, list[Any]]) -> None:
        """Put the new index in the place of the old one; what the disk refuses leaves the old one.

        Args:
            key: stands for the program that writes; `open_index` takes only an index with the reader's own.
            rows: the number of runs.
            columns: name -> values, one a run. Values that JSON cannot hold leave the old index, too.
        """
        places: dict[str, list[Any]] = {}
        body, offset = [], _HEADER_LIMIT
        try:
            for name, values in columns.items():
                data, form = _encoded(values)
                places[name] = [offset, len(data), zlib.crc32(data), form]
                body.append(data)
                offset += len(data)
            header = json.dumps({"format": FORMAT, "key": key, "rows": rows, "columns": places}).encode("ascii") + b"\n"
        except (ValueError, RecursionError):  # a value that JSON took, and does not give back
            return
        if len(header) > _HEADER_LIMIT:
            return
        with contextlib.suppress(OSError):
            write_all(self._descriptor, b"".join([header.ljust(_HEADER_LIMIT), *body]))
            os.replace(self._temporary, self._path)

    def close(self) -> None:
        os.close(self._descriptor)
        remove_if_there(self._temporary)


def start_writing(experiments: str) -> IndexWriter | None:
    """A writer, or None in a folder that may not be written to."""
    folder = os.path.join(experiments, FOLDER)
    try:
        _make(folder, experiments)
        path = _path(experiments)
        if path is None:
            return None
        temporary = f"{path}.{os.getpid()}.{os.urandom(4).hex()}.tmp"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
        writer = IndexWriter(path, temporary, os.open(temporary, flags, 0o600))
    except OSError:
        return None
    _clear(folder, writer.now)
    return writer


def _read(descriptor: int, offset: int, length: int) -> bytes:
    os.lseek(descriptor, offset, os.SEEK_SET)
    return os.read(descriptor, length)


def _encoded(values: list[Any]) -> tuple[bytes, str]:
    """A column as bytes, and their form: what JSON takes a hundred times as long to read is binary."""
    types = set(map(type, values))
    if types == {int} and min(values) >= -(2**63) and max(values) < 2**63:
        return array("q", values).tobytes(), f"int {sys.byteorder}"
    if types and types.issubset((float, type(None))) and not any(value != value for value in values):
        return array("d", [_NAN if value is None else value for value in values]).tobytes(), f"float {sys.byteorder}"
    return json.dumps(values, separators=(",", ":")).encode("ascii"), "json"


def _decoded(data: bytes, form: str) -> Any:
    if form == "json":
        return json.loads(data)
    kind, _, order = form.partition(" ")
    if kind not in ("int", "float") or order != sys.byteorder:
        return None
    numbers = array("q" if kind == "int" else "d", data)
    return numbers.tolist() if kind == "int" else [value if value == value else None for value in numbers]


def _path(experiments: str) -> str | None:
    """Where this user's index lies; each user has one, as what one may read another may not. None behind a link."""
    folder = os.path.join(experiments, FOLDER)
    try:
        if not stat.S_ISDIR(os.stat(folder, follow_symlinks=False).st_mode):
            return None
    except OSError:
        return None
    return os.path.join(folder, f"index.{os.geteuid() if hasattr(os, 'geteuid') else 'user'}")


def _make(folder: str, experiments: str) -> None:
    """Make the index's folder, open to those who may write to the experiments folder."""
    try:
        os.mkdir(folder)
    except FileExistsError:
        return
    os.chmod(folder, stat.S_IMODE(os.stat(experiments).st_mode))


def _clear(folder: str, now: int) -> None:
    """Remove what writers that were killed an hour ago or earlier left behind."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(".tmp") and entry.name.startswith("index."):
                age = (now - entry.stat(follow_symlinks=False).st_mtime_ns) / 1e9
                if age > _OLD_SECONDS:
                    remove_if_there(entry.path)


def _opened(descriptor: int, key: str) -> IndexFile | None:
    found = os.fstat(descriptor)
    if hasattr(os, "geteuid") and found.st_uid != os.geteuid():
        return None
    header = json.loads(_read(descriptor, 0, _HEADER_LIMIT).partition(b"\n")[0])
    if not isinstance(header, dict) or header.get("format") != FORMAT or header.get("key") != key:
        return None
    rows, columns = header.get("rows"), header.get("columns")
    if type(rows) is not int or rows < 0 or not isinstance(columns, dict):
        return None
    if not all(isinstance(p, list) and [type(n) for n in p] == [int, int, int, str] for p in columns.values()):
        return None
    return IndexFile(descriptor, rows, columns)
