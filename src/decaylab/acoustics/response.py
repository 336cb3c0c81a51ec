"""Room-acoustic parameters of impulse responses, broadband and per octave band, with their noise dealt with.

Noise: the band's mean square of the noise is subtracted, the integration truncated where the decay meets the noise
(`noise.find_tail`) and the energy beyond added as an exponential. W. T. Chu, J. Acoust. Soc. Am. 63, 1444 (1978);
Lundeby et al., Acustica 81, 344 (1995); the three together err least: M. Guski and M. Vorlaender, Acta Acustica united
with Acustica 100, 320 (2014).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from decaylab.acoustics.bands import (
    FILTER_TIME_BANDWIDTH,
    band_energy,
    band_gain,
    bandwidth,
    spread_samples,
    usable_bands,
)
from decaylab.acoustics.noise import Tail, find_tail
from decaylab.acoustics.onset import response_onset
from decaylab.acoustics.parameters import RANGES, curvature, room_parameters
from decaylab.errors import DataError

NOISE_METHOD = "noise subtracted, truncated where the decay meets it, the rest added (Chu, Lundeby)"
#: A shorter time than twice the filter's own is the filter's (ISO 3382-2:2008, 7.3).
_TIMES_FILTER = 2.0
#: A band's noise is looked for in intervals of at least this many periods of its centre.
_PERIODS = 4
#: A longer record is a recording, not a response; and filtering it would take gigabytes.
LONGEST_RESPONSE = 1 << 24


class ResponseParameters(NamedTuple):
    """What was found in one response and one band.

    band: centre in Hz; None: broadband.
    onset: sample that is t = 0, the broadband one.
    values: every name of `PARAMETERS` -> value, NaN where invalid. Seconds, dB; D50 a ratio, curvature in per cent.
    noise_db_below_peak: peak of h^2 over the mean square of the noise; NaN where the response ends without noise.
    truncation: sample at which the integration ends and the added energy begins; None: integrated to the end.
    """

    band: float | None
    onset: int
    values: dict[str, float]
    noise_db_below_peak: float
    truncation: int | None


def response_parameters(
    rir: ArrayLike, *, sampling_rate: float = 48_000, onset: int | None = None, bands: Sequence[float] = ()
) -> list[ResponseParameters]:
    """Parameters of one impulse response: broadband first, then of each octave band asked for.

    - EDT, T20, T30: `room_parameters` on the curve of the (filtered) response from the broadband onset on (ISO
      3382-1:2009, 5.3.3, A.2.2). Besides its rules: the peak must lie 35 dB (T20), 45 dB (T30), 20 dB (EDT) above the
      band's noise, or above the record's end where the response is cut off before any noise; the range must lie before
      the truncation; in a band the time must be twice what the filter itself shows.
    - C50, C80, D50, Ts: the response is split 50 or 80 ms after the onset, then both parts are filtered, and their
      energies over all time compared (A.2.3, A.2.4). Invalid where the split lies behind the record or its truncation.
    - Digital silence at the end is no part of the record. Everything before it is integrated.

    Args:
        rir: (samples,), any linear unit.
        sampling_rate: in Hz.
        onset: sample that is t = 0; None: the first within 20 dB of the peak (`response_onset`).
        bands: centres in Hz, of `bands.usable_bands(sampling_rate)`.

    Raises:
        DataError: wrong shape, values that are not finite, silence, an onset outside, or more than 2^24 samples.
    """
    h = _checked(rir, onset, sampling_rate, bands)
    start = response_onset(h) if onset is None else int(onset)
    samples = np.size(rir)
    results = [_band(None, np.square(h), _Parts(h, start, samples, sampling_rate, None))]
    if bands:
        length = spread_samples(h.size, sampling_rate)
        spectrum = np.fft.rfft(h, length)
        for centre in bands:
            gain = band_gain(centre, length, sampling_rate)
            filtered = np.fft.irfft(spectrum * gain, length)[: h.size]
            results.append(_band(centre, np.square(filtered), _Parts(h, start, samples, sampling_rate, gain)))
    return results


class _Parts:
    """Energies of stretches of a response behind a gain, over all time: split first, then filtered.

    `samples` is the length of the record with the digital silence at its end, which `h` is without.
    """

    def __init__(
        self, h: NDArray[np.float64], onset: int, samples: int, rate: float, gain: NDArray[np.float64] | None
    ) -> None:
        self.h, self.onset, self.samples, self.rate, self.gain = h, onset, samples - onset, rate, gain
        self.length = 0 if gain is None else 2 * (gain.size - 1)

    @property
    def is_sparse(self) -> bool:
        """Mostly digital silence, as between the reflections of image sources: there is no noise in it."""
        return 2 * int(np.count_nonzero(self.h[self.onset :])) < self.h.size - self.onset

    def energy(self, first: int, last: int) -> float:
        """Of the samples first .. last - 1 after the onset."""
        part = self.h[self.onset + first : self.onset + last]
        if self.gain is None:
            return float(np.square(part).sum())
        return band_energy(np.fft.rfft(part, self.length), self.gain, self.length)

    def moment(self, last: int) -> float:
        """Sum of sample x energy, counted from the onset, of the samples up to `last` - 1 after it."""
        part = self.h[self.onset : self.onset + last]
        if self.gain is None:
            return float((np.arange(last) * np.square(part)).sum())
        energy = np.square(np.fft.irfft(np.fft.rfft(part, self.length) * self.gain, self.length))
        place = np.arange(self.length)
        # What the filter spreads to before the onset stands at the end of the circle.
        place[place >= (self.length + last) // 2] -= self.length
        return float((place * energy).sum())


def _band(centre: float | None, energy: NDArray[np.float64], parts: _Parts) -> ResponseParameters:
    interval = 0.010 if centre is None else max(0.010, _PERIODS / centre)
    tail = Tail(0.0, None, 0.0) if parts.is_sparse else find_tail(energy, parts.onset, parts.rate, interval)
    decay = energy[parts.onset :]
    peak = float(decay.max())
    headroom = float(10.0 * np.log10(peak / tail.level)) if peak > 0 and tail.level > 0 else np.inf
    values = _times(decay, tail, parts, headroom, centre) | _energies(parts, tail, decay.size)
    values["curvature"] = float(curvature(values["t20"], values["t30"]))
    noise = headroom if tail.crossing is not None else np.nan
    return ResponseParameters(centre, parts.onset, values, noise, tail.crossing)


def _times(
    decay: NDArray[np.float64], tail: Tail, parts: _Parts, headroom: float, centre: float | None
) -> dict[str, float]:
    names = tuple(RANGES)
    if decay.size < 2 or tail.decay is None:
        return dict.fromkeys(names, np.nan)
    found = room_parameters(_curve(decay, tail, parts.onset), sampling_rate=parts.rate, onset=0, names=names)
    shortest = 0.0 if centre is None else _TIMES_FILTER * FILTER_TIME_BANDWIDTH / bandwidth(centre)
    values = {}
    for name in names:
        seconds = float(found[name][0])
        values[name] = seconds if headroom >= RANGES[name].headroom and seconds >= shortest else np.nan
    return values


def _curve(energy: NDArray[np.float64], tail: Tail, onset: int) -> NDArray[np.float64]:
    """Backward integration from the onset; zeros after the truncation, which `room_parameters` takes as the end."""
    if tail.crossing is None:
        return np.asarray(np.cumsum(energy[::-1])[::-1])
    cut = tail.crossing - onset
    curve = np.zeros_like(energy)
    curve[:cut] = np.cumsum(energy[:cut][::-1] - tail.level)[::-1] + tail.beyond
    return curve


def _energies(parts: _Parts, tail: Tail, size: int) -> dict[str, float]:
    """C50, C80, D50 and Ts; NaN where the record or its truncation leaves nothing to compare."""
    values = dict.fromkeys(("c50", "c80", "d50", "ts"), np.nan)
    if tail.decay is None and tail.crossing is not None:
        return values
    cut, noise = (size, 0.0) if tail.crossing is None else (tail.crossing - parts.onset, tail.level)
    for name in ("c50", "c80"):
        split = round(parts.rate * int(name[1:]) / 1000)
        # Behind the record's last sound there may be silence that was recorded; behind a truncation there is nothing.
        if split >= (parts.samples if tail.crossing is None else cut):
            continue
        split = min(split, cut)
        early = parts.energy(0, split) - noise * split
        late = parts.energy(split, cut) - noise * (cut - split) + tail.beyond
        if early > 0 and late > 0:
            values[name] = float(10.0 * np.log10(early / late))
        if name == "c50" and early + late > 0 and early >= 0 and late >= 0:
            values["d50"] = early / (early + late)
    total = parts.energy(0, cut) - noise * cut + tail.beyond
    if total > 0 and cut > 0:
        rest = tail.beyond * (cut + 1.0 / tail.decay) if tail.crossing is not None and tail.decay else 0.0
        centre = (parts.moment(cut) - noise * cut * (cut - 1) / 2 + rest) / total
        # Less than 0 is what the subtraction of noise left; within a sample of 0 it is rounding.
        values["ts"] = max(centre, 0.0) / parts.rate if centre > -1.0 else np.nan
    return values


def _checked(rir: ArrayLike, onset: int | None, sampling_rate: float, bands: Sequence[float]) -> NDArray[np.float64]:
    """The response as float64 without digital silence at its end."""
    if not (np.isfinite(sampling_rate) and sampling_rate > 0):
        raise DataError(f"a sampling rate of {sampling_rate} Hz cannot be")
    h = np.asarray(rir, dtype=np.float64)
    if h.ndim != 1 or h.size < 2:
        raise DataError(f"an impulse response needs the shape (samples,) with 2 samples or more, not {h.shape}")
    if h.size > LONGEST_RESPONSE:
        raise DataError(f"{h.size:,} samples are a recording, not an impulse response (limit {LONGEST_RESPONSE:,})")
    if not np.isfinite(h).all():
        where = int(np.argmin(np.isfinite(h)))
        raise DataError(f"sample {where} of the impulse response is not finite: write it again without it")
    sounding = np.flatnonzero(h)
    if not sounding.size:
        raise DataError("the impulse response is silent from beginning to end: there is no decay in it")
    h = h[: int(sounding[-1]) + 1]
    # Squares of the smallest numbers would vanish, those of the largest overflow; no parameter depends on the scale.
    h = np.asarray(h / np.abs(h).max())
    if onset is not None and not 0 <= onset < h.size:
        raise DataError(f"the onset must lie in the response, 0..{h.size - 1}, not at {onset}")
    if missing := [f"{centre:g}" for centre in bands if centre not in usable_bands(sampling_rate)[0]]:
        raise DataError(f"a rate of {sampling_rate:g} Hz holds no octave band at {', '.join(missing)} Hz")
    return h
