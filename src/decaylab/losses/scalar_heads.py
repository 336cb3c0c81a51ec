"""The loss of heads that answer a parameter itself (`multihead`), added to whatever loss the curve has.

Shapes: B rooms, S scalars.
"""

from __future__ import annotations

import torch
from torch import Tensor

#: What one head weighs against the curve: with `mse`, where the mean of the training rooms costs 1 in the curve and in
#: each head, two heads together weigh as much as the curve.
HEAD_WEIGHT = 0.5


def scalar_head_loss(
    prediction: Tensor, target: Tensor, scale: Tensor, names: tuple[str, ...]
) -> tuple[Tensor, dict[str, Tensor]]:
    """`HEAD_WEIGHT` x the sum over heads of the mean squared error in units of the training rooms' spread.

    Args:
        prediction, target: (B, S), seconds or decibels; the target NaN where a room's parameter is not valid: such a
            room is left out of that head's mean, and a head without any room costs nothing.
        scale: (S,), standard deviation of each parameter over the training rooms.
        names: of the S scalars.

    Returns:
        The weighted sum, a scalar, and each head's unweighted term as `head_<name>`.
    """
    valid = target.isfinite()
    error = torch.where(valid, prediction - target, torch.zeros_like(prediction)) / scale
    means = error.square().sum(dim=0) / valid.sum(dim=0).clamp(min=1)
    return HEAD_WEIGHT * means.sum(), {f"head_{name}": mean for name, mean in zip(names, means.unbind(), strict=True)}


def head_config(names: tuple[str, ...]) -> dict[str, object]:
    """For the run's record, `loss_config.scalar_heads`."""
    return {"names": list(names), "loss": "mse", "space": "standardised by the training rooms", "weight": HEAD_WEIGHT}
