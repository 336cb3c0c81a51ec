"""The predecessor's definitions, kept only so that its published figures can be read. Never used for scoring.

Each curve is divided by its maximum and counted from the start of the file, not from the direct sound:
- EDT: time of the first sample at or below -10 dB (not multiplied by 6, so not comparable with any other EDT);
- T20 = 3 (t(-25 dB) - t(-5 dB)), from first samples at or below, no regression, no check of the record's length;
- C50 = 10 lg(sum of EDC before 50 ms / sum of EDC from 50 ms on): sums of what is already an integral.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def parameters_of(curve: NDArray[np.floating], sampling_rate: float, names: Sequence[str]) -> dict[str, float]:
    """EDT, T20 in seconds and C50 in dB of one curve, (samples,); what is asked for but missing is invalid.

    Args:
        curve: linear energy, (samples,).
        sampling_rate: in Hz.
        names: which of "edt", "t20", "c50"; others are left out.
    """
    peak = float(curve.max())
    if not (peak > 0 and np.isfinite(peak)):
        return {}
    values: dict[str, float] = {}
    if "edt" in names:
        values["edt"] = _first_time(curve, peak, -10.0, sampling_rate)
    if "t20" in names:
        at_25 = _first_time(curve, peak, -25.0, sampling_rate)
        values["t20"] = 3.0 * (at_25 - _first_time(curve, peak, -5.0, sampling_rate))
    if "c50" in names:
        split = round(0.050 * sampling_rate)
        early, late = curve[:split].sum(dtype=np.float64), curve[split:].sum(dtype=np.float64)
        if early > 0 and late > 0:
            values["c50"] = float(10.0 * np.log10(early / late))
    return {name: value for name, value in values.items() if np.isfinite(value)}


def _first_time(curve: NDArray[np.floating], peak: float, level: float, sampling_rate: float) -> float:
    below = curve <= peak * 10.0 ** (level / 10.0)
    first = int(np.argmax(below))
    return first / sampling_rate if below[first] else float("nan")
