"""How far predicted parameters lie from simulated ones: intervals from the errors on rooms that training did not see.

Split conformal prediction (V. Vovk et al., Algorithmic Learning in a Random World, 2005, chapter 4): of n |errors| the
one of rank ceil((n + 1) x level) holds the next error with a probability of at least `level`, whatever their
distribution, for rooms drawn as those n were. The target is ONE simulation, so its noise is in the interval too.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from decaylab.acoustics import room_parameters

#: What is predicted of a room, with intervals.
INTERVAL_PARAMETERS = ("edt", "t20", "t30", "c50", "c80", "d50", "ts")
#: Whose errors grow with the value; the interval of the others is as wide everywhere.
RELATIVE = ("edt", "t20", "t30", "ts")
LEVEL = 0.9

Values = Mapping[str, NDArray[np.float64]]
Pair = tuple[NDArray[np.floating], NDArray[np.floating]]


def parameter_pairs(blocks: Iterable[Pair], sampling_rate: float) -> tuple[Values, Values]:
    """Parameters of predicted and true curves, name -> (n,), NaN where invalid; each from the onset of its own curve.

    Args:
        blocks: (predicted, true) linear energy, (rooms, samples) each.
    """
    found: tuple[list[Values], list[Values]] = ([], [])
    for pair in blocks:
        for curves, parts in zip(pair, found, strict=True):
            parts.append(room_parameters(curves, sampling_rate=sampling_rate, names=INTERVAL_PARAMETERS))
    predicted, true = (
        {name: np.concatenate([part[name] for part in parts]) if parts else np.zeros(0) for name in INTERVAL_PARAMETERS}
        for parts in found
    )
    return predicted, true


def fit_intervals(predicted: Values, true: Values) -> dict[str, Any]:
    """Half-widths of the intervals that hold a simulated parameter in `LEVEL` of the rooms; as a record keeps them.

    Returns:
        `level`; `rooms`; `relative`, the names whose half-width is a share of the predicted value; `half_width`, name
        -> that share, dB (C50, C80) or ratio (D50), null where the rooms are too few to tell (9 are the least for 0.9).
    """
    return {
        "level": LEVEL,
        "rooms": int(max((len(values) for values in true.values()), default=0)),
        "relative": list(RELATIVE),
        "half_width": {name: _rank(_errors(name, predicted, true), LEVEL) for name in INTERVAL_PARAMETERS},
    }


def coverage(intervals: Mapping[str, Any], predicted: Values, true: Values) -> dict[str, Any]:
    """Share of these rooms whose simulated parameter lies within its interval: `rooms`, then name -> share or null.

    Args:
        intervals: as `fit_intervals` gives them.
        predicted, true: name -> (n,), NaN where invalid.
    """
    shares: dict[str, Any] = {"rooms": int(max((len(values) for values in true.values()), default=0))}
    for name in INTERVAL_PARAMETERS:
        width, errors = intervals["half_width"][name], _errors(name, predicted, true)
        shares[name] = float(np.mean(errors <= width)) if width is not None and errors.size else None
    return shares


def half_widths(intervals: Mapping[str, Any] | None, predicted: Values) -> dict[str, NDArray[np.float64]]:
    """The half-width at each predicted value, name -> (n,) in the parameter's unit; NaN where unknown."""
    found = {}
    for name in INTERVAL_PARAMETERS:
        width = None if intervals is None else intervals["half_width"].get(name)
        scale = predicted[name] if name in RELATIVE else np.ones_like(predicted[name])
        found[name] = np.full(len(scale), np.nan) if width is None else np.where(scale > 0, width * scale, np.nan)
        found[name][~np.isfinite(predicted[name])] = np.nan
    return found


def _errors(name: str, predicted: Values, true: Values) -> NDArray[np.float64]:
    """|error|, over the predicted value where the interval is relative; rooms that have no valid pair are left out."""
    error = np.abs(predicted[name] - true[name])
    if name in RELATIVE:
        error = error / predicted[name]
    return np.asarray(error[np.isfinite(error)])


def _rank(errors: NDArray[np.float64], level: float) -> float | None:
    rank = math.ceil((len(errors) + 1) * level)
    return float(np.sort(errors)[rank - 1]) if 1 <= rank <= len(errors) else None
