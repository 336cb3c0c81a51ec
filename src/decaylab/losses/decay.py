"""`decay`: the loss of `compact`, in decibels where parameters are read and in energy where the decay begins.

Why this form, and what else was tried: docs/decisions/losses.md and docs/decisions/compact.md.
"""

from __future__ import annotations

import torch
from torch import Tensor

from decaylab.losses.base import CurveLoss, Grid, to_decibels

#: Above this level of the target an error counts in full: T20 and T30 are read there.
FULL_WEIGHT_ABOVE_DB = -35.0
#: Below it an error counts this much: enough to keep the tail in place.
TAIL_WEIGHT = 0.15
#: Levels below are taken for this one. Simulated curves end in exact zeros, of which no level can be learnt.
FLOOR_DB = -80.0
#: Weight of the error in linear energy against the one in dB: 1 % of energy counts like 0.2 dB.
ENERGY_WEIGHT = 20.0


class Decay(CurveLoss):
    """Absolute error in dB (full weight above -35 dB of the target, 0.15 below) + 20 x absolute error of the EDC.

    Every point of the grid weighs the same; the grid's sample shares are NOT used. A model's knots are dense around the
    direct arrival and grow sparse in proportion to the time after it, so equal weights spread the loss evenly over the
    logarithm of time; weights in proportion to samples would put 97 % of them after the first 50 ms, where C50 is not
    read and EDT only in part. (12 % of the knots lie within 0.6 ms of the arrival.) On a grid of every sample the two
    are the same.
    """

    name = "decay"

    def terms(self, prediction: Tensor, target: Tensor, grid: Grid) -> tuple[Tensor, dict[str, Tensor]]:
        """See `CurveLoss.terms`."""
        level = to_decibels(target, FLOOR_DB)
        weight = torch.where(level > FULL_WEIGHT_ABOVE_DB, 1.0, TAIL_WEIGHT)
        decibels = (weight * (to_decibels(prediction, FLOOR_DB) - level).abs()).mean()
        energy = (prediction - target).abs().mean()
        return decibels + ENERGY_WEIGHT * energy, {"decibels": decibels, "energy": energy}
