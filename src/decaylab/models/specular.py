"""The late part of a box room's decay: specular reflection in every direction, averaged.

Shapes: B rooms, D directions, K points in time, N = 8 bands. SI units.

Sabine and Eyring assume a diffuse field, which an empty box with even walls is not: sound that travels along u meets
the walls of axis i every L_i / (c |u_i|) seconds for ever. Energy density in band b at time t:
(c / V) exp(-m_b c t) x mean over u of E[(1 - alpha_b)^count; count > 3]. A ray's phase within the room is uniform, so
on each axis its count is one of the two whole numbers beside n_i = c t |u_i| / L_i, the upper one with probability
frac(n_i): a soft gate where the image sources leave off, without a constant to choose.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn

from decaylab.acoustics import SAMPLING_RATE
from decaylab.acoustics.physics import AIR_ABSORPTION, BAND_SHARES, SIMULATOR_DELAY, SPEED_OF_SOUND

#: Gauss-Legendre nodes per angle over one octant; the other seven are its mirror images.
_NODES = 10


class LateEnergy(nn.Module):
    """Energy that arrives after each point in time by paths of more than three reflections, over all bands."""

    directions: Tensor
    direction_weights: Tensor
    air: Tensor
    shares: Tensor

    def __init__(self) -> None:
        super().__init__()
        node, weight = np.polynomial.legendre.leggauss(_NODES)
        node, weight = (node + 1.0) / 2.0, weight / 2.0  # onto 0..1
        height, angle = (grid.ravel() for grid in np.meshgrid(node, node * math.pi / 2.0, indexing="ij"))
        radius = np.sqrt(1.0 - height**2)
        constants = {
            "directions": np.stack([radius * np.cos(angle), radius * np.sin(angle), height], axis=1),
            "direction_weights": np.outer(weight, weight).ravel(),
            "air": np.array(AIR_ABSORPTION),
            "shares": np.array(BAND_SHARES),
        }
        for name, value in constants.items():
            self.register_buffer(name, torch.from_numpy(value).float(), persistent=False)

    def forward(self, size: Tensor, log_reflection: Tensor, knots: Tensor) -> Tensor:
        """Energy from each knot to the last one, (B, K), in units that stand beside 1 / (4 pi R^2).

        Args:
            size: (B, 3), metres.
            log_reflection: (B, N), ln of the share of energy that a wall reflects.
            knots: (B, K), sample positions, rising.
        """
        travelled = (knots - SIMULATOR_DELAY).clamp(min=0.0) * (SPEED_OF_SOUND / SAMPLING_RATE)  # (B, K), metres
        density = self._survivors(size, log_reflection, travelled)  # (B, N, K)
        density = density * torch.exp(-self.air[:, None] * travelled[:, None, :])
        pieces = _exponential_integral(density, travelled[:, None, 1:] - travelled[:, None, :-1])
        broadband = (self.shares[:, None] * pieces).sum(dim=1) / size.prod(dim=1, keepdim=True)
        after = broadband.flip(1).cumsum(dim=1).flip(1)  # small numbers first
        return torch.nn.functional.pad(after, (0, 1))

    def _survivors(self, size: Tensor, log_reflection: Tensor, travelled: Tensor) -> Tensor:
        """Mean over directions of E[(1 - alpha)^count; count > 3], (B, N, K)."""
        meetings = self.directions[:, None, :] / size[:, None, None, :] * travelled[:, None, :, None]  # (B, D, K, 3)
        whole = meetings.floor()
        a, b, c = (meetings - whole).unbind(dim=3)  # chance of one more reflection on each axis
        count = whole.sum(dim=3)
        not_a, not_b, not_c = 1 - a, 1 - b, 1 - c
        none, three = not_a * not_b * not_c, a * b * c
        one = a * not_b * not_c + not_a * b * not_c + not_a * not_b * c
        two = a * b * not_c + a * not_b * c + not_a * b * c
        gated = [chance * (count > 3 - more).to(chance.dtype) for more, chance in enumerate((none, one, two, three))]
        weight = self.direction_weights[:, None]
        bands = []
        for log_share in log_reflection[:, :, None, None].unbind(dim=1):
            share = torch.exp(log_share)
            chances = gated[0] + share * (gated[1] + share * (gated[2] + share * gated[3]))
            bands.append((weight * chances * torch.exp(count * log_share)).sum(dim=1))
        return torch.stack(bands, dim=1)


def _exponential_integral(values: Tensor, steps: Tensor) -> Tensor:
    """Integral over each step between neighbouring values (..., K): exact for exponential falls, else trapezoidal."""
    tiny = 1e-30
    left, right = values[..., :-1].clamp(min=tiny), values[..., 1:].clamp(min=tiny)
    ratio = torch.log(left / right)
    falls = ratio > 0.05  # a smaller ratio loses its digits in the difference; there the trapezium is right to 1e-4
    mean = torch.where(falls, (left - right) / torch.where(falls, ratio, torch.ones_like(ratio)), 0.5 * (left + right))
    return mean * steps
