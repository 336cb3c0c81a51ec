"""The guard at work: judges a training after each epoch (`guard.judge`), stops a lost one and says what to change."""

from __future__ import annotations

import os
import shlex
import sys
from typing import Any

import lightning as L
import numpy as np
import torch
from numpy.typing import NDArray

from decaylab.diagnosis.findings import Finding
from decaylab.runlog.history import read_history
from decaylab.runlog.recorder import Run
from decaylab.runlog.schema import HISTORY
from decaylab.training.guard import STOPPED, Course, Verdict, judge
from decaylab.training.module import CurveModule
from decaylab.training.plan import Plan
from decaylab.training.preflight_findings import likely_cause

#: What `judge` reads of an epoch.
_LOSSES = ("train_loss", "val_loss")


def guard_of(
    plan: Plan, run: Run, module: CurveModule, loaders: tuple[Any, Any], mean: NDArray[np.float32]
) -> GuardCallback | None:
    """The guard of a training that is about to begin; None with `--no-guard`.

    Args:
        plan: of the training.
        run: its open record.
        module: with the loss that is trained with.
        loaders: of the training rooms and of the validation rooms.
        mean: (samples,), mean of the training curves.
    """
    config = plan.config
    if not config.guard:
        return None
    course = Course(
        mean_curve_loss(module, loaders[0].dataset, loaders[1].dataset, mean),
        config.max_epochs or 0,
        len(loaders[0]),
        anneals=config.schedule == "onecycle",
    )
    return GuardCallback(run, plan, course)


def mean_curve_loss(module: CurveModule, training: Any, rooms: Any, mean: NDArray[np.float32]) -> float:
    """Loss of a model that answers every room with the mean of the training curves (and of their parameters).

    The rooms are asked for without their loader, which would draw a random number.

    Args:
        module: with the loss.
        training: the training rooms, as `data.rooms_for` gives them.
        rooms: those that the loss is of, likewise.
        mean: (samples,), mean of the training curves.
    """
    scalars = getattr(training, "scalars", None)
    answer = None if scalars is None else torch.nanmean(scalars, dim=0)
    curve, size = torch.from_numpy(mean), module.config.eval_batch_size or 1
    total = 0.0
    with torch.no_grad():
        for start in range(0, len(rooms), size):
            rows = list(range(start, min(start + size, len(rooms))))
            total += len(rows) * float(module.loss_of_curve(curve, answer, rooms.__getitems__(rows)))
    return total / len(rooms)


class GuardCallback(L.Callback):
    """Judges after each epoch, keeps the verdict on record, and stops a training that is lost.

    Nothing of its own is saved for a resume: what it knows is in the history.
    """

    def __init__(self, run: Run, plan: Plan, course: Course) -> None:
        """`course`: what the training of `plan`, recorded by `run`, set out to do."""
        self._run = run
        self._plan = plan
        self._course = course
        self._history: list[dict[str, Any]] = []
        self._verdict = Verdict()

    @property
    def stopped(self) -> bool:
        return self._verdict.state == STOPPED

    @property
    def message(self) -> str | None:
        """Why it stopped, with the change that is proposed; None if it did not."""
        return self._verdict.message if self.stopped else None

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._run.update(guard={**self._verdict._asdict(), "mean_curve_loss": self._course.mean_curve_loss})
        epochs = read_history(os.path.join(self._run.directory, HISTORY)).by_epoch()
        self._history = [epochs[epoch] for epoch in sorted(epochs) if epoch <= trainer.current_epoch]
        self._judge(trainer)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        losses = {name: trainer.callback_metrics[name].item() for name in _LOSSES if name in trainer.callback_metrics}
        self._history.append({"epoch": trainer.current_epoch + 1, **losses})
        self._judge(trainer)

    def _judge(self, trainer: L.Trainer) -> None:
        verdict = judge(self._history, self._course)
        known, self._verdict = self._verdict, verdict
        if self.stopped:
            trainer.should_stop = True
        if (verdict.state, verdict.rule) == (known.state, known.rule):
            return
        finding = self._finding(verdict) if self.stopped else None
        self._run.update(guard={**verdict._asdict(), "finding": None if finding is None else finding._asdict()})
        if verdict.message is not None:
            print(f"guard: {'stopped: ' if self.stopped else ''}{verdict.message}", file=sys.stderr, flush=True)
        if finding is not None:
            print(
                f"guard: {finding.cause} A guess from experience; try: {finding.command}", file=sys.stderr, flush=True
            )

    def _finding(self, verdict: Verdict) -> Finding:
        """What to change, with the command that does it."""
        config = self._plan.config
        cause = likely_cause(config, self._plan.loss.name, str(verdict.message))
        words = ["decaylab", "train", "--from", self._run.run_id, "--experiments", config.experiments]
        if config.model_path is not None:  # a record's own model is imported only where it is named again
            words += ["--model", config.model_path]
        for option, value in cause.change.items():
            words += [option, str(value)]
        return cause._replace(command=shlex.join(words))
