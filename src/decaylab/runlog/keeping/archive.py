"""Packing a run into `archive/run_<timestamp>.tar.gz` beside the experiments folder, and checking what was written.

The archive is written under a temporary name, flushed, read back from its first byte to its last, and only then
given its name, by a hard link, which refuses to replace what is there. A kill at any moment leaves the run whole.
"""

from __future__ import annotations

import gzip
import os
import re
import tarfile
from io import BytesIO
from typing import IO, Any, NamedTuple

from decaylab.errors import CheckFailed, RunLogError
from decaylab.runlog.digests import blake2b
from decaylab.runlog.files import remove_if_there, sync_directory
from decaylab.runlog.keeping.archive_check import LEADING, check_archive, check_unchanged, digest_of
from decaylab.runlog.keeping.manifest import MANIFEST, Digest, Manifest, encode
from decaylab.runlog.keeping.packed import PathCheck
from decaylab.runlog.keeping.removable import remove_run, why_kept
from decaylab.runlog.keeping.tree import Tree, claim, open_below, sweep, walk
from decaylab.runlog.legacy import name_parts
from decaylab.runlog.noted import notes_on
from decaylab.runlog.notes import read_tags
from decaylab.runlog.record import Record
from decaylab.runlog.schema import METADATA
from decaylab.runlog.store import PUBLISHED_METADATA, read_run, scan

ARCHIVE = "archive"

_TIMESTAMP = re.compile(r"\d{8}_\d{6}")
#: Weights hardly pack: the higher levels take twice the time for half a percent.
_LEVEL = 1


class Archived(NamedTuple):
    """`path` of the archive, its size in bytes, number of files, and what was left out (path -> what it is).

    `was_there`: an archive of the same content was there already and has been checked; none was written.
    """

    path: str
    size: int
    files: int
    left_out: dict[str, str]
    was_there: bool = False


def archive_folder(experiments: str) -> str:
    """`archive/` beside the experiments folder."""
    return os.path.join(os.path.dirname(os.path.abspath(experiments)), ARCHIVE)


def archive_run(record: Record, *, remove: bool = False) -> Archived:
    """Pack one run, check the archive, and with `remove` then remove the run.

    Links and other oddities are left out and named; a run that holds any is not removed. Where an archive of the same
    content is there already, it is checked, and no second one is written.

    Raises:
        RunLogError: the run may not be archived (running, linked, unreadable, odd names), there is an archive of it
            under both names already, or the disk refuses.
        CheckFailed: the archive does not hold what the run holds, or the run changed meanwhile. No archive is left.
    """
    record = read_run(record.path)
    tree = _tree_to_archive(record, remove)
    folder = archive_folder(record.folder.path)
    os.makedirs(folder, exist_ok=True)
    sweep(folder, ".run_", ".tar.gz.tmp")
    digests = {path: digest_of(record.path, path) for path in tree.files}
    manifest = _manifest(record, tree, digests)
    final = _same_archive(record, digests, manifest)
    was_there = final is not None
    if final is None:
        final = _free_name(record)
        _pack(final, record, tree, digests, manifest)
    done = Archived(final, os.path.getsize(final), len(tree.files), tree.others, was_there)
    if remove:
        check_unchanged(record, tree)
        remove_run(read_run(record.path))
    return done


def _pack(final: str, record: Record, tree: Tree, digests: dict[str, Digest], manifest: bytes) -> None:
    """Write the archive under a temporary name, check it, and give it its own."""
    folder = os.path.dirname(final)
    temporary = os.path.join(folder, f".{os.path.basename(final).removesuffix('.tar.gz')}.{os.getpid()}.tar.gz.tmp")
    try:
        with open(temporary, "xb") as file:
            claim(file.fileno())
            _write(file, record, tree, manifest)
            file.flush()
            os.fsync(file.fileno())
            _forget_cached(file.fileno())
            check_archive(temporary, record, digests)
            check_unchanged(record, tree)
            os.link(temporary, final)
    except FileExistsError as error:
        raise RunLogError(f"'{error.filename2 or error.filename}' is there already; nothing is overwritten") from error
    except OSError as error:
        raise RunLogError(f"run {record.run_id} cannot be archived in '{folder}': {error.strerror}") from error
    finally:
        remove_if_there(temporary)
    sync_directory(folder)


def _same_archive(record: Record, digests: dict[str, Digest], manifest: bytes) -> str | None:
    """An archive that holds exactly this run as it is now, notes and tags too, read from its first byte to its last."""
    wanted = {**digests, MANIFEST: Digest(len(manifest), blake2b(manifest).hexdigest())}
    for path in filter(os.path.lexists, _names_for(record)):
        try:
            check_archive(path, record, wanted)
        except CheckFailed:  # of another run, of an earlier state of this one, or damaged: it stays as it is
            continue
        return path
    return None


def _tree_to_archive(record: Record, remove: bool) -> Tree:
    refused = f"run {record.run_id} is not archived"
    if record.status == "unreadable":
        raise RunLogError(f"{refused}: {'; '.join(record.problems)}; an archive of it could not be checked")
    if reason := why_kept(record, copying=not remove):
        raise RunLogError(f"{refused}: {reason}")
    tree = walk(record.path)
    tree.files.pop(MANIFEST, None)  # of an archive that was unpacked by hand; this one gets its own
    if not tree.files:
        raise RunLogError(f"{refused}: it holds no file")
    if tree.others and remove:
        shown = "; ".join(f"{path} is {what}" for path, what in list(tree.others.items())[:5])
        raise RunLogError(
            f"{refused} with --remove: an archive leaves out what is no file ({shown}), and it would be lost"
        )
    check = PathCheck()
    for path in tree.folders:
        check.take(path, True)
    for path in tree.files:
        check.take(path, False)
    return tree


def _names_for(record: Record) -> list[str]:
    """The names that an archive of this run may have: by timestamp, if it has one, and by run id."""
    folder = archive_folder(record.folder.path)
    stamp = record.stamp or ""
    names = [*([stamp] if _TIMESTAMP.fullmatch(stamp) else []), record.run_id.replace("/", "_")]
    return [os.path.join(folder, f"run_{name}.tar.gz") for name in names]


def _free_name(record: Record) -> str:
    """Where the archive goes: by timestamp if no other run, here or archived, has the same; else by run id."""
    *by_stamp, by_id = _names_for(record)
    if by_stamp:
        stamp = record.stamp or ""
        runs = [run.run_id for run in scan(record.folder.path) if stamp in (run.timestamp, name_parts(run.run_id)[1])]
        archived = [name for name in os.listdir(os.path.dirname(by_id)) if stamp in name and name[0] != "."]
        if runs in ([record.run_id], []) and not archived:
            return by_stamp[0]
    if os.path.lexists(by_id):
        raise RunLogError(
            f"run {record.run_id} is archived already, in another state: '{by_id}'; "
            "move that file away to archive it again"
        )
    return by_id


def _manifest(record: Record, tree: Tree, digests: dict[str, Digest]) -> bytes:
    notes = notes_on(record.folder.path, record.run_id, record.stamp)
    return encode(Manifest(record.run_id, digests, notes, read_tags(record.path), tree.others))


def _write(file: IO[bytes], record: Record, tree: Tree, manifest: bytes) -> None:
    leading = f"{LEADING}/{record.run_id}"
    first = [name for name in (METADATA, PUBLISHED_METADATA) if name in tree.files]
    with (
        gzip.GzipFile(filename="", fileobj=file, mode="wb", compresslevel=_LEVEL, mtime=0) as packed,
        tarfile.TarFile(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for path in first:
            _add_file(tar, record, tree, leading, path)
        tar.addfile(_header(f"{leading}/{MANIFEST}", len(manifest), 0), BytesIO(manifest))
        for path in tree.folders:
            folder = _header(f"{leading}/{path}", 0, 0)
            folder.type, folder.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(folder)
        for path in tree.files:
            if path not in first:
                _add_file(tar, record, tree, leading, path)


def _add_file(tar: tarfile.TarFile, record: Record, tree: Tree, leading: str, path: str) -> None:
    entry = tree.files[path]
    with os.fdopen(open_below(record.path, path), "rb") as source:
        if os.fstat(source.fileno()).st_size < entry.size:
            raise CheckFailed(f"run {record.run_id} changed while it was archived: {path} is shorter than it was")
        tar.addfile(_header(f"{leading}/{path}", entry.size, entry.changed / 1e9), source)


def _header(name: str, size: int, changed: float) -> tarfile.TarInfo:
    """Owner and mode are nobody's business elsewhere; the time is, for a heartbeat above all."""
    header = tarfile.TarInfo(name)
    header.size, header.mtime, header.mode = size, changed, 0o644
    return header


def _forget_cached(descriptor: int) -> None:
    """Let the check read what lies on the disk, not what the system still has in memory, where it can be told so."""
    advise: Any = getattr(os, "posix_fadvise", None)
    if advise is not None:
        advise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
