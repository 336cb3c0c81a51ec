"""label_noise.json: a run's errors over the noise of its labels, measured after the run had ended.

It lies beside metadata.json, which only the process that trained writes; the key `label_noise` there has the same form,
and this file counts more, as it is the later one:
`{"rooms": n, "metrics": {metric: {"noise", "ratio", "low", "high", "rooms"}}}`.
"""

from __future__ import annotations

import json
import os
from typing import Any

from decaylab.errors import RunLogError
from decaylab.runlog.files import replace_file
from decaylab.runlog.parse import read_object
from decaylab.runlog.schema import LABEL_NOISE

_LIMIT = 1024 * 1024


def read_label_noise(directory: str) -> dict[str, Any] | None:
    """What label_noise.json of a run directory holds; None if there is none, or none that can be read."""
    try:
        return read_object(directory, LABEL_NOISE, _LIMIT)
    except (FileNotFoundError, RunLogError):
        return None


def recorded(directory: str, metadata: dict[str, Any]) -> dict[str, Any] | None:
    """A run's errors over the label noise as they are on record: in its directory, else in its metadata."""
    content = read_label_noise(directory)
    if content is None:
        stored = metadata.get("label_noise")
        content = stored if isinstance(stored, dict) else None
    return content


def write_label_noise(directory: str, content: dict[str, Any]) -> None:
    """Write label_noise.json whole or not at all.

    Raises:
        RunLogError: the disk refuses; what was there before stays.
    """
    try:
        replace_file(os.path.join(directory, LABEL_NOISE), (json.dumps(content, indent=2) + "\n").encode())
    except OSError as error:
        raise RunLogError(f"{os.path.join(directory, LABEL_NOISE)} cannot be written: {error.strerror}") from error
