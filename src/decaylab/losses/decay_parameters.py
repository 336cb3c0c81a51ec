"""DIFFERENTIABLE T20 and C50, for losses. The parameters themselves are `acoustics.room_parameters`.

Shapes: B rooms, K points. On a decay they agree with the definitions (a test compares them). Unlike those they have a
value and a finite slope for every prediction, also for one that rises or is negative: time ranges are the target's.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from decaylab.acoustics.parameters import RANGES
from decaylab.losses.base import Grid, to_decibels

#: Levels below are taken for this one, re 1.0: it lies under every range that is read.
FLOOR_DB = -80.0
#: A prediction that decays more slowly than this, in seconds, or not at all, has this T20. It bounds the loss.
LONGEST_T20 = 10.0
#: A prediction that loses less than this between onset and 50 ms, in dB, has the C50 of this loss: -26 dB.
LEAST_EARLY_LOSS_DB = 0.01
EARLY_SECONDS = 0.050
#: Times nearer than this are one: a quarter of a sample at 48 kHz, in seconds. Grids beyond 100 kHz would need less.
SAME_TIME = 5e-6


class Estimate(NamedTuple):
    """A parameter of prediction and target, (B,) each, and the rooms whose target has it, (B,) bool."""

    prediction: Tensor
    target: Tensor
    valid: Tensor

    def error(self) -> Tensor:
        """Mean absolute error over the rooms whose target has the parameter; 0 (with a slope of 0) if none has."""
        difference = torch.where(self.valid, self.prediction - self.target, torch.zeros_like(self.target))
        return difference.abs().sum() / self.valid.sum().clamp(min=1)


def level_from_onset(energy: Tensor, grid: Grid) -> Tensor:
    """Level of linear energy (B, K) in dB re its value at the onset, (B, K); not below -80 dB re 1.0."""
    return to_decibels(energy, FLOOR_DB) - level_at(energy, grid.onset, grid)


def level_at(energy: Tensor, seconds: Tensor, grid: Grid) -> Tensor:
    """Level in dB of linear energy (B, K) at one time per room (B,), by straight lines in dB between points: (B, 1).

    Only the two points around each time are turned into levels, not all that the curve has.

    Args:
        energy: (B, K), linear.
        seconds: (B,), from the start of the file.
        grid: where the K points lie.
    """
    time = grid.time.expand(energy.shape)
    at = seconds[:, None]
    index = ((time <= at + SAME_TIME).sum(dim=1, keepdim=True) - 1).clamp(0, energy.shape[1] - 2)
    before, after = time.gather(1, index), time.gather(1, index + 1)
    fraction = ((at - before) / (after - before)).clamp(0.0, 1.0)
    left, right = (to_decibels(energy.gather(1, place), FLOOR_DB) for place in (index, index + 1))
    return left + (right - left) * fraction


def crossed(level: Tensor, upper: float, lower: float) -> Tensor:
    """Points from the first at or below `upper` to the first at or below `lower`, (B, K) bool, for levels that fall.

    Args:
        level: (B, K), dB.
        upper, lower: dB.
    """
    above_lower = torch.nn.functional.pad(level[:, :-1] > lower, (1, 0), value=True)
    return (level <= upper) & above_lower


def differentiable_t20(prediction: Tensor, target: Tensor, grid: Grid) -> Estimate:
    """T20 in seconds from the least-squares line over the points where the TARGET runs from -5 to -25 dB.

    Args:
        prediction, target: (B, K), linear energy. The target never rises.
        grid: where the K points lie.

    The points weigh by the samples they stand for, so that on every sample this is the definition's fit.
    """
    upper, lower, headroom = RANGES["t20"]
    level = level_from_onset(target, grid)
    time = grid.time.expand(target.shape)
    inside = crossed(level, upper, lower) & (time >= grid.onset[:, None] - SAME_TIME)
    weight = grid.weight.expand(target.shape) * inside
    truth = _decay_time(level, time, weight)
    longest = 60.0 / headroom * (time[:, -1] - grid.onset)
    reached = (level <= lower).any(dim=1) & ~(inside & (target <= 0)).any(dim=1)
    valid = reached & (inside.sum(dim=1) >= 2) & (truth <= longest) & (truth < LONGEST_T20)
    return Estimate(_decay_time(to_decibels(prediction, FLOOR_DB), time, weight), truth, valid)


def differentiable_c50(prediction: Tensor, target: Tensor, grid: Grid) -> Estimate:
    """C50 in dB from the levels at the TARGET's onset and 50 ms after it; prediction and target (B, K), energy.

    Args:
        prediction, target: (B, K), linear energy.
        grid: where the K points lie.
    """
    valid = (grid.onset + EARLY_SECONDS <= grid.time.expand(target.shape)[:, -1] + SAME_TIME) & (
        _early_loss(target, grid) > LEAST_EARLY_LOSS_DB
    )
    late = level_at(target, grid.onset + EARLY_SECONDS, grid)[:, 0]
    return Estimate(_clarity(prediction, grid), _clarity(target, grid), valid & (late > FLOOR_DB))


def _decay_time(level: Tensor, time: Tensor, weight: Tensor) -> Tensor:
    """60 dB over the slope of the weighted least-squares line through the levels, (B,), at most `LONGEST_T20`."""
    share = weight / weight.sum(dim=1, keepdim=True).clamp(min=1e-12)
    centred = time - (share * time).sum(dim=1, keepdim=True)
    spread = (share * centred.square()).sum(dim=1).clamp(min=1e-12)
    # Levels are centred too: in float32 their mean would swallow the digits of a short range.
    level = level - (share * level).sum(dim=1, keepdim=True)
    rate = -(share * centred * level).sum(dim=1) / spread
    return 60.0 / rate.clamp(min=60.0 / LONGEST_T20)


def _clarity(energy: Tensor, grid: Grid) -> Tensor:
    """10 lg((E(0) - E(50 ms)) / E(50 ms)) = 10 lg(10^(loss / 10) - 1), (B,)."""
    loss = _early_loss(energy, grid).clamp(min=LEAST_EARLY_LOSS_DB)
    return 10.0 * torch.log10(torch.pow(10.0, loss / 10.0) - 1.0)


def _early_loss(energy: Tensor, grid: Grid) -> Tensor:
    """Decibels lost between the onset and 50 ms after it, (B,); at most 80."""
    return (level_at(energy, grid.onset, grid) - level_at(energy, grid.onset + EARLY_SECONDS, grid))[:, 0]
