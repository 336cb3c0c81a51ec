"""Other ways from features to curves than a trained model: physics alone, the formulas, another simulation."""

from __future__ import annotations

import functools

import numpy as np
import torch
from numpy.typing import NDArray

from decaylab.acoustics.formulas import formula_edc
from decaylab.evaluation.against import Curves
from decaylab.models.baseline import PhysicalBaseline
from decaylab.models.grid import draw_curve
from decaylab.rooms.dataset import DataSet
from decaylab.rooms.features import ABSORPTION, RECEIVER, SIZE, SOURCE


def physics(features: NDArray[np.float64]) -> NDArray[np.float32]:
    """The baseline of `compact` alone, nothing trained."""
    baseline = _baseline()
    rooms = torch.from_numpy(features).float()
    with torch.inference_mode():
        return np.asarray(draw_curve(baseline(rooms), baseline.knots(rooms)).numpy())


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


@functools.cache
def _baseline() -> PhysicalBaseline:
    return PhysicalBaseline()
