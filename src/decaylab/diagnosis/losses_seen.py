"""How the losses of a run went, out of its history, whatever the loop called them."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from decaylab.runlog.history import History
from decaylab.runlog.reading import number

#: What programs call the two losses, first the one of `decaylab train`.
_VALIDATION = ("val_loss", "val/loss", "valid_loss", "validation_loss", "loss_val")
_TRAINING = ("train_loss", "train/loss", "training_loss", "loss_train", "loss", "train_loss_epoch")
#: What stands before the name of a term of the training loss.
_TERM = "train_"

Series = list[tuple[int, float]]


class Losses(NamedTuple):
    """Validation and training loss by epoch, ascending; what is not finite is left out and its first epoch kept.

    Attributes:
        terms: name -> the unweighted term of the training loss by epoch.
        not_finite: the first epoch with a loss that is NaN or infinite; None without one.
        last_epoch: the last one that was logged; None without any.
    """

    validation: Series
    training: Series
    terms: dict[str, Series]
    not_finite: int | None
    last_epoch: int | None

    @property
    def best(self) -> tuple[int, float] | None:
        """Epoch and value of the lowest validation loss."""
        return min(self.validation, key=lambda point: (point[1], point[0]), default=None)

    @property
    def rise(self) -> float | None:
        """The validation loss at the end (median of the last three) over its lowest; 1 where it never rose."""
        best = self.best
        if best is None or best[1] <= 0 or len(self.validation) < 3:
            return None
        return sorted(value for _, value in self.validation[-3:])[1] / best[1]

    @property
    def fell(self) -> float | None:
        """The lowest validation loss over the first one; above 0.99 it hardly fell at all."""
        best = self.best
        if best is None or len(self.validation) < 2 or self.validation[0][1] <= 0:
            return None
        return best[1] / self.validation[0][1]

    @property
    def jump(self) -> tuple[int, float] | None:
        """The epoch whose training loss is the greatest multiple of the lowest one before it, and that multiple."""
        worst: tuple[int, float] | None = None
        lowest = math.inf
        for epoch, value in self.training:
            if 0 < lowest < math.inf and (worst is None or value / lowest > worst[1]):
                worst = epoch, value / lowest
            lowest = min(lowest, value)
        return worst

    @property
    def still_falling(self) -> float | None:
        """By which share the validation loss fell over the last fifth of the epochs; None if the best is not there."""
        best, count = self.best, len(self.validation)
        if best is None or count < 10 or best[0] < self.validation[-max(1, count // 20)][0]:
            return None
        before = min(value for _, value in self.validation[: count - count // 5])
        return 1 - best[1] / before if before > 0 else None

    def training_at(self, epoch: int) -> float | None:
        return dict(self.training).get(epoch)


def losses_of(history: History) -> Losses:
    """The losses in a history; empty ones where it has none."""
    epochs = sorted(history.by_epoch().items())
    validation = _chosen(epochs, _VALIDATION)
    training = _chosen(epochs, _TRAINING)
    names = {key for _, line in epochs for key in line if key.startswith(_TERM)} - set(_TRAINING)
    terms = {name.removeprefix(_TERM): _finite(_values(epochs, name)) for name in sorted(names)}
    wild = [epoch for epoch, value in (*validation, *training) if not math.isfinite(value)]
    last = epochs[-1][0] if epochs else None
    return Losses(_finite(validation), _finite(training), terms, min(wild, default=None), last)


def _chosen(epochs: list[tuple[int, dict[str, Any]]], names: tuple[str, ...]) -> Series:
    """The first of the names that the history has."""
    return next((series for name in names if (series := _values(epochs, name))), [])


def _values(epochs: list[tuple[int, dict[str, Any]]], name: str) -> Series:
    return [(epoch, float(value)) for epoch, line in epochs if (value := number(line.get(name))) is not None]


def _finite(series: Series) -> Series:
    return [point for point in series if math.isfinite(point[1])]
