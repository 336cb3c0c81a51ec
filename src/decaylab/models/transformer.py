"""`transformer`: attention between the features of a room, then one value per sample of the curve.

Shapes: B rooms, F features. Each feature is a token of its own; the widths are those of the users' network, the rest is
decided here.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from decaylab.acoustics import EDC_SAMPLES
from decaylab.models.lstm import output_head

EMBEDDING = 256
HEADS = 8
LAYERS = 4
FEED_FORWARD = 1024


class Transformer(nn.Module):
    """F tokens of width 256, 4 encoder layers (8 heads, feed-forward 1024), their mean, Linear 256 -> 2048 -> output.

    A token is the feature's value times a direction plus an offset, both learnt for each feature (the tokenizer of
    Gorishniy et al. 2021, "Revisiting deep learning models for tabular data"): that says which feature it is, so no
    positions are needed. Layers normalise before attention (Xiong et al. 2020), which trains without a warm-up of the
    learning rate. 200,398,080 parameters at 16 features and 96,000 samples, 98 % of them in the last layer.
    """

    inputs: ClassVar[Literal["scaled", "physical"]] = "scaled"
    outputs: ClassVar[Literal["scaled_curve", "knots"]] = "scaled_curve"

    def __init__(self, input_dim: int = 16, output_length: int = EDC_SAMPLES) -> None:
        super().__init__()
        self.direction = nn.Parameter(torch.empty(input_dim, EMBEDDING).uniform_(-1.0, 1.0))
        self.offset = nn.Parameter(torch.empty(input_dim, EMBEDDING).uniform_(-1.0, 1.0))
        layer = nn.TransformerEncoderLayer(EMBEDDING, HEADS, FEED_FORWARD, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, LAYERS, nn.LayerNorm(EMBEDDING), enable_nested_tensor=False)
        self.head = output_head(EMBEDDING, output_length)

    def forward(self, features: Tensor) -> Tensor:
        """Scaled features (B, F) to the scaled curve (B, output_length)."""
        tokens = features.unsqueeze(-1) * self.direction + self.offset  # (B, F, 256)
        return self.head(self.encoder(tokens).mean(dim=1))
