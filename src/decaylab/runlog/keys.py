"""The format of metadata.json as JSON Schema, and the check of a record's types, of the rows of `catalogue.keys`."""

from __future__ import annotations

from typing import Any

from decaylab.catalogue.document import DOCUMENTED, SCHEMA_VERSION, STORED_STATUSES
from decaylab.catalogue.keys import KEYS, Key
from decaylab.runlog.reading import ABSENT, at, has


def json_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of a metadata.json of this version; additional keys are welcome."""
    root: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "metadata.json of a training run",
        "description": f"Version {SCHEMA_VERSION}. Documented keys are always there, null where there is no value.",
        "type": "object",
        "required": [*DOCUMENTED, "schema_version", "run_id", "status"],
    }
    for key in KEYS:
        *folders, name = key.path.split(".")
        place = root
        for depth, folder in enumerate(folders):
            documented = at(DOCUMENTED, folders[: depth + 1])
            place = place.setdefault("properties", {}).setdefault(folder, {"type": "object"})
            if isinstance(documented, dict):
                place["required"] = list(documented)
        place.setdefault("properties", {}).setdefault(name, {}).update(_property(key))
    return root


def type_faults(metadata: dict[str, Any]) -> list[str]:
    """Documented keys that are missing, and keys whose value has another type than the format says."""
    faults = []
    for key in KEYS:
        value = at(metadata, key.path, ABSENT)
        if value is ABSENT:
            if has(DOCUMENTED, key.path):
                faults.append(f"{key.path} is missing")
        elif not any(_is_a(value, kind) for kind in key.types):
            faults.append(f"{key.path} is {_json_type(value)}, not {' or '.join(key.types)}")
    return faults


def _property(key: Key) -> dict[str, Any]:
    described = f"{key.meaning} [{key.unit}]" if key.unit else key.meaning
    found: dict[str, Any] = {"type": list(key.types) if len(key.types) > 1 else key.types[0], "description": described}
    if key.path == "status":
        found["enum"] = list(STORED_STATUSES)
    return found


_PYTHON = {"string": str, "object": dict, "array": list, "boolean": bool}


def _is_a(value: Any, kind: str) -> bool:
    if kind == "null":
        return value is None
    if kind in ("integer", "number"):
        whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
        return not isinstance(value, bool) and (whole if kind == "integer" else isinstance(value, (int, float)))
    return isinstance(value, _PYTHON[kind])


def _json_type(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "a number"
    return next((name for name, kind in _PYTHON.items() if isinstance(value, kind)), type(value).__name__)
