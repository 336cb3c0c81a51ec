"""Losses by name: the one place that builds them. Which there are: `decaylab.catalogue.losses`."""

from __future__ import annotations

from importlib import import_module

from decaylab.catalogue.losses import LOSSES
from decaylab.errors import ModelError
from decaylab.losses.base import CurveLoss


def build_loss(name: str, **weights: float) -> CurveLoss:
    """The loss called `name` with its weights; those not given keep their defaults.

    Raises:
        ModelError: the name is unknown, a weight does not belong to this loss, or is negative or not finite.
    """
    if name not in LOSSES:
        raise ModelError(f"unknown loss '{name}': choose from {', '.join(LOSSES)}")
    module, _, own = LOSSES[name].path.partition(":")
    built: CurveLoss = getattr(import_module(module), own)(**weights)
    return built
