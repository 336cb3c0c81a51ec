"""What the simulator's high-pass filter takes from the early part of a response, and where it puts it.

Shapes: B rooms, I images, K knots. Image sources are pulses of one sign, so a response has energy at 0 Hz. The
simulator removes it forwards and backwards (a Butterworth filter of order 2 at 10 Hz, zero phase): it subtracts the
slow wave l(t) = sum of a_j g(t - t_j), G(f) = 1 / (1 + (f / 10 Hz)^4). Energy falls by 2 a_i l(t_i) at each pulse and
rises by l^2 everywhere: 0.1 % of it comes before the direct sound, 0.3 % moves from the first 15 ms to the next 40.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from decaylab.acoustics import SAMPLING_RATE

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
