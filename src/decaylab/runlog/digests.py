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


def of_file(path: str) -> str:
    """BLAKE2b digest (128 bits, hexadecimal) of a file's content."""
    with open(path, "rb", buffering=0) as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


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
