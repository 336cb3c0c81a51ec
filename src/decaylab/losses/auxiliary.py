"""`auxiliary`: error of the EDC, and of the T20 and C50 that follow from it."""

from __future__ import annotations

from torch import Tensor

from decaylab.losses.base import CurveLoss, Grid, record_mean
from decaylab.losses.decay_parameters import differentiable_c50, differentiable_t20


class Auxiliary(CurveLoss):
    """EDC error + aux_weight x (t20_weight x T20 error + c50_weight x C50 error), all mean absolute.

    Linear energy, seconds and decibels. T20 and C50 are the differentiable ones (`decay_parameters`); rooms whose
    target has no valid T20 or C50 are left out of that term. By default 1 dB of C50 counts like 0.05 s of T20: one
    just noticeable difference of each (5 % of 1 s, about 1 dB; sources in `acoustics.jnd`).
    """

    name = "auxiliary"

    def terms(self, prediction: Tensor, target: Tensor, grid: Grid) -> tuple[Tensor, dict[str, Tensor]]:
        """See `CurveLoss.terms`."""
        edc = record_mean((prediction - target).abs(), grid)
        t20 = differentiable_t20(prediction, target, grid).error()
        c50 = differentiable_c50(prediction, target, grid).error()
        parameters = self.weights["t20_weight"] * t20 + self.weights["c50_weight"] * c50
        return edc + self.weights["aux_weight"] * parameters, {"edc": edc, "t20": t20, "c50": c50}
