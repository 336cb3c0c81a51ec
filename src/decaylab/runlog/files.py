"""Reading and writing the files of a run, as if somebody else had made the directory.

Reading: only regular files, never through a link, never more than a bound. Writing: whole files or none.
"""

from __future__ import annotations

import os
import stat

from decaylab.errors import RunLogError

#: No metadata.json that a run log wrote comes near this; a larger file is refused unread.
METADATA_LIMIT = 16 * 1024 * 1024

_READ_FLAGS = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
_KINDS = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISLNK, "a link"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def open_regular(path: str, dir_fd: int | None = None) -> int:
    """File descriptor of a regular file, opened for reading without following a link or waiting on a pipe.

    Raises:
        FileNotFoundError: there is no such file.
        RunLogError: it is no regular file, or may not be read; the message is the reason alone.
    """
    return _open(path, dir_fd)[0]


def _open(path: str, dir_fd: int | None) -> tuple[int, os.stat_result]:
    try:
        descriptor = os.open(path, _READ_FLAGS, dir_fd=dir_fd)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise RunLogError(_reason(path, dir_fd, error)) from error
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        os.close(descriptor)
        raise RunLogError(f"{os.path.basename(path)} is {_kind(found.st_mode)}, not a file")
    return descriptor, found


def read_regular(path: str, limit: int, dir_fd: int | None = None, seen: list[os.stat_result] | None = None) -> bytes:
    """The whole content of a regular file of at most `limit` bytes.

    Args:
        path: the file; it is opened without following a link or waiting on a pipe.
        limit: in bytes; a larger file is refused.
        dir_fd: an open directory that a relative `path` starts from; None: the current one.
        seen: takes the file's state as it was before the reading.

    Raises:
        FileNotFoundError: there is no such file.
        RunLogError: it is no regular file, is too large or cannot be read; the message is the reason alone.
    """
    descriptor, found = _open(path, dir_fd)
    try:
        size = found.st_size
        if seen is not None:
            seen.append(found)
        if size > limit:
            raise RunLogError(f"{os.path.basename(path)} is too large: {size:,} bytes (limit {limit:,})")
        # One read suffices for nearly every file; one that grows meanwhile is read on, up to the limit.
        data = os.read(descriptor, size + 1)
        while len(data) != size and len(data) <= limit and (more := os.read(descriptor, limit + 1 - len(data))):
            data += more
        if len(data) > limit:
            raise RunLogError(f"{os.path.basename(path)} is too large: more than {limit:,} bytes")
        return data
    except OSError as error:
        raise RunLogError(f"{os.path.basename(path)} cannot be read: {error.strerror}") from error
    finally:
        os.close(descriptor)


def replace_file(path: str, data: bytes) -> None:
    """Replace `path` by `data`: temporary file, fsync, rename, fsync of the directory.

    Whoever reads meanwhile sees the old content or the new one, also after a kill or a power cut.

    Raises:
        OSError: the file is left as it was, and the temporary file is removed.
    """
    directory, name = os.path.split(path)
    temporary = os.path.join(directory, f".{name}.{os.getpid()}.tmp")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_CLOEXEC", 0), 0o666)
        try:
            write_all(descriptor, data)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(temporary, path)
    except BaseException:
        remove_if_there(temporary)
        raise
    sync_directory(directory or ".")


def write_all(descriptor: int, data: bytes) -> None:
    """Write every byte; `os.write` alone may stop early, for instance at the end of the disk."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def sync_directory(directory: str) -> None:
    """Make a rename or a new name in `directory` outlive a power cut."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_if_there(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
    except OSError:
        # The folder has become read-only or unreachable; a left-over temporary file harms nobody.
        return


def _kind(mode: int) -> str:
    return next((name for test, name in _KINDS if test(mode)), "something else")


def _reason(path: str, dir_fd: int | None, error: OSError) -> str:
    name = os.path.basename(path)
    try:
        mode = os.stat(path, dir_fd=dir_fd, follow_symlinks=False).st_mode
    except OSError:
        return f"{name} cannot be read: {error.strerror}"
    if not stat.S_ISREG(mode):
        return f"{name} is {_kind(mode)}, not a file"
    return f"{name} cannot be read: {error.strerror}"
