"""The early part of a box room's decay: image sources up to order 3, their energy after each point in time.

Shapes: B rooms, I = 63 images, P pairs of them, N = 8 bands, K points in time. SI units.

Reflections that arrive together add in amplitude, so that energy is a sum over PAIRS of images: a pair whose arrivals
differ by x contributes the integral of A_i(f) A_j(f) cos(2 pi f x) over the white spectrum, at its mean arrival time
(Parseval; `bands.PairSpectrum`).
"""

from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor, nn

from decaylab.acoustics import EDC_SAMPLES, SAMPLING_RATE
from decaylab.acoustics.physics import AIR_ABSORPTION, SIMULATOR_DELAY, SPEED_OF_SOUND
from decaylab.models.bands import DELAY_LOSS, BandJoin, PairSpectrum
from decaylab.models.grid import FIRST, LAST_DENSE

#: Corner of the filter in Hz.
_CORNER = 10.0
#: Width of the spectrum, in Hz, that the filter takes from a signal of random signs: the integral of 1 - (1 - G)^2.
TAKEN_WIDTH = math.pi / (2.0 * math.sqrt(2.0)) * (2.0 - 0.75) * _CORNER
#: The slow wave is integrated at points this many samples apart: 4 ms, of a wave below 20 Hz.
_STEP = 192
#: Points: half a second. Later the wave has died away (60 dB in 160 ms after the last image).
_POINTS = 128


class HighPass(nn.Module):
    """Energy that the filter adds after each point in time; negative where it takes more away."""

    points: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("points", torch.arange(_POINTS, dtype=torch.float32) * _STEP, persistent=False)

    def forward(self, amplitude: Tensor, arrival: Tensor, knots: Tensor) -> tuple[Tensor, Tensor]:
        """What leaves with each pulse, (B, I), and what arrives with the wave after each knot, (B, K).

        Args:
            amplitude: (B, I), of the pulses in the lowest band. arrival: (B, I), samples. knots: (B, K), samples.
        """
        at_pulses = (_kernel(arrival[:, :, None] - arrival[:, None, :]) * amplitude[:, None, :]).sum(dim=2)
        wave = (_kernel(self.points[:, None] - arrival[:, None, :]) * amplitude[:, None, :]).sum(dim=2)  # (B, points)
        power = wave.square()
        pieces = 0.5 * _STEP * (power[:, 1:] + power[:, :-1])
        after = torch.nn.functional.pad(pieces.flip(1).cumsum(dim=1).flip(1), (0, 1))
        place = (knots / _STEP).clamp(0.0, _POINTS - 1.001)
        left = place.floor()
        index = left.long()
        here, there = after.gather(1, index), after.gather(1, index + 1)
        return -2.0 * amplitude * at_pulses, here + (there - here) * (place - left)


def _kernel(apart: Tensor) -> Tensor:
    """g at `apart` samples, per sample: corner x pi / sqrt 2 x exp(-k) (cos k + sin k), k = sqrt 2 pi corner |t|."""
    k = apart.abs() * (math.sqrt(2.0) * math.pi * _CORNER / SAMPLING_RATE)
    return torch.exp(-k) * (torch.cos(k) + torch.sin(k)) * (_CORNER * math.pi / math.sqrt(2.0) / SAMPLING_RATE)


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
    taps: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.join = BandJoin()
        self.interference = PairSpectrum()
        self.highpass = HighPass()
        steps = range(-MAX_ORDER, MAX_ORDER + 1)
        lattice = [m for m in itertools.product(steps, repeat=3) if sum(map(abs, m)) <= MAX_ORDER]
        lattice.sort(key=lambda m: sum(map(abs, m)))  # the direct sound comes first
        pairs = torch.triu_indices(len(lattice), len(lattice))[:, 1:]  # all but the direct sound with itself
        constants = {
            "lattice": torch.tensor(lattice, dtype=torch.float32),
            "parity": torch.tensor([[m % 2 for m in image] for image in lattice], dtype=torch.float32),
            "order": torch.tensor([sum(map(abs, image)) for image in lattice], dtype=torch.float32),
            "first": pairs[0],
            "second": pairs[1],
            "multiplicity": torch.where(pairs[0] == pairs[1], 1.0, 2.0),
            "air": torch.tensor(AIR_ABSORPTION),
            "taps": torch.arange(-_HALF_FILTER, _HALF_FILTER + 2, dtype=torch.float32),
        }
        for name, value in constants.items():
            self.register_buffer(name, value, persistent=False)

    def forward(
        self, size: Tensor, source: Tensor, receiver: Tensor, log_reflection: Tensor, knots: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Energy after each knot, (B, K), and before the first one, (B, 1), in units of 1 / R^2.

        Args:
            size, source, receiver: (B, 3), metres.
            log_reflection: (B, N), ln of the share of energy that a wall reflects.
            knots: (B, K), sample positions, laid out as `grid.knot_positions` does.
        """
        distance = self._distances(size, source, receiver)
        arrival = distance / SPEED_OF_SOUND * SAMPLING_RATE + SIMULATOR_DELAY  # (B, I), samples
        exponent = self.order[:, None] * log_reflection[:, None, :] - self.air * distance[:, :, None]
        amplitude = torch.exp(0.5 * exponent) / distance[:, :, None]  # (B, I, N)
        energy = self._pair_energy(amplitude, arrival)
        middle = 0.5 * (arrival[:, self.first] + arrival[:, self.second])
        from_start = torch.cat([torch.zeros_like(knots[:, :1]), knots], dim=1)
        taken, wave = self.highpass(amplitude[:, :, 0], arrival, from_start)
        reflected = _energy_after(torch.cat([middle, arrival], dim=1), torch.cat([energy, taken], dim=1), knots)
        between = torch.sin(math.pi * arrival[:, :1]).square()
        direct = self.join(amplitude[:, 0])[:, None] - DELAY_LOSS * between * amplitude[:, 0, -1:].square()
        after = reflected + wave[:, 1:] + direct * self._direct_share(arrival[:, 0], knots)
        return after, wave[:, :1] - wave[:, 1:2]

    def _distances(self, size: Tensor, source: Tensor, receiver: Tensor) -> Tensor:
        """From each image of the source to the receiver, (B, I)."""
        mirrored = torch.where(self.parity > 0, (size - source)[:, None, :], source[:, None, :])
        offset = self.lattice * size[:, None, :] + mirrored - receiver[:, None, :]
        return offset.square().sum(dim=2).clamp(min=LEAST_DISTANCE**2).sqrt()

    def _pair_energy(self, amplitude: Tensor, arrival: Tensor) -> Tensor:
        """What each pair adds over all bands, (B, P); negative where two reflections cancel each other."""
        apart = (arrival[:, self.first] - arrival[:, self.second]).abs() / SAMPLING_RATE
        return self.multiplicity * self.interference(amplitude[:, self.first], amplitude[:, self.second], apart)

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


def _energy_after(arrival: Tensor, energy: Tensor, knots: Tensor) -> Tensor:
    """Sum of the energies (B, P) that arrive after each knot, (B, K); an arrival is a ramp one sample long, not a step.

    So the curve stays continuous in the room's dimensions. A running sum over the record's samples, from its end, costs
    a fraction of comparing every pair with every knot, and exports.
    """
    place = (arrival + 0.5).clamp(1.0, EDC_SAMPLES - 1.0)
    sample = place.floor()
    upper = (place - sample) * energy
    at = torch.zeros(energy.shape[0], EDC_SAMPLES, dtype=energy.dtype, device=energy.device)
    at = at.scatter_add(1, sample.long(), upper).scatter_add(1, sample.long() - 1, energy - upper)
    return at.flip(1).cumsum(dim=1).flip(1).gather(1, knots.long())
