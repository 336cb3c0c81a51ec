"""What a run may record, and how it looks in strict JSON.

NaN and infinities have no place in JSON. They are kept apart as the strings "NaN", "Infinity", "-Infinity", which a
user therefore cannot log as strings; `decode` turns them back. Neither numpy nor torch is imported: their scalars
are known by what they can do.
"""

from __future__ import annotations

import math
from typing import Any

import msgspec

from decaylab.errors import RunLogError

NON_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}

#: No setting or metric is nested deeper; a structure that is, is most likely one that holds itself.
DEPTH_LIMIT = 40

_encode = msgspec.json.Encoder().encode


def plain(value: Any, key: str, depth: int = 0) -> Any:
    """`value` as null, bool, int, float, string, list or dict that strict JSON can hold.

    Accepts Python, numpy and torch scalars, paths, enums, dates, and lists, tuples and dicts of these.

    Args:
        key: where the value is to stand, for error messages.
        depth: how many lists and dicts it lies in already.

    Raises:
        RunLogError: anything else, or what is nested too deep, named by its key.
    """
    kind = type(value)
    if value is None or kind is bool:
        return value
    if kind is float:
        return value if value - value == 0.0 else non_finite(value)
    if kind is int:
        return _integer(value, key)
    if kind is str:
        return _text(value, key)
    if depth > DEPTH_LIMIT:
        raise RunLogError(f"{key!r} is nested deeper than {DEPTH_LIMIT} levels, which a run cannot record")
    if isinstance(value, dict):
        return {_key(k, key): plain(v, f"{key}.{k}", depth + 1) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v, f"{key}[{i}]", depth + 1) for i, v in enumerate(value)]
    return _other(value, key, depth)


def non_finite(value: float) -> str:
    """The string that stands for a float that JSON cannot hold."""
    if value != value:
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def decode(value: Any) -> Any:
    """The value as it was logged: "NaN", "Infinity" and "-Infinity" become floats again, in lists and dicts too."""
    if isinstance(value, str):
        return NON_FINITE.get(value, value)
    if isinstance(value, dict):
        return {k: decode(v) for k, v in value.items()}
    if isinstance(value, list):
        return [decode(v) for v in value]
    return value


def history_line(values: dict[str, Any]) -> bytes:
    """One line of history.jsonl, with its newline; every float and int takes the short way."""
    for value in values.values():
        kind = type(value)
        if not (kind is float and value - value == 0.0) and not (kind is int and -(2**63) <= value < 2**64):
            values = {_key(k, k): plain(v, k) for k, v in values.items()}
            break
    return _encode(values) + b"\n"


def document(metadata: dict[str, Any]) -> bytes:
    """metadata.json as people read it: two spaces a level, one newline at the end."""
    return msgspec.json.format(_encode(metadata), indent=2) + b"\n"


def _integer(value: int, key: str) -> int:
    if not -(2**63) <= value < 2**64:
        raise RunLogError(
            f"{key!r} is an integer beyond 64 bits, which readers of JSON do not agree on: log it as text"
        )
    return value


def _text(value: str, key: str) -> str:
    if value in NON_FINITE:
        raise RunLogError(f"{key!r} is the text {value!r}, which stands for a number in a run's files: log the float")
    # Arguments that are no UTF-8 reach Python as lone surrogates, which JSON cannot hold.
    return value.encode("utf-8", "backslashreplace").decode("utf-8")


def _key(key: Any, parent: str) -> str:
    if type(key) is str:
        return key.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(key, (str, int)) and not isinstance(key, bool):
        return str(key)
    raise RunLogError(f"{parent!r} holds the key {key!r} ({type(key).__name__}); keys must be text")


def _other(value: Any, key: str, depth: int) -> Any:
    """What the exact types above left over: enums, subclasses, scalars of array libraries, paths, dates."""
    import datetime
    import enum
    import os

    if isinstance(value, enum.Enum):
        return plain(value.value, key, depth + 1)
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return value.total_seconds()
    if isinstance(value, os.PathLike):
        return _text(os.fsdecode(value), key)
    # numpy's and torch's scalars, and their arrays of one value, know themselves as a Python number.
    if hasattr(value, "item") and hasattr(value, "dtype") and _size(value) == 1:
        item = value.item()
        if type(item) is not type(value):
            return plain(item, key, depth + 1)
    for base in (bool, int, float, str):
        if isinstance(value, base):
            return plain(base(value), key, depth + 1)
    raise RunLogError(
        f"{key!r} is a {type(value).__module__}.{type(value).__qualname__}, which a run cannot record: "
        "log numbers, text, dates, paths, or lists and dicts of these"
    )


def _size(value: Any) -> int:
    """Number of elements: `numel()` in torch, `size` in numpy."""
    return int(value.numel()) if hasattr(value, "numel") else int(getattr(value, "size", 0))
