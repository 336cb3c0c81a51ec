"""The early part of a box room's decay: image sources up to order 3, their energy after each point in time.

Shapes: B rooms, I = 63 images, P pairs of them, N = 8 bands, K points in time. SI units.

Reflections that arrive together add in amplitude, so that energy is a sum over PAIRS of images. In band b, between f1
and f2, a pair whose arrivals differ by x contributes a_i a_j r_b(x) at its mean arrival time, with r_b(x) =
(f2 sinc(2 f2 x) - f1 sinc(2 f1 x)) / (f2 - f1). Source: FINDINGS of the project's design, checked there against the
simulator's own image sources.
"""

from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor, nn

from decaylab.acoustics import SAMPLING_RATE
from decaylab.acoustics.physics import AIR_ABSORPTION, BAND_CENTRES, BAND_SHARES, SIMULATOR_DELAY, SPEED_OF_SOUND
from decaylab.models.grid import FIRST, LAST_DENSE

#: Highest order of image sources; `simulate` has the same.
MAX_ORDER = 3
#: Least distance in metres at which a source is heard: nearer ones are taken for it.
LEAST_DISTANCE = 0.01
#: Half the length of the simulator's fractional-delay filter: a Hann-windowed sinc of 81 samples.
_HALF_FILTER = 40


class EarlyEnergy(nn.Module):
    """Energy that image sources bring after each point in time, summed over the bands of a white source."""

    lattice: Tensor
    parity: Tensor
    order: Tensor
    first: Tensor
    second: Tensor
    multiplicity: Tensor
    air: Tensor
    edges: Tensor
    shares: Tensor
    taps: Tensor

    def __init__(self) -> None:
        super().__init__()
        steps = range(-MAX_ORDER, MAX_ORDER + 1)
        lattice = [m for m in itertools.product(steps, repeat=3) if sum(map(abs, m)) <= MAX_ORDER]
        lattice.sort(key=lambda m: sum(map(abs, m)))  # the direct sound comes first
        pairs = torch.triu_indices(len(lattice), len(lattice))[:, 1:]  # all but the direct sound with itself
        edges = [0.0, *(centre * math.sqrt(2.0) for centre in BAND_CENTRES[:-1]), SAMPLING_RATE / 2]
        constants = {
            "lattice": torch.tensor(lattice, dtype=torch.float32),
            "parity": torch.tensor([[m % 2 for m in image] for image in lattice], dtype=torch.float32),
            "order": torch.tensor([sum(map(abs, image)) for image in lattice], dtype=torch.float32),
            "first": pairs[0],
            "second": pairs[1],
            "multiplicity": torch.where(pairs[0] == pairs[1], 1.0, 2.0),
            "air": torch.tensor(AIR_ABSORPTION),
            "edges": torch.tensor(edges),
            "shares": torch.tensor(BAND_SHARES),
            "taps": torch.arange(-_HALF_FILTER, _HALF_FILTER + 2, dtype=torch.float32),
        }
        for name, value in constants.items():
            self.register_buffer(name, value, persistent=False)

    def forward(self, size: Tensor, source: Tensor, receiver: Tensor, log_reflection: Tensor, knots: Tensor) -> Tensor:
        """Energy after each knot, (B, K), in units of 1 / (4 pi R)^2.

        Args:
            size, source, receiver: (B, 3), metres.
            log_reflection: (B, N), ln of the share of energy that a wall reflects.
            knots: (B, K), sample positions, laid out as `grid.knot_positions` does.
        """
        distance = self._distances(size, source, receiver)
        arrival = distance / SPEED_OF_SOUND * SAMPLING_RATE + SIMULATOR_DELAY  # (B, I), samples
        exponent = self.order[:, None] * log_reflection[:, None, :] - self.air * distance[:, :, None]
        amplitude = torch.exp(0.5 * exponent) / (4.0 * math.pi * distance[:, :, None])  # (B, I, N)
        energy = self._pair_energy(amplitude, arrival)
        middle = 0.5 * (arrival[:, self.first] + arrival[:, self.second])
        # A ramp one sample long instead of a step: the curve stays continuous in the room's dimensions.
        after = ((middle + 0.5)[:, None, :] - knots[:, :, None]).clamp(0.0, 1.0)  # (B, K, P)
        reflected = (after * energy[:, None, :]).sum(dim=2)  # no matrix product: mixed precision would round it
        direct = (self.shares * amplitude[:, 0].square()).sum(dim=1, keepdim=True)
        return reflected + direct * self._direct_share(arrival[:, 0], knots)

    def _distances(self, size: Tensor, source: Tensor, receiver: Tensor) -> Tensor:
        """From each image of the source to the receiver, (B, I)."""
        mirrored = torch.where(self.parity > 0, (size - source)[:, None, :], source[:, None, :])
        offset = self.lattice * size[:, None, :] + mirrored - receiver[:, None, :]
        return offset.square().sum(dim=2).clamp(min=LEAST_DISTANCE**2).sqrt()

    def _pair_energy(self, amplitude: Tensor, arrival: Tensor) -> Tensor:
        """What each pair adds over all bands, (B, P); negative where two reflections cancel each other."""
        apart = (arrival[:, self.first] - arrival[:, self.second]).abs() / SAMPLING_RATE
        phase = (2.0 * math.pi * apart)[:, :, None] * self.edges  # (B, P, N + 1)
        near = phase < 1e-3
        safe = torch.where(near, torch.ones_like(phase), phase)
        lobes = self.edges * torch.where(near, 1.0 - phase.square() / 6.0, torch.sin(safe) / safe)
        # (lobe at f2 - lobe at f1) / (f2 - f1), times the band's share of the whole bandwidth.
        correlation = (lobes[:, :, 1:] - lobes[:, :, :-1]) / self.edges[-1]
        product = amplitude[:, self.first] * amplitude[:, self.second]
        return self.multiplicity * (product * correlation).sum(dim=2)

    def _direct_share(self, arrival: Tensor, knots: Tensor) -> Tensor:
        """Share of the direct sound's energy at or after each knot, (B, K), as the simulator's delay filter spreads it.

        An arrival between two samples is a windowed sinc around it: the onset rule reads its first lobes.
        """
        base = knots[:, -FIRST]  # the sample at or just before the arrival
        x = self.taps - (arrival - base)[:, None]
        angle = math.pi * x
        near = angle.abs() < 1e-3
        sinc = torch.where(near, torch.ones_like(x), torch.sin(angle) / torch.where(near, torch.ones_like(x), angle))
        window = torch.where(x.abs() <= _HALF_FILTER + 0.5, 0.5 + 0.5 * torch.cos(angle / (_HALF_FILTER + 0.5)), 0.0)
        energy = (sinc * window).square()
        remaining = energy.flip(1).cumsum(dim=1).flip(1) / energy.sum(dim=1, keepdim=True)
        dense = remaining[:, _HALF_FILTER + FIRST : _HALF_FILTER + LAST_DENSE + 1]
        sparse = torch.zeros_like(knots[:, LAST_DENSE - FIRST + 1 :])
        return torch.cat([dense, sparse], dim=1)
