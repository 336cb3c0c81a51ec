"""An impulse response for a predicted curve: the room's own reflections first, a random carrier in octave bands after.

Generator, version 1. `numpy.random.default_rng(seed)` draws a Poisson sequence of pulses of random sign, denser as the
square of time up to 10,000 a second (`rooms.carrier`). Each octave band of it decays as the traced rays of that band
are expected to (`models.specular`); image sources up to order 3 stand before and under it, each with its own bands,
delay and 1 / distance. All of it is high-passed at 10 Hz as the simulator does it, and multiplied by a gain over time
that makes its decay curve the predicted one (`fit_curve`).

Shapes: I images, N = 8 bands, K knots, S samples.
"""

from __future__ import annotations

import functools
import itertools

import numpy as np
from numpy.typing import NDArray

from decaylab.acoustics import SAMPLING_RATE
from decaylab.acoustics.physics import (
    AIR_ABSORPTION,
    BAND_EDGES,
    BAND_FADES,
    SIMULATOR_DELAY,
    SPEED_OF_SOUND,
    hold_last_band,
    source_distance,
)
from decaylab.inference.fit_curve import fit_to_curve, levelled
from decaylab.rooms.carrier import Carrier
from decaylab.rooms.features import ABSORPTION, RECEIVER, SIZE, SOURCE

Floats = NDArray[np.float64]

GENERATOR_VERSION = 1
#: Highest order of image sources, as the simulator has it.
_MAX_ORDER = 3
#: Samples over which a carrier has an energy of 1: the tracer's bin of 4 ms.
_BIN = 192
#: Corner of the high-pass filter in Hz.
_CORNER = 10.0
_LEAST_AMPLITUDE = 1e-15
#: Each band of the carrier is levelled over at least so many samples (20 ms), and so many periods of its bandwidth.
_LEVELLED, _PERIODS = 960, 16


def impulse_response(
    features: Floats, curve: NDArray[np.floating], positions: Floats, amplitude: Floats, seed: int
) -> Floats:
    """An impulse response, (S,), whose decay curve is the predicted one; its octave bands decay as physics expects.

    Args:
        features: (16,), physical units.
        curve: (S,), the predicted curve, linear energy.
        positions, amplitude: (K,) samples and (N, K), from `models.specular.LateEnergy.band_amplitudes`.
        seed: of the carrier, 0 or more.
    """
    samples = len(curve)
    size = 1 << (samples + SAMPLING_RATE // 4).bit_length()  # a power of two, with room for what the filters ring
    response = _image_sources(features, samples, size) + _late(features, positions, amplitude, samples, size, seed)
    spectrum = np.fft.rfft(response, size)
    spectrum *= _high_pass(size)
    return fit_to_curve(np.fft.irfft(spectrum, size)[:samples], np.asarray(curve, dtype=np.float64))


def noise_response(curve: NDArray[np.floating], seed: int) -> Floats:
    """Signs at random on the root of the curve's drops, (S,): its curve is the predicted one, all bands decay alike.

    For a model that knows nothing of bands; not for auralisation.
    """
    falling = np.minimum.accumulate(np.maximum(np.asarray(curve, dtype=np.float64), 0.0))
    drops = falling - np.append(falling[1:], 0.0)
    return np.sqrt(drops) * np.random.default_rng(seed).choice([-1.0, 1.0], size=len(drops))


def _image_sources(features: Floats, samples: int, size: int) -> Floats:
    """The image sources up to order 3, (S,): pulses behind 81-tap fractional delays, then octave bands."""
    room, source, receiver = features[SIZE], features[SOURCE], features[RECEIVER]
    steps = range(-_MAX_ORDER, _MAX_ORDER + 1)
    lattice = np.array([m for m in itertools.product(steps, repeat=3) if sum(map(abs, m)) <= _MAX_ORDER])
    places = lattice * room + np.where(lattice % 2 == 1, room - source, source)
    distance = source_distance(places, receiver)
    arrival = distance / SPEED_OF_SOUND * SAMPLING_RATE + SIMULATOR_DELAY
    heard = arrival + SIMULATOR_DELAY + 1 < samples
    order, distance, arrival = np.abs(lattice).sum(axis=1)[heard], distance[heard], arrival[heard]
    reflection = 1.0 - hold_last_band(features[ABSORPTION])
    air = np.array(AIR_ABSORPTION)
    amplitude = reflection[:, None] ** (order / 2) * np.exp(-0.5 * air[:, None] * distance) / distance  # (N, I)
    whole = np.floor(arrival).astype(np.int64)
    tap = np.arange(-SIMULATOR_DELAY, SIMULATOR_DELAY + 1)
    window = 0.5 + 0.5 * np.cos(np.pi * tap / SIMULATOR_DELAY)
    taps = np.sinc(tap - (arrival - whole)[:, None]) * window  # (I, 81)
    at = (whole[:, None] + tap).ravel()
    spectrum = np.zeros(size // 2 + 1, dtype=np.complex128)
    for of_band, gain in zip(amplitude, _band_gains(size), strict=True):
        spectrum += gain * np.fft.rfft(np.bincount(at, (of_band[:, None] * taps).ravel(), samples), size)
    return np.asarray(np.fft.irfft(spectrum, size)[:samples])


def _late(features: Floats, positions: Floats, amplitude: Floats, samples: int, size: int, seed: int) -> Floats:
    """The random carrier, each octave band under its own envelope, (S,)."""
    carrier = Carrier(
        travel=float(source_distance(features[SOURCE], features[RECEIVER]) / SPEED_OF_SOUND),
        density=float(4.0 * np.pi * SPEED_OF_SOUND**3 / features[SIZE].prod()),
        samples=samples,
        rate=SAMPLING_RATE,
        half_window=_BIN,
    ).draw(seed)
    delayed = np.zeros(samples)
    delayed[SIMULATOR_DELAY : SIMULATOR_DELAY + len(carrier)] = carrier[: samples - SIMULATOR_DELAY]
    power = np.square(delayed)
    spectrum = np.fft.rfft(delayed, size)
    level = np.log(np.maximum(amplitude, _LEAST_AMPLITUDE))
    time = np.arange(samples)
    late = np.zeros(samples)
    for of_band, gain in zip(level, _band_gains(size), strict=True):
        envelope = np.exp(np.interp(time, positions, of_band))
        share = float(np.mean(np.square(gain)))  # of a white carrier's energy
        band = np.fft.irfft(spectrum * gain, size)[:samples] * envelope
        # A narrow band of a carrier comes and goes: brought to its level, or its decay would be chance.
        late += levelled(band, share * power * np.square(envelope), max(_LEVELLED, int(_PERIODS / share)))
    return np.asarray(late * _BIN**0.5, dtype=np.float64)


@functools.lru_cache(maxsize=2)
def _band_gains(size: int) -> Floats:
    """Gains of the eight bands, (N, size // 2 + 1): raised cosines around the edges; they add up to 1."""
    frequency = np.fft.rfftfreq(size, 1.0 / SAMPLING_RATE)
    above = [np.ones_like(frequency)]  # share of the amplitude that lies above each edge
    for edge, fade in zip(BAND_EDGES, BAND_FADES, strict=True):
        above.append(np.sin(0.5 * np.pi * np.clip((frequency - edge + fade) / (2.0 * fade), 0.0, 1.0)) ** 2)
    above.append(np.zeros_like(frequency))
    return np.array(above[:-1]) - np.array(above[1:])


@functools.lru_cache(maxsize=2)
def _high_pass(size: int) -> Floats:
    """Butterworth, order 2, forwards and backwards: 1 - 1 / (1 + (f / 10 Hz)^4)."""
    return np.asarray(1.0 - 1.0 / (1.0 + (np.fft.rfftfreq(size, 1.0 / SAMPLING_RATE) / _CORNER) ** 4), dtype=np.float64)
