"""The scale of a curve's samples as networks see it: one rule for training and for use."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

#: Ten times float64's resolution of a curve that starts at 1: -147 dB.
LEAST_SCALE = 10 * float(np.finfo(np.float64).eps)


def usable_scale(scale: ArrayLike) -> NDArray[np.float64]:
    """The scale of each sample, 1 where it is next to nothing, as in scikit-learn's MinMaxScaler.

    Late in a record the spread is so small that float32 would make it 0.
    """
    values = np.asarray(scale, dtype=np.float64)
    return np.where(values < LEAST_SCALE, 1.0, values)
