"""pruned.json: which files of a run were removed on purpose. It lies beside metadata.json, which is never edited."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from decaylab.errors import RunLogError
from decaylab.runlog.files import replace_file
from decaylab.runlog.parse import read_object

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
