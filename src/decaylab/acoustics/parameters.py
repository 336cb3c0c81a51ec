"""Reverberation and energy parameters of energy decay curves: one definition each, for the whole project.

Every parameter is counted from the curve's onset (`onset_index`) unless it is given. NaN means invalid, never a guess.
The functions take any number of curves, float32 or float64, and copy none of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from decaylab.acoustics import predecessor
from decaylab.acoustics.onset import onset_of
from decaylab.errors import DataError, InputError


class DecayRange(NamedTuple):
    """The range of levels, in dB re the onset, that a reverberation time is fitted over.

    `headroom` is the level range, in dB below the onset, that a record must hold for the time to be trusted: a record
    of D seconds after the onset holds times up to 60 / headroom x D. A curve cut off at D seems to decay whatever the
    room does.
    """

    upper: float
    lower: float
    headroom: float


#: ISO 3382-1:2009, 5.3.3 (T30, T20) and A.2.2 (early decay time); headroom: the lower limit plus 10 dB.
RANGES = {
    "edt": DecayRange(0.0, -10.0, 20.0),
    "t20": DecayRange(-5.0, -25.0, 35.0),
    "t30": DecayRange(-5.0, -35.0, 45.0),
}

#: All parameters that can be asked for. Times in seconds, clarity in dB, definition (D50) as a ratio, curvature in %.
PARAMETERS = ("edt", "t20", "t30", "curvature", "c50", "c80", "d50", "ts")

DEFINITIONS = ("iso", "predecessor")

#: A curve that is at -10 dB within this time of its onset shows the direct sound, not the room: its EDT is invalid.
DIRECT_SOUND_SECONDS = 0.010


def room_parameters(
    edc: ArrayLike,
    *,
    sampling_rate: float = 48_000,
    onset: int | ArrayLike | None = None,
    names: Sequence[str] = ("edt", "t20", "t30", "c50"),
    definitions: str = "iso",
) -> dict[str, NDArray[np.float64]]:
    """Room-acoustic parameters of energy decay curves.

    - EDT, T20, T30: slope of the least-squares line through the levels over 0..-10, -5..-25, -5..-35 dB, extrapolated
      to 60 dB (ISO 3382-1:2009, 5.3.3 and A.2.2). A limit is where the curve is first at or below it; both samples
      belong to the fit. Invalid: a sample <= 0 in the range, a range not reached, a slope that does not fall, a time
      beyond what the record holds (`DecayRange`), an EDT whose -10 dB lie within 10 ms of the onset.
    - C50, C80 = 10 lg((E(0) - E(t)) / E(t)), D50 = (E(0) - E(50 ms)) / E(0) (A.2.3). Invalid where E(t) is missing or
      not positive, or nothing decayed before t.
    - Ts = sum of E after the onset / (E(0) x sampling rate), which equals the centre of gravity of h^2 (A.2.4).
    - curvature = 100 (T30 / T20 - 1), see `curvature`. Invalid where T20 or T30 is.

    Args:
        edc: linear energy, (n, samples) or (samples,); any scale: each curve is divided by its value at the onset.
        sampling_rate: in Hz.
        onset: sample that is t = 0, one for all or (n,); None: each curve's own. When a prediction is scored, give its
            target's.
        names: which of `PARAMETERS`.
        definitions: "iso", or "predecessor" to read old figures (`decaylab.acoustics.predecessor`).

    Returns:
        For each name float64 (n,), NaN where invalid. Under "predecessor" whatever it did not define is NaN throughout.

    Raises:
        InputError: an unknown name or definition. DataError: a wrong shape, or an onset outside the record.
    """
    unknown = [name for name in names if name not in PARAMETERS]
    if unknown:
        raise InputError(f"unknown parameter {', '.join(unknown)}: choose from {', '.join(PARAMETERS)}")
    if definitions not in DEFINITIONS:
        raise InputError(f"unknown definitions '{definitions}': choose from {', '.join(DEFINITIONS)}")
    curves = np.asarray(edc)
    if not np.issubdtype(curves.dtype, np.floating):
        curves = curves.astype(np.float64)
    if curves.ndim == 1:
        curves = curves[None]
    if curves.ndim != 2 or curves.shape[1] < 2:
        raise DataError(f"energy decay curves need the shape (n, samples), not {np.shape(edc)}")
    starts = _onsets(curves, onset)
    wanted = [name for name in names if name != "curvature"]
    if "curvature" in names:
        wanted += [name for name in ("t20", "t30") if name not in names]
    result = {name: np.full(len(curves), np.nan) for name in wanted}
    # A loop over curves, not over samples: a curve stays in cache through all its passes, and the logarithm is taken
    # only of the samples that a fit uses. Blocks of whole curves with masks cost several times as much.
    for row, curve in enumerate(curves):
        if definitions == "predecessor":
            values = predecessor.parameters_of(curve, sampling_rate, wanted)
        else:
            start = onset_of(curve) if starts is None else int(starts[row])
            values = _parameters_of(curve[start:], sampling_rate, wanted)
        for name, value in values.items():
            result[name][row] = value
    if "curvature" in names:
        result["curvature"] = curvature(result["t20"], result["t30"])
    return {name: result[name] for name in names}


class DecayLine(NamedTuple):
    """A fitted decay, level(t) = `level` + `slope` t: t in s after the onset, levels in dB re the onset, slope in dB/s.

    It was fitted from `first` to `last`, in s after the onset.
    """

    level: float
    slope: float
    first: float
    last: float


def decay_line(edc: ArrayLike, name: str, sampling_rate: float = 48_000, onset: int | None = None) -> DecayLine | None:
    """The straight line whose slope gives EDT, T20 or T30 of one curve; None where that is invalid.

    Args:
        edc: linear energy, (samples,).
        name: one of `RANGES`.
        sampling_rate: in Hz.
        onset: sample that is t = 0; None: the curve's own.
    """
    curve = np.asarray(edc)
    decay = curve[onset_of(curve) if onset is None else onset :]
    start = float(decay[0])
    if not (start > 0 and np.isfinite(start)):
        return None
    crossings = _crossings(decay, start, set(RANGES[name][:2]))
    seconds = _decay_time(decay, crossings, name, sampling_rate)
    first, last = (crossings[level] for level in RANGES[name][:2])
    if seconds is None or first is None or last is None or not np.isfinite(seconds):
        return None
    slope = -60.0 / seconds
    mean = 10.0 * float(np.mean(np.log10(decay[first : last + 1] / start), dtype=np.float64))
    middle = (first + last) / 2 / sampling_rate
    return DecayLine(mean - slope * middle, slope, first / sampling_rate, last / sampling_rate)


def curvature(t20: ArrayLike, t30: ArrayLike) -> NDArray[np.float64]:
    """C = 100 (T30 / T20 - 1) in per cent (ISO 3382-2:2008, B.3); above 10 the decay is far from a straight line.

    Args:
        t20, t30: (n,), seconds.
    """
    return 100.0 * (np.asarray(t30, dtype=np.float64) / np.asarray(t20, dtype=np.float64) - 1.0)


def _onsets(curves: NDArray[np.floating], onset: int | ArrayLike | None) -> NDArray[np.int64] | None:
    if onset is None:
        return None
    given = np.asarray(onset)
    if not np.issubdtype(given.dtype, np.integer) or given.shape not in ((), (len(curves),)):
        raise DataError(f"the onset must be one sample index or {len(curves)} of them, not {given.dtype} {given.shape}")
    if given.size and (given.min() < 0 or given.max() >= curves.shape[1]):
        where = f"0..{curves.shape[1] - 1}, not at {given.min()}..{given.max()}"
        raise DataError(f"the onset must lie in the record, {where}")
    return np.broadcast_to(given.astype(np.int64), (len(curves),))


def _parameters_of(decay: NDArray[np.floating], sampling_rate: float, names: Sequence[str]) -> dict[str, float]:
    """The parameters of one curve that begins at its onset. Names that are invalid are left out."""
    start = float(decay[0])
    if not (start > 0 and np.isfinite(start)):
        return {}
    values: dict[str, float | None] = {}
    crossings = _crossings(decay, start, {level for name in names if name in RANGES for level in RANGES[name][:2]})
    for name in names:
        if name in RANGES:
            values[name] = _decay_time(decay, crossings, name, sampling_rate)
        elif name in ("c50", "c80"):
            values[name] = _clarity(decay, start, round(sampling_rate * int(name[1:]) / 1000))
        elif name == "d50":
            values[name] = _definition(decay, start, round(sampling_rate * 0.050))
        else:
            values[name] = float(decay[1:].sum(dtype=np.float64)) / (start * sampling_rate)
    return {name: value for name, value in values.items() if value is not None and np.isfinite(value)}


def _crossings(decay: NDArray[np.floating], start: float, levels: set[float]) -> dict[float, int | None]:
    """For each level in dB the first sample at or below it; None where the curve never gets there."""
    found: dict[float, int | None] = {}
    position: int | None = 0
    for level in sorted(levels, reverse=True):  # a lower level cannot be crossed earlier: go on from the last crossing
        if position is not None and level < 0:
            below = decay[position:] <= start * 10.0 ** (level / 10.0)
            first = int(np.argmax(below))
            position = position + first if below[first] else None
        found[level] = position
    return found


def _decay_time(
    decay: NDArray[np.floating], crossings: dict[float, int | None], name: str, sampling_rate: float
) -> float | None:
    upper, lower, headroom = RANGES[name]
    first, last = crossings[upper], crossings[lower]
    if first is None or last is None or last <= first or not decay[last] > 0:
        return None
    if name == "edt" and last <= DIRECT_SOUND_SECONDS * sampling_rate:
        return None
    # The samples before `last` lie above the lower limit, so they are positive; a NaN among them makes the slope NaN.
    level = np.log(decay[first : last + 1])
    steps = level.size
    centred = np.arange(steps, dtype=np.float64) - (steps - 1) / 2
    # The slope of ln E, per sample. einsum, not `@`: BLAS would start threads, which cost more than such a short sum.
    slope = float(np.einsum("i,i->", centred, level, dtype=np.float64)) / (steps * (steps * steps - 1) / 12)
    if not slope < 0:
        return None
    seconds = -6.0 * float(np.log(10.0)) / (slope * sampling_rate)
    return seconds if seconds <= 60.0 / headroom * decay.size / sampling_rate else None


def _clarity(decay: NDArray[np.floating], start: float, split: int) -> float | None:
    if split >= decay.size:
        return None
    late = float(decay[split])
    early = start - late
    return float(10.0 * np.log10(early / late)) if late > 0 and early > 0 else None


def _definition(decay: NDArray[np.floating], start: float, split: int) -> float | None:
    if split >= decay.size or not 0 <= decay[split] <= start:
        return None
    return (start - float(decay[split])) / start
