"""Archived runs as rows of a table: their metadata, out of the beginning of each archive, and nothing else of them."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

from decaylab.catalogue.fields import ALIASES
from decaylab.errors import RunLogError
from decaylab.runlog import legacy
from decaylab.runlog.files import METADATA_LIMIT
from decaylab.runlog.history import History
from decaylab.runlog.keeping.archive import archive_folder
from decaylab.runlog.keeping.archive_check import LEADING
from decaylab.runlog.keeping.manifest import MANIFEST, MANIFEST_LIMIT, Manifest, decode
from decaylab.runlog.keeping.packed import Limits, items
from decaylab.runlog.parse import parse
from decaylab.runlog.record import Folder, Record
from decaylab.runlog.schema import METADATA
from decaylab.runlog.store import PUBLISHED_METADATA

#: Our archives begin with the metadata. One of the document's own `tar` line has it anywhere: it is looked for in
#: this many unpacked bytes, a tenth of a second's work, and an archive in which it lies behind is a row that says so.
_MOST_READ = 16 * 1024 * 1024
_SUFFIX = ".tar.gz"


class Head(NamedTuple):
    """The beginning of an archive: the run's id, its metadata file's name and bytes, the manifest; None: not there."""

    run_id: str | None
    name: str | None
    metadata: bytes
    manifest: Manifest | None


class ArchivedRecord(Record):
    """A run in an archive. `path` is the archive's; its files are not there, so nothing is read from them."""

    def __init__(self, folder: Folder, run_id: str, path: str, document: dict[str, Any], raw: str, found: Any) -> None:
        super().__init__(folder, run_id, path, document, raw, found)
        self.archive = path
        self.tags: list[str] = []

    def get(self, field: str) -> Any:
        name = ALIASES.get(field, field)
        if name == "size":
            return os.path.getsize(self.path) / 1e6
        if name == "tags":
            return self.tags or None
        return super().get(field)

    def history(self) -> History:
        return History([], 0, None)


def with_archived(records: list[Record], experiments: str) -> list[Record]:
    """The runs of a folder and those that lie in its archives, by id. One that lies in both is one row and says so."""
    by_id = {record.run_id: record for record in records}
    found = list(records)
    for archived in archived_runs(experiments):
        here = by_id.setdefault(archived.run_id, archived)
        if here is archived:
            found.append(archived)
        else:
            here.archive = here.archive or archived.path
    return sorted(found, key=lambda record: record.run_id)


def archived_runs(experiments: str) -> list[Record]:
    """The runs in `archive/` beside the experiments folder, sorted by id; unreadable archives with the reason."""
    place = archive_folder(experiments)
    folder = Folder(experiments)
    try:
        names = sorted(name for name in os.listdir(place) if name.endswith(_SUFFIX) and not name.startswith("."))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise RunLogError(f"the archives in '{place}' cannot be listed: {error.strerror}") from error
    records = [_record(folder, os.path.join(place, name), name) for name in names]
    return sorted(records, key=lambda record: record.run_id)


def read_head(file: str) -> Head:
    """The metadata and the manifest at the beginning of an archive; errors as in `packed.items`."""
    run_id: str | None = None
    name: str | None = None
    data, manifest = b"", None
    for item in items(file, Limits(10_000, 10**15), most_read=_MOST_READ):
        run_id = run_id or _run_id(item.path, item.is_folder)
        last = item.path[-1] if item.path else ""
        if name is None and last in (METADATA, PUBLISHED_METADATA) and item.size <= METADATA_LIMIT:
            run_id, name, data = _run_id(item.path, False), last, b"".join(item.content)
        elif manifest is None and last == MANIFEST and item.size <= MANIFEST_LIMIT:
            manifest = decode(b"".join(item.content))
        elif name is not None:
            break  # the manifest, if there is one, comes directly after the metadata
    return Head(run_id, name, data, manifest)


def _record(folder: Folder, path: str, name: str) -> Record:
    unnamed = name.removeprefix("run_").removesuffix(_SUFFIX)
    if os.path.islink(path):
        return ArchivedRecord(folder, unnamed, path, {}, "broken", (f"{name} is a link, which is not followed",))
    try:
        head = read_head(path)
    except RunLogError as error:
        return ArchivedRecord(folder, unnamed, path, {}, "broken", (str(error),))
    run_id = head.manifest.run_id if head.manifest is not None else head.run_id or unnamed
    if head.name is None:
        said = f"no metadata at the beginning of {name}; restore it to see more"
        return ArchivedRecord(folder, run_id, path, {}, "no metadata" if head.manifest else "broken", (said,))
    document, found = parse(head.metadata, head.name)
    if document is None:
        return ArchivedRecord(folder, run_id, path, {}, "broken", found)
    shape = "published" if head.name == PUBLISHED_METADATA else legacy.shape_of(document)
    record = ArchivedRecord(folder, run_id, path, document, shape, found)
    record.tags = head.manifest.tags if head.manifest is not None else []
    return record


def _run_id(path: tuple[str, ...], is_folder: bool) -> str | None:
    """The run that a path of an archive belongs to, by its folders; None where they do not tell."""
    folders = path if is_folder else path[:-1]
    for depth, part in enumerate(folders):
        if legacy.is_run_name(part):
            return part
        published = "/".join(folders[depth : depth + 2])
        if legacy.name_parts(published)[1] is not None:
            return published
    return folders[-1] if folders and folders[-1] != LEADING and not is_folder else None
