"""Temporary files and folders that a kill may leave behind, and their removal by the next command of the same kind.

Whoever works on one holds a lock on it (`flock`, which ends with the process): what is not locked is left over.
"""

from __future__ import annotations

import os
import shutil
import sys

from decaylab.runlog.files import remove_if_there


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
