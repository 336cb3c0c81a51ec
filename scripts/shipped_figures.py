"""What is measured of the model that ships: against simulations, beside physics alone and the formulas."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from decaylab.acoustics import room_parameters
from decaylab.evaluation.intervals import INTERVAL_PARAMETERS, coverage
from decaylab.inference import Predictor
from decaylab.rooms.dataset import DataSet
from decaylab.rooms.features import SIZE

sys.path.append(str(Path(__file__).parents[1] / "benchmarks"))
from against import JUDGED, PEERS, Curves, error_figures, other_simulation, score_against

_BLOCK = 64


def measured(data: DataSet, rows: NDArray[np.int64], model: Predictor, again: DataSet | None = None) -> dict[str, Any]:
    """Figures of the model on these rooms, beside those of `PEERS`; JSON-able.

    Args:
        again: the same rooms simulated under another seed, for the label noise.

    Returns:
        `rooms`; `simulation`, its settings; `t20_range` and `volume_range` of the targets; `ways`, name ->
        `error_figures`; `noise`, metric -> mean |a - b| / sqrt 2, or null; `coverage`, parameter -> share of the rooms
        within the model's interval.
    """
    ways = {"shipped": of_model(model), **PEERS}
    if again is not None:
        ways["again"] = other_simulation(again)
    scores = score_against(data, rows, ways)
    true_t20 = scores["shipped"].parameters()["t20"][1]
    volume = data.features[rows][:, SIZE].prod(axis=1)
    figures = {name: error_figures(of_way) for name, of_way in scores.items()}
    twice = figures.pop("again", None)
    return {
        "rooms": len(rows),
        "simulation": {key: data.manifest["settings"].get(key) for key in ("simulator", "rays", "seed", "builder")},
        "t20_range": [float(np.nanmin(true_t20)), float(np.nanmax(true_t20))],
        "volume_range": [float(volume.min()), float(volume.max())],
        "ways": figures,
        "noise": None if twice is None else {name: twice[name]["mae"] / 2**0.5 for name in (*JUDGED, "edc")},
        "coverage": covered(data, rows, model),
    }


def of_model(model: Predictor) -> Curves:
    """The model as one of the ways that are compared."""

    def curves(features: NDArray[np.float64]) -> NDArray[np.float32]:
        drawn = model.predict(features).curves
        assert drawn is not None
        return drawn

    return curves


def covered(data: DataSet, rows: NDArray[np.int64], model: Predictor) -> dict[str, Any] | None:
    """Share of these rooms whose simulated parameters lie within the model's intervals; each from its own onset."""
    if model.about.intervals is None:
        return None
    parts: tuple[list[Any], list[Any]] = ([], [])
    for start in range(0, len(rows), _BLOCK):
        block = rows[start : start + _BLOCK]
        parts[0].append(model.predict(data.features[block], curves=False).parameters)
        parts[1].append(room_parameters(data.read(block), names=INTERVAL_PARAMETERS))
    predicted, true = (
        {name: np.concatenate([part[name] for part in of]) for name in INTERVAL_PARAMETERS} for of in parts
    )
    return coverage(model.about.intervals, predicted, true)
