"""Is a training lost? A pure function of its history; the rules, and how often they are wrong: docs/decisions/guard.md.

A run is lost when nothing that it still does can help: its validation loss is not finite, it has risen and stays worse
than predicting the mean of the training curves for every room, or it never came near that and gets no better.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any, NamedTuple

#: Epochs that a rise must have lasted, and optimiser steps in them: fewer may be an accident of a few batches.
WINDOW_EPOCHS, WINDOW_STEPS = 10, 100
#: A rise is above this many times the lowest loss, in validation and in training alike (else the model overfits).
RISE = 3.0
#: Epochs, optimiser steps and share of the longest training that a slow start may take to beat the mean curve.
START_EPOCHS, START_STEPS, START_SHARE = 10, 300, 0.1
#: Worse than the mean curve means by more than this factor: within it, recorded trainings have come back.
MARGIN = 2.0
#: Near its best a loss stands still, and has been seen to fall again: that is left to early stopping.
STANDS_STILL = 1.1
#: A schedule that ends low may come back late: it is judged after this share of the epochs only.
ANNEALED_SHARE = 0.6

QUIET, WARNED, STOPPED = "quiet", "warned", "stopped"


class Verdict(NamedTuple):
    """`state`: "quiet", "warned" or "stopped"; `rule`: "not_finite", "rise" or "worse_than_mean"; `epoch` from 1."""

    state: str = QUIET
    rule: str | None = None
    epoch: int | None = None
    message: str | None = None


class Course(NamedTuple):
    """What a training set out to do.

    Attributes:
        mean_curve_loss: validation loss of the mean of the training curves, by the loss that is trained with.
        anneals: its learning rate falls towards the end (`onecycle`).
    """

    mean_curve_loss: float
    max_epochs: int
    steps_per_epoch: int
    anneals: bool = False


def judge(history: Sequence[Mapping[str, Any]], course: Course) -> Verdict:
    """The verdict after the last epoch of `history`.

    Args:
        history: an epoch each, in their order, with `epoch` (from 1), `val_loss` and, where it is known, `train_loss`.
    """
    if not history:
        return Verdict()
    validation = [_loss(line, "val_loss") for line in history]
    training = [_loss(line, "train_loss", math.nan) for line in history]
    epoch = int(history[-1]["epoch"])
    if not math.isfinite(validation[-1]):
        return Verdict(STOPPED, "not_finite", epoch, f"the validation loss of epoch {epoch} is {validation[-1]}")
    for rule in (_rise, _worse_than_mean):
        verdict = rule(validation, training, epoch, course)
        if verdict.state != QUIET:
            return verdict
    if math.isinf(training[-1]):
        return Verdict(WARNED, "not_finite", epoch, f"the training loss of epoch {epoch} is {training[-1]}")
    return Verdict()


def first_stop(history: Sequence[Mapping[str, Any]], course: Course) -> Verdict:
    """The verdict that would have stopped this training first; quiet if none would."""
    for count in range(1, len(history) + 1):
        verdict = judge(history[:count], course)
        if verdict.state == STOPPED:
            return verdict
    return Verdict()


def _rise(validation: list[float], training: list[float], epoch: int, course: Course) -> Verdict:
    """Far above its best for a whole window, in training too, and neither of them on its way back."""
    window = max(WINDOW_EPOCHS, _epochs_of(WINDOW_STEPS, course))
    if len(validation) <= window:
        return Verdict()
    best, recent = min(validation[:-window]), validation[-window:]
    is_far = min(recent) > RISE * best and median(training[-window:]) > RISE * min(training[:-window])
    if not is_far or _falls(recent) or _falls(training[-window:]):
        return Verdict()
    best_epoch = epoch - len(validation) + validation.index(best) + 1
    found = (
        f"the validation loss was {best:.4g} in epoch {best_epoch} and has been above {min(recent):.4g} "
        f"for {window} epochs, {recent[-1]:.4g} now"
    )
    mean = course.mean_curve_loss
    if min(recent) <= MARGIN * mean or _is_early(epoch, course):
        return Verdict(WARNED, "rise", epoch, found)
    return Verdict(STOPPED, "rise", epoch, f"{found}; the mean of the training curves would have {mean:.4g}")


def _worse_than_mean(validation: list[float], training: list[float], epoch: int, course: Course) -> Verdict:
    """No epoch has come near the mean curve, and those of a whole window were worse than the best before."""
    mean, best = course.mean_curve_loss, min(validation)
    start = max(START_EPOCHS, _epochs_of(START_STEPS, course), math.ceil(START_SHARE * course.max_epochs))
    if not 0 < mean < math.inf or epoch < max(2, start // 2) or best <= MARGIN * mean:
        return Verdict()
    found = (
        f"the lowest validation loss of {epoch} epochs is {best:.4g}, {best / mean:.3g} times that of the mean of the "
        f"training curves, {mean:.4g}"
    )
    since = len(validation) - 1 - validation.index(best)
    is_worse = since >= WINDOW_EPOCHS and median(validation[-WINDOW_EPOCHS:]) > STANDS_STILL * best
    if epoch < start or not is_worse or _is_early(epoch, course):
        return Verdict(WARNED, "worse_than_mean", epoch, found)
    return Verdict(STOPPED, "worse_than_mean", epoch, f"{found}; the last {since} were worse")


def _falls(losses: list[float]) -> bool:
    """Whether the second half of these losses is lower than the first."""
    half = len(losses) // 2
    return median(losses[half:]) < median(losses[:half])


def _is_early(epoch: int, course: Course) -> bool:
    return course.anneals and epoch < ANNEALED_SHARE * course.max_epochs


def _epochs_of(steps: int, course: Course) -> int:
    return math.ceil(steps / max(course.steps_per_epoch, 1))


def _loss(line: Mapping[str, Any], name: str, missing: float = math.inf) -> float:
    value = line.get(name)
    return float(value) if isinstance(value, (int, float)) else missing
