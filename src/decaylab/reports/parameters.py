"""The three parameters that runs are judged by, as pictures name them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from decaylab.evaluation.errors import RoomErrors
from decaylab.reports.spec import Values


class Shown(NamedTuple):
    """A parameter: its key, its name, its unit, and the digits that tell rooms apart."""

    key: str
    name: str
    unit: str
    digits: int


#: In the order of the issue's sentence and of most papers: reverberation, early decay, clarity.
SHOWN = (Shown("t20", "T20", "s", 3), Shown("edt", "EDT", "s", 3), Shown("c50", "C50", "dB", 2))
#: Said in every axis: they are of the whole band, not ISO's single number.
BAND = "broadband"


def valid_pairs(errors: RoomErrors, key: str) -> tuple[Values, Values, list[str], int, int]:
    """True and predicted values of the rooms where both are valid, their IDs; invalid targets, invalid predictions."""
    true, predicted = errors.true[key], errors.predicted[key]
    has_target = np.isfinite(true)
    both = has_target & np.isfinite(predicted)
    names = [errors.rooms[int(place)] for place in np.flatnonzero(both)]
    return true[both], predicted[both], names, int((~has_target).sum()), int((has_target & ~both).sum())


def few(count: int, most: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Places 0 .. count - 1, or `most` of them spread evenly."""
    return np.unique(np.linspace(0, max(count - 1, 0), min(count, most)).astype(np.int64))
