"""Reading an experiments folder for chosen FIELDs, with the help of an index that may vanish at any time.

The index holds, for each run, four marks of its metadata file (times of change, inode, size) and the values of the
FIELDs that were asked for so far. A run whose marks are as they were is not opened. What depends on anything but that
file is never in it: a run recorded as running, notes, tags, sizes, linked runs, runs without metadata. The reasons and
figures stand in docs/decisions/index.md.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import closing
from typing import Any

from decaylab.catalogue.document import STATUSES
from decaylab.catalogue.fields import ALIASES, FIELDS
from decaylab.runlog import store
from decaylab.runlog.index_file import IndexFile, open_index, start_writing
from decaylab.runlog.index_table import MARKS, SHAPES, Glance, Known, Table
from decaylab.runlog.reading import number
from decaylab.runlog.record import Folder, Record
from decaylab.runlog.schema import METADATA

#: Fewer runs are read sooner than an index is.
WORTHWHILE = 300
#: The index is written anew when more than this share of the runs (and a few) is not in it.
_MOST_UNKNOWN = 0.02

#: Derived from something else than the metadata file, or not worth a column.
_VS_NOISE = {name: field.path for name, field in FIELDS.items() if name.endswith("_vs_noise")}
_NOT_STORED = frozenset(("run_id", "size", "tags", "note", "archive", *_VS_NOISE))
_STATUSES = frozenset((*STATUSES, None))
_NUMERIC = frozenset(name for name, field in FIELDS.items() if field.better is not None) | {"epochs"}
_TEXT = frozenset(("model", "timestamp", "test_split", "status"))
#: The code that values are derived by; another version of it makes another index.
_SOURCES = (
    "runlog.record", "runlog.derived", "runlog.legacy", "runlog.faults", "runlog.reading", "runlog.parse",
    "runlog.store", "runlog.index_table", "catalogue.document", "catalogue.fields", "catalogue.metrics",
    "catalogue.settings",
    *(field.function.partition(":")[0].removeprefix("decaylab.") for field in FIELDS.values() if field.function),
)  # fmt: skip


def scan(experiments: str, fields: Iterable[str]) -> list[Record]:
    """Every run of a folder, as `store.scan` gives them; the values of `fields` come with them, others take a reading.

    Raises:
        RunLogError: the folder does not exist or may not be listed.
    """
    found = store.directories(experiments)
    if len(found) < WORTHWHILE:
        return store.scan(experiments, found)
    named = {ALIASES.get(field, field) for field in fields}
    # A file beside the record may say otherwise of these; what the record itself says is worth a column.
    wanted = (named | {_VS_NOISE[field] for field in named & _VS_NOISE.keys()}) - _NOT_STORED
    key = _key()
    known = None
    if (file := open_index(experiments, key)) is not None:
        with closing(file):
            known = _known(file, wanted)
            if known is not None and wanted <= known.columns.keys():
                records = _from_index(experiments, found, known)
                if records is not None:
                    return records
            known = known and _whole(known, file)
    return _read_all(experiments, found, wanted, known, key)


def _from_index(experiments: str, found: list[tuple[str, bool]], known: Known) -> list[Record] | None:
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
        path = prefix + name
        try:
            now = lstat(path + suffix)
        except OSError:
            read_anyway += not mtime
            continue
        if now.st_ctime_ns == ctime and now.st_mtime_ns == mtime and now.st_ino == inode and now.st_size == size:
            if raw is None:
                read_anyway += 1
            else:
                records.append(Glance(folder, name, path, raw, columns, row))
                del unread[name]
    unknown = len(unread) - read_anyway - sum(unread.values())
    if unknown > 8 + _MOST_UNKNOWN * len(found):
        return None
    store.prepare_for(len(unread))
    for name, is_link in unread.items():
        records += store.read_entry(folder, name, is_link)
    return _sorted(records) if unread else records


def _read_all(
    experiments: str, found: list[tuple[str, bool]], wanted: set[str], known: Known | None, key: str
) -> list[Record]:
    """Read every run that the index does not have whole, and write an index that has them."""
    writer = start_writing(experiments)
    try:
        table = Table(experiments, wanted, known, writer)
        store.prepare_for(len(found))
        for name, is_link in sorted(found):
            table.add(name, is_link)
        if writer is not None:
            writer.write(key, len(table.names), table.stored())
        return _sorted(table.records)
    finally:
        if writer is not None:
            writer.close()


def _sorted(records: list[Record]) -> list[Record]:
    records.sort(key=lambda record: record.run_id)
    return records


def _known(file: IndexFile, wanted: set[str]) -> Known | None:
    """What an index says of the wanted fields; None if it is not whole."""
    names, raw = file.column("name"), file.column("raw")
    marks = [values for name in MARKS if (values := file.column(name)) is not None and _are(values, (int,))]
    if names is None or raw is None or len(marks) < len(MARKS):
        return None
    if not _are(names, (str,)) or not _are(raw, (str, type(None))) or not SHAPES.issuperset(set(raw) - {None}):
        return None
    columns = {field: values for field in wanted if (values := _column(file, field)) is not None}
    return Known(names, marks, raw, columns)


def _whole(known: Known, file: IndexFile) -> Known:
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
        fits = _are(values, (int, float, type(None))) and not any(v is not None and number(v) is None for v in values)
        return values if fits else None
    if field in _TEXT:
        fits = _are(values, (str, type(None))) and (field != "status" or _STATUSES.issuperset(values))
        return values if fits else None
    if field in ("problems", "severe"):
        return values if all(v is None or (isinstance(v, list) and _are(v, (str,))) for v in values) else None
    return values


def _are(values: list[Any], types: tuple[type, ...]) -> bool:
    """Whether each value is exactly of one of these types."""
    return set(map(type, values)).issubset(types)


def _key() -> str:
    """Which program this is: its version, and the state of the files that values are derived by."""
    from decaylab import __version__

    house = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    states = [__version__]
    for module in _SOURCES:
        try:
            found = os.stat(os.path.join(house, f"{module.replace('.', os.sep)}.py"))
        except OSError:  # compiled files alone, or a zip: then the version has to do
            continue
        states.append(f"{found.st_mtime_ns}.{found.st_size}")
    return " ".join(states)
