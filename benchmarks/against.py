"""Anything that predicts curves from features, held against a data set's curves: a model, physics alone, formulas."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from decaylab.acoustics.formulas import formula_edc
from decaylab.acoustics.jnd import just_noticeable
from decaylab.evaluation.metrics import CurveMetrics, Reference
from decaylab.evaluation.physics import physics
from decaylab.rooms.features import ABSORPTION, RECEIVER, SIZE, SOURCE
from decaylab.rooms.store import DataSet

#: Curves (n, samples), linear energy, of rooms with these features (n, 16).
Curves = Callable[[NDArray[np.float64]], NDArray[np.float32]]

#: Rooms at a time: 25 MB of curves.
_BLOCK = 64
#: Parameters of `error_figures`.
JUDGED = ("t20", "edt", "c50")


def score_against(data: DataSet, rows: NDArray[np.int64], ways: Mapping[str, Curves]) -> dict[str, CurveMetrics]:
    """Each way's curves against the data set's, for these rows; the target's onset serves both, as in every metric.

    Args:
        data: the data set.
        rows: (n,) rows of it.
        ways: name -> features (n, 16) to curves (n, samples).
    """
    scores = {name: CurveMetrics(dict) for name in ways}
    for start in range(0, len(rows), _BLOCK):
        block = rows[start : start + _BLOCK]
        reference = Reference.of(data.read(block), data.sampling_rate)
        for name, curves in ways.items():
            scores[name].add(curves(data.features[block]), reference)
    return scores


def error_figures(scores: CurveMetrics) -> dict[str, Any]:
    """T20, EDT (s) and C50 (dB) over the rooms where target and prediction are valid, and the curve.

    Returns:
        Of each parameter `mae`, `bias` (prediction less target) and `p95` in its unit; `jnd`, the median, 75th and 90th
        percentile of |error| in just noticeable differences; `within_jnd`, the share within one; `rooms`, those valid;
        `invalid`, rooms whose target alone is valid; figures of no room are null. `edc`: `mae` and, in dB down to
        -35 dB, `db_mae`.
    """
    figures: dict[str, Any] = {}
    for name in JUDGED:
        predicted, true = scores.parameters()[name]
        both = np.isfinite(predicted) & np.isfinite(true)
        error = (predicted - true)[both]
        counts = {"rooms": int(both.sum()), "invalid": int((np.isfinite(true) & ~np.isfinite(predicted)).sum())}
        figures[name] = {**_spread(error, just_noticeable(name, true[both])), **counts}
    linear, level = scores.curves()
    figures["edc"] = {"mae": float(linear.mean()), "db_mae": float(level.mean())}
    return figures


def _spread(error: NDArray[np.float64], noticeable: NDArray[np.float64]) -> dict[str, Any]:
    if not error.size:
        return dict.fromkeys(("mae", "bias", "p95", "jnd", "within_jnd"))
    size = np.abs(error)
    noticed = size / noticeable
    return {
        "mae": float(size.mean()),
        "bias": float(error.mean()),
        "p95": float(np.percentile(size, 95)),
        "jnd": [float(value) for value in np.percentile(noticed, (50, 75, 90))],
        "within_jnd": float(np.mean(noticed <= 1.0)),
    }


def by_formula(name: str) -> Curves:
    """Curves by `acoustics.formulas`: "sabine" or "eyring"."""
    return lambda rooms: formula_edc(name, rooms[:, SIZE], rooms[:, SOURCE], rooms[:, RECEIVER], rooms[:, ABSORPTION])


def other_simulation(again: DataSet) -> Curves:
    """The curves of another data set, room by room the same."""
    row_of = {features.tobytes(): row for row, features in enumerate(again.features)}
    return lambda rooms: again.read([row_of[features.tobytes()] for features in rooms])


#: What any model may be put beside.
PEERS: dict[str, Curves] = {
    "physics": physics,
    "sabine": by_formula("sabine"),
    "eyring": by_formula("eyring"),
}
