"""Digests of a run's files, so that a copy can be checked against what was written."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection
from typing import Any

from decaylab.runlog.pruned import PRUNED
from decaylab.runlog.schema import HEARTBEAT, METADATA, TAGS

#: Files that change after the run ended, or that hold the digests themselves.
_CHANGING = {METADATA, HEARTBEAT, TAGS, PRUNED}


def blake2b(data: bytes = b"") -> hashlib.blake2b:
    """The digest that the run log keeps of files, 128 bits, begun with `data`."""
    return hashlib.blake2b(data, digest_size=16)


def of_open(file: Any) -> str:
    """Digest (hexadecimal) of an open binary file from where it stands to its end."""
    return hashlib.file_digest(file, blake2b).hexdigest()


def of_file(path: str) -> str:
    """Digest (hexadecimal) of a file's content."""
    with open(path, "rb", buffering=0) as file:
        return of_open(file)


def of_directory(directory: str, without: Collection[str] = ()) -> dict[str, dict[str, Any]]:
    """`{relative path: {"bytes": size, "blake2b": digest}}` of every regular file but `without`, links left out.

    TensorBoard's own files are left out: its writer closes them after the run.
    """
    found: dict[str, dict[str, Any]] = {}
    for folder, folders, names in os.walk(directory):
        folders[:] = sorted(f for f in folders if f != "tensorboard_logs")
        for name in sorted(names):
            path = os.path.join(folder, name)
            relative = os.path.relpath(path, directory)
            is_left_out = relative in _CHANGING or relative in without or name.endswith(".tmp")
            if is_left_out or os.path.islink(path) or not os.path.isfile(path):
                continue
            found[relative] = {"bytes": os.path.getsize(path), "blake2b": of_file(path)}
    return found
