"""What physics alone expects of a box room: the baseline that every run is scored beside."""

from __future__ import annotations

import functools

import numpy as np
import torch
from numpy.typing import NDArray

from decaylab.models.baseline import PhysicalBaseline
from decaylab.models.grid import draw_curve


def physics(features: NDArray[np.float64]) -> NDArray[np.float32]:
    """The baseline of `compact` alone, nothing trained."""
    baseline = _baseline()
    rooms = torch.from_numpy(features).float()
    with torch.inference_mode():
        return np.asarray(draw_curve(baseline(rooms), baseline.knots(rooms)).numpy())


@functools.cache
def _baseline() -> PhysicalBaseline:
    return PhysicalBaseline()
