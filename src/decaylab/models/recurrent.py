"""The LSTM of the users' networks, at any precision around it."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn


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
