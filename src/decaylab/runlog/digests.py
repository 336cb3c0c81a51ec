"""Digests of a run's files, so that a copy can be checked against what was written."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

from decaylab.errors import RunLogError
from decaylab.runlog.files import replace_file
from decaylab.runlog.parse import read_object
from decaylab.runlog.schema import HEARTBEAT, METADATA, TAGS

PRUNED = "pruned.json"

_VERSION = 1
_LIMIT = 16 * 1024 * 1024


def read_pruned(directory: str) -> dict[str, Any]:
    """Relative path -> {"bytes", "utc"} of the files that were pruned from the run in `directory`.

    Raises:
        RunLogError: there is a pruned.json that cannot be read.
    """
    try:
        document = read_object(directory, PRUNED, _LIMIT)
    except FileNotFoundError:
        return {}
    files = document.get("files")
    if not isinstance(files, dict) or document.get("pruned_version") != _VERSION:
        raise RunLogError(f"{PRUNED} is none of version {_VERSION}")
    return files


def add_pruned(directory: str, sizes: Mapping[str, int]) -> None:
    """Record, before they are removed, that these files (relative path -> bytes) of the run are pruned.

    Raises:
        RunLogError: what was recorded before cannot be read. OSError: the file cannot be written.
    """
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    files = read_pruned(directory) | {path: {"bytes": size, "utc": now} for path, size in sizes.items()}
    document = {"pruned_version": _VERSION, "files": dict(sorted(files.items()))}
    replace_file(os.path.join(directory, PRUNED), (json.dumps(document, indent=1) + "\n").encode())


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
