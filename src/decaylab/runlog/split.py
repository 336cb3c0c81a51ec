"""split.json as a reader sees it: the ids and rows of the rooms that a run trained on, chose by, and was tested on."""

from __future__ import annotations

from typing import Any

from decaylab.runlog.parse import read_object

SPLIT = "split.json"
PARTS = ("train", "validation", "test")
#: Of a million rooms; more is not read.
_LIMIT = 128 * 1024 * 1024


def read_split(directory: str) -> dict[str, Any]:
    """The content of a run's split.json, as somebody wrote it: ask `ids_of` and `rows_of`.

    Raises:
        FileNotFoundError: the run has none. RunLogError: it cannot be read.
    """
    return read_object(directory, SPLIT, _LIMIT)


def ids_of(split: dict[str, Any], part: str) -> list[str] | None:
    """Ids of the rooms in one of `PARTS`; None where it does not name them."""
    ids = _list(split, part, "ids")
    return ids if ids is not None and all(isinstance(name, str) for name in ids) else None


def rows_of(split: dict[str, Any], part: str) -> list[int] | None:
    """Their rows in the data set; None where it does not give them."""
    rows = _list(split, part, "rows")
    return rows if rows is not None and all(type(row) is int and 0 <= row < 2**48 for row in rows) else None


def _list(split: dict[str, Any], part: str, key: str) -> list[Any] | None:
    content = split.get(part)
    values = content.get(key) if isinstance(content, dict) else None
    return values if isinstance(values, list) else None
