"""How far predicted parameters are from true ones: the figures of one parameter over the test rooms."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from decaylab.acoustics.jnd import just_noticeable

Values = NDArray[np.float64]

#: Share of invalid predictions for valid targets beyond which a parameter's figures are null.
INVALID_LIMIT = 0.01

#: What there is of each parameter beside MAE, RMSE and R2.
DETAILS = ("bias", "p95", "within_jnd", "by_tercile")


def parameter_scores(
    name: str, predicted: Values, true: Values, true_t20: Values, training_medians: Callable[[], Mapping[str, float]]
) -> dict[str, Any]:
    """The figures of one parameter over the rooms whose target is valid.

    - `mae`, `rmse`: mean |error|, root of the mean squared error; s, C50 in dB. `r2` = 1 - SSE / SST, no unit.
    - `bias`: mean error, prediction less target; s, C50 in dB. Above 0 the model predicts too much.
    - `p95`: 95th percentile of |error|, straight lines between the sorted errors; s, C50 in dB.
    - `within_jnd`: share (0 to 1) of the rooms whose |error| is at most one just noticeable difference
      (`decaylab.acoustics.jnd`).
    - `by_tercile`: the rooms in three parts by their target's T20, shortest first; a list of three of `t20_range`
      (least and greatest T20 in the part, s; null if it is empty), `rooms` (scored ones), `mae`, `bias`, `within_jnd`.
    - `targets`, `invalid_targets`, `invalid_predictions`: numbers of rooms.

    An invalid prediction counts as the training rooms' median in every figure; more than `INVALID_LIMIT` of them, or
    no valid target, and all figures are null.

    Args:
        name: which parameter.
        predicted, true: (rooms,), NaN where invalid.
        true_t20: (rooms,) T20 of the targets in s, NaN where invalid: such rooms are in no tercile.
        training_medians: called only if a prediction is invalid; the median of each parameter over the training rooms.
            Figures that would need one that is not there are null.
    """
    valid = np.isfinite(true)
    parts = terciles(true_t20)[valid]
    predicted, true, times = predicted[valid], true[valid], true_t20[valid]
    invalid = ~np.isfinite(predicted)
    counts = {
        "targets": int(valid.sum()),
        "invalid_targets": int((~valid).sum()),
        "invalid_predictions": int(invalid.sum()),
    }
    if not true.size or invalid.mean() > INVALID_LIMIT:
        return {**dict.fromkeys(("mae", "rmse", "r2", *DETAILS)), **counts}
    if invalid.any():
        predicted[invalid] = training_medians().get(name, np.nan)
    error = predicted - true
    noticeable = just_noticeable(name, true)
    spread = float(np.sum((true - true.mean()) ** 2))
    within = _means(error, noticeable)
    return {
        "mae": within["mae"],
        "rmse": finite(float(np.sqrt(np.mean(error**2)))),
        "r2": finite(1 - float(np.einsum("i,i->", error, error)) / spread) if spread > 0 else None,
        "bias": within["bias"],
        "p95": finite(float(np.percentile(np.abs(error), 95))),
        "within_jnd": within["within_jnd"],
        "by_tercile": [_of_part(parts == part, times, error, noticeable) for part in range(3)],
        **counts,
    }


def terciles(values: Values) -> NDArray[np.int64]:
    """Which third each value lies in, 0, 1 or 2 from the lowest, (n,); -1 where it is NaN.

    The borders are the quantiles 1/3 and 2/3 of the valid values. Equal values are never parted: where many are equal,
    a third may be larger than the others, or empty.
    """
    valid = np.isfinite(values)
    found = np.full(len(values), -1, dtype=np.int64)
    if valid.any():
        borders = np.quantile(values[valid], (1 / 3, 2 / 3))
        found[valid] = np.searchsorted(borders, values[valid], side="left")
    return found


def finite(value: float) -> float | None:
    """The value for a record: null where it is not a finite number."""
    return float(value) if np.isfinite(value) else None


def _of_part(chosen: NDArray[np.bool_], times: Values, error: Values, noticeable: Values) -> dict[str, Any]:
    inside = times[chosen]
    return {
        "t20_range": [float(inside.min()), float(inside.max())] if inside.size else None,
        "rooms": int(inside.size),
        **_means(error[chosen], noticeable[chosen]),
    }


def _means(error: Values, noticeable: Values) -> dict[str, float | None]:
    if not np.isfinite(error).all() or not error.size:
        return {"mae": None, "bias": None, "within_jnd": None}
    return {
        "mae": finite(float(np.mean(np.abs(error)))),
        "bias": finite(float(np.mean(error))),
        "within_jnd": finite(float(np.mean(np.abs(error) <= noticeable))),
    }
