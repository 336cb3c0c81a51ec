"""From a room impulse response to its energy decay curve."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from decaylab.errors import DataError


def edc_from_rir(rir: ArrayLike, samples: int | None = None) -> NDArray[np.float64]:
    """Energy decay curve of impulse responses by Schroeder's backward integration.

    E[i] = sum of h[k]^2 over k >= i, divided by E[0] (M. R. Schroeder, J. Acoust. Soc. Am. 37, 409, 1965;
    ISO 3382-1:2009, 5.3.3).

    Args:
        rir: impulse responses, (samples,) or (n, samples), any linear unit.
        samples: integrate over the first `samples` samples only; a shorter response counts as followed by zeros.
            None: over all of it.

    Returns:
        Linear energy, float64, same leading shape and `samples` columns: 1.0 at index 0, never rising, never negative.

    Raises:
        DataError: the response is empty, not finite, or holds no energy in the integrated part.
    """
    h = np.asarray(rir, dtype=np.float64)
    if h.ndim not in (1, 2) or h.shape[-1] == 0:
        raise DataError(f"an impulse response needs the shape (samples,) or (n, samples), not {h.shape}")
    length = h.shape[-1] if samples is None else samples
    part = h[..., :length]
    if not np.isfinite(part).all():
        raise DataError("the impulse response holds values that are not finite: write it again without them")
    energy = np.zeros((*h.shape[:-1], length))
    # From the end, so that the smallest energies are added first and none is lost to rounding.
    energy[..., : part.shape[-1]] = np.cumsum(np.square(part)[..., ::-1], axis=-1)[..., ::-1]
    total = energy[..., :1]
    if not (total > 0).all():
        raise DataError(f"the impulse response is silent in its first {length} samples: there is no decay to integrate")
    return energy / total
