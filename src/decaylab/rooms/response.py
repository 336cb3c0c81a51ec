"""From image sources and traced energy to an impulse response: what pyroomacoustics builds, in a fraction of its time.

The response is that of `Room.compute_rir` of pyroomacoustics 0.10.1 under the same seed, to about 1e-3 of its peak: its
octave bands (J. Antoni, J. Acoust. Soc. Am. 127, 883, 2010), its image sources behind 81-tap fractional delays, its
random carrier drawn in the same order, its high-pass. What differs is how it is computed: in double precision; one
Fourier transform of the carrier for all bands instead of two for each; only as long as it will be read; and what no
seed decides once for all realisations (nothing is drawn at random in tracing: walls do not scatter). What that saves,
and how it was checked: docs/decisions/simulation.md.

Shapes: b bands, n samples, i image sources.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from decaylab.acoustics.physics import SIMULATOR_DELAY
from decaylab.rooms.carrier import Carrier
from decaylab.rooms.tracing import Rays, can_trace, trace_box, walls_until

Floats = NDArray[np.float64]

#: Part of a data set's settings: raised whenever the same room and seed give other curves.
RESPONSE_VERSION = 1

#: Seconds behind what is read that the filters still see. The high-pass rings for 1/16 s.
_MARGIN = 0.2

#: Samples of silence behind what is filtered, for what the lowest band rings; beyond it rings into the start.
_PADDING = 8192


class ResponseBuilder:
    """Impulse responses of one room with one source and one receiver, each under a seed.

    Args:
        room: a `pyroomacoustics.ShoeBox` with walls of one material that do not scatter, ray tracing set.
        samples: that will be read; the response may end earlier or later.
    """

    def __init__(self, room: Any, samples: int) -> None:
        self._rate = int(room.fs)
        room.image_source_model()
        self._early = _image_sources(room)
        energy = _traced_energy(room)
        bin_samples = int(room.rt_args["hist_bin_size_samples"])
        # As the library counts them: its rounding may add an empty bin.
        bins = math.ceil(energy.shape[1] * room.rt_args["hist_bin_size"] * self._rate / bin_samples)
        read = math.ceil((samples - SIMULATOR_DELAY + _MARGIN * self._rate) / bin_samples)
        energy = np.pad(energy, ((0, 0), (0, bins - energy.shape[1])))
        self._envelope = _envelope(energy, min(bins, read), bin_samples)
        if room.air_absorption is not None:
            _absorb(self._envelope, room.air_absorption * room.c / self._rate, bin_samples)
        np.sqrt(self._envelope, out=self._envelope)
        self._bands = room.octave_bands
        self._carrier = Carrier(
            travel=float(np.linalg.norm(room.sources[0].position - room.mic_array.R[:, 0]) / room.c),
            density=float(4.0 * np.pi * room.c**3 / room.get_volume()),
            samples=bins * bin_samples,
            rate=self._rate,
            half_window=bin_samples,
        )

    def rir(self, seed: int) -> Floats:
        """The impulse response, (n,): direct sound at distance / c + 40 samples."""
        late = self._late(seed) if self._envelope.size else np.zeros(0)
        rir = np.zeros(max(len(self._early), SIMULATOR_DELAY + len(late)))
        rir[: len(self._early)] = self._early
        rir[SIMULATOR_DELAY : SIMULATOR_DELAY + len(late)] += late
        return _high_passed(rir, self._rate)

    def _late(self, seed: int) -> Floats:
        """The random carrier, each band under its envelope."""
        from scipy import fft

        length = self._envelope.shape[1]
        carrier = self._carrier.draw(seed)[:length]
        size = _transform_size(length + _PADDING)
        spectrum = fft.rfft(carrier, size)
        filtered = np.zeros((len(self._envelope), len(spectrum)), dtype=np.complex128)
        for row, (first, gains) in zip(filtered, _band_gains(self._bands, size), strict=True):
            np.multiply(spectrum[first : first + len(gains)], gains, out=row[first : first + len(gains)])
        bands = fft.irfft(filtered, size, axis=-1)
        return np.asarray(np.einsum("bn,bn->n", bands[:, :length], self._envelope))


def _envelope(energy: Floats, kept: int, bin_samples: int) -> Floats:
    """Energy (b, bins) drawn as straight lines between the centres of bins, of the first `kept` bins: (b, n).

    The library's anchors lie a sample closer together over the whole record, and behind the last it has none: zeros.
    """
    bands, bins = energy.shape
    half = bin_samples // 2
    envelope = np.zeros((bands, kept * bin_samples))
    if bins < 2 or kept < 1:
        return envelope
    spacing = (bins * bin_samples - 1 - 2 * half) / (bins - 1)
    lines = min(kept, bins - 1)
    share = (np.arange(bin_samples) + (np.arange(lines) * (bin_samples - spacing))[:, None]) / spacing
    drawn = np.diff(energy[:, : lines + 1], axis=1)[:, :, None] * share
    drawn += energy[:, :lines, None]
    envelope[:, :half] = energy[:, :1]
    envelope[:, half : half + lines * bin_samples] = drawn.reshape(bands, -1)[:, : envelope.shape[1] - half]
    return np.maximum(envelope, 0.0, out=envelope)


def _absorb(envelope: Floats, loss: Floats, block: int) -> None:
    """Multiply by exp(-loss x sample), `loss` (b,), in place: block by block, with few exponentials."""
    blocks = envelope.reshape(len(loss), -1, block)
    blocks *= np.exp(-loss[:, None] * np.arange(block))[:, None, :]
    blocks *= np.exp(-loss[:, None] * np.arange(blocks.shape[1]) * block)[:, :, None]


def _traced_energy(room: Any) -> Floats:
    """Energy at the receiver by band and bin of time, (b, bins), without the empty bins at the end."""
    from pyroomacoustics.doa import fibonacci_spherical_sampling

    options = room.rt_args
    size = np.asarray(room.shoebox_dim, dtype=np.float64)
    if not can_trace(size, options["receiver_radius"]):
        room.ray_tracing()
        energy = np.asarray(room.rt_histograms[0][0][0], dtype=np.float64)
        filled = np.flatnonzero(energy.any(axis=0))
        return energy[:, : filled[-1] + 1 if filled.size else 0]
    reflection = 1.0 - np.asarray(room.walls[0].absorption, dtype=np.float64)
    rays = Rays(
        directions=fibonacci_spherical_sampling(options["n_rays"]).T,
        radius=options["receiver_radius"],
        bin_length=options["hist_bin_size"] * room.c,
        distance_limit=options["time_thres"] * room.c,
        least_walls=max(room.max_order, 0),
        most_walls=walls_until(options["energy_thres"], float(reflection.max())),
    )
    return trace_box(size, room.sources[0].position, room.mic_array.R[:, 0], reflection, rays)


def _image_sources(room: Any) -> Floats:
    """The response of the image sources, (n,): a pulse each, by band, then all bands together."""
    from scipy import fft

    if not room.simulator_state["ism_needed"]:
        return np.zeros(0)
    source, visible = room.sources[0], np.asarray(room.visibility[0][0], dtype=bool)
    images = np.asarray(source.images, dtype=np.float64)[:, visible]
    distance = np.linalg.norm(images - room.mic_array.R, axis=0)
    amplitude = np.asarray(source.damping, dtype=np.float64)[:, visible] / distance  # (b, i)
    if room.air_absorption is not None:
        amplitude *= np.exp(-0.5 * room.air_absorption[:, None] * distance)
    arrival = distance / room.c * room.fs + SIMULATOR_DELAY
    length = math.ceil(arrival.max() + SIMULATOR_DELAY + 1) + 1
    places, taps = _delayed_pulses(arrival)
    size = 2 ** math.ceil(math.log2(2 * length))
    spectrum = np.zeros(size // 2 + 1, dtype=np.complex128)
    for of_band, (first, gains) in zip(amplitude, _band_gains(room.octave_bands, size), strict=True):
        pulses = np.bincount(places.ravel(), (of_band[:, None] * taps).ravel(), length)
        spectrum[first : first + len(gains)] += gains * fft.rfft(pulses, size)[first : first + len(gains)]
    return np.asarray(fft.irfft(spectrum, size)[:length])


def _delayed_pulses(arrival: Floats) -> tuple[NDArray[np.int64], Floats]:
    """Samples and values, (i, 81) each, of unit pulses at these times in samples (i,), 40 or more.

    A sinc under a Hann window, the sinc in straight lines between twenty points per sample, as the library reads it
    from a table.
    """
    whole = np.floor(arrival)
    taps = np.arange(-SIMULATOR_DELAY, SIMULATOR_DELAY + 1)
    points_per_sample = 20
    place = (taps - (arrival - whole)[:, None]) * points_per_sample
    below = np.floor(place)
    values = [np.sinc(point / points_per_sample) for point in (below, below + 1)]
    window = 0.5 + 0.5 * np.cos(np.pi * taps / SIMULATOR_DELAY)
    lines = values[0] + (place - below) * (values[1] - values[0])
    return whole.astype(np.int64)[:, None] + taps, lines * window


def _band_gains(bands: Any, size: int) -> list[tuple[int, Floats]]:
    """Energy gains of the octave bands for a transform of `size` points: each band's first bin and its bins' gains."""
    return _gains(
        tuple(bands.centers), tuple(map(tuple, bands.bands)), bands.fs, bands.overlap_ratio, bands.slope, size
    )


@functools.lru_cache(maxsize=64)
def _gains(
    centres: tuple[float, ...], edges: tuple[tuple[float, float], ...], rate: int, overlap: float, slope: int, size: int
) -> list[tuple[int, Floats]]:
    from pyroomacoustics.acoustics import antoni_magnitude_octave_filter_response as window

    windows = window(size, np.array(centres), np.array(edges), rate, overlap, slope)[0]
    gains = []
    for row in windows:
        filled = np.flatnonzero(row)
        # Squared: the library weighs with the window once in its analysis, once in its synthesis.
        gains.append((int(filled[0]), row[filled[0] : filled[-1] + 1] ** 2))
    return gains


def _transform_size(least: int) -> int:
    """4, 5, 6 or 7 times a power of two: fast, and few different ones, whose gains are kept."""
    power = 2 ** max((least - 1).bit_length() - 3, 1)
    return int(next(factor * power for factor in (4, 5, 6, 7, 8) if factor * power >= least))


@functools.lru_cache(maxsize=4)
def _high_pass(rate: int) -> Floats | None:
    from pyroomacoustics.parameters import constants
    from pyroomacoustics.utilities import design_highpass_filter_sos

    if not constants.get("rir_hpf_enable"):
        return None
    return np.asarray(design_highpass_filter_sos(rate, constants.get("rir_hpf_fc"), **constants.get("rir_hpf_kwargs")))


def _high_passed(rir: Floats, rate: int) -> Floats:
    from scipy.signal import sosfiltfilt

    sections = _high_pass(rate)
    return rir if sections is None else np.ascontiguousarray(sosfiltfilt(sections, rir))
