"""What a stored value means to a reader who believes nothing: whether it is a number, an object, and which type."""

from __future__ import annotations

from typing import Any


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


def section(metadata: dict[str, Any], key: str) -> dict[str, Any]:
    """The object under `key`; an empty one if there is none."""
    value = metadata.get(key)
    return value if isinstance(value, dict) else {}


def at(metadata: Any, path: tuple[str, ...]) -> Any:
    """The value at a path, None where it ends early."""
    for part in path:
        metadata = metadata.get(part) if isinstance(metadata, dict) else None
    return metadata


def json_type(value: Any) -> str:
    """The JSON type of a value, as people call it."""
    if isinstance(value, bool):
        return "a truth value"
    kinds = {list: "a list", str: "text", dict: "an object", int: "a number", float: "a number"}
    return next((name for kind, name in kinds.items() if isinstance(value, kind)), "null")
