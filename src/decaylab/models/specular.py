"""The late part of a box room's decay, as ray tracing expects it: what would be found with infinitely many rays.

Shapes: B rooms, I images, D directions, K points in time, N = 8 bands. SI units.

Sabine and Eyring assume a diffuse field, which an empty box with even walls is not: sound that travels along u meets
the walls of axis i every L_i / (c |u_i|) seconds for ever. Up to order `IMAGE_ORDER` every image source is summed by
itself, energies (not amplitudes: the simulator puts pulses of random sign under them), in the tracer's histogram of
4 ms. Beyond it: density (4 pi c / V) x mean over u of E[(1 - alpha_b)^count; count > IMAGE_ORDER]. A ray's phase within
the room is uniform there, so on each axis its count is one of the two whole numbers beside n_i = c t |u_i| / L_i, the
upper one with probability frac(n_i).

The tracer records rays from their THIRD reflection on, the image sources end with it: order 3 is heard twice in the
simulator's responses, and so here. Its receiver is a sphere of 0.5 m, and a ray counts where it comes nearest to the
centre; what of the sphere lies beyond a wall counts for nothing, so a receiver near a wall hears less of the rays.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
import torch
from torch import Tensor, nn

from decaylab.acoustics import EDC_SAMPLES, SAMPLING_RATE
from decaylab.acoustics.physics import AIR_ABSORPTION, SIMULATOR_DELAY, SPEED_OF_SOUND
from decaylab.models.bands import BandJoin
from decaylab.models.images import LEAST_DISTANCE, TAKEN_WIDTH

#: Reflections from which on the tracer records a ray.
FIRST_TRACED = 3
#: Highest order of images that are summed one by one.
IMAGE_ORDER = 10
#: Samples of one bin of the tracer's histogram: 4 ms.
BIN = 192
#: Radius of the tracer's receiver in metres.
RADIUS = 0.5
#: Pulses a sample at which the simulator's carrier stops getting denser: 10,000 a second.
_MOST_PULSES = 10_000.0 / SAMPLING_RATE
#: Gauss-Legendre nodes per angle over one octant; the other seven are its mirror images.
_NODES = 10
#: Least density: the square root of nothing has no gradient.
_LEAST_DENSITY = 1e-24
_METRES_PER_SAMPLE = SPEED_OF_SOUND / SAMPLING_RATE


class LateEnergy(nn.Module):
    """Energy that arrives after each point in time on traced rays, over all bands."""

    lattice: Tensor
    parity: Tensor
    order: Tensor
    directions: Tensor
    direction_weights: Tensor
    air: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.join = BandJoin(missing=TAKEN_WIDTH)
        node, weight = np.polynomial.legendre.leggauss(_NODES)
        node, weight = (node + 1.0) / 2.0, weight / 2.0  # onto 0..1
        height, angle = (grid.ravel() for grid in np.meshgrid(node, node * math.pi / 2.0, indexing="ij"))
        radius = np.sqrt(1.0 - height**2)
        steps = range(-IMAGE_ORDER, IMAGE_ORDER + 1)
        lattice = np.array(
            [m for m in itertools.product(steps, repeat=3) if FIRST_TRACED <= sum(map(abs, m)) <= IMAGE_ORDER]
        )
        constants = {
            "lattice": lattice,
            "parity": lattice % 2,
            "order": np.abs(lattice).sum(axis=1),
            "directions": np.stack([radius * np.cos(angle), radius * np.sin(angle), height], axis=1),
            "direction_weights": np.outer(weight, weight).ravel(),
            "air": np.array(AIR_ABSORPTION),
        }
        for name, value in constants.items():
            self.register_buffer(name, torch.from_numpy(value).float(), persistent=False)

    def forward(self, size: Tensor, source: Tensor, receiver: Tensor, log_reflection: Tensor, knots: Tensor) -> Tensor:
        """Energy from each knot to the last one, (B, K), in units of 1 / R^2.

        Args:
            size, source, receiver: (B, 3), metres.
            log_reflection: (B, N), ln of the share of energy that a wall reflects.
            knots: (B, K), sample positions, rising.
        """
        volume = size.prod(dim=1, keepdim=True)
        travelled = (knots - SIMULATOR_DELAY).clamp(min=0.0) * _METRES_PER_SAMPLE  # (B, K), metres
        amplitude = self.band_amplitudes(size, source, receiver, log_reflection, knots)
        away = (source - receiver).square().sum(dim=1, keepdim=True).clamp(min=LEAST_DISTANCE**2).sqrt()
        power = self.join(amplitude) * carrier_gain(volume, away, travelled) * (travelled >= away)
        pieces = _exponential_integral(power, knots[:, 1:] - knots[:, :-1])
        after = pieces.flip(1).cumsum(dim=1).flip(1)  # small numbers first
        return torch.nn.functional.pad(after, (0, 1))

    def band_amplitudes(
        self, size: Tensor, source: Tensor, receiver: Tensor, log_reflection: Tensor, knots: Tensor
    ) -> Tensor:
        """Root of the expected energy per sample at each knot, band by band, (B, N, K); arguments as in `forward`.

        What a carrier with an energy of 1 per sample over the whole spectrum is multiplied by, each band by its own.
        Before the direct sound it means nothing: there is none.

        Args:
            size, source, receiver: (B, 3), metres.
            log_reflection: (B, N), ln of the share of energy that a wall reflects.
            knots: (B, K), sample positions, rising.
        """
        travelled = (knots - SIMULATOR_DELAY).clamp(min=0.0) * _METRES_PER_SAMPLE  # (B, K), metres
        density = self._survivors(size, receiver, log_reflection, travelled)  # (B, N, K)
        density = density * (4.0 * math.pi * _METRES_PER_SAMPLE) / size.prod(dim=1)[:, None, None]
        density = density + self._images(size, source, receiver, log_reflection, knots)
        return density.clamp(min=_LEAST_DENSITY).sqrt() * torch.exp(-0.5 * self.air[:, None] * travelled[:, None, :])

    def _images(self, size: Tensor, source: Tensor, receiver: Tensor, log_reflection: Tensor, knots: Tensor) -> Tensor:
        """Energy per sample of the single images, (B, N, K): a histogram, straight lines between its bins' centres."""
        mirrored = torch.where(self.parity > 0, (size - source)[:, None, :], source[:, None, :])
        offset = self.lattice * size[:, None, :] + mirrored - receiver[:, None, :]
        squared = offset.square().sum(dim=2).clamp(min=LEAST_DISTANCE**2)  # (B, I)
        bins = EDC_SAMPLES // BIN + 1  # the last one takes what comes later than the record
        bin_of = (squared.sqrt() / (_METRES_PER_SAMPLE * BIN)).long().clamp(max=bins - 1)
        heard = receiver_share(size, receiver, offset / squared.sqrt()[:, :, None]) / (BIN * squared)  # (B, I)
        energy = torch.exp(self.order * log_reflection[:, :, None]) * heard[:, None, :]  # (B, N, I)
        histogram = torch.zeros(*energy.shape[:2], bins, dtype=energy.dtype, device=energy.device)
        histogram = histogram.scatter_add(2, bin_of[:, None, :].expand_as(energy), energy)
        place = ((knots - SIMULATOR_DELAY) / BIN - 0.5).clamp(0.0, bins - 2.0)
        left = place.floor()
        index = left.long()[:, None, :].expand(-1, energy.shape[1], -1)
        share = (place - left)[:, None, :]
        return histogram.gather(2, index) * (1.0 - share) + histogram.gather(2, index + 1) * share

    def _survivors(self, size: Tensor, receiver: Tensor, log_reflection: Tensor, travelled: Tensor) -> Tensor:
        """Mean over directions of E[(1 - alpha)^count; count > IMAGE_ORDER], (B, N, K)."""
        meetings = self.directions[:, None, :] / size[:, None, None, :] * travelled[:, None, :, None]  # (B, D, K, 3)
        whole = meetings.floor()
        a, b, c = (meetings - whole).unbind(dim=3)  # chance of one more reflection on each axis
        count = whole.sum(dim=3)
        not_a, not_b, not_c = 1 - a, 1 - b, 1 - c
        none, three = not_a * not_b * not_c, a * b * c
        one = a * not_b * not_c + not_a * b * not_c + not_a * not_b * c
        two = a * b * not_c + a * not_b * c + not_a * b * c
        gated = [
            chance * (count > IMAGE_ORDER - more).to(chance.dtype)
            for more, chance in enumerate((none, one, two, three))
        ]
        heard = receiver_share(size, receiver, self.directions[None])
        weight = (self.direction_weights * heard)[:, :, None]
        bands = []
        for log_share in log_reflection[:, :, None, None].unbind(dim=1):
            share = torch.exp(log_share)
            chances = gated[0] + share * (gated[1] + share * (gated[2] + share * gated[3]))
            bands.append((weight * chances * torch.exp(count * log_share)).sum(dim=1))
        return torch.stack(bands, dim=1)


def receiver_share(size: Tensor, receiver: Tensor, directions: Tensor) -> Tensor:
    """Share of the tracer's receiver that lies inside the room for rays of these directions, (B, D): 1 far from walls.

    Rays of one direction come nearest to the centre on the disc across it. A wall nearer than the radius times the sine
    of the angle between its normal and the ray cuts a segment off that disc. Where walls of two axes do, it is counted
    as if each cut its share off what the other leaves.

    Args:
        size, receiver: (B, 3), metres. directions: (B, D, 3) or (1, D, 3), unit vectors.
    """
    if not torch.compiler.is_compiling() and bool((torch.minimum(receiver, size - receiver) >= RADIUS).all()):
        return torch.ones(len(size), directions.shape[1], dtype=size.dtype, device=size.device)
    reach = RADIUS * (1.0 - directions.square()).clamp(min=1e-6).sqrt()
    left = [1.0 - _segment(gap[:, None, :] / reach) for gap in (receiver, size - receiver)]
    return (left[0] + left[1] - 1.0).clamp(min=0.0).prod(dim=2)


def _segment(height: Tensor) -> Tensor:
    """Share of a unit disc beyond a chord at this distance from its centre."""
    h = height.clamp(max=1.0 - 1e-6)  # the gradient of acos at 1 is infinite
    return (torch.acos(h) - h * (1.0 - h.square()).sqrt()) / math.pi


def carrier_gain(volume: Tensor, away: Tensor, travelled: Tensor) -> Tensor:
    """Mean energy of the simulator's carrier against that of its histogram, (B, K).

    The carrier is a sequence of pulses that begins at the direct arrival and grows denser as the square of time, up to
    10,000 a second. Each pulse is levelled by the number of SAMPLES that hold one within 4 ms on either side, so with q
    pulses a sample here and m samples with one in that window the mean energy is 384 q E[1 / (1 + Poisson(m))]
    = 384 q (1 - exp(-m)) / m: less than 1 while the sequence grows denser, more where samples hold several.

    Args:
        volume: (B, 1), cubic metres. away: (B, 1), between source and receiver, metres. travelled: (B, K), metres.
    """
    growth = 4.0 * math.pi * SPEED_OF_SOUND / volume / SAMPLING_RATE  # q = growth x (away + travelled)^2
    path = away + travelled
    side = BIN * _METRES_PER_SAMPLE
    filled = _filled_samples(growth, path + side) - _filled_samples(growth, torch.maximum(path - side, 2.0 * away))
    filled = filled.clamp(min=1e-6)
    pulses = (growth * path.square()).clamp(max=_MOST_PULSES)
    return 2.0 * BIN * pulses * (1.0 - torch.exp(-filled)) / filled


def _filled_samples(growth: Tensor, path: Tensor) -> Tensor:
    """Integral of 1 - exp(-q) over samples, from 0 to `path` metres: three terms of its series while q grows, then
    a straight line."""
    last = (_MOST_PULSES / growth).sqrt()
    u = torch.minimum(path, last)
    q = growth * u.square()
    grown = u * q * (1.0 / 3.0 - q / 10.0 + q.square() / 42.0)
    return (grown + (path - u) * (1.0 - math.exp(-_MOST_PULSES))) / _METRES_PER_SAMPLE


def _exponential_integral(values: Tensor, steps: Tensor) -> Tensor:
    """Integral over each step between neighbouring values (..., K): exact for exponential falls, else trapezoidal."""
    tiny = 1e-30
    left, right = values[..., :-1].clamp(min=tiny), values[..., 1:].clamp(min=tiny)
    ratio = torch.log(left) - torch.log(right)  # the gradient of left / right would overflow
    falls = ratio > 0.05  # a smaller ratio loses its digits in the difference; there the trapezium is right to 1e-4
    mean = torch.where(falls, (left - right) / torch.where(falls, ratio, torch.ones_like(ratio)), 0.5 * (left + right))
    return mean * steps
