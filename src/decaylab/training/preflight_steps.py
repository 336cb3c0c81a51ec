"""A few steps of a training, on copies: how long they take, what they need, and what the loss does in them.

Nothing of the training is touched: model and loss are copied, and who calls this gives the random state back
(`preflight.check`). The steps are Lightning's own, so that what it adds to each is in the figures.
"""

from __future__ import annotations

import copy
import time
from dataclasses import dataclass, field, replace
from statistics import fmean
from typing import Any, NamedTuple

import lightning as L
import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset

from decaylab.rooms.features import ABSORPTION
from decaylab.rooms.scaling import Scaler, fit_curves, fit_features
from decaylab.training.data import Batch, fit_model, inputs_for, loaders, mean_curve, rooms_for
from decaylab.training.module import CurveModule, trainer_for
from decaylab.training.plan import Plan
from decaylab.training.process import Interrupts, interruptible, repeatable

#: Rooms that are read for the trial: of the training part and of the validation part.
TRAINING_ROOMS, VALIDATION_ROOMS = 24, 8
#: Steps and epochs after which a trial has seen enough, and the seconds after which it has seen enough of long ones.
STEPS, EPOCHS, SECONDS = 24, 4, 2.0
#: Steps from which it can be said that a loss diverges.
LEAST_STEPS = 9
#: The most that preflight may take of a run.
SHARE = 0.02
#: Validation batches that are timed in an epoch.
VALIDATION_BATCHES = 2
#: OneCycleLR begins at this share of its peak.
ONECYCLE_START = 1 / 25


class Sample(NamedTuple):
    """Some rooms of a plan, ready to be trained on, by a copy of its model.

    Attributes:
        preparation_seconds: what reading and preparing one room took.
        place_seconds: what it took beside that where the box with its source and receiver was a new one: rooms that
            differ in absorption alone share what a model traces of them.
        bytes_per_room: memory of one prepared room that a training holds (0 where it reads batch by batch).
        mean: (samples,), mean of these rooms' curves. inputs: (rooms of the data set, F), as the model takes them.
    """

    module: CurveModule
    training: Any
    validation: Any
    rows: NDArray[np.int64]
    curve_scaler: Scaler
    mean: NDArray[np.float32]
    inputs: NDArray[np.float64]
    preparation_seconds: float
    place_seconds: float
    bytes_per_room: float


class Trial(NamedTuple):
    """What was seen. Seconds of a step, of a validation batch and of an epoch beside both; losses and gradient norms
    of each step, in their order."""

    losses: list[float]
    norms: list[float]
    step_seconds: float
    validation_seconds: float
    epoch_overhead: float


class Repeated(Dataset[Batch]):
    """As many rooms as asked for, the same few again and again: a step takes as long with them."""

    def __init__(self, rooms: Any, count: int) -> None:
        self._rooms = rooms
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __getitems__(self, rows: list[int]) -> Batch:
        batch: Batch = self._rooms.__getitems__([row % len(self._rooms) for row in rows])
        return batch


def sample_of(plan: Plan) -> Sample:
    """Read a few rooms and prepare a copy of the model for them. Draws nothing from the global generators."""
    config, data = plan.config, plan.data
    draw = np.random.default_rng(config.seed)
    rows, validation_rows = (
        np.sort(draw.permutation(part)[:count])
        for part, count in ((plan.split.train, TRAINING_ROOMS), (plan.split.validation, VALIDATION_ROOMS))
    )
    model = copy.deepcopy(plan.model)
    inputs = inputs_for(model, data.features, fit_features(config.scaler, data.features[plan.split.train]))
    validation = rooms_for(model, data, validation_rows, inputs)  # first: constants are made once
    began = time.monotonic()
    curve_scaler, mean = fit_curves(config.scaler, data, rows), mean_curve(data, rows)
    fitted = time.monotonic() - began
    training = rooms_for(model, data, rows, inputs)
    first, place_seconds = time.monotonic() - began - fitted, 0.0
    seconds = (fitted + first) / len(rows)
    if model.outputs == "knots":
        began = time.monotonic()
        rooms_for(model, data, rows, inputs)  # of places that it knows by now
        again = time.monotonic() - began
        seconds, place_seconds = (fitted + again) / len(rows), max(0.0, first - again) / places(data.features[rows])
    fit_model(model, training, config)
    held = sum(tensor.nbytes for tensor in getattr(training, "tensors", {}).values())
    module = CurveModule(
        model, copy.deepcopy(plan.loss), curve_scaler, _at_the_start(config), data.samples, data.sampling_rate
    )
    return Sample(
        module, training, validation, rows, curve_scaler, mean, inputs, seconds, place_seconds, held / len(rows)
    )


def places(features: NDArray[np.float64]) -> int:
    """How many boxes with places of source and receiver there are among these rooms, (n, 16)."""
    return len(np.unique(features[:, : ABSORPTION.start], axis=0))


def try_steps(plan: Plan, sample: Sample, batch_size: int, workers: int, until: float, norms: bool = False) -> Trial:
    """Train the sample's module for a few steps: until `until` (`time.monotonic`) or for `SHARE` of the run that these
    steps would make, whichever is later, and for two at least.

    Args:
        plan: of the training.
        sample: its rooms, and a copy of its model.
        batch_size, workers: of the trial, instead of the plan's.
        until: of `time.monotonic`, in seconds.
        norms: whether gradient norms are taken too.
    """
    config = plan.config
    steps = -(-len(plan.split.train) // batch_size)
    checks = min(VALIDATION_BATCHES, -(-len(plan.split.validation) // (config.eval_batch_size or 1)))
    rooms = min(len(plan.split.train), min(steps, STEPS) * batch_size)
    tests = min(len(plan.split.validation), checks * (config.eval_batch_size or 1))
    interrupts = Interrupts()
    watch = _Watch(until, steps * (config.max_epochs or 1), norms)
    trainer = trainer_for(
        config, plan.device, max_epochs=EPOCHS, callbacks=[watch, interrupts], logger=False, enable_checkpointing=False
    )
    batches = loaders(
        replace(config, batch_size=batch_size, num_workers=workers),
        plan.device,
        Repeated(sample.training, rooms),
        Repeated(sample.validation, tests),
    )
    with repeatable(plan.device), interruptible(interrupts):
        trainer.fit(sample.module, *batches)
    return watch.trial()


class _Watch(L.Callback):
    """Times steps, validation batches and whole epochs; ends the trial when it has seen enough."""

    def __init__(self, until: float, run_steps: int, takes_norms: bool) -> None:
        self._until = until
        self._run_steps = run_steps
        self._began = time.monotonic()
        self._enough = self._began + SECONDS
        self._takes_norms = takes_norms
        self._losses: list[float] = []
        self._norms: list[float] = []
        self._epochs: list[_Epoch] = []
        self._mark = 0.0

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._mark = time.monotonic()
        self._epochs.append(_Epoch(self._mark))

    def on_before_optimizer_step(self, trainer: L.Trainer, pl_module: L.LightningModule, optimizer: Any) -> None:
        if self._takes_norms:
            gradients = [p.grad for p in pl_module.parameters() if p.grad is not None]
            self._norms.append(float(torch.nn.utils.get_total_norm(gradients)))

    def on_train_batch_end(self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, *more: Any) -> None:
        self._losses.append(float(outputs["loss"]))  # waits for a GPU, too
        now = time.monotonic()
        took, self._mark = now - self._mark, now
        self._epochs[-1].steps.append(took)
        self._until = max(self._until, self._began + SHARE * took * self._run_steps)
        has_enough = len(self._losses) >= LEAST_STEPS and now > self._enough
        if len(self._losses) > 1 and (has_enough or now + took > self._until):
            trainer.should_stop = True

    def on_validation_batch_start(self, *args: Any, **more: Any) -> None:
        self._mark = time.monotonic()

    def on_validation_batch_end(self, *args: Any, **more: Any) -> None:
        self._epochs[-1].checks.append(time.monotonic() - self._mark)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        epoch = self._epochs[-1]
        epoch.seconds = time.monotonic() - epoch.began

    def trial(self) -> Trial:
        """The first epoch, which makes what is made once, counts only where there is no other."""
        epochs = self._epochs[1:] or self._epochs
        later = [seconds for epoch in self._epochs for seconds in epoch.steps[1:]]
        step = fmean(later or [seconds for epoch in epochs for seconds in epoch.steps])
        checks = [seconds for epoch in epochs for seconds in epoch.checks]
        # What a loader needs to start is in the first step of an epoch.
        rest = [epoch.rest() if len(self._epochs) == 1 else epoch.rest(step) for epoch in epochs]
        return Trial(self._losses, self._norms, step, fmean(checks or [0.0]), max(0.0, fmean(rest)))


@dataclass
class _Epoch:
    began: float
    seconds: float = 0.0
    steps: list[float] = field(default_factory=list)
    checks: list[float] = field(default_factory=list)

    def rest(self, step: float | None = None) -> float:
        """The epoch less its validation and its steps, each taken for `step` seconds if that is given."""
        steps = sum(self.steps) if step is None else step * len(self.steps)
        return self.seconds - steps - sum(self.checks)


def _at_the_start(config: Any) -> Any:
    """The settings with the learning rate of the first steps, which a schedule changes later."""
    if config.schedule != "onecycle":
        return config
    return replace(config, schedule="constant", learning_rate=config.learning_rate * ONECYCLE_START)
