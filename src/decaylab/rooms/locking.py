"""One writer per folder."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

from decaylab.errors import InputError

if sys.platform != "win32":
    import fcntl


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
