"""Gains over time: that give a response a decay curve that was predicted, and a carrier the level that it should have.

A gain that changes quickly throws what sounds in a loud octave band into its quiet neighbours. So the gain is slow
where that suffices, and quick only where the curves would part: where a low band alone is left, its pressure has zeros
some milliseconds apart, and a smooth curve can only be had by filling them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from decaylab.acoustics.onset import onset_of

Floats = NDArray[np.float64]

#: Stretches of slow gain end where the curve has fallen by so much, in dB, and have at least so many samples (10 ms).
_STEP_DB, _LEAST_SAMPLES = 1.0, 480
#: Down to this level, in dB, the curve is followed; below it the last gain is held.
_DEPTH_DB = -60.0
_SLOW_ROUNDS = 8
#: Down to the depth the curves part by no more than the tolerance, in dB; stretches are divided for it, no shorter than
#: so many samples.
_TOLERANCE_DB, _TOLERANCE_DEPTH_DB, _SHORTEST = 0.4, -38.0, 1
_QUICK_ROUNDS = 32
#: Samples from the onset within which the direct sound has its peak.
_DIRECT = 48
#: Gains beyond this factor either way are not taken: there is nothing to be made louder.
_MOST = float(np.log(50.0))


def fit_to_curve(response: Floats, curve: Floats) -> Floats:
    """The response (S,) times a gain, so that its decay curve is `curve` (S,), linear energy, 1 at the file's start.

    The direct sound keeps its amplitude.
    """
    time = np.arange(len(curve))
    target = np.append(curve, 0.0)
    edges = _stretches(curve)
    middles = np.asarray(0.5 * (edges[1:] + edges[:-1]), dtype=np.float64)
    gain = np.zeros(len(middles))
    for _ in range(_SLOW_ROUNDS):
        shaped = response * np.exp(_smooth(time, middles, gain))
        gain = gain + 0.7 * _lacking(edges, np.square(shaped), target)
        gain = np.clip(gain - gain[0], -_MOST, _MOST)
    shaped = response * np.exp(_smooth(time, middles, gain))
    energy = np.square(shaped)
    for _ in range(_QUICK_ROUNDS):
        factor = _lacking(edges, energy, target)
        more = _divisions(edges, factor, energy, target)
        if not more.size:
            break
        edges = np.union1d(edges, more)
    factor = _lacking(edges, energy, target)
    fitted = shaped * np.exp(np.repeat(factor, np.diff(edges)))
    onset = onset_of(curve)
    direct = onset + int(np.argmax(np.abs(response[onset : onset + _DIRECT])))
    return np.asarray(fitted * (response[direct] / fitted[direct]) if fitted[direct] else fitted)


def levelled(signal: Floats, expected: Floats, stretch: int) -> Floats:
    """The `signal` (S,) times a slow gain: its energy in each `stretch` of samples is about that of `expected` (S,).

    Stretches in which nothing is expected keep the gain of their neighbours.

    Args:
        signal: (S,).
        expected: (S,), energy of each sample.
        stretch: samples.
    """
    edges = np.arange(0, len(signal), stretch)
    wanted = np.add.reduceat(expected, edges)
    there = np.add.reduceat(np.square(signal), edges)
    sounding = (wanted > 0) & (there > 0)
    if sounding.sum() < 2:
        return signal
    middles = np.asarray((edges + 0.5 * stretch)[sounding], dtype=np.float64)
    gain = np.clip(np.log(wanted[sounding] / there[sounding]) / 2.0, -_MOST, _MOST)
    return np.asarray(signal * np.exp(_smooth(np.arange(len(signal)), middles, gain)))


def _stretches(curve: Floats) -> NDArray[np.int64]:
    """Edges of the stretches, from 0 to the record's length."""
    level = 10.0 * np.log10(np.maximum(curve, 1e-30))
    depth = max(_DEPTH_DB, float(level[-2 * _LEAST_SAMPLES]) + _STEP_DB)
    edges = [0]
    for step in np.arange(_STEP_DB, -depth, 0.25):
        sample = int(np.argmax(level <= -step))
        if sample + _LEAST_SAMPLES >= len(curve):
            break
        if sample >= edges[-1] + _LEAST_SAMPLES and level[sample] <= level[edges[-1]] - _STEP_DB:
            edges.append(sample)
    return np.array([*edges, len(curve)], dtype=np.int64)


def _lacking(edges: NDArray[np.int64], energy: Floats, target: Floats) -> Floats:
    """Logarithm of the factor that the amplitude of each stretch lacks; the whole of both scaled to the same energy."""
    wanted = target[edges[:-1]] - target[edges[1:]]
    there = np.add.reduceat(energy, edges[:-1]) * (target[0] / energy.sum())
    ratio = np.log(np.maximum(wanted, 1e-30) / np.maximum(there, 1e-30)) / 2.0
    return np.asarray(np.clip(ratio, -_MOST, _MOST))


def _divisions(edges: NDArray[np.int64], factor: Floats, energy: Floats, target: Floats) -> NDArray[np.int64]:
    """Where stretches are to be divided: at the largest difference in each that exceeds the tolerance."""
    lengths = np.diff(edges)
    fitted = np.cumsum((energy * np.exp(2.0 * np.repeat(factor, lengths)))[::-1])[::-1]
    shown = target[:-1] > 10.0 ** (_TOLERANCE_DEPTH_DB / 10.0)
    ratio = np.maximum(fitted, 1e-30) * (target[0] / fitted[0]) / np.maximum(target[:-1], 1e-30)
    error = np.where(shown, np.abs(10.0 * np.log10(ratio)), 0.0)
    found = []
    for first, last in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        if last - first >= 2 * _SHORTEST:
            place = first + int(np.argmax(error[first:last]))
            if error[place] > _TOLERANCE_DB:
                found.append(min(max(place, first + _SHORTEST), last - _SHORTEST))
    return np.array(found, dtype=np.int64)


def _smooth(time: NDArray[np.int64], middles: Floats, values: Floats) -> Floats:
    """Raised cosines between the middles, level before the first and behind the last."""
    place = np.interp(time, middles, np.arange(len(middles), dtype=np.float64))
    left = np.minimum(place.astype(np.int64), max(len(middles) - 2, 0))
    share = 0.5 - 0.5 * np.cos(np.pi * (place - left))
    right = np.minimum(left + 1, len(middles) - 1)
    return np.asarray(values[left] + (values[right] - values[left]) * share)
