"""What can be wrong with one curve, by itself and beside its room."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from decaylab.acoustics import room_parameters
from decaylab.acoustics.onset import onset_of
from decaylab.acoustics.physics import SIMULATOR_DELAY

#: How far the first value may be from 1: rounding of a division in single precision, with room to spare.
START_TOLERANCE = 1e-4

#: Largest rise above what was already reached, re the start: -60 dB, below all that a parameter is fitted to.
RISE_TOLERANCE = 1e-6

#: A floor is a tail above this level, re the start, that halves in no half second (T60 above 10 s). The simulated
#: published rooms stay below 0.13 where this is 0.5; the published envelope's own floor has 0.67.
FLOOR_LEVEL = 1e-6
FLOOR_RATIO = 0.5
_TAIL_SECONDS = 0.5

#: Share of energy before distance / c. The simulator's zero-phase high-pass puts up to 0.7 % there in published rooms,
#: up to 1.9 % in drawn ones; of curves that belong to other rooms hardly any lies between that and 5 %.
EARLY_SHARE = 0.03

#: Seconds after the simulated direct arrival from which an onset is late; simulated ones lie within 0.1 ms of it.
LATE_SECONDS = 0.001


def curve_findings(curve: NDArray[np.float32], arrival: float | None, sampling_rate: int) -> Iterator[tuple[str, str]]:
    """Everything found in one curve: a code of `KINDS` and the detail.

    Args:
        curve: linear energy, (samples,).
        arrival: distance / c in samples; None where the room's own features are wrong.
        sampling_rate: in Hz.
    """
    finite = np.isfinite(curve)
    if not finite.all():
        wrong = np.flatnonzero(~finite)
        yield "non_finite", f"{len(wrong)} of {len(curve)} values, the first at sample {wrong[0]}"
        return
    shape = list(_shape_findings(curve))
    yield from shape
    start = float(curve[0])
    if start <= 0:
        return
    floor = _floor_level(curve, sampling_rate)
    if floor is not None:
        yield "floor", f"{floor:.1f} dB at the end"
    if arrival is not None:
        yield from _arrival_findings(curve, arrival, sampling_rate)
    if not shape and floor is None:
        yield from _parameter_findings(curve, sampling_rate)


def _shape_findings(curve: NDArray[np.float32]) -> Iterator[tuple[str, str]]:
    start, least = float(curve[0]), float(curve.min())
    if least < 0:
        yield "negative", f"down to {least:g}" + (" from 0: decibels?" if start == 0 else "")
    if abs(start - 1.0) > START_TOLERANCE:
        yield "not_one_at_start", f"{start:g}"
    if (curve[1:] > curve[:-1]).any():
        excess = curve - np.minimum.accumulate(curve)
        highest = int(np.argmax(excess))
        if excess[highest] > RISE_TOLERANCE * max(abs(start), 1e-30):
            yield "rising", f"{excess[highest]:.2g} above an earlier value at sample {highest}"


def _floor_level(curve: NDArray[np.float32], sampling_rate: int) -> float | None:
    """Level in dB where the curve stops decaying; None where it decays to its end.

    Two forms: a constant under the decay (the value itself does not halve in the last half second), and steady noise
    that was integrated with it (the energy that arrives in the last half second is not half of that in the one before).
    """
    tail = round(_TAIL_SECONDS * sampling_rate)
    if len(curve) <= 2 * tail:
        return None
    start, before, middle, last = (float(curve[i]) for i in (0, -1 - 2 * tail, -1 - tail, -1))
    constant = last > FLOOR_RATIO * middle and last > FLOOR_LEVEL * start
    steady = middle - last > FLOOR_RATIO * (before - middle) and middle > FLOOR_LEVEL * start
    if not (constant or steady):
        return None
    return 10.0 * float(np.log10((last if constant else middle) / start))


def _arrival_findings(curve: NDArray[np.float32], arrival: float, sampling_rate: int) -> Iterator[tuple[str, str]]:
    before = 1.0 - float(curve[min(int(arrival), len(curve) - 1)]) / float(curve[0])
    milliseconds = 1000.0 * arrival / sampling_rate
    if before > EARLY_SHARE:
        yield "early_energy", f"{100 * before:.1f} % before the direct sound, at {milliseconds:.1f} ms"
        return
    late = onset_of(curve) - arrival - SIMULATOR_DELAY
    if late > LATE_SECONDS * sampling_rate:
        yield "late_onset", f"{1000.0 * late / sampling_rate:.1f} ms late"


def _parameter_findings(curve: NDArray[np.float32], sampling_rate: int) -> Iterator[tuple[str, str]]:
    values = room_parameters(curve, sampling_rate=sampling_rate, names=("edt", "t20"))
    missing = [name for name, value in values.items() if np.isnan(value[0])]
    if "t20" in missing:
        seconds = _t20_of_longer_record(curve, sampling_rate)
        if seconds is not None:
            yield "record_too_short", seconds
            return
    if missing:
        yield "no_decay_time", ", ".join(name.upper() for name in missing)


def _t20_of_longer_record(curve: NDArray[np.float32], sampling_rate: int) -> str | None:
    """What T20 would be if the record were held to be long enough; None where that is not why it is invalid."""
    onset = onset_of(curve)
    if curve[-1] > curve[onset] * 10.0**-2.5:
        return "not at -25 dB at the end"
    padded = np.concatenate([curve, np.zeros(19 * len(curve), dtype=curve.dtype)])
    seconds = float(room_parameters(padded, sampling_rate=sampling_rate, onset=onset, names=("t20",))["t20"][0])
    return f"T20 would be {seconds:.1f} s" if np.isfinite(seconds) else None
