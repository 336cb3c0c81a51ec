"""Metadata of every shape that users have, read into the documented form. Nothing is rewritten.

The shapes stand in the table of docs/run_log.md: documented, flat (full and early), multihead, published; and runs
without metadata, of which the folder's name tells the model and the time.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from decaylab.catalogue.document import DOCUMENTED, SETTING_PLACES
from decaylab.runlog.faults import STATISTICS, missing, version, wrong_types
from decaylab.runlog.reading import number, section

# Patterns are compiled at their first use (`re` keeps them): most tables need none, and compiling costs milliseconds.
_RUN_NAME = r"(?P<model>[A-Za-z0-9][A-Za-z0-9._-]*?)_(?P<timestamp>\d{8}_\d{6})(?:_\d+)?"
_PUBLISHED_NAME = r"(?P<date>[^/]+)/(?P<time>[^/]+)"

#: What the flat shapes call the EDC, and what the parameters are called everywhere.
_PREFIXES = {
    "": "overall_edc",
    "edc": "overall_edc",
    "overall_edc": "overall_edc",
    "edt": "edt",
    "t20": "t20",
    "c50": "c50",
}
_FLAT_METRICS = {
    f"{prefix}_{statistic}".lstrip("_"): (parameter, statistic)
    for prefix, parameter in _PREFIXES.items()
    for statistic in STATISTICS
}

#: Keys of the published layout that are no documented key in another spelling.
_PUBLISHED = {
    "trainingdatasetsize": "train_size",
    "validationdatasetsize": "val_size",
    "testdatasetsize": "test_size",
    "testingdatasetsize": "test_size",
    "datasetsize": "num_samples",
    "customloss": "loss_type",
}


class Converted(NamedTuple):
    """Metadata in documented form, and what is missing or wrong in it, one line each."""

    metadata: dict[str, Any]
    problems: tuple[str, ...]


def is_run_name(name: str) -> bool:
    """Whether a folder is named like a run: `{model}_{timestamp}`, perhaps with the suffix of a second run."""
    return re.fullmatch(_RUN_NAME, name) is not None


def name_parts(run_id: str) -> tuple[str | None, str | None]:
    """Model and timestamp that a run's folder tells by its name; None for what it does not."""
    if match := re.fullmatch(_RUN_NAME, run_id):
        return match["model"], match["timestamp"]
    if match := re.fullmatch(_PUBLISHED_NAME, run_id):
        return None, _published_time(match["date"], match["time"])
    return None, None


def shape_of(document: dict[str, Any]) -> str:
    """Which of the shapes a metadata.json has: "documented", "flat", "flat early" or "multihead"."""
    metrics = document.get("metrics")
    if not isinstance(metrics, dict) or "overall_edc" in metrics or "schema_version" in document:
        return "documented"
    if "edc_mae" in metrics or "edc_weight" in section(document, "loss_config"):
        return "multihead"
    if not any(key in metrics for key in _FLAT_METRICS):
        return "documented"
    return "flat" if "loss_config" in document else "flat early"


def convert(document: dict[str, Any], shape: str, run_id: str) -> Converted:
    """The documented form of `document`, and what is missing or wrong in it.

    Runs without metadata get what their folder's name tells. Values of the wrong type stay as they are in
    documented files, whose readers check types; what is wrong with them is said.

    Args:
        document: metadata as its file holds it; left as it is.
        shape: which form that is (see `Record.raw`).
        run_id: the folder's name, from which a model name and a timestamp are taken.
    """
    if shape in ("flat", "flat early", "multihead", "published"):
        metadata, problems = _from_flat(document, shape)
    else:
        metadata, problems = document, []
    model, timestamp = name_parts(run_id)
    if shape in ("no metadata", "arrays only", "empty"):
        return Converted({"model_name": model, "timestamp": timestamp}, ())
    if not isinstance(metadata.get("model_name"), str):
        problems.append("no model name" + (f"; '{model}' is the folder's" if model else ""))
    if not isinstance(metadata.get("timestamp"), str):
        problems.append("no timestamp" + (f"; {timestamp} is the folder's" if timestamp else ""))
    elif timestamp is not None and metadata["timestamp"] != timestamp:
        problems.append(f"timestamp {metadata['timestamp']!r}, but the folder's is {timestamp}")
    return Converted(metadata, (*problems, *wrong_types(metadata), *version(metadata), *missing(metadata, shape)))


def _from_flat(document: dict[str, Any], shape: str) -> tuple[dict[str, Any], list[str]]:
    """Documented form of the shapes whose metrics, or all of whose keys, are flat."""
    metadata = {key: dict(value) if isinstance(value, dict) else value for key, value in document.items()}
    problems: list[str] = []
    flat = metadata["metrics"] if shape != "published" else {k: document[k] for k in _FLAT_METRICS if k in document}
    metrics, raw = _nested_metrics(flat)
    metadata["metrics"] = metrics
    if raw:
        metadata["metrics_raw"] = raw
        problems.append("not finite: " + ", ".join(f"{name} is {value}" for name, value in raw.items()))
    if shape == "published":
        _place_published(document, metadata, problems)
    else:
        _place_strays(metadata)
    if not isinstance(metadata.get("model_parameters", {}), dict):
        metadata["model_parameters"] = {"total": metadata["model_parameters"]}
    if shape == "flat early":
        problems.append("num_samples is what was asked for, not what was used")
    return metadata, problems


def _nested_metrics(flat: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Flat metrics under their parameter, those of the user's own as they are; and values that are not finite."""
    nested: dict[str, Any] = {}
    raw = {}
    for key, value in flat.items():
        place = _FLAT_METRICS.get(key)
        if place is None:
            if key not in DOCUMENTED and number(value) is not None:
                nested[key] = value
            continue
        is_finite = not (isinstance(value, str) and number(value) is not None)
        nested.setdefault(place[0], dict.fromkeys(STATISTICS))[place[1]] = value if is_finite else None
        if not is_finite:
            raw[key] = value
    return nested, raw


def _place_strays(metadata: dict[str, Any]) -> None:
    """Move documented keys that lie at the top or in another section (`scaler_type`) to their place."""
    for source in [metadata, *(value for value in metadata.values() if isinstance(value, dict))]:
        for key in [key for key in source if key in SETTING_PLACES]:
            section = metadata.setdefault(SETTING_PLACES[key], {})
            if isinstance(section, dict) and section is not source and section.get(key) is None:
                section[key] = source.pop(key)


def _place_published(document: dict[str, Any], metadata: dict[str, Any], problems: list[str]) -> None:
    """Give the published layout's keys their documented places, whatever their spelling (`Batch Size`, `maxEpochs`)."""
    known = {_letters(key): key for key in (*SETTING_PLACES, "model_name", "timestamp")} | _PUBLISHED
    for key, value in document.items():
        target = known.get(_letters(key))
        if target is None or isinstance(value, dict):
            continue
        metadata.pop(key, None)
        section = metadata.setdefault(SETTING_PLACES[target], {}) if target in SETTING_PLACES else metadata
        if isinstance(section, dict):
            section[target] = value
    edc = metadata["metrics"].setdefault("overall_edc", dict.fromkeys(STATISTICS))
    mse = number(document.get("mse"))
    if edc["rmse"] is None and mse is not None and 0 <= mse < float("inf"):
        edc["rmse"] = mse**0.5
        problems.append("edc_rmse is the root of the stored mse")


def _published_time(date: str, time: str) -> str | None:
    day, clock = re.sub(r"\D", "", date), re.sub(r"\D", "", time)
    if re.match(r"\d{1,2}\D\d{1,2}\D\d{4}$", date):  # day first, as in 31-12-2024
        day = day[4:] + day[2:4] + day[:2]
    return f"{day}_{clock.ljust(6, '0')}" if len(day) == 8 and len(clock) in (4, 6) else None


def _letters(key: str) -> str:
    return re.sub(r"[^a-z0-9]", "", key.lower())
