"""`lstm`: the users' recurrent network, features to one value per sample of the curve."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from decaylab.acoustics import EDC_SAMPLES


class Recurrent(nn.LSTM):
    """`torch.nn.LSTM`, batch first, that on a CPU computes in 32 bits whatever the precision around it.

    oneDNN has LSTM primitives of bfloat16 for some CPUs only; on the others PyTorch raises RuntimeError. Less than a
    thousandth of a network's weights are in these layers.
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size, batch_first=True)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """(B, T, input_size) to (B, T, hidden_size) and the last states, as `torch.nn.LSTM`."""
        if not torch.is_autocast_enabled("cpu"):
            return super().forward(*args, **kwargs)
        sequence, *state = args
        with torch.autocast("cpu", enabled=False):
            return super().forward(sequence.float(), *state, **kwargs)


#: Width of the layer before the output, and the share of it that training drops.
TRUNK_WIDTH = 2048
DROPOUT = 0.3


class LSTM(nn.Module):
    """LSTM input -> 128 over a sequence of length 1, Linear 128 -> 2048 (ReLU), Dropout 0.3, Linear 2048 -> output."""

    inputs: ClassVar[Literal["scaled", "physical"]] = "scaled"
    outputs: ClassVar[Literal["scaled_curve", "knots"]] = "scaled_curve"

    def __init__(self, input_dim: int = 16, output_length: int = EDC_SAMPLES) -> None:
        super().__init__()
        self.lstm = Recurrent(input_dim, 128)
        self.head = output_head(128, output_length)

    def forward(self, features: Tensor) -> Tensor:
        """Scaled features (B, input_dim) to the scaled curve (B, output_length)."""
        sequence, _ = self.lstm(features.unsqueeze(1))
        return self.head(sequence[:, -1])


def output_head(width: int, output_length: int) -> nn.Sequential:
    """Linear width -> 2048, ReLU, Dropout, Linear 2048 -> output: what all the users' networks end in."""
    return nn.Sequential(
        nn.Linear(width, TRUNK_WIDTH), nn.ReLU(), nn.Dropout(DROPOUT), nn.Linear(TRUNK_WIDTH, output_length)
    )
