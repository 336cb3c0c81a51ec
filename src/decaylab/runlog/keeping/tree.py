"""The files below a run directory, reached without following a link at any level.

Every step is taken from an open folder (`dir_fd`), so a folder that somebody replaces by a link meanwhile is
refused, not followed.
"""

from __future__ import annotations

import os
import shutil
import stat
import sys
from collections.abc import Iterable
from typing import NamedTuple

from decaylab.errors import RunLogError
from decaylab.runlog.files import open_regular, remove_if_there


def claim(descriptor: int) -> None:
    """Lock an open temporary file or folder for as long as the descriptor is open."""
    if sys.platform != "win32":
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX)


def sweep(folder: str, prefix: str, suffix: str) -> None:
    """Remove the temporary files and folders that killed processes left in `folder`; what is in use stays.

    Args:
        folder: where to look; one that does not exist is no error.
        prefix, suffix: how the names of these files and folders begin and end.
    """
    try:
        names = [name for name in os.listdir(folder) if name.startswith(prefix) and name.endswith(suffix)]
    except OSError:  # there is no such folder yet, or it may not be listed: nothing to remove
        return
    for name in names:
        path = os.path.join(folder, name)
        if _is_left_over(path):
            if os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path, ignore_errors=True)
            else:
                remove_if_there(path)


def _is_left_over(path: str) -> bool:
    if sys.platform == "win32":
        return False
    import fcntl

    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True


_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
_DEEPEST = 32


class Entry(NamedTuple):
    """A regular file: size in bytes, time of its last change (ns), identity, and under how many names it lies."""

    size: int
    changed: int
    inode: tuple[int, int]
    names: int


class Tree(NamedTuple):
    """Relative path -> entry of the regular files; the folders, parents first; and everything else, with what it is."""

    files: dict[str, Entry]
    folders: list[str]
    others: dict[str, str]


def walk(root: str) -> Tree:
    """Everything below the directory `root`, sorted by name.

    Raises:
        RunLogError: `root` or a folder in it is a link, cannot be read, or lies too deep.
    """
    tree = Tree({}, [], {})
    descriptor = _open_folder(root)
    try:
        _walk(descriptor, "", tree, 0)
    except OSError as error:
        raise RunLogError(f"'{root}' cannot be read: {error.strerror} ({error.filename})") from error
    finally:
        os.close(descriptor)
    return tree


def open_below(root: str, relative: str) -> int:
    """File descriptor of the regular file `relative` below `root`, for reading; errors as in `files.open_regular`."""
    folder = _open_parent(root, relative)
    try:
        return open_regular(os.path.basename(relative), dir_fd=folder)
    finally:
        os.close(folder)


def remove_below(root: str, relative: str) -> None:
    """Remove the file `relative` below `root`; a link in its way is refused, one in its place only unlinked."""
    folder = _open_parent(root, relative)
    try:
        os.unlink(os.path.basename(relative), dir_fd=folder)
    finally:
        os.close(folder)


def total_size(entries: Iterable[Entry]) -> int:
    """Bytes of these files, hard-linked ones counted once."""
    return sum({entry.inode: entry.size for entry in entries}.values())


def freed_size(entries: Iterable[Entry]) -> int:
    """Bytes that removing these files would give back: of hard-linked ones only if every name is among them."""
    names: dict[tuple[int, int], int] = {}
    kept = []
    for entry in entries:
        names[entry.inode] = names.get(entry.inode, 0) + 1
        kept.append(entry)
    return total_size(entry for entry in kept if names[entry.inode] >= entry.names)


def _walk(folder: int, prefix: str, tree: Tree, depth: int) -> None:
    if depth > _DEEPEST:
        raise RunLogError(f"{prefix[:80]}... lies more than {_DEEPEST} folders deep")
    for name in sorted(os.listdir(folder)):
        path = prefix + name
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if stat.S_ISREG(found.st_mode):
            tree.files[path] = Entry(found.st_size, found.st_mtime_ns, (found.st_dev, found.st_ino), found.st_nlink)
        elif stat.S_ISDIR(found.st_mode):
            tree.folders.append(path)
            child = os.open(name, _FOLDER, dir_fd=folder)
            try:
                _walk(child, f"{path}/", tree, depth + 1)
            finally:
                os.close(child)
        elif stat.S_ISLNK(found.st_mode):
            tree.others[path] = f"a link to {os.readlink(name, dir_fd=folder)}"
        else:
            tree.others[path] = "no file (a pipe, socket or device)"


def _open_parent(root: str, relative: str) -> int:
    descriptor = _open_folder(root)
    for part in relative.split("/")[:-1]:
        try:
            inner = os.open(part, _FOLDER, dir_fd=descriptor)
        except OSError as error:
            raise RunLogError(f"{part} in '{root}' is no folder, or a link: {error.strerror}") from error
        finally:
            os.close(descriptor)
        descriptor = inner
    return descriptor


def _open_folder(path: str) -> int:
    try:
        return os.open(path, _FOLDER)
    except OSError as error:
        raise RunLogError(f"'{path}' is no folder, or a link, or cannot be read: {error.strerror}") from error
