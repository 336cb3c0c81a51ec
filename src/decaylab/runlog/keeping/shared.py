"""Equal `targets.npy` of runs share their storage: one file under several names (hard links), where the system can.

Runs on the same data set and split have the same targets, and at 1,200 test rooms each copy takes 461 MB. What is
equal is decided by every byte. A shared file is write-protected; whoever replaces it, as editors do, gets one of
his own. Nothing is recorded: a run is complete in itself, and a copy or archive of it holds the whole file.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import time
from collections.abc import Iterator
from typing import IO

from decaylab.errors import RunLogError
from decaylab.runlog.files import open_regular, remove_if_there, sync_directory
from decaylab.runlog.keeping.tree import open_below
from decaylab.runlog.store import directories

TARGETS = "targets.npy"

#: Read first: curves of other rooms differ within it, so that many other splits of the same size cost little.
_GLANCE = 64 * 1024
_CHUNK = 1024 * 1024
#: How long to wait for other runs that are ending; after that each keeps its own copy.
_PATIENCE_SECONDS = 60.0
_ANY_WRITE = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


def share_targets(directory: str) -> bool:
    """Write-protect the targets.npy of the run in `directory`; let it share its storage with an equal one.

    Partners are the runs beside it, files of the same owner, group and mode that are write-protected like it: what a
    program may still write to is never shared. The file bears its name, whole, at every moment.

    Returns:
        Whether the file is shared now. Where anything is in the way (another file system, no hard links, no locks, the
        limit of names of one file), the run keeps its own copy, which is as good.
    """
    if sys.platform == "win32":
        return False
    path = os.path.join(directory, TARGETS)
    experiments = os.path.dirname(os.path.abspath(directory))
    try:
        # One at a time, and a file can be taken over only after its own run's turn: two runs that end together would
        # otherwise take over each other's, and share none.
        with _turn(experiments):
            _protect(path)
            return os.lstat(path).st_nlink > 1 or any(_take_over(path, *other) for other in _others(experiments, path))
    except (OSError, RunLogError):
        return False


def _protect(path: str) -> None:
    descriptor = open_regular(path)
    try:
        os.fchmod(descriptor, stat.S_IMODE(os.fstat(descriptor).st_mode) & ~_ANY_WRITE)
    finally:
        os.close(descriptor)


def _others(experiments: str, path: str) -> list[tuple[str, os.stat_result]]:
    """Run directories whose file may be equal to `path` and shared with it, and the state of that file; each once."""
    own = os.lstat(path)
    found: dict[int, tuple[str, os.stat_result]] = {}
    for name, is_link in directories(experiments):
        if is_link:
            continue
        try:
            other = os.lstat(os.path.join(experiments, name, TARGETS))
        except OSError:  # a run without targets, or removed meanwhile
            continue
        if other.st_ino != own.st_ino and _traits(other) == _traits(own) and not other.st_mode & _ANY_WRITE:
            found.setdefault(other.st_ino, (os.path.join(experiments, name), other))
    return list(found.values())


def _traits(found: os.stat_result) -> tuple[int, ...]:
    """What two files must have in common before their content is compared; the mode says that both are files."""
    return found.st_dev, found.st_mode, found.st_uid, found.st_gid, found.st_size


def _take_over(path: str, directory: str, found: os.stat_result) -> bool:
    """Put the file of the run in `directory` in the place of `path` if both hold the same bytes."""
    try:
        with (
            os.fdopen(open_regular(path), "rb") as own,
            os.fdopen(open_below(directory, TARGETS), "rb") as theirs,
        ):
            # Both states are from before the comparison: what is written to a file meanwhile shows in `_link`.
            seen = [os.fstat(file.fileno()) for file in (own, theirs)]
            if _state(seen[1]) != _state(found) or not _is_equal(own, theirs):
                return False
            return _link(path, seen[0], os.path.join(directory, TARGETS), seen[1])
    except (OSError, RunLogError):
        return False


def _is_equal(own: IO[bytes], theirs: IO[bytes]) -> bool:
    """Whether two open files hold the same bytes, from the first to the last."""
    length = _GLANCE
    while (data := own.read(length)) == theirs.read(length):
        if not data:
            return True
        length = _CHUNK
    return False


def _link(path: str, own: os.stat_result, source: str, theirs: os.stat_result) -> bool:
    """Let `path` name the file at `source`, in one step, if both are still the files that were compared."""
    folder = os.path.dirname(path)
    temporary = os.path.join(folder, f".{TARGETS}.{os.getpid()}.tmp")
    remove_if_there(temporary)
    try:
        os.link(source, temporary)
        if _state(os.lstat(temporary)) != _state(theirs) or _state(os.lstat(path)) != _state(own):
            return False
        os.replace(temporary, path)
    finally:
        remove_if_there(temporary)
    sync_directory(folder)
    return True


def _state(found: os.stat_result) -> tuple[int, ...]:
    """What tells whether a file is the one that was seen, unchanged; a new name of it is no change."""
    return found.st_dev, found.st_ino, found.st_mode, found.st_size, found.st_mtime_ns


@contextlib.contextmanager
def _turn(experiments: str) -> Iterator[None]:
    """Wait until no other run of this folder is sharing. OSError where that takes too long, or without locks.

    The lock is on the folder itself, leaves nothing behind and ends with its process. Where it does not reach other
    hosts (NFS), two runs that end together on two of them may keep two copies.
    """
    import fcntl

    descriptor = os.open(experiments, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        until = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.05)
        yield
    finally:
        os.close(descriptor)
