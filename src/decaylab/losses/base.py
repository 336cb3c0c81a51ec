"""What a loss sees, and what it must say of itself: curves at points in time, whatever model they come from.

Shapes: B rooms, K points (96,000 samples, or the knots of a model).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from decaylab.catalogue.losses import LOSSES
from decaylab.errors import ModelError


@dataclass(frozen=True)
class Grid:
    """Where the points of a curve lie.

    Attributes:
        time: (K,) or (B, K), seconds from the start of the file, rising.
        weight: (K,) or (B, K), share of the record's samples that each point stands for; sums to 1 over K.
        onset: (B,), seconds from the start of the file, of the TARGET (`acoustics.onset_index`).
    """

    time: Tensor
    weight: Tensor
    onset: Tensor


class CurveLoss(nn.Module):
    """A loss of curves. Subclasses name their row of the catalogue and implement `terms`; none falls back to another.

    Args:
        weights: of the terms, by name, 0 or more; what is not given has its default.

    Attributes:
        name: of the row in `catalogue.losses`, by which `build_loss` and the run's record know it.
        space: of the row: "scaled", or "physical" (linear energy, 1.0 at the start of the file).
        default_weights: of the row: the weights that can be given to the constructor, and what they are otherwise.

    Raises:
        ModelError: a weight that this loss does not have, or one that is negative or not finite.
    """

    name: ClassVar[str]
    space: ClassVar[str]
    default_weights: ClassVar[dict[str, float]]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.space, cls.default_weights = LOSSES[cls.name].space, LOSSES[cls.name].weights

    def __init__(self, **weights: float) -> None:
        super().__init__()
        unknown = sorted(set(weights) - set(self.default_weights))
        if unknown:
            has = ", ".join(self.default_weights) or "no weights"
            raise ModelError(f"loss '{self.name}' has no {', '.join(unknown)}: it has {has}")
        self.weights = {**self.default_weights, **{name: float(value) for name, value in weights.items()}}
        bad = {name: value for name, value in self.weights.items() if not 0 <= value < float("inf")}
        if bad:
            raise ModelError(f"loss '{self.name}': weights must be finite and not negative, not {bad}")

    def forward(self, prediction: Tensor, target: Tensor, grid: Grid) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss of `prediction` against `target`, each (B, K), in this loss's space.

        Args:
            prediction, target: (B, K).
            grid: where the K points lie.

        Returns:
            The total, a scalar, and the named terms it is made of (unweighted scalars).

        Raises:
            ModelError: shapes that differ.
        """
        if prediction.shape != target.shape:
            raise ModelError(f"prediction {tuple(prediction.shape)} and target {tuple(target.shape)} differ in shape")
        if grid.time.shape[-1] != target.shape[-1]:
            raise ModelError(f"curves of {target.shape[-1]} points on a grid of {grid.time.shape[-1]}")
        return self.terms(prediction, target, grid)

    def terms(self, prediction: Tensor, target: Tensor, grid: Grid) -> tuple[Tensor, dict[str, Tensor]]:
        """`forward` once the shapes are checked; each loss has its own.

        Args:
            prediction, target: (B, K).
            grid: where the K points lie.
        """
        raise NotImplementedError

    def config(self) -> dict[str, Any]:
        """For the run's record: `loss_type`, `space` and every weight."""
        return {"loss_type": self.name, "space": self.space, **self.weights}


def record_mean(values: Tensor, grid: Grid) -> Tensor:
    """Mean over rooms of the mean over the record of `values` (B, K): a knot counts for the samples around it."""
    return (values * grid.weight).sum(dim=-1).mean()


def to_decibels(energy: Tensor, floor_db: float) -> Tensor:
    """10 lg of linear energy, not below `floor_db`, with a finite slope everywhere; at or below the floor it is 0."""
    return 10.0 * torch.log10(energy.clamp(min=10.0 ** (floor_db / 10.0)))
