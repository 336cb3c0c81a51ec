"""What marks a run as severely wrong in a table: a few tests of its metadata alone, cheap enough for every row.

`decaylab diagnose` has the same tests among many others; what they are called and where they bite stands here once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from decaylab.runlog.reading import number

if TYPE_CHECKING:
    from decaylab.runlog.record import Record

#: Physics alone comes to a few hundredths of the mean curve's error in rooms whose features are their own.
FOREIGN_PHYSICS = 0.8
#: Share of predictions without a valid parameter, and their least number, from which it is more than a few odd rooms.
INVALID_SHARE, INVALID_COUNT = 0.1, 3
PARAMETERS = ("edt", "t20", "c50")


def r2_below_zero(record: Record) -> float | None:
    """R2 of the EDC where it is below zero."""
    value = number(record.get("edc_r2"))
    return float(value) if value is not None and value < 0 else None


def times_the_mean(record: Record) -> float | None:
    """The EDC's MAE over that of the mean training curve, where it is at least 1."""
    value = record.get("edc_vs_mean")
    return float(value) if value is not None and value >= 1 else None


def foreign_features(record: Record) -> float | None:
    """The error of what physics expects over that of the mean curve, where features cannot be those of the curves."""
    physics = number(record.get("baselines.physics.overall_edc.mae"))
    mean = number(record.get("baselines.mean_curve.overall_edc.mae"))
    return float(physics / mean) if physics is not None and mean and physics >= FOREIGN_PHYSICS * mean else None


def not_finite(record: Record) -> str | None:
    """The figures of the EDC that were NaN or infinite, as text."""
    raw = record.get("metrics_raw")
    if not isinstance(raw, dict):
        return None
    wild = [f"{name} {value}" for name, value in raw.items() if name in _EDC_NAMES]
    return ", ".join(wild) or None


def unscored(record: Record) -> dict[str, tuple[int, int]]:
    """Parameters that many predictions have no valid value of: (how many, of how many valid targets)."""
    found = {}
    for name in PARAMETERS:
        invalid = number(record.get(f"metrics.{name}.invalid_predictions"))
        targets = number(record.get(f"metrics.{name}.targets"))
        if invalid is not None and targets and invalid >= max(INVALID_COUNT, INVALID_SHARE * targets):
            found[name] = (int(invalid), int(targets))
    return found


def severe(record: Record) -> list[str] | None:
    """Codes of the severe findings that a record's metadata shows by itself; None where there are none."""
    return [code for code, test in _TESTS.items() if test(record)] or None


_EDC_NAMES = frozenset((
    "overall_edc.mae", "overall_edc.rmse", "overall_edc.r2", "mae", "rmse", "r2", "edc_mae", "edc_rmse", "edc_r2",
))  # fmt: skip
_TESTS: dict[str, Any] = {
    "diverged": lambda record: record.status == "diverged",
    "not_finite": not_finite,
    "wrong_join": foreign_features,
    "r2_below_zero": r2_below_zero,
    "worse_than_mean": times_the_mean,
    "predictions_without_parameters": unscored,
}
