"""The text of a CSV file with a line per room, which somebody else may have written."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from decaylab.errors import DataError

#: A line takes about 350 bytes: room for a million rooms, and no more is read.
SIZE_LIMIT = 512 * 1024 * 1024


def read_text(path: str | Path) -> str:
    """Its text.

    Raises:
        FileNotFoundError: there is no such file. DataError: it is no regular file, too large, or no UTF-8.
    """
    found = os.lstat(path)
    if not stat.S_ISREG(found.st_mode):
        raise DataError(f"{path} is no regular file, and is not read")
    if found.st_size > SIZE_LIMIT:
        raise DataError(f"{path} is too large: {found.st_size:,} bytes (limit {SIZE_LIMIT:,})")
    try:
        return Path(path).read_text(encoding="utf-8")
    except (UnicodeDecodeError, OSError) as error:
        raise DataError(f"{path} cannot be read: {error}") from None
