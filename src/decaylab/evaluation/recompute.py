"""Metrics again, from the arrays that a run stored."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from decaylab.errors import DataError
from decaylab.evaluation.metrics import CurveMetrics, Reference

#: Curves held at once: 64 x 96,000 float32 = 25 MB.
BLOCK_ROWS = 64
#: Relative difference of two metrics that counts as the same: sums of 10^8 float32 values in another order.
TOLERANCE = 1e-6


def recompute_metrics(
    predictions: NDArray[np.float32],
    targets: NDArray[np.float32],
    sampling_rate: float = 48_000,
    training_medians: dict[str, float] | None = None,
) -> dict[str, Any]:
    """Metrics of stored curves (rooms, samples), best given as memory maps, as `CurveMetrics.result` gives them.

    Args:
        training_medians: those of the record; needed only where invalid predictions were scored as them.

    Raises:
        DataError: the shapes differ or are no curves, or the medians are needed and not there.
    """
    if predictions.shape != targets.shape or targets.ndim != 2 or targets.dtype.kind != "f":
        raise DataError(f"predictions {predictions.shape} and targets {targets.shape} are not curves of the same shape")

    def medians() -> dict[str, float]:
        if training_medians is None:
            raise DataError("invalid predictions were scored as the training rooms' medians, which are not recorded")
        return training_medians

    metrics = CurveMetrics(medians)
    for start in range(0, len(targets), BLOCK_ROWS):
        block = slice(start, start + BLOCK_ROWS)
        metrics.add(np.asarray(predictions[block]), Reference.of(np.asarray(targets[block]), sampling_rate))
    return metrics.result()


def differences(stored: Any, computed: Any, path: str = "metrics") -> list[str]:
    """Where computed metrics differ from stored ones by more than `TOLERANCE`."""
    if isinstance(computed, dict):
        if not isinstance(stored, dict):
            return []
        return [line for key in computed for line in differences(stored.get(key), computed[key], f"{path}.{key}")]
    if stored is None and computed is None:
        return []
    if stored is None or computed is None or abs(stored - computed) > TOLERANCE * max(abs(stored), abs(computed), 1e-3):
        return [f"{path} is {stored} in the record, {computed} from the arrays"]
    return []
