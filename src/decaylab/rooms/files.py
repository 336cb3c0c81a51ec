"""Writing files so that they are whole, one writer per folder, and one error for whatever the disk refuses."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import sys
from collections.abc import Iterator
from io import FileIO
from pathlib import Path
from typing import BinaryIO

from decaylab.errors import DataError, InputError

if sys.platform != "win32":
    import fcntl


def write_all(stream: FileIO, data: bytes) -> None:
    """Write every byte: an unbuffered write on a nearly full disk may write less than it was given."""
    rest = memoryview(data)
    while rest:
        rest = rest[stream.write(rest) :]


@contextlib.contextmanager
def whole_file(path: str | Path, temporary: str = "") -> Iterator[BinaryIO]:
    """Write a file that bears its name only once all of it is on the disk; else what was there stays.

    Args:
        path: the file.
        temporary: its name in the same folder while it is written; empty: one of this process alone.

    Raises:
        OSError: the disk refuses.
    """
    file = Path(path)
    unfinished = file.with_name(temporary or f".{file.name}.{os.getpid()}.tmp")
    try:
        with open(unfinished, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(unfinished, file)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


def replace_file(file: Path, text: str) -> None:
    """Write a text file whole or not at all."""
    with whole_file(file, f"{file.name}.tmp") as stream:
        stream.write(text.encode())


@contextlib.contextmanager
def exclusive_lock(file: Path) -> Iterator[None]:
    """Hold the lock file of a folder; the system releases it when the process ends, however it ends.

    On Windows nothing is locked: two writers at once are then up to the user.

    Raises:
        InputError: another process holds it.
    """
    with open(file, "ab") as stream:
        if sys.platform != "win32":
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise InputError(f"another process is writing {file.parent}: wait for it or stop it") from None
        yield


@contextlib.contextmanager
def disk_errors(folder: Path, kept: str) -> Iterator[None]:
    """Turn what the disk refuses while a folder is written into one DataError.

    Args:
        folder: named in the message.
        kept: what a person is told of a full disk: what stays of the folder, and what to do.

    Raises:
        DataError: the disk is full, or refuses.
    """
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise DataError(f"no space left to write {folder}: {kept}") from None
        raise DataError(f"{folder} cannot be written: {error.strerror or error}") from None


def check_space(folder: Path, curves: int, size: int, disk: Path) -> None:
    """Raise DataError unless there is room for so many curves.

    Args:
        folder: named in the message.
        curves: how many will be written.
        size: of each, in bytes.
        disk: a folder that is there, on the same disk.

    Raises:
        DataError: there is less.
    """
    needed, free = curves * size, shutil.disk_usage(disk).free
    if needed > free:
        raise DataError(
            f"not enough space for {folder}: {curves} curves need {needed / 1e6:.1f} MB, {free / 1e6:.1f} MB are free. "
            "Make room, or take fewer rooms"
        )
