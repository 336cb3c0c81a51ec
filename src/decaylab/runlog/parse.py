"""The bytes of a metadata file as a JSON object, or the reason why they are none."""

from __future__ import annotations

import os
from typing import Any

from decaylab.errors import RunLogError
from decaylab.runlog.files import read_regular
from decaylab.runlog.reading import json_type

_decode_strictly: Any = None


def parse(data: bytes, name: str) -> tuple[dict[str, Any] | None, tuple[str, ...]]:
    """The JSON object in `data`, and what was odd about it; None with the reason if it cannot be read."""
    if not data.strip():
        return None, (f"{name} is empty",)
    try:
        document, found = _decode(data)
    except RecursionError:
        return None, (f"{name} is nested too deeply",)
    except UnicodeDecodeError as error:
        return None, (f"{name} is not UTF-8 (byte {error.start})",)
    except ValueError as error:
        return None, (f"{name} is no JSON, or cut off: {error}",)
    if not isinstance(document, dict):
        return None, (f"{name} holds {json_type(document)}, not an object",)
    return document, found


def read_object(directory: str, name: str, limit: int) -> dict[str, Any]:
    """The JSON object in the file `name` of a `directory`, of at most `limit` bytes.

    Raises:
        FileNotFoundError: there is no such file. RunLogError: it cannot be read, with the reason.
    """
    document, odd = parse(read_regular(os.path.join(directory, name), limit), name)
    if document is None:
        raise RunLogError(f"{name} cannot be read: {'; '.join(odd)}")
    return document


def repeated_keys(data: bytes) -> list[str]:
    """Keys that stand in one object twice or more; readers of JSON take the last one, and say nothing.

    Looked for by `verify` alone: it takes Python's decoder with a call for every object.
    """
    import json

    repeated: dict[str, None] = {}

    def look(pairs: list[tuple[str, Any]]) -> None:
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                repeated[key] = None
            seen.add(key)

    try:
        json.loads(data, object_pairs_hook=look)
    except (ValueError, RecursionError):  # what cannot be read is said elsewhere
        return []
    return list(repeated)


def use_fast_decoder() -> None:
    """Read with msgspec from now on; what it refuses is still read by the standard library's decoder."""
    global _decode_strictly
    import msgspec

    _decode_strictly = msgspec.json.Decoder().decode


def _decode(data: bytes) -> tuple[Any, tuple[str, ...]]:
    """The value in `data`, and what was odd about it; what the strict decoder refuses goes to the lenient one."""
    if _decode_strictly is not None:
        try:
            return _decode_strictly(data), ()
        except ValueError:  # which msgspec's own errors are, too
            pass
    return _decode_leniently(data)


def _decode_leniently(data: bytes) -> tuple[Any, tuple[str, ...]]:
    """As above, by Python's own decoder: it takes bare NaN and Infinity, which is said, a byte order mark, UTF-16."""
    import json

    bare: list[str] = []

    def keep(token: str) -> str:
        bare.append(token)
        return token

    def finite(text: str) -> float | str:
        value = float(text)
        return value if value - value == 0 else keep("Infinity" if value > 0 else "-Infinity")

    document = json.loads(data, parse_constant=keep, parse_float=finite)
    if bare:
        return document, (f"no strict JSON: holds bare {', '.join(sorted(set(bare)))}",)
    return document, ()
