"""The noise of a data set's labels, and a model's errors over it.

Simulated twice, a room has two curves. Mean |a - b| / sqrt 2 over rooms is about the mean absolute error of a perfect
predictor: for labels a = m + e with independent normal e of one spread, |a - b| has the mean of |e| times sqrt 2. It is
heavy-tailed, and near 1 a ratio of two such figures says little without its interval: so the ratio is taken on the same
rooms, and both figures have intervals over geometries (`evaluation.bootstrap`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from decaylab.errors import DataError
from decaylab.evaluation.bootstrap import Interval, bootstrap_mean, bootstrap_ratio
from decaylab.evaluation.errors import RoomErrors
from decaylab.evaluation.metrics import SCORED_PARAMETERS
from decaylab.evaluation.noise_file import read_noise
from decaylab.evaluation.scores import INVALID_LIMIT, finite
from decaylab.rooms.dataset import DataSet

#: Metrics that have a noise: of the curve, linear and in dB, and of each parameter.
NOISE_METRICS = ("edc", "edc_db", *SCORED_PARAMETERS)
#: Test rooms that must have been simulated twice before a ratio is recorded.
LEAST_ROOMS = 30
#: Two readings of one label (full precision in both files) differ by no more than this share.
_SAME_LABEL = 1e-9


def noise_summary(noise: RoomErrors) -> dict[str, Any]:
    """Metric -> `noise` (mean |a - b| / sqrt 2, unit of the metric), `low`, `high` (95 %), `rooms`, `heaviest_tenth`.

    `rooms` are those where both simulations are valid; `heaviest_tenth` is the share of the sum that the tenth of the
    rooms with the largest |a - b| carries. null where there is none.
    """
    return {name: _summary(values, noise.sizes) for name, values in noise_values(noise).items()}


def noise_values(noise: RoomErrors) -> dict[str, NDArray[np.float64]]:
    """Metric -> |a - b| / sqrt 2 of each room, (n,), NaN where one of both is invalid."""
    return {name: noise.absolute(_field(name)) / np.sqrt(2) for name in NOISE_METRICS}


def ratio_to_noise(
    errors: RoomErrors, noise: RoomErrors, training_medians: Mapping[str, float] | None = None
) -> dict[str, Any] | None:
    """A run's errors over the label noise, on the test rooms that have both; None for fewer than `LEAST_ROOMS`.

    ratio = sum |error| / sum (|a - b| / sqrt 2): 1 is as near to the labels as they are to themselves. A room counts
    if it is the same row, room and label in both. An invalid prediction counts as the training rooms' median of that
    parameter, and more than 1 % of them, or one whose median is not known, make the ratio null, as in `CurveMetrics`.

    Args:
        errors: of the run's test rooms.
        noise: what was measured of the data set.
        training_medians: parameter -> median of the training rooms; None: not known.

    Returns:
        `{"rooms": n, "metrics": {metric: {"noise", "ratio", "low", "high", "rooms"}}}`, JSON-able; noise x ratio is the
        MAE over these rooms.
    """
    places, others = _paired(errors, noise)
    if len(places) < LEAST_ROOMS:
        return None
    values = {name: column[others] for name, column in noise_values(noise).items()}
    metrics = {}
    for name in NOISE_METRICS:
        own = _own_errors(errors, name, training_medians)
        metrics[name] = _ratio(None if own is None else own[places], values[name], errors.sizes[places])
    return {"rooms": len(places), "metrics": metrics}


def recorded_ratio(
    data: DataSet, errors: RoomErrors, training_medians: Mapping[str, float] | None = None
) -> dict[str, Any] | None:
    """`ratio_to_noise` against what was measured of a data set; None where nothing was, or nothing that can be read.

    It ends a training: a damaged noise.csv must not fail it, and `decaylab noise --run` says what is wrong.

    Args:
        data: the data set.
        errors: of the run's test rooms.
        training_medians: parameter -> median of the training rooms; None: not known.
    """
    try:
        noise = read_noise(data.path)
    except (OSError, DataError):
        return None
    return ratio_to_noise(errors, noise, training_medians)


def scored_errors(
    predicted: NDArray[np.float64], true: NDArray[np.float64], median: float | None
) -> NDArray[np.float64] | None:
    """|predicted - true| (n,), NaN where the target is invalid; None where too many predictions are (see above).

    Args:
        predicted, true: (n,), NaN where invalid.
        median: what an invalid prediction counts as; None: not known.
    """
    valid = np.isfinite(true)
    invalid = valid & ~np.isfinite(predicted)
    count = int(invalid.sum())
    if count > INVALID_LIMIT * int(valid.sum()) or (count and (median is None or not np.isfinite(median))):
        return None
    error = np.abs(np.where(invalid, np.nan if median is None else median, predicted) - true)
    return np.where(valid, error, np.nan)


def _summary(values: NDArray[np.float64], sizes: NDArray[np.float64]) -> dict[str, Any]:
    valid = np.isfinite(values)
    found = values[valid]
    total = float(found.sum())
    # A tenth of the rooms exactly: of 32 rooms three, and a fifth of the fourth.
    share = np.clip(found.size / 10 - np.arange(found.size), 0, 1)
    heaviest = float((np.sort(found)[::-1] * share).sum())
    return {
        **_json("noise", bootstrap_mean(found, sizes[valid])),
        "rooms": int(found.size),
        "heaviest_tenth": heaviest / total if total > 0 else None,
    }


def _field(metric: str) -> str:
    """The name of a metric's errors in `RoomErrors`."""
    return f"{metric}_mae" if metric in ("edc", "edc_db") else metric


def _own_errors(errors: RoomErrors, name: str, medians: Mapping[str, float] | None) -> NDArray[np.float64] | None:
    if name in ("edc", "edc_db"):
        own = errors.absolute(_field(name))
        return own if np.isfinite(own).all() else None
    median = medians.get(name) if medians is not None else None
    return scored_errors(errors.predicted[name], errors.true[name], median)


def _ratio(own: NDArray[np.float64] | None, noise: NDArray[np.float64], sizes: NDArray[np.float64]) -> dict[str, Any]:
    if own is None:
        return {"noise": None, "ratio": None, "low": None, "high": None, "rooms": 0}
    both = np.isfinite(own) & np.isfinite(noise)
    interval = bootstrap_ratio(own[both], noise[both], sizes[both])
    mean = finite(float(noise[both].mean())) if both.any() else None
    return {"noise": mean, **_json("ratio", interval), "rooms": int(both.sum())}


def _json(name: str, interval: Interval) -> dict[str, float | None]:
    return {name: finite(interval.value), "low": finite(interval.low), "high": finite(interval.high)}


def _paired(errors: RoomErrors, noise: RoomErrors) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Places in `errors` and in `noise` of the rooms that are one room with one label."""
    of_row = {row: place for place, row in enumerate(noise.rows.tolist())}
    pairs = [
        (place, of_row[row])
        for place, (row, room) in enumerate(zip(errors.rows.tolist(), errors.rooms, strict=True))
        if row in of_row and noise.rooms[of_row[row]] == room
    ]
    places, others = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    same = (errors.sizes[places] == noise.sizes[others]).all(axis=1)
    for name in SCORED_PARAMETERS:
        true, first = errors.true[name][places], noise.true[name][others]
        same &= np.isclose(true, first, rtol=_SAME_LABEL, atol=0, equal_nan=True)
    return places[same], others[same]
