"""Unpacking an archived run into the experiments folder: whole, under a name that is free, or not at all.

It is unpacked into a folder of its own beside the runs (a dot folder, which no reader takes for a run), checked
there, and then renamed. Takes our archives and those of the document's own `tar` line.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from typing import NamedTuple

from decaylab.errors import CheckFailed, RunLogError
from decaylab.runlog.digests import blake2b
from decaylab.runlog.files import METADATA_LIMIT, read_regular, sync_directory, write_all
from decaylab.runlog.keeping.manifest import MANIFEST, MANIFEST_LIMIT, Digest, Manifest, decode
from decaylab.runlog.keeping.packed import Item, Limits, items, limits_for
from decaylab.runlog.keeping.tree import claim, sweep
from decaylab.runlog.legacy import is_run_name, name_parts
from decaylab.runlog.noted import put_back
from decaylab.runlog.parse import read_object
from decaylab.runlog.schema import CHECKPOINTS, METADATA
from decaylab.runlog.store import MARKS, read_run

_TEMPORARY = ".decaylab-restore-"
_MARKS = MARKS | {MANIFEST}
#: Left free on the disk whatever an archive claims to hold.
_RESERVE = 64 * 1024 * 1024

Path = tuple[str, ...]


class Restored(NamedTuple):
    """`path` of the run directory; number of files; whether a manifest vouched for them; notes put back; remarks."""

    path: str
    files: int
    is_checked: bool
    notes: int
    remarks: list[str]


def restore_archive(file: str, experiments: str, size_limit: int | None = None) -> Restored:
    """Restore the run that the archive `file` holds into the folder `experiments`, which is made if need be.

    Args:
        size_limit: bytes that it may unpack to; by default a hundred times its own size, at least 4 GiB.

    Raises:
        RunLogError: the archive cannot be taken (see `packed.items`), holds no run or several, or the run is there.
        CheckFailed: its files are not those of its manifest.
    """
    limits = _within_disk(limits_for(_existing(file), size_limit), experiments)
    os.makedirs(experiments, exist_ok=True)
    sweep(experiments, _TEMPORARY, "")
    temporary = os.path.join(experiments, f"{_TEMPORARY}{os.getpid()}")
    os.mkdir(temporary, 0o700)
    lock = os.open(temporary, os.O_RDONLY)
    try:
        claim(lock)
        found = _unpack(items(file, limits), temporary)
        root = _root(found, file)
        run_id = _run_id(root, temporary, file)
        manifest = _manifest(found, root, temporary, file)
        place = os.path.join(temporary, *root)
        remarks = list(read_run(place).problems) if root else []
        target = os.path.join(experiments, run_id)
        _move(place, target, experiments)
    except OSError as error:
        raise RunLogError(f"'{file}' cannot be restored into '{experiments}': {error.strerror}") from error
    finally:
        os.close(lock)
        shutil.rmtree(temporary, ignore_errors=True)
    put = 0
    if manifest is not None:
        try:
            put = put_back(experiments, run_id, manifest.notes)
        except RunLogError as error:
            remarks.append(f"its notes were not put back: {error}")
    count = sum(digest is not None for digest in found.values()) - (manifest is not None)
    return Restored(target, count, manifest is not None, put, remarks)


def _unpack(archive: Iterator[Item], temporary: str) -> dict[Path, Digest | None]:
    """Write every item below `temporary`; path -> digest, None for a folder.

    `temporary` is ours alone and only regular files and folders are made in it, so no path in it can lead out.
    """
    found: dict[Path, Digest | None] = {}
    for item in archive:
        for depth in range(1, len(item.path)):
            _make_folder(found, item.path[:depth], temporary)
        if item.is_folder:
            _make_folder(found, item.path, temporary)
        else:
            found[item.path] = _write_file(os.path.join(temporary, *item.path), item)
    return found


def _make_folder(found: dict[Path, Digest | None], path: Path, temporary: str) -> None:
    if path and path not in found:
        os.mkdir(os.path.join(temporary, *path))
        found[path] = None


def _write_file(path: str, item: Item) -> Digest:
    digest = blake2b()
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
    descriptor = os.open(path, flags, 0o666)
    try:
        for data in item.content:
            write_all(descriptor, data)
            digest.update(data)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    # An old heartbeat must not look fresh: the times come back too, none of them in the future.
    os.utime(path, (min(item.changed, time.time()),) * 2)
    return Digest(item.size, digest.hexdigest())


def _root(found: dict[Path, Digest | None], file: str) -> Path:
    """The folder in the archive that is the run: the only one of its depth that holds what makes a run."""
    marked = {path[:-1] for path in found if path and path[-1] in _MARKS}
    if not marked:
        marked = {path for path, digest in found.items() if digest is None and is_run_name(path[-1])}
    if not marked:
        raise RunLogError(f"'{file}' holds no run: no {METADATA}, no arrays, no {CHECKPOINTS}/")
    depth = min(map(len, marked))
    roots = sorted(path for path in marked if len(path) == depth)
    if len(roots) > 1:
        shown = ", ".join("/".join(path) for path in roots[:4])
        raise RunLogError(f"'{file}' holds {len(roots)} runs ({shown}); restore takes one at a time")
    root = _named(roots[0])
    depth = len(root)
    outside = [path for path, digest in found.items() if path[:depth] != root and digest is not None]
    if outside:
        raise RunLogError(f"'{file}' holds a file outside the run {'/'.join(root)}: {'/'.join(outside[0])}")
    return root


def _named(path: Path) -> Path:
    """The run's own folder, where what makes it a run was found further below (`lightning_logs/version_0/`)."""
    depths = [depth for depth, part in enumerate(path, start=1) if is_run_name(part)]
    return path[: depths[-1]] if depths else path


def _run_id(root: Path, temporary: str, file: str) -> str:
    """The run's id: the name of its folder, two levels for the published layout; else what its metadata says."""
    if not root:
        return _recorded_id(temporary, file)
    if root[-1].startswith("."):
        raise RunLogError(f"'{file}': {root[-1]!r} cannot be the name of a run")
    published = "/".join(root[-2:])
    is_published = len(root) > 1 and not is_run_name(root[-1]) and name_parts(published)[1] is not None
    return published if is_published else root[-1]


def _recorded_id(directory: str, file: str) -> str:
    """The id of a run that was packed without its folder's name."""
    try:
        known = read_object(directory, METADATA, METADATA_LIMIT)
    except (FileNotFoundError, RunLogError):
        known = {}
    for name in (known.get("run_id"), f"{known.get('model_name')}_{known.get('timestamp')}"):
        if isinstance(name, str) and is_run_name(name):
            return name
    raise RunLogError(f"'{file}' does not tell the run's name: pack the run's folder, not what is in it")


def _manifest(found: dict[Path, Digest | None], root: Path, temporary: str, file: str) -> Manifest | None:
    """The archive's manifest, once the files are those that it lists; its own file is taken out of the run."""
    if (*root, MANIFEST) not in found:
        return None
    path = os.path.join(temporary, *root, MANIFEST)
    try:
        manifest = decode(read_regular(path, MANIFEST_LIMIT))
    except RunLogError as error:
        raise CheckFailed(f"'{file}' does not hold what it should: {error}") from error
    has = {"/".join(p[len(root) :]): digest for p, digest in found.items() if digest is not None}
    del has[MANIFEST]
    differing = sorted(p for p in has.keys() | manifest.files.keys() if has.get(p) != manifest.files.get(p))
    if differing:
        raise CheckFailed(f"'{file}' differs from its own manifest in {', '.join(differing[:5])}; nothing was restored")
    os.unlink(path)
    return manifest


def _move(place: str, target: str, experiments: str) -> None:
    """Give the unpacked run its name; what has that name already is left alone."""
    parent = os.path.dirname(target)
    if parent != experiments and os.path.islink(parent):
        raise RunLogError(f"'{parent}' is a link, and nothing is restored through one")
    if os.path.lexists(target):
        raise RunLogError(f"'{target}' is there already; nothing is overwritten: move it away to restore the archive")
    os.makedirs(parent, exist_ok=True)
    os.chmod(place, 0o777 & ~_umask())
    os.rename(place, target)
    sync_directory(parent)


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _existing(file: str) -> str:
    if not os.path.exists(file):
        raise RunLogError(f"no archive '{file}'")
    return file


def _within_disk(limits: Limits, experiments: str) -> Limits:
    """Never more than the disk can take."""
    place = os.path.abspath(experiments)
    while not os.path.isdir(place):
        place = os.path.dirname(place)
    free = shutil.disk_usage(place).free - _RESERVE
    if free <= 0:
        raise RunLogError(f"the disk of '{experiments}' is full")
    return limits._replace(size=min(limits.size, free))
