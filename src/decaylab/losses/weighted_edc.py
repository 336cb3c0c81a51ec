"""`weighted_edc`: error of the EDC, counted again where EDT, T20 and C50 are read."""

from __future__ import annotations

from torch import Tensor

from decaylab.acoustics.parameters import RANGES
from decaylab.losses.base import CurveLoss, Grid, record_mean
from decaylab.losses.decay_parameters import EARLY_SECONDS, SAME_TIME, crossed, level_from_onset


class WeightedEDC(CurveLoss):
    """Absolute error of linear energy: mean over the record + each region's weight x mean over that region.

    Regions, all of the TARGET and from its onset: 0..-10 dB (`edt_weight`), -5..-25 dB (`t20_weight`), the first 50 ms
    (`c50_weight`). Each is a mean of its own, so that 50 ms are not lost among 2 s, and points count for the samples
    they stand for. A room that has no point in a region is left out of that term.
    """

    name = "weighted_edc"

    def terms(self, prediction: Tensor, target: Tensor, grid: Grid) -> tuple[Tensor, dict[str, Tensor]]:
        """See `CurveLoss.terms`."""
        error = (prediction - target).abs()
        level = level_from_onset(target, grid)
        since_onset = grid.time - grid.onset[:, None]
        begun = since_onset >= -SAME_TIME
        regions = {
            "edt": begun & crossed(level, *RANGES["edt"][:2]),
            "t20": begun & crossed(level, *RANGES["t20"][:2]),
            "c50": begun & (since_onset <= EARLY_SECONDS + SAME_TIME),
        }
        terms = {"edc": record_mean(error, grid)}
        total = terms["edc"]
        for name, region in regions.items():
            terms[name] = _region_mean(error, region, grid)
            total = total + self.weights[f"{name}_weight"] * terms[name]
        return total, terms


def _region_mean(error: Tensor, region: Tensor, grid: Grid) -> Tensor:
    """Mean over rooms of the mean over the region of `error` (B, K); rooms without a point in it do not count."""
    weight = grid.weight * region
    share = weight.sum(dim=1)
    has = share > 0
    means = (weight * error).sum(dim=1) / share.where(has, share.new_ones(()))
    return means.sum() / has.sum().clamp(min=1)
