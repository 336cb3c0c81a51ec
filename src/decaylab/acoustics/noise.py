"""Where a measured response ends and its background noise begins.

A. Lundeby, T. E. Vigran, H. Bietz and M. Vorlaender, "Uncertainties of measurements in room acoustics", Acustica 81,
344 (1995), section 4: the decay is a straight line in dB down to the noise; where the two cross, the response is
truncated. Found by iteration, in intervals fitted to the slope.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

#: What of the record after the onset is taken for noise at first, and at least.
TAIL_SHARE = 0.1
#: The line is fitted to intervals this far above the noise (dB), and over this range above them.
ABOVE_NOISE_DB = 5.0
FIT_RANGE_DB = 10.0
#: Noise is measured from where the decay has fallen this far below the crossing.
BELOW_CROSSING_DB = 10.0
#: Intervals per 10 dB of decay.
_INTERVALS = 5
_ROUNDS = 6
_LEAST_INTERVALS = 3
#: A record of fewer samples after the onset (a bare impulse) shows neither decay nor noise.
_SHORTEST = 32
_DB_PER_NEPER = 10.0 / np.log(10.0)


class Tail(NamedTuple):
    """How the squares of a response end.

    level: mean square of the noise; without noise, of the decay at the record's end.
    crossing: the sample at which the decay meets the noise; None: it never does within the record.
    decay: nepers of energy per sample just above the noise; None: no decay was found at all.

    Of a record of fewer than 32 samples, a bare impulse, level is 0 and the others are None.
    """

    level: float
    crossing: int | None
    decay: float | None

    @property
    def beyond(self) -> float:
        """Energy of the decay after the crossing, an exponential that goes on (ISO 3382-1:2009, 5.3.3, C)."""
        return self.level / self.decay if self.crossing is not None and self.decay else 0.0


def find_tail(energy: NDArray[np.float64], onset: int, sampling_rate: float, interval: float = 0.010) -> Tail:
    """The noise of a squared response and where the decay meets it.

    Args:
        energy: squared samples, (samples,), without digital silence at the end.
        onset: sample at which the response begins.
        sampling_rate: in Hz.
        interval: length of the first averaging intervals in seconds; a band needs some periods.

    Returns:
        A crossing within the last tenth of the record is none: the decay is still falling where noise would be
        measured. A record in which nothing falls by more than 5 dB has `decay` None and its crossing at the onset:
        steady noise, or a decay cut off at its beginning; neither holds a parameter.
    """
    decay = energy[onset:]
    samples = decay.size
    if samples < _SHORTEST:
        return Tail(0.0, None, None)
    tail = samples - max(1, round(samples * TAIL_SHARE))
    level = float(decay[tail:].mean())
    line = _first_line(decay, level, max(1, round(interval * sampling_rate)))
    if line is None:
        return Tail(level, onset, None)
    crossing = line.at(level)
    for _ in range(_ROUNDS):
        if not crossing < tail:
            break
        begin = min(int(crossing + BELOW_CROSSING_DB / _DB_PER_NEPER / line.decay), tail)
        level = float(decay[max(begin, 0) :].mean())
        width = max(1, round(10.0 / _DB_PER_NEPER / line.decay / _INTERVALS))
        better = _fit(decay, level, width, FIT_RANGE_DB)
        if better is None:
            break
        line, before, crossing = better, crossing, better.at(level)
        if abs(crossing - before) < 0.001 * samples:
            break
    if not crossing < tail:
        return Tail(float(np.exp(line.start - line.decay * samples)), None, line.decay)
    return Tail(level, onset + max(round(crossing), 0), line.decay)


class _Line(NamedTuple):
    """ln of the mean square = start - decay x sample."""

    start: float
    decay: float

    def at(self, level: float) -> float:
        """The sample at which the line is at `level`; infinite for silence."""
        return (self.start - float(np.log(level))) / self.decay if level > 0 else float("inf")


def _first_line(decay: NDArray[np.float64], level: float, width: int) -> _Line | None:
    """A line from the peak to just above the noise, in intervals that get shorter until there are enough of them."""
    while True:
        line = _fit(decay, level, width, None)
        if line is not None or width <= 8:
            return line
        width //= 4


def _fit(decay: NDArray[np.float64], level: float, width: int, reach: float | None) -> _Line | None:
    """Least squares through the levels of intervals of `width` samples, down to `ABOVE_NOISE_DB` above the noise.

    From the loudest interval; or from `reach` dB higher up than the lower end and with the noise subtracted, since
    near it the sum of both falls more slowly than the decay does.
    """
    count = decay.size // width
    if count < _LEAST_INTERVALS:
        return None
    means = decay[: count * width].reshape(count, width).mean(axis=1)
    first = int(np.argmax(means))
    bottom = level * 10.0 ** (ABOVE_NOISE_DB / 10.0)
    below = np.flatnonzero(means[first:] <= bottom)
    last = first + int(below[0]) if below.size else count
    noise = 0.0
    if reach is not None:
        noise = level
        above = np.flatnonzero(means[first:last] >= bottom * 10.0 ** (reach / 10.0))
        first += int(above[-1]) if above.size else 0
    chosen = means[first:last] - noise
    place = np.flatnonzero(chosen > 0)  # an interval of silence between two reflections has no level
    if place.size < _LEAST_INTERVALS:
        return None
    time = (first + place + 0.5) * width
    levels = np.log(chosen[place])
    centred = time - time.mean()
    slope = float((centred * levels).sum() / np.square(centred).sum())
    return _Line(float(levels.mean() - slope * time.mean()), -slope) if slope < 0 else None
