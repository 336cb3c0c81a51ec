"""Losses by name: the one place that builds them."""

from __future__ import annotations

from decaylab.errors import ModelError
from decaylab.losses.auxiliary import Auxiliary
from decaylab.losses.base import CurveLoss
from decaylab.losses.decay import Decay
from decaylab.losses.edc_rir import EDCRIR
from decaylab.losses.mse import MSE
from decaylab.losses.weighted_edc import WeightedEDC

LOSSES: dict[str, type[CurveLoss]] = {loss.name: loss for loss in (Decay, MSE, EDCRIR, WeightedEDC, Auxiliary)}


def build_loss(name: str, **weights: float) -> CurveLoss:
    """A loss with its weights; those not given keep their defaults.

    Raises:
        ModelError: the name is unknown, a weight does not belong to this loss, or is negative or not finite.
    """
    if name not in LOSSES:
        raise ModelError(f"unknown loss '{name}': choose from {', '.join(LOSSES)}")
    return LOSSES[name](**weights)
