"""What is missing or wrong in metadata of documented form, one line a fault. Nothing is mended here."""

from __future__ import annotations

from typing import Any

from decaylab.catalogue.document import DOCUMENTED, SCHEMA_VERSION
from decaylab.catalogue.fields import FIELDS
from decaylab.runlog.reading import at, json_type, number, section

STATISTICS = ("mae", "rmse", "r2")
#: What a finished run is expected to have, by short name; what it lacks is said.
_EXPECTED = (
    "loss_type", "precision", "batch_size", "epochs", "scaler_type", "train_size", "edc_mae", "edt_mae", "t20_mae",
    "c50_mae",
)  # fmt: skip


def contradictions(metadata: dict[str, Any]) -> list[str]:
    """Figures of one record that cannot all be right; each is shown as stored."""
    found = []
    training, data = section(metadata, "training_config"), section(metadata, "data_config")
    minutes, seconds = (number(training.get(f"training_duration_{unit}")) for unit in ("minutes", "seconds"))
    if minutes is not None and seconds is not None and abs(minutes - seconds / 60) > max(0.05, 0.01 * abs(minutes)):
        found.append(f"durations contradict each other: {minutes:g} min, but {seconds:g} s = {seconds / 60:.4g} min")
    if (counts := contradicting_sizes(data)) is not None:
        found.append(f"num_samples {counts[0]:g}, but train + val + test = {counts[1]:g}")
    reached, limit = number(training.get("actual_epochs")), number(training.get("max_epochs"))
    if reached is not None and limit is not None and reached > limit:
        found.append(f"actual_epochs {reached:g} is more than max_epochs {limit:g}")
    return found


def contradicting_sizes(data: dict[str, Any]) -> tuple[float, float] | None:
    """num_samples, and the sum of the three parts, where a `data_config` has both and they differ."""
    sizes = [number(data.get(key)) for key in ("train_size", "val_size", "test_size")]
    used = number(data.get("num_samples"))
    return (used, sum(sizes)) if used is not None and None not in sizes and sum(sizes) != used else None


def wrong_types(metadata: dict[str, Any]) -> list[str]:
    found = []
    for key, documented in DOCUMENTED.items():
        value = metadata.get(key)
        if isinstance(documented, dict) and value is not None and not isinstance(value, dict):
            found.append(f"{key} is {json_type(value)}, not an object")
    metrics = section(metadata, "metrics")
    raw = section(metadata, "metrics_raw")
    for parameter in ("overall_edc", "edt", "t20", "c50"):
        statistics = metrics.get(parameter)
        if statistics is not None and not isinstance(statistics, dict):
            found.append(f"metrics.{parameter} is {json_type(statistics)}, not an object")
            continue
        for statistic in STATISTICS:
            value = (statistics or {}).get(statistic)
            path = f"{parameter}.{statistic}"
            if value is not None and number(value) is None:
                found.append(f"metrics.{path} is {json_type(value)}, not a number")
            elif path in raw:
                found.append(f"metrics.{path} is {raw[path]}")
            elif isinstance(value, str):
                found.append(f"metrics.{path} is {value}")
    for unit in ("seconds", "minutes"):
        value = section(metadata, "training_config").get(f"training_duration_{unit}")
        if value is not None and number(value) is None:
            found.append(f"training_duration_{unit} is {json_type(value)}, not a number")
    return found


def version(metadata: dict[str, Any]) -> list[str]:
    stored = metadata.get("schema_version")
    if stored is None or stored == SCHEMA_VERSION:
        return []
    return [f"schema_version {stored!r}, this program knows {SCHEMA_VERSION}: read as far as it goes"]


def missing(metadata: dict[str, Any], shape: str) -> list[str]:
    """What a run of the users' older programs lacks; our own say by their status why they lack it."""
    if "schema_version" in metadata:
        return []
    lacking = [name for name in _EXPECTED if at(metadata, FIELDS[name].path) is None]
    training = section(metadata, "training_config")
    if (
        number(training.get("training_duration_minutes")) is None
        and number(training.get("training_duration_seconds")) is None
    ):
        lacking.append("duration")
    problems = [f"not recorded: {', '.join(lacking)}"] if lacking else []
    if shape == "multihead":
        problems.append("no sizes of the splits")
    return problems
