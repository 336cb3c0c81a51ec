"""`edc_rir`: squared error of scaled curves and of their derivative, as users' runs have it."""

from __future__ import annotations

from torch import Tensor

from decaylab.losses.base import CurveLoss, Grid, record_mean

#: Weight of the derivative's error, as in the predecessor's code.
RIR_WEIGHT = 0.5


class EDCRIR(CurveLoss):
    """MSE of the scaled curve + 0.5 x MSE of its differences from one point to the next.

    The derivative of an EDC is minus the squared impulse response, hence the name. On a grid of every sample this is
    the users' loss to the letter. Between sparser points the difference is what the curve loses from one to the next,
    taken as it is: shared out over the samples between them it would vanish where the knots are far apart.
    """

    name = "edc_rir"

    def terms(self, prediction: Tensor, target: Tensor, grid: Grid) -> tuple[Tensor, dict[str, Tensor]]:
        """See `CurveLoss.terms`."""
        difference = prediction - target
        edc = record_mean(difference.square(), grid)
        rir = (difference[:, 1:] - difference[:, :-1]).square().mean()
        return edc + RIR_WEIGHT * rir, {"edc": edc, "rir": rir}
