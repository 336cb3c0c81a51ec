"""The metrics of a run's stored curves again, by either set of definitions, without holding them in memory."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from decaylab.acoustics import room_parameters
from decaylab.errors import InputError
from decaylab.evaluation.curve_file import CurveFile
from decaylab.evaluation.metrics import SCORED_PARAMETERS
from decaylab.evaluation.recompute import BLOCK_ROWS, score_arrays
from decaylab.evaluation.scores import INVALID_LIMIT, parameter_scores

DEFINITIONS = ("iso", "predecessor")
#: What the predecessor's definitions know.
OLD_PARAMETERS = ("edt", "t20", "c50")
_OLD_KEYS = ("mae", "rmse", "r2", "targets", "invalid_targets", "invalid_predictions")


class Evaluation(NamedTuple):
    """Metrics, null where not computable, and what there is to say of those that are null."""

    metrics: dict[str, Any]
    notes: list[str]


def reevaluate(
    predictions: CurveFile | NDArray[Any],
    targets: CurveFile | NDArray[Any],
    definitions: str = "iso",
    sampling_rate: float = 48_000,
    training_medians: dict[str, Any] | None = None,
) -> Evaluation:
    """Metrics of stored curves (rooms, samples), in the form of metadata.json's `metrics`.

    - "iso": as every run is scored (`CurveMetrics`).
    - "predecessor": EDT, T20 and C50 by `acoustics.predecessor` (each curve divided by its maximum, from the file's
      start, C50 by summing the EDC), only to read old figures. The metrics of the curve are the same by both.

    Args:
        predictions, targets: (rooms, samples), linear energy.
        definitions: "iso" or "predecessor".
        sampling_rate: in Hz.
        training_medians: those of the record; an invalid prediction counts as them ("iso" only), and makes its metric
            null where they are not known.

    Raises:
        InputError: other definitions. DataError: no curves, or not of one shape.
    """
    if definitions not in DEFINITIONS:
        raise InputError(f"unknown definitions '{definitions}': choose from {', '.join(DEFINITIONS)}")
    medians = training_medians if definitions == "iso" and training_medians is not None else {}
    metrics = score_arrays(predictions, targets, sampling_rate, medians).result()
    if definitions == "predecessor":
        metrics = {"overall_edc": metrics["overall_edc"], **_old_metrics(predictions, targets, sampling_rate)}
    return Evaluation(metrics, _notes(metrics))


def _old_metrics(
    predictions: CurveFile | NDArray[Any], targets: CurveFile | NDArray[Any], sampling_rate: float
) -> dict[str, Any]:
    predicted, true = (_old_parameters(curves, sampling_rate) for curves in (predictions, targets))
    metrics = {}
    for name in OLD_PARAMETERS:
        scores = parameter_scores(name, predicted[name], true[name], true[name], dict)
        metrics[name] = {key: scores[key] for key in _OLD_KEYS}
    return metrics


def _old_parameters(curves: CurveFile | NDArray[Any], sampling_rate: float) -> dict[str, NDArray[np.float64]]:
    how: dict[str, Any] = {"sampling_rate": sampling_rate, "names": OLD_PARAMETERS, "definitions": "predecessor"}
    starts = range(0, len(curves), BLOCK_ROWS)
    parts = [room_parameters(curves[start : start + BLOCK_ROWS], **how) for start in starts]
    return {name: np.concatenate([part[name] for part in parts]) for name in OLD_PARAMETERS}


def _notes(metrics: dict[str, Any]) -> list[str]:
    notes = []
    for name in SCORED_PARAMETERS:
        scores = metrics.get(name)
        if scores is None or scores["mae"] is not None:
            continue
        invalid, targets = scores["invalid_predictions"], scores["targets"]
        if not targets:
            notes.append(f"{name} is null: no target has a valid one")
            continue
        why = " (limit: 1 %)"
        if invalid <= INVALID_LIMIT * targets:
            why = ", and the training rooms' median that they would count as is not recorded"
        notes.append(f"{name} is null: {invalid} of {targets} predictions have no valid one{why}")
    return notes
