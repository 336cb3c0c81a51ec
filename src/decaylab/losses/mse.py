"""`mse`: mean squared error of scaled curves, as users' runs have it."""

from __future__ import annotations

from torch import Tensor

from decaylab.losses.base import CurveLoss, Grid, record_mean


class MSE(CurveLoss):
    """Mean over rooms and samples of the squared difference, in the space of the target scaler."""

    name = "mse"

    def terms(self, prediction: Tensor, target: Tensor, grid: Grid) -> tuple[Tensor, dict[str, Tensor]]:
        """See `CurveLoss.terms`."""
        error = record_mean((prediction - target).square(), grid)
        return error, {"mse": error}
