"""Metrics again, from the arrays that a run stored."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from decaylab.errors import DataError
from decaylab.evaluation.curve_file import CurveFile
from decaylab.evaluation.metrics import CurveMetrics, Reference

#: Curves held at once: 64 x 96,000 float32 = 25 MB.
BLOCK_ROWS = 64
#: Relative difference of two metrics that counts as the same: sums of 10^8 float32 values in another order.
TOLERANCE = 1e-6


def score_arrays(
    predictions: CurveFile | NDArray[Any],
    targets: CurveFile | NDArray[Any],
    sampling_rate: float = 48_000,
    training_medians: dict[str, Any] | None = None,
) -> CurveMetrics:
    """Score stored curves (rooms, samples), best given as files.

    Args:
        predictions, targets: (rooms, samples), linear energy.
        sampling_rate: in Hz.
        training_medians: those of the record; needed only where invalid predictions were scored as them.

    Raises:
        DataError: the shapes differ or are no curves, or the medians are needed and not there.
    """
    if predictions.shape != targets.shape or targets.ndim != 2 or targets.dtype.kind != "f" or not targets.size:
        raise DataError(f"predictions {predictions.shape} and targets {targets.shape} are not curves of the same shape")

    def medians() -> dict[str, float]:
        if training_medians is None:
            raise DataError("invalid predictions were scored as the training rooms' medians, which are not recorded")
        # A record of before a parameter was scored does not have its median: figures that need it are null.
        return {n: float(v) for n, v in training_medians.items() if type(v) in (int, float)}

    metrics = CurveMetrics(medians)
    for start in range(0, len(targets), BLOCK_ROWS):
        block = slice(start, start + BLOCK_ROWS)
        metrics.add(np.asarray(predictions[block]), Reference.of(np.asarray(targets[block]), sampling_rate))
    return metrics


def differences(stored: Any, computed: Any, path: str = "metrics") -> list[str]:
    """Where computed metrics differ from stored ones by more than `TOLERANCE`.

    Only what the record has is compared: runs of before a metric was introduced do not have it.

    Args:
        stored, computed: metrics, as `CurveMetrics.result` nests them.
        path: how the names in the lines begin.
    """
    if isinstance(computed, dict):
        if not isinstance(stored, dict):
            return []
        return [
            d for key in computed if key in stored for d in differences(stored[key], computed[key], f"{path}.{key}")
        ]
    if isinstance(computed, list) and isinstance(stored, list) and len(stored) == len(computed):
        pairs = enumerate(zip(stored, computed, strict=True))
        return [line for place, (s, c) in pairs for line in differences(s, c, f"{path}[{place}]")]
    if stored is None and computed is None:
        return []
    if not (_is_number(stored) and _is_number(computed)) or not _agree(stored, computed):
        return [f"{path} is {stored} in the record, {computed} from the arrays"]
    return []


def _agree(stored: float, computed: float) -> bool:
    return bool(abs(stored - computed) <= TOLERANCE * max(abs(stored), abs(computed), 1e-3))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
