"""Models by name: the one place that builds them."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from decaylab.acoustics import EDC_SAMPLES
from decaylab.errors import ModelError
from decaylab.models.compact import Compact, CompactTraced
from decaylab.models.custom import build_own, is_path
from decaylab.models.hybrid import HybridV1, HybridV2, HybridV3
from decaylab.models.lstm import LSTM
from decaylab.models.multihead import Multihead
from decaylab.models.transformer import Transformer

#: Each is called with `input_dim` and `output_length`, and says of itself: `inputs`, `outputs`, `default_loss`,
#: `default_settings`.
MODELS: dict[str, Callable[..., nn.Module]] = {
    "compact": Compact,
    "compact_traced": CompactTraced,
    "lstm": LSTM,
    "hybrid_v1": HybridV1,
    "hybrid_v2": HybridV2,
    "hybrid_v3": HybridV3,
    "transformer": Transformer,
    "multihead": Multihead,
}


def build_model(name: str, *, input_dim: int = 16, output_length: int = EDC_SAMPLES) -> nn.Module:
    """An untrained model: one of `MODELS`, or a user's own by its path (`models.custom`).

    Raises:
        ModelError: the name is unknown, the model cannot have these dimensions, or a user's own cannot be used.
    """
    if is_path(name):
        return build_own(name, input_dim=input_dim, output_length=output_length).model
    if name not in MODELS:
        raise ModelError(
            f"unknown model '{name}': choose from {', '.join(MODELS)}, or name one of your own: package.module:Class"
        )
    return MODELS[name](input_dim=input_dim, output_length=output_length)
