"""Small models of one's own for guard_rates.py: they start worse than the mean curve, and train in seconds."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from decaylab.models.compact import Compact

WIDTH = 32


class Falling(Compact):
    """Levels on the knots of `compact` that can only fall, without its physics."""

    default_settings: ClassVar[dict[str, Any]] = {"input_noise": 0.0}

    def __init__(self) -> None:
        super().__init__()
        width = len(self.input_mean)
        knots = self.baseline.knots(torch.ones(1, 16)).shape[1]
        self.networks = nn.ModuleList()
        self.body = nn.Sequential(nn.Linear(width, WIDTH), nn.SiLU(), nn.Linear(WIDTH, knots))

    def forward(self, features: Tensor, physics: Tensor | None = None) -> Tensor:
        """Level in dB at the knots, (B, K)."""
        return -torch.cumsum(nn.functional.softplus(self._answer(features, physics)), dim=1)

    def _answer(self, features: Tensor, physics: Tensor | None) -> Tensor:
        physics = self.physics(features) if physics is None else physics
        known = (self._inputs(features, physics) - self.input_mean) / self.input_scale
        known = known[:, : -len(self.seen)]  # the baseline is not shown to it
        answer: Tensor = self.body(nn.functional.pad(known, (0, len(self.seen))))
        return answer


class Free(Falling):
    """Levels that may also rise."""

    def forward(self, features: Tensor, physics: Tensor | None = None) -> Tensor:
        """Level in dB at the knots, (B, K)."""
        return -20.0 * self._answer(features, physics)


class Curve(nn.Module):
    """Scaled features to 64 values, joined by straight lines: a curve of every sample with few weights."""

    inputs: ClassVar[str] = "scaled"
    outputs: ClassVar[str] = "scaled_curve"
    default_loss: ClassVar[str] = "mse"
    default_settings: ClassVar[dict[str, Any]] = {}

    def __init__(self, input_dim: int, output_length: int) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(input_dim, WIDTH), nn.ReLU(), nn.Linear(WIDTH, 64))
        place = torch.linspace(0, 63, output_length) - torch.arange(64)[:, None]
        self.register_buffer("basis", (1 - place.abs()).clamp(min=0), persistent=False)

    def forward(self, features: Tensor) -> Tensor:
        """(B, F) to (B, output_length)."""
        curves: Tensor = self.body(features) @ self.basis
        return curves
