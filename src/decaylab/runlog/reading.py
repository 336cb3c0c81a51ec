"""What a stored value means to a reader who believes nothing: whether it is a number, an object, and which type.

Dotted keys (`metrics.t20.mae`) are walked here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

#: Stands for what is not there, where None would mean null.
ABSENT = object()


def number(value: Any) -> Any:
    """`value` if it is a number; the float that "NaN", "Infinity" or "-Infinity" stand for; else None."""
    if isinstance(value, float):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return value if -(10**300) < value < 10**300 else None  # beyond: no float, and no measurement
    return float(value) if isinstance(value, str) and value in ("NaN", "Infinity", "-Infinity") else None


def seconds(value: Any) -> float | None:
    """`value` if it can be a duration: a finite number, 0 or more; else None."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return value if is_number and 0 <= value < 1e300 else None


def moment(value: Any) -> float | None:
    """Seconds since 1970 of a time as records hold it, ISO 8601 or `20260122_020157`; None for anything else."""
    from datetime import datetime

    try:
        return datetime.fromisoformat(value).timestamp()
    except (TypeError, ValueError, OverflowError, OSError):
        return None


def section(metadata: dict[str, Any], key: str) -> dict[str, Any]:
    """The object under `key`; an empty one if there is none."""
    value = metadata.get(key)
    return value if isinstance(value, dict) else {}


def at(metadata: Any, path: str | Sequence[str], default: Any = None) -> Any:
    """The value at a path of nested objects.

    Args:
        metadata: the outermost object; anything else has no value at any path.
        path: dotted, or its parts; the parts where a key of its own may hold a dot.
        default: what to give where the path ends early. A key that holds null is there: it gives None.
    """
    for part in path.split(".") if isinstance(path, str) else path:
        if not isinstance(metadata, dict) or part not in metadata:
            return default
        metadata = metadata[part]
    return metadata


def has(metadata: Any, path: str | Sequence[str]) -> bool:
    """Whether there is anything at a path, null included; `path` as for `at`."""
    return at(metadata, path, ABSENT) is not ABSENT


def put(metadata: dict[str, Any], path: str, value: Any) -> None:
    """Set a value in nested objects; objects on the way are made, and take the place of what is none.

    Args:
        metadata: the outermost object, which is changed.
        path: dotted.
        value: what is set there, in the place of what was.
    """
    *folders, last = path.split(".")
    for folder in folders:
        if not isinstance(inner := metadata.get(folder), dict):
            inner = metadata[folder] = {}
        metadata = inner
    metadata[last] = value


def flatten(metadata: dict[str, Any]) -> dict[str, Any]:
    """Dotted path -> value of everything that is no object; lists are values."""
    flat: dict[str, Any] = {}
    pending: list[tuple[str, Any]] = [("", metadata)]
    while pending:
        path, value = pending.pop()
        if isinstance(value, dict):
            # Reversed, because the last one in is the first one out: the order of the file is kept.
            pending += [(f"{path}.{key}" if path else key, inner) for key, inner in reversed(value.items())]
        else:
            flat[path] = value
    return flat


def json_type(value: Any) -> str:
    """The JSON type of a value, as people call it."""
    if isinstance(value, bool):
        return "a truth value"
    kinds = {list: "a list", str: "text", dict: "an object", int: "a number", float: "a number"}
    return next((name for kind, name in kinds.items() if isinstance(value, kind)), "null")
