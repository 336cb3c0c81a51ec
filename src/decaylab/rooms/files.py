"""Writing files so that they are whole."""

from __future__ import annotations

import os
from io import FileIO
from pathlib import Path


def write_all(stream: FileIO, data: bytes) -> None:
    """Write every byte: an unbuffered write on a nearly full disk may write less than it was given."""
    rest = memoryview(data)
    while rest:
        rest = rest[stream.write(rest) :]


def replace_file(file: Path, text: str) -> None:
    """Write a file whole or not at all."""
    temporary = file.with_name(f"{file.name}.tmp")
    with open(temporary, "w", encoding="utf-8", newline="") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(temporary, file)
