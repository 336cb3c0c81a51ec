"""The metrics of predicted decay curves, gathered in blocks: memory does not grow with the number of samples.

MAE, RMSE and R2 of the curve; of EDT, T20, T30, C50 and Ts over the rooms whose target is valid these and the figures
of `evaluation.scores`. A model is never rewarded for curves that cannot be scored: an invalid prediction counts as the
training rooms' median of that parameter, and if more than 1 % of the predictions are invalid the metric does not exist
(null).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from decaylab.acoustics import onset_index, room_parameters
from decaylab.errors import DataError
from decaylab.evaluation.scores import finite, parameter_scores

Parameters = dict[str, NDArray[np.float64]]

SCORED_PARAMETERS = ("edt", "t20", "t30", "c50", "ts")

#: `edc_db_mae` compares the curves in dB down to this level of the target.
DB_RANGE = -35.0
#: What a predicted energy of zero or less counts as, in dB, for `edc_db_mae`.
DB_FLOOR = -100.0


class Reference(NamedTuple):
    """A block of target curves with what scoring needs of them, computed once for any number of predictions.

    `energy` (n, samples) linear; `onset` (n,) samples; `parameters` name -> (n,), NaN where invalid; `sampling_rate`
    in Hz.
    """

    energy: NDArray[np.float32]
    onset: NDArray[np.int64]
    parameters: Parameters
    sampling_rate: float

    @classmethod
    def of(cls, energy: NDArray[np.float32], sampling_rate: float) -> Reference:
        """That of target curves (n, samples), linear energy; the sampling rate in Hz."""
        onset = onset_index(energy)
        parameters = room_parameters(energy, sampling_rate=sampling_rate, onset=onset, names=SCORED_PARAMETERS)
        return cls(energy, onset, parameters, sampling_rate)


class CurveMetrics:
    """Adds up blocks of predictions and targets.

    Args:
        training_medians: called only if a prediction is invalid; the median of each parameter over the training rooms.
    """

    def __init__(self, training_medians: Callable[[], dict[str, float]]) -> None:
        self._medians = training_medians
        self._count = 0
        self._absolute = self._squared = self._sum = self._sum_squares = 0.0
        self._curves: list[tuple[NDArray[np.float64], NDArray[np.float64]]] = []
        self._parameters: list[tuple[Parameters, Parameters]] = []

    def add(self, prediction: NDArray[np.float32], reference: Reference) -> None:
        """Take one block: `prediction` (n, samples) linear energy, in the order of the reference's curves.

        The onset of the target serves both. Non-finite predictions make the curve's metrics null.

        Raises:
            DataError: the shapes differ.
        """
        target = reference.energy
        if prediction.shape != target.shape:
            raise DataError(f"predictions {prediction.shape} and targets {target.shape} have different shapes")
        linear = np.empty(len(target))
        for row in range(len(target)):
            # Curve by curve, so that a curve stays in cache; sums in float64 because 115 million terms are added.
            truth = target[row]
            error = prediction[row] - truth
            absolute = float(np.abs(error).sum(dtype=np.float64))
            linear[row] = absolute / truth.size
            self._absolute += absolute
            self._squared += _sum_of_squares(error)
            self._sum += float(truth.sum(dtype=np.float64))
            self._sum_squares += _sum_of_squares(truth)
        self._count += target.size
        self._curves.append((linear, _db_errors(prediction, target, reference.onset)))
        scored = room_parameters(
            prediction, sampling_rate=reference.sampling_rate, onset=reference.onset, names=SCORED_PARAMETERS
        )
        self._parameters.append((scored, reference.parameters))

    def result(self) -> dict[str, Any]:
        """`{"overall_edc": {"mae", "rmse", "r2"}, "edt": {...}, ..., "edc_db_mae": ...}`; null where not computable.

        Units: EDC and R2 none, times seconds, C50 dB; `edc_db_mae` dB. Each parameter as `parameter_scores` gives it:
        bias, 95th percentile, share within the just noticeable difference, terciles and counts beside the three.
        """
        spread = self._sum_squares - self._sum**2 / self._count
        edc_db = self.curves()[1]
        metrics: dict[str, Any] = {
            "overall_edc": {
                "mae": finite(self._absolute / self._count),
                "rmse": finite(np.sqrt(self._squared / self._count)),
                "r2": finite(1 - self._squared / spread) if spread > 0 else None,
            }
        }
        pairs = self.parameters()
        true_t20 = pairs["t20"][1]
        for name, (predicted, true) in pairs.items():
            metrics[name] = parameter_scores(name, predicted, true, true_t20, self._medians)
        metrics["edc_db_mae"] = finite(float(np.mean(edc_db))) if edc_db.size else None
        return metrics

    def curves(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Each room's mean |error| of the curve: in linear energy over all samples, and in dB (see `DB_RANGE`)."""
        linear, db = (np.concatenate(blocks) for blocks in zip(*self._curves, strict=True))
        return linear, db

    def parameters(self) -> dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]:
        """Each parameter's (predicted, true) values, room by room, NaN where invalid."""
        sides = list(zip(*self._parameters, strict=True))
        pairs = {
            name: [np.concatenate([block[name] for block in side]) for side in sides] for name in SCORED_PARAMETERS
        }
        return {name: (predicted, true) for name, (predicted, true) in pairs.items()}


def _sum_of_squares(values: NDArray[np.float32]) -> float:
    """In float64. Not `values @ values`: BLAS would start threads for a tenth of a millisecond's work."""
    return float(np.einsum("i,i->", values, values, dtype=np.float64))


def _db_errors(
    prediction: NDArray[np.float32], target: NDArray[np.float32], onsets: NDArray[np.int64]
) -> NDArray[np.float64]:
    """For each curve the mean |difference in dB| from the onset to where the target passes -35 dB."""
    errors = np.empty(len(target))
    floor = 10 ** (DB_FLOOR / 10)
    for row, onset in enumerate(onsets):
        truth = target[row, onset:]
        below = truth < truth[0] * 10 ** (DB_RANGE / 10)
        stop = int(below.argmax()) if below.any() else truth.size
        true = np.maximum(truth[:stop], floor)
        predicted = np.maximum(prediction[row, onset : onset + stop], floor)
        errors[row] = 10 * np.mean(np.abs(np.log10(predicted / true)), dtype=np.float64)
    return errors
