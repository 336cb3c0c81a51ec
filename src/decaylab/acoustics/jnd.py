"""Just noticeable differences: the smallest change of a parameter that listeners hear."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from decaylab.errors import InputError


class Jnd(NamedTuple):
    """A just noticeable difference: `size` in the parameter's unit, or as a share of its value."""

    size: float
    is_relative: bool


#: EDT (5 %) and Ts (10 ms): ISO 3382-1:2009, Table A.1. T20 and T30, which the table does not judge, take the 5 % of
#: EDT, as is usual. C50 (1.1 dB): J. S. Bradley, R. Reich and S. G. Norcross, "A just noticeable difference in C50 for
#: speech", Applied Acoustics 58 (1999), 99-108; the table has 1 dB for C80.
JND = {
    "edt": Jnd(0.05, is_relative=True),
    "t20": Jnd(0.05, is_relative=True),
    "t30": Jnd(0.05, is_relative=True),
    "c50": Jnd(1.1, is_relative=False),
    "ts": Jnd(0.010, is_relative=False),
}


def just_noticeable(name: str, true: ArrayLike) -> NDArray[np.float64]:
    """The just noticeable difference of a parameter at each of its values `true`, in its unit: seconds, or dB.

    Raises:
        InputError: a parameter without one.
    """
    if name not in JND:
        raise InputError(f"no just noticeable difference of {name}: there is one of {', '.join(JND)}")
    values = np.asarray(true, dtype=np.float64)
    size, is_relative = JND[name]
    return size * values if is_relative else np.full(values.shape, size)
