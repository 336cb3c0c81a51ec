"""Models by name: the one place that builds them. Which there are: `decaylab.catalogue.models`."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from torch import nn

from decaylab.acoustics import EDC_SAMPLES
from decaylab.catalogue.models import MODELS
from decaylab.errors import ModelError
from decaylab.models.custom import build_own, is_path


def build_model(name: str, *, input_dim: int = 16, output_length: int = EDC_SAMPLES) -> nn.Module:
    """An untrained model, with the loss and the recipe of its row as `default_loss` and `default_settings`.

    Args:
        name: one of the catalogue's, or the path of a user's own class (`models.custom`).
        input_dim: features of a room.
        output_length: samples of a curve.

    Raises:
        ModelError: the name is unknown, the model cannot have these dimensions, or a user's own cannot be used.
    """
    if is_path(name):
        return build_own(name, input_dim=input_dim, output_length=output_length).model
    if name not in MODELS:
        raise ModelError(
            f"unknown model '{name}': choose from {', '.join(MODELS)}, or name one of your own: package.module:Class"
        )
    row = MODELS[name]
    module, _, own = row.path.partition(":")
    model: Any = getattr(import_module(module), own)(input_dim=input_dim, output_length=output_length)
    model.default_loss, model.default_settings = row.loss, row.recipe
    built: nn.Module = model
    return built
