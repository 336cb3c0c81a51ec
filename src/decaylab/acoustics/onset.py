"""Where a curve begins: t = 0 of every parameter."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from decaylab.errors import DataError

#: The onset is the first drop within this many decibels (10 lg of the drop in energy) of the largest.
ONSET_RANGE_DB = 20.0
_SHARE = 10.0 ** (-ONSET_RANGE_DB / 10.0)


def onset_index(edc: ArrayLike) -> NDArray[np.int64]:
    """Index of the first sample at which the curve drops by at least a hundredth (-20 dB) of its largest drop.

    The drop at sample i is E[i] - E[i + 1], for an integrated impulse response h[i]^2: the rule is ISO 3382-1:2009,
    5.3.2 (the start is where the response rises above the background but stays more than 20 dB below its maximum), in
    the one form that a curve and a response share.

    Args:
        edc: linear energy, (n, samples) or (samples,), float32 or float64.

    Returns:
        int64, (n,), or () for one curve. A curve that never drops has its onset at 0.

    Raises:
        DataError: another shape.
    """
    curves = np.asarray(edc)
    if curves.ndim == 1:
        return np.asarray(onset_of(curves), dtype=np.int64)
    if curves.ndim != 2:
        raise DataError(f"energy decay curves need the shape (n, samples), not {curves.shape}")
    # Row by row: one curve (384 KB as float32) stays in cache over the three passes, a block of them does not.
    return np.array([onset_of(row) for row in curves], dtype=np.int64)


def onset_of(curve: NDArray[np.floating]) -> int:
    """`onset_index` of one curve, (samples,)."""
    if curve.size < 2:
        return 0
    drop = curve[:-1] - curve[1:]
    largest = drop.max()
    if not largest > 0:
        return 0
    return int(np.argmax(drop >= largest * _SHARE))


def response_onset(rir: NDArray[np.floating]) -> int:
    """`onset_index` of an impulse response, (samples,): its first sample whose square is within 20 dB of the largest.

    An integrated response drops by h^2 from one sample to the next, so this is the rule for curves, on its source.
    """
    energy = np.square(rir, dtype=np.float64)
    return int(np.argmax(energy >= energy.max() * _SHARE))
