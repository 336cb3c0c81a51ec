"""`hybrid_v1`, `hybrid_v2`, `hybrid_v3`: the users' networks that join convolutions over the features with an LSTM.

Shapes: B rooms, F features. The convolutions read the features as a signal of one channel and length F. ReLU
follows every linear layer but the last, as in the users' own code.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from decaylab.acoustics import EDC_SAMPLES
from decaylab.models.lstm import Recurrent, output_head


class _Hybrid(nn.Module):
    inputs: ClassVar[Literal["scaled", "physical"]] = "scaled"
    outputs: ClassVar[Literal["scaled_curve", "knots"]] = "scaled_curve"


class HybridV1(_Hybrid):
    """The convolutions of `hybrid_v2` (1 -> 32 -> 64, kernel 3), then an LSTM 64 -> 128 over the features."""

    def __init__(self, input_dim: int = 16, output_length: int = EDC_SAMPLES) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(*_convolution(1, 32, 3), *_convolution(32, 64, 3))
        self.lstm = Recurrent(64, 128)
        self.head = output_head(128, output_length)

    def forward(self, features: Tensor) -> Tensor:
        """Scaled features (B, F) to the scaled curve (B, output_length)."""
        channels = self.convolutions(features.unsqueeze(1))  # (B, 64, F)
        sequence, _ = self.lstm(channels.transpose(1, 2))
        return self.head(sequence[:, -1])


class HybridV2(_Hybrid):
    """A convolution path beside an LSTM path: 197,885,568 parameters at 16 features and 96,000 samples.

    Convolutions 1 -> 32 -> 64 (kernel 3, BatchNorm, ReLU), global average, Linear 64 -> 256; LSTM F -> 128 over a
    sequence of length 1, Linear 128 -> 256; both joined into Linear 512 -> 2048, Dropout, Linear 2048 -> output.
    """

    def __init__(self, input_dim: int = 16, output_length: int = EDC_SAMPLES) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            *_convolution(1, 32, 3),
            *_convolution(32, 64, 3),
            nn.AdaptiveAvgPool1d(1),
            nn.Flatten(),
            nn.Linear(64, 256),
            nn.ReLU(),
        )
        self.lstm = Recurrent(input_dim, 128)
        self.lstm_out = nn.Sequential(nn.Linear(128, 256), nn.ReLU())
        self.head = output_head(512, output_length)

    def forward(self, features: Tensor) -> Tensor:
        """Scaled features (B, F) to the scaled curve (B, output_length)."""
        signal = features.unsqueeze(1)
        sequence, _ = self.lstm(signal)
        joined = torch.cat([self.convolutions(signal), self.lstm_out(sequence[:, -1])], dim=1)
        return self.head(joined)


class HybridV3(_Hybrid):
    """Three convolutions side by side (kernels 3, 5, 7, 32 channels each) into an LSTM 96 -> 128 over the features."""

    def __init__(self, input_dim: int = 16, output_length: int = EDC_SAMPLES) -> None:
        super().__init__()
        self.branches = nn.ModuleList(nn.Sequential(*_convolution(1, 32, kernel)) for kernel in (3, 5, 7))
        self.lstm = Recurrent(96, 128)
        self.head = output_head(128, output_length)

    def forward(self, features: Tensor) -> Tensor:
        """Scaled features (B, F) to the scaled curve (B, output_length)."""
        signal = features.unsqueeze(1)
        channels = torch.cat([branch(signal) for branch in self.branches], dim=1)  # (B, 96, F)
        sequence, _ = self.lstm(channels.transpose(1, 2))
        return self.head(sequence[:, -1])


def _convolution(channels_in: int, channels_out: int, kernel: int) -> tuple[nn.Module, ...]:
    """Convolution that keeps the length, BatchNorm, ReLU."""
    return (
        nn.Conv1d(channels_in, channels_out, kernel, padding=kernel // 2),
        nn.BatchNorm1d(channels_out),
        nn.ReLU(),
    )
