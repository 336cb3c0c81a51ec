"""What is known of a box room without simulating it: reverberation by Sabine and Eyring, the direct arrival.

Bands are the eight octave bands that a 48 kHz simulation uses, 125 Hz to 16 kHz. SI units.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

#: m/s at 20 degrees Celsius, as the simulator takes it.
SPEED_OF_SOUND = 343.0

#: Samples by which the simulator delays every arrival: half its fractional-delay filter.
SIMULATOR_DELAY = 40

#: Octave-band centre frequencies in Hz.
BAND_CENTRES = (125.0, 250.0, 500.0, 1000.0, 2000.0, 4000.0, 8000.0, 16000.0)

#: Energy attenuation of air per metre at 20 degrees, 30 to 50 % humidity (M. Vorlaender, Auralization, 2008, annex),
#: the last one as pyroomacoustics extrapolates it.
AIR_ABSORPTION = (0.0001, 0.0003, 0.0006, 0.0010, 0.0019, 0.0058, 0.0203, 0.0348)

#: Share of a white source's energy in each band at 48 kHz: edges at centre x sqrt(2), from 0 to 24 kHz. Sums to 1.
BAND_SHARES = tuple(
    (high - low) / 24_000.0
    for low, high in pairwise((0.0, *(centre * 2**0.5 for centre in BAND_CENTRES[:-1]), 24_000.0))
)


#: Edges between neighbouring bands in Hz, and the half-width around each over which the simulator fades one band's
#: amplitude into the next by a raised cosine (J. Antoni, J. Acoust. Soc. Am. 127, 883, 2010, with half the band's upper
#: part as overlap).
BAND_EDGES = tuple(centre / 2**0.5 for centre in BAND_CENTRES[1:])
BAND_FADES = tuple(0.5 * (2**0.5 - 1.0) * centre for centre in BAND_CENTRES[1:])


def _octant_directions(count: int) -> NDArray[np.float64]:
    """Unit vectors (count, 3) spread evenly over one octant of the sphere: a Fibonacci lattice in height and angle."""
    step = np.arange(count)
    height = (step + 0.5) / count
    angle = np.pi / 2 * ((step * (5**0.5 - 1) / 2) % 1.0)
    radius = np.sqrt(1.0 - height**2)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle), height], axis=1)


_DIRECTIONS = _octant_directions(64)


def hold_last_band(absorption: ArrayLike) -> NDArray[np.float64]:
    """Seven coefficients (n, 7), 125 Hz to 8 kHz, as eight (n, 8): 16 kHz takes the value of 8 kHz.

    Extrapolating instead turns 0.63, 0.30 at 4 and 8 kHz into 0 at 16 kHz, where half of a white
    source's energy lies.
    """
    seven = np.asarray(absorption, dtype=np.float64)
    return np.concatenate([seven, seven[..., -1:]], axis=-1)


def volume_and_surface(size: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Volume (m^3) and surface (m^2), each (n,), of boxes with length, width, height (n, 3) in metres."""
    length, width, height = np.moveaxis(np.asarray(size, dtype=np.float64), -1, 0)
    return length * width * height, 2.0 * (length * width + length * height + width * height)


def sabine_t60(size: ArrayLike, absorption: ArrayLike, air: ArrayLike | None = AIR_ABSORPTION) -> NDArray[np.float64]:
    """Sabine's reverberation time per band: 24 ln(10) / c x V / (S a + 4 m V), in seconds.

    Args:
        size: length, width, height, (n, 3) in metres.
        absorption: energy absorption of all six walls, (n, bands), 0..1.
        air: attenuation m per metre, (bands,); None: no air absorption.

    Returns:
        (n, bands); infinite where nothing absorbs.
    """
    return _t60(size, np.asarray(absorption, dtype=np.float64), air)


def eyring_t60(size: ArrayLike, absorption: ArrayLike, air: ArrayLike | None = AIR_ABSORPTION) -> NDArray[np.float64]:
    """Eyring's reverberation time per band: Sabine's with -ln(1 - a) for a. Same arguments; 0 where a = 1.

    Args:
        size: length, width, height, (n, 3) in metres.
        absorption: energy absorption of all six walls, (n, bands), 0..1.
        air: attenuation m per metre, (bands,); None: no air absorption.
    """
    with np.errstate(divide="ignore"):
        return _t60(size, -np.log1p(-np.asarray(absorption, dtype=np.float64)), air)


def _t60(size: ArrayLike, exponent: NDArray[np.float64], air: ArrayLike | None) -> NDArray[np.float64]:
    volume, surface = volume_and_surface(size)
    air_area = 0.0 if air is None else 4.0 * np.asarray(air, dtype=np.float64) * volume[..., None]
    with np.errstate(divide="ignore"):
        seconds = 24.0 * np.log(10.0) / SPEED_OF_SOUND * volume[..., None] / (surface[..., None] * exponent + air_area)
    return np.asarray(seconds)


def specular_decay(size: ArrayLike, absorption: ArrayLike, time: ArrayLike) -> NDArray[np.float64]:
    """Expected late energy of an empty box for a white source, band by band and direction by direction.

    In the direction u a ray meets n(t, u) = c t (|ux| / L + |uy| / W + |uz| / H) walls; the energy density is the mean
    over directions of (1 - a)^n exp(-m c t), weighted by the bands' shares. Sabine and Eyring assume a diffuse field,
    which an empty box does not have: its T20 is up to six times theirs where high bands absorb well and low do not.

    Args:
        size: length, width, height, (n, 3) in metres.
        absorption: (n, 8), the bands of `BAND_CENTRES`.
        time: (times,) in seconds.

    Returns:
        Energy density re its value at 0, (n, times).
    """
    path = SPEED_OF_SOUND * np.asarray(time, dtype=np.float64)
    walls_per_metre = (1.0 / np.asarray(size, dtype=np.float64)) @ _DIRECTIONS.T
    # A perfect absorber would be -inf, times 0 walls at t = 0.
    per_wall = np.log1p(-np.minimum(np.asarray(absorption, dtype=np.float64), 1.0 - 1e-6))
    energy = np.zeros((len(walls_per_metre), len(path)))
    for share, air, loss in zip(BAND_SHARES, AIR_ABSORPTION, per_wall.T, strict=True):
        rate = loss[:, None] * walls_per_metre
        energy += share * np.exp(-air * path) * np.exp(rate[:, :, None] * path).mean(axis=1)
    return energy


def direct_arrival_index(
    source: ArrayLike, receiver: ArrayLike, sampling_rate: float = 48_000, delay: float = SIMULATOR_DELAY
) -> NDArray[np.float64]:
    """Sample at which the direct sound arrives, (n,): distance / c x sampling rate + delay; positions (n, 3) in metres.

    Not rounded; counted from the start of a simulated response. The onset of a simulated curve lies 0 to 4 samples
    before it.

    Args:
        source, receiver: (n, 3), metres.
        sampling_rate: in Hz.
        delay: samples that are added; 40 is the simulator's.
    """
    return source_distance(source, receiver) / SPEED_OF_SOUND * sampling_rate + delay


def source_distance(source: ArrayLike, receiver: ArrayLike) -> NDArray[np.float64]:
    """Distance between source and receiver in metres, (n,), from positions (n, 3)."""
    return np.asarray(np.linalg.norm(np.asarray(source, np.float64) - np.asarray(receiver, np.float64), axis=-1))
