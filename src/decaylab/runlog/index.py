"""Reading an experiments folder for chosen FIELDs, with the help of an index that may vanish at any time.

The index holds, for each run, four marks of its metadata file (times of change, inode, size) and the values of the
FIELDs that were asked for so far. A run whose marks are as they were is not opened. What depends on anything but that
file is never in it: a run recorded as running, notes, tags, sizes, linked runs, runs without metadata. The reasons and
figures stand in docs/decisions/index.md.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any, NamedTuple

from decaylab.runlog import store
from decaylab.runlog.glance import Glance
from decaylab.runlog.index_file import IndexFile, IndexWriter, open_index, start_writing
from decaylab.runlog.record import Folder, Record
from decaylab.runlog.schema import ALIASES, FIELDS, METADATA, STATUSES

#: Fewer runs are read sooner than an index is.
WORTHWHILE = 300
#: A file that changed this shortly before the reading may change again without its times showing it (FAT: 2 s).
DISTRUST_NS = 3 * 10**9
#: The index is written anew when more than this share of the runs (and a few) is not in it.
_MOST_UNKNOWN = 0.02
_MOST_COLUMNS = 100

_MARKS = ("mtime", "ctime", "inode", "size")
#: Derived from something else than the metadata file, or not worth a column.
_NOT_STORED = frozenset(("run_id", "size", "tags", "note", "archive"))
_SHAPES = frozenset(("documented", "flat", "flat early", "multihead", None))
_STATUSES = frozenset((*STATUSES, None))
_NUMERIC = frozenset(name for name, field in FIELDS.items() if field.better is not None) | {"epochs"}
_TEXT = frozenset(("model", "timestamp", "test_split", "status"))
#: The code that values are derived by; another version of it makes another index.
_SOURCES = ("record", "derived", "legacy", "faults", "reading", "parse", "schema", "store", "index")

Mark = list[int]


class _Known(NamedTuple):
    """What the index says: names and marks of its rows, its columns. Rows without `raw` are always read."""

    names: list[str]
    marks: list[list[int]]
    raw: list[str | None]
    columns: dict[str, list[Any]]
    lacking: frozenset[str]


def scan(experiments: str, fields: Iterable[str]) -> list[Record]:
    """Every run of a folder, as `store.scan` gives them; the values of `fields` come with them, others take a reading.

    Raises:
        RunLogError: the folder does not exist or may not be listed.
    """
    found = store.directories(experiments)
    if len(found) < WORTHWHILE:
        store.prepare_for(len(found))
        folder = Folder(experiments)
        return _sorted([record for name, is_link in found for record in store.read_entry(folder, name, is_link)])
    wanted = {ALIASES.get(field, field) for field in fields} - _NOT_STORED
    key = _key()
    file = open_index(experiments, key)
    try:
        known = _known(file, wanted) if file is not None else None
        records = _from_index(experiments, found, known) if known is not None and not known.lacking else None
        if records is not None:
            return records
        if known is not None and file is not None:
            known = _whole(known, file)
        return _read_all(experiments, found, wanted, known, key)
    finally:
        if file is not None:
            file.close()


def _from_index(experiments: str, found: list[tuple[str, bool]], known: _Known) -> list[Record] | None:
    """The runs, most of them out of the index; None if too many of them are not in it."""
    folder = Folder(experiments)
    columns, lstat = known.columns, os.lstat
    prefix, suffix = os.path.join(experiments, ""), "/" + METADATA
    unread = dict(found)
    records: list[Record] = []
    read_anyway = 0
    row = -1
    for name, raw, mtime, ctime, inode, size in zip(known.names, known.raw, *known.marks, strict=True):
        row += 1
        if unread.get(name, True):  # gone, or a link
            continue
        try:
            now = lstat(prefix + name + suffix)
        except OSError:
            read_anyway += not mtime
            continue
        if now.st_ctime_ns == ctime and now.st_mtime_ns == mtime and now.st_ino == inode and now.st_size == size:
            if raw is None:
                read_anyway += 1
            else:
                records.append(Glance(folder, name, raw, columns, row))
                del unread[name]
    unknown = len(unread) - read_anyway - sum(unread.values())
    if unknown > 8 + _MOST_UNKNOWN * len(found):
        return None
    store.prepare_for(len(unread))
    for name, is_link in unread.items():
        records += store.read_entry(folder, name, is_link)
    return _sorted(records) if unread else records


def _read_all(
    experiments: str, found: list[tuple[str, bool]], wanted: set[str], known: _Known | None, key: str
) -> list[Record]:
    """Read every run that the index does not have whole, and write an index that has them."""
    writer = start_writing(experiments)
    try:
        table = _Table(experiments, wanted, known, writer)
        store.prepare_for(len(found))
        for name, is_link in sorted(found):
            table.add(name, is_link)
        if writer is not None:
            writer.write(key, len(table.names), table.stored())
        return _sorted(table.records)
    finally:
        if writer is not None:
            writer.close()


class _Table:
    """The columns of a new index, filled run by run, and the records that share them."""

    def __init__(self, experiments: str, wanted: set[str], known: _Known | None, writer: IndexWriter | None) -> None:
        self.records: list[Record] = []
        self.names: list[str] = []
        self._folder = Folder(experiments)
        self._known = known
        self._rows = {} if known is None else {name: row for row, name in enumerate(known.names)}
        self._now = None if writer is None else writer.now
        self._marks: list[Mark] = []
        self._raw: list[str | None] = []
        self._fields = sorted(wanted | (known.columns.keys() if known is not None else set()))
        self._columns: dict[str, list[Any]] = {field: [] for field in self._fields}

    def add(self, name: str, is_link: bool) -> None:
        seen: list[os.stat_result] = []
        read = store.read_entry(self._folder, name, is_link, seen)
        mark = _mark(seen[0]) if seen else _NONE
        if len(read) == 1 and _is_settled(read[0]) and seen:
            (record,) = read
            values = self._values(record, self._row_of(name, mark))
            self.records.append(Glance(self._folder, name, record.raw, self._columns, len(self.names)))
            self._append(name, mark, record.raw, values)
        else:
            self.records += read
            self._append(name, mark, None, [None] * len(self._fields))

    def _values(self, record: Record, old: int | None) -> list[Any]:
        """The value of each field; those that the old index has of the same file are not derived again."""
        if self._known is None or old is None:
            return [record.get(field) for field in self._fields]
        columns = self._known.columns
        return [columns[field][old] if field in columns else record.get(field) for field in self._fields]

    def stored(self) -> dict[str, list[Any]]:
        """Everything that goes into the file, by name."""
        marks = zip(*self._marks, strict=True) if self._marks else [()] * len(_MARKS)
        kept = [f for f in self._fields if f in FIELDS or any(v is not None for v in self._columns[f])]
        return {
            "name": self.names,
            "raw": self._raw,
            **{name: list(values) for name, values in zip(_MARKS, marks, strict=True)},
            **{f"={field}": self._columns[field] for field in kept[:_MOST_COLUMNS]},
        }

    def _row_of(self, name: str, mark: Mark) -> int | None:
        """The run's row in the old index, if that is whole and its file is the same."""
        if self._known is None or self._now is None:
            return None
        row = self._rows.get(name)
        if row is None or self._known.raw[row] is None or [column[row] for column in self._known.marks] != mark:
            return None
        return row

    def _append(self, name: str, mark: Mark, raw: str | None, values: list[Any]) -> None:
        changed = max(mark[:2]) - (self._now or 0)
        if mark != _NONE and -DISTRUST_NS <= changed <= 0:
            mark, raw = _NEVER, None  # just changed, so it may change again unseen: not believed until it is older
        elif changed > 0:
            raw = None  # from the future, that is, a clock has jumped: read each time
        self.names.append(name)
        self._marks.append(mark)
        self._raw.append(raw)
        for column, value in zip(self._columns.values(), values, strict=True):
            column.append(value)


#: The mark of a file that is not to be believed, which no file has; and of none, or of none that is a regular file.
_NEVER: Mark = [-1, -1, -1, -1]
_NONE: Mark = [0, 0, 0, 0]


def _mark(found: os.stat_result) -> Mark:
    """What tells whether a file is the one that was read."""
    return [found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_size]


def _is_settled(record: Record) -> bool:
    """Whether everything that the index holds of a run follows from its metadata file alone."""
    return record.raw in _SHAPES and record.linked is None and record.document.get("status") != "running"


def _sorted(records: list[Record]) -> list[Record]:
    records.sort(key=lambda record: record.run_id)
    return records


def _known(file: IndexFile, wanted: set[str]) -> _Known | None:
    """What an index says of the wanted fields; None if it is not whole."""
    names, raw = file.column("name"), file.column("raw")
    marks = [values for name in _MARKS if (values := file.column(name)) is not None and _are(values, (int,))]
    if names is None or raw is None or len(marks) < len(_MARKS):
        return None
    if not _are(names, (str,)) or not _are(raw, (str, type(None))) or not _SHAPES.issuperset(raw):
        return None
    columns = {field: values for field in wanted if (values := _column(file, field)) is not None}
    return _Known(names, marks, raw, columns, frozenset(wanted - columns.keys()))


def _whole(known: _Known, file: IndexFile) -> _Known:
    """The same with every column that the file has, so that none is lost when it is written anew."""
    others = [name[1:] for name in file.columns if name.startswith("=") and name[1:] not in known.columns]
    found = {field: values for field in others if (values := _column(file, field)) is not None}
    return known._replace(columns=known.columns | found)


def _column(file: IndexFile, field: str) -> list[Any] | None:
    """The values of a field, if they are of the types that `Record.get` gives."""
    values = file.column(f"={field}")
    if values is None or field in _NOT_STORED:
        return None
    if field in _NUMERIC:
        return values if _are(values, (int, float, type(None))) else None
    if field in _TEXT:
        fits = _are(values, (str, type(None))) and (field != "status" or _STATUSES.issuperset(values))
        return values if fits else None
    if field == "problems":
        return values if all(v is None or (isinstance(v, list) and _are(v, (str,))) for v in values) else None
    return values


def _are(values: list[Any], types: tuple[type, ...]) -> bool:
    """Whether each value is exactly of one of these types."""
    return set(map(type, values)).issubset(types)


def _key() -> str:
    """Which program this is: its version, and the state of the files that values are derived by."""
    from decaylab import __version__

    here = os.path.dirname(os.path.abspath(__file__))
    states = [__version__]
    for name in _SOURCES:
        try:
            found = os.stat(os.path.join(here, f"{name}.py"))
        except OSError:  # compiled files alone, or a zip: then the version has to do
            continue
        states.append(f"{found.st_mtime_ns}.{found.st_size}")
    return " ".join(states)
