"""A new index in the making: the columns, filled run by run, and the records that share them."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

from decaylab.catalogue.fields import ALIASES
from decaylab.runlog import store
from decaylab.runlog.index_file import IndexWriter
from decaylab.runlog.record import Folder, Record
from decaylab.runlog.schema import METADATA


class Glance(Record):
    """A record that shares columns of values with its neighbours, and reads its metadata only if they do not suffice.

    Only settled runs are seen so: one that is recorded as running is always read whole. Once it has read, the record
    goes by what it read alone, so its values never come from two states of the run.
    """

    _loaded: dict[str, Any] | None = None

    def __init__(
        self, folder: Folder, run_id: str, path: str, raw: str, columns: dict[str, list[Any]], row: int
    ) -> None:
        self.folder = folder
        self.run_id = run_id
        self.path = path
        self.raw = raw
        self._columns = columns
        self._row = row

    @property
    def document(self) -> dict[str, Any]:
        """The metadata file, read now if it was not yet."""
        if self._loaded is None:
            self._loaded = self._load()
        return self._loaded

    @property
    def metadata(self) -> dict[str, Any]:
        """As in `Record`; reading comes first, as it decides on the shape."""
        document = self.document
        return document if self.raw == "documented" else self._in_documented_form().metadata

    @property
    def model(self) -> str | None:
        column = self._columns.get("model")
        return super().model if column is None else column[self._row]

    @property
    def timestamp(self) -> str | None:
        column = self._columns.get("timestamp")
        return super().timestamp if column is None else column[self._row]

    @property
    def status(self) -> str:
        column = self._columns.get("status")
        if column is not None:
            return str(column[self._row])
        _ = self.document
        return super().status

    @property
    def problems(self) -> tuple[str, ...]:
        column = self._columns.get("problems")
        if column is not None:
            return tuple(column[self._row] or ())
        _ = self.document
        return super().problems

    def get(self, field: str) -> Any:
        column = self._columns.get(field) or self._columns.get(ALIASES.get(field, field))
        return super().get(field) if column is None else column[self._row]

    def _load(self) -> dict[str, Any]:
        from decaylab.runlog.store import read_entry

        self._columns = {}
        records = [record for record in read_entry(self.folder, self.run_id, False) if record.run_id == self.run_id]
        if not records:
            self.raw, self._found = "broken", ("removed while it was read",)
            return {}
        self.raw, self._found = records[0].raw, records[0]._found
        return records[0].document


#: A file that changed this shortly before the reading may change again without its times showing it (FAT: 2 s).
DISTRUST_NS = 3 * 10**9
#: The mark of a file, by the columns that it is kept in.
MARKS = ("mtime", "ctime", "inode", "size")
#: Shapes of the runs that an index holds: those that are told by metadata.json alone.
SHAPES = frozenset(("documented", "flat", "flat early", "multihead"))
_MOST_COLUMNS = 100

Mark = list[int]
#: The mark of a file that is not to be believed, which no file has; and of none, or of none that is a regular file.
_NEVER: Mark = [-1, -1, -1, -1]
_NONE: Mark = [0, 0, 0, 0]


class Known(NamedTuple):
    """What the index says: names and marks of its rows, its columns. Rows without `raw` are always read."""

    names: list[str]
    marks: list[list[int]]
    raw: list[str | None]
    columns: dict[str, list[Any]]


class Table:
    """The columns of a new index, filled run by run, and the records that share them."""

    def __init__(self, experiments: str, wanted: set[str], known: Known | None, writer: IndexWriter | None) -> None:
        self.records: list[Record] = []
        self.names: list[str] = []
        self._folder = Folder(experiments)
        self._known = known
        self._rows = {} if known is None else {name: row for row, name in enumerate(known.names)}
        self._now = None if writer is None else writer.now
        self._marks: list[Mark] = []
        self._raw: list[str | None] = []
        others = () if known is None else known.columns.keys() - wanted
        self._fields = [*sorted(wanted), *sorted(others)][: max(_MOST_COLUMNS, len(wanted))]
        self._columns: dict[str, list[Any]] = {field: [] for field in self._fields}

    def add(self, name: str, is_link: bool) -> None:
        """Read one directory of the experiments folder: its run becomes a record and, if it is settled, a row."""
        seen: list[os.stat_result] = []
        read = store.read_entry(self._folder, name, is_link, seen)
        mark = _mark(seen[0]) if seen else self._mark_of_unread(name)
        if len(read) == 1 and _is_settled(read[0]) and seen:
            (record,) = read
            values = self._values(record, self._row_of(name, mark))
            self.records.append(Glance(self._folder, name, record.path, record.raw, self._columns, len(self.names)))
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
        marks = zip(*self._marks, strict=True) if self._marks else [()] * len(MARKS)
        return {
            "name": self.names,
            "raw": self._raw,
            **{name: list(values) for name, values in zip(MARKS, marks, strict=True)},
            **{f"={field}": values for field, values in self._columns.items()},
        }

    def _row_of(self, name: str, mark: Mark) -> int | None:
        """The run's row in the old index, if that is whole and its file is the same."""
        if self._known is None or self._now is None:
            return None
        row = self._rows.get(name)
        if row is None or self._known.raw[row] is None or [column[row] for column in self._known.marks] != mark:
            return None
        return row

    def _mark_of_unread(self, name: str) -> Mark:
        """Of a metadata file that could not be opened: while it stays the same, no index need be made for its sake."""
        try:
            return _mark(os.lstat(os.path.join(self._folder.path, name, METADATA)))
        except OSError:
            return _NONE

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


def _mark(found: os.stat_result) -> Mark:
    """What tells whether a file is the one that was read."""
    return [found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_size]


def _is_settled(record: Record) -> bool:
    """Whether everything that the index holds of a run follows from its metadata file alone."""
    return record.raw in SHAPES and record.linked is None and record.document.get("status") != "running"
