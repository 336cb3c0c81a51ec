"""`multihead`: the trunk of `hybrid_v2` with three heads: the curve, T20 and C50.

Shapes: B rooms, F features. T20 and C50 are trained on the parameters of the target curves, standardised by those of
the training rooms (`losses.scalar_heads`); their answers are in seconds and decibels.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from decaylab.acoustics import EDC_SAMPLES
from decaylab.models.hybrid import HybridV2
from decaylab.models.lstm import DROPOUT, TRUNK_WIDTH

#: Width of the layer before the curve, and before each scalar.
CURVE_WIDTH = 1024
SCALAR_WIDTH = 256


class Multihead(nn.Module):
    """The two paths of `hybrid_v2`, Linear 512 -> 2048, Dropout; three heads on it: 102,729,346 parameters.

    Curve: Linear 2048 -> 1024, ReLU, Linear 1024 -> output. T20 and C50: Linear 2048 -> 256, ReLU, Linear 256 -> 1.
    Of the users' network only the heads and the total of about 103 million are known; these widths give that total.

    Attributes:
        scalars: the parameters that `forward_with_scalars` answers beside the curve, in its order.
    """

    inputs: ClassVar[Literal["scaled", "physical"]] = "scaled"
    outputs: ClassVar[Literal["scaled_curve", "knots"]] = "scaled_curve"
    scalars: ClassVar[tuple[str, ...]] = ("t20", "c50")

    scalar_center: Tensor
    scalar_scale: Tensor

    def __init__(self, input_dim: int = 16, output_length: int = EDC_SAMPLES) -> None:
        super().__init__()
        self.trunk = HybridV2(input_dim, output_length=1)  # its two paths; the head is replaced, not used
        self.trunk.head = nn.Sequential(nn.Linear(512, TRUNK_WIDTH), nn.ReLU(), nn.Dropout(DROPOUT))
        self.curve = nn.Sequential(
            nn.Linear(TRUNK_WIDTH, CURVE_WIDTH), nn.ReLU(), nn.Linear(CURVE_WIDTH, output_length)
        )
        self.heads = nn.ModuleList(
            nn.Sequential(nn.Linear(TRUNK_WIDTH, SCALAR_WIDTH), nn.ReLU(), nn.Linear(SCALAR_WIDTH, 1))
            for _ in self.scalars
        )
        self.register_buffer("scalar_center", torch.zeros(len(self.scalars)))
        self.register_buffer("scalar_scale", torch.ones(len(self.scalars)))

    def forward(self, features: Tensor) -> Tensor:
        """Scaled features (B, F) to the scaled curve (B, output_length), as every other model."""
        return self.curve(self.trunk(features))

    def forward_with_scalars(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Scaled features (B, F) to the scaled curve (B, output_length) and (B, 2): T20 in s, C50 in dB."""
        shared = self.trunk(features)
        scaled = torch.cat([head(shared) for head in self.heads], dim=1).float()  # bf16 has no digits for 20 dB
        return self.curve(shared), scaled * self.scalar_scale + self.scalar_center

    def fit_scalars(self, values: Tensor) -> None:
        """Standardise the scalar heads by the parameters of the TRAINING rooms, (n, 2); NaN where one is not valid."""
        for column, found in enumerate(values.unbind(dim=1)):
            valid = found[found.isfinite()]
            if len(valid) > 1 and valid.std() > 1e-6:
                self.scalar_center[column], self.scalar_scale[column] = valid.mean(), valid.std()
