"""How near predictions are to the expected decay, in units of one simulation.

A simulated label is the expected curve plus the noise of one random carrier, which is in every error against it.
Against the mean of K simulations under different seeds that noise is sqrt K times smaller: ratio = mean |prediction -
mean of K| / mean |one further simulation - mean of K|, on the same rooms. 1 is as good as simulating once. Parameters
are those of the mean curve, not means of parameters; its onset serves all three.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from decaylab.errors import DataError
from decaylab.evaluation.bootstrap import bootstrap_ratio
from decaylab.evaluation.metrics import SCORED_PARAMETERS, CurveMetrics, Reference
from decaylab.evaluation.noise import NOISE_METRICS, scored_errors
from decaylab.evaluation.scores import finite

#: Simulations whose mean stands for the expected curve.
SIMULATIONS = 16


def perfect_ratio(simulations: int = SIMULATIONS) -> float:
    """The ratio of a predictor that knows the expected curve, for independent normal noise: 1 / sqrt(K + 1).

    The mean of K is itself off by s / sqrt K, one further simulation is off from it by s sqrt(1 + 1 / K).
    """
    return float(1 / np.sqrt(simulations + 1))


class Nearness:
    """Adds up blocks of rooms.

    Args:
        sampling_rate: of the curves in Hz.
        training_medians: what an invalid prediction counts as (see `CurveMetrics`); without them it makes its metric
            null, and so do more than 1 % of them.
    """

    def __init__(self, sampling_rate: float = 48_000, training_medians: Mapping[str, float] | None = None) -> None:
        self._rate = sampling_rate
        self._medians = training_medians or {}
        self._prediction, self._single = CurveMetrics(dict), CurveMetrics(dict)
        self._rooms = 0

    def add(self, prediction: NDArray[np.float32], expected: NDArray[np.float32], single: NDArray[np.float32]) -> None:
        """Take a block of rooms, each argument (n, samples) linear energy.

        Args:
            prediction: by the model. expected: mean of K simulations. single: one simulation that is not among the K.

        Raises:
            DataError: the shapes differ.
        """
        reference = Reference.of(expected, self._rate)
        self._prediction.add(prediction, reference)
        self._single.add(single, reference)
        self._rooms += len(expected)

    def result(self, sizes: NDArray[np.float64]) -> dict[str, dict[str, Any]]:
        """Metric -> `prediction`, `simulation` (both mean errors, in its unit), `ratio`, `low`, `high` (95 %), `rooms`.

        Args:
            sizes: (rooms, 3) length, width, height in the order that the rooms were added: the interval's clusters.

        Raises:
            DataError: another number of rooms than was added, or none.
        """
        if len(sizes) != self._rooms or not self._rooms:
            raise DataError(f"{len(sizes)} sizes for {self._rooms} rooms: give the length, width and height of each")
        return {name: self._of(name, sizes) for name in NOISE_METRICS}

    def _of(self, name: str, sizes: NDArray[np.float64]) -> dict[str, Any]:
        own, single = (self._errors(scores, name) for scores in (self._prediction, self._single))
        if own is None or single is None:
            return {**dict.fromkeys(("prediction", "simulation", "ratio", "low", "high")), "rooms": 0}
        both = np.isfinite(own) & np.isfinite(single)
        interval = bootstrap_ratio(own[both], single[both], sizes[both])
        return {
            "prediction": finite(float(own[both].mean())) if both.any() else None,
            "simulation": finite(float(single[both].mean())) if both.any() else None,
            "ratio": finite(interval.value),
            "low": finite(interval.low),
            "high": finite(interval.high),
            "rooms": int(both.sum()),
        }

    def _errors(self, scores: CurveMetrics, name: str) -> NDArray[np.float64] | None:
        if name not in SCORED_PARAMETERS:
            found = scores.curves()[("edc", "edc_db").index(name)]
            return found if np.isfinite(found).all() else None
        predicted, true = scores.parameters()[name]
        if scores is self._single:  # a simulation without a valid parameter is no mistake of the model's
            return np.abs(predicted - true)
        return scored_errors(predicted, true, self._medians.get(name))


def nearness(
    prediction: NDArray[np.float32],
    expected: NDArray[np.float32],
    single: NDArray[np.float32],
    sizes: NDArray[np.float64],
    sampling_rate: float = 48_000,
    training_medians: Mapping[str, float] | None = None,
) -> dict[str, dict[str, Any]]:
    """`Nearness` of rooms that are all in memory: curves (rooms, samples), sizes (rooms, 3)."""
    found = Nearness(sampling_rate, training_medians)
    found.add(prediction, expected, single)
    return found.result(sizes)
