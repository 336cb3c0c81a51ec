"""A training in three stages: prepare, fit, score. A new run goes through them, and one that is resumed."""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import lightning as L
import torch
from lightning.pytorch.callbacks import EarlyStopping
from lightning.pytorch.callbacks.early_stopping import EarlyStoppingReason
from lightning.pytorch.loggers import TensorBoardLogger

from decaylab.rooms.scaling import fit_curves, fit_features
from decaylab.runlog.recorder import Run
from decaylab.runlog.schema import BEST_CHECKPOINT, LAST_CHECKPOINT
from decaylab.training.checkpoint import BestWeights, load_checkpoint
from decaylab.training.data import fit_model, inputs_for, loaders, mean_curve, parameter_medians, rooms_for
from decaylab.training.describe import checkpoint_label, settings, write_scalers, write_split
from decaylab.training.evaluate import TrainedModel, evaluate_test_rooms
from decaylab.training.guarding import GuardCallback, guard_of
from decaylab.training.intervals import evaluate_validation_rooms
from decaylab.training.last_checkpoint import KeepLast
from decaylab.training.module import CurveModule, trainer_for
from decaylab.training.outcome import Outcome
from decaylab.training.plan import Plan
from decaylab.training.process import Interrupts, interruptible, repeatable
from decaylab.training.progress import TrainingProgress
from decaylab.training.recorder import RunRecorder
from decaylab.training.tensorboard import FOLDER, CurveFigures, final_metrics, write_results

#: Patience of a run that is never stopped early: the callback still ends it when the loss is not finite.
_NO_PATIENCE = 10**9


class SoFar(NamedTuple):
    """What a training that goes on has done.

    Attributes:
        state: of last.ckpt; None: it begins with epoch 1 again.
        fit_seconds: that the fit took so far.
        preparation_seconds: that the preparation of the data took so far.
    """

    state: dict[str, Any] | None = None
    fit_seconds: float = 0.0
    preparation_seconds: float = 0.0


class Training(NamedTuple):
    """What `prepare` has made ready, `fit` trains, and `score` evaluates and closes."""

    plan: Plan
    run: Run
    trained: TrainedModel
    loaders: tuple[Any, Any]
    trainer: L.Trainer
    interrupts: Interrupts
    best: BestWeights
    stopper: EarlyStopping
    last: KeepLast
    guard: GuardCallback | None
    figures: CurveFigures


def carry_out(
    plan: Plan,
    run: Run,
    so_far: SoFar | None = None,
    *,
    keep_last: bool = False,
    callbacks: Sequence[L.Callback] = (),
) -> Outcome:
    """Prepare, fit and score: a new run, or with `so_far` one that goes on.

    Args:
        plan: what to train.
        run: its open record, which is closed at the end.
        so_far: of a run that goes on.
        keep_last: leave checkpoints/last.ckpt where it is.
        callbacks: Lightning's, after those of decaylab.
    """
    training = prepare(plan, run, so_far or SoFar(), callbacks)
    fit(training)
    return score(training, keep_last)


def prepare(plan: Plan, run: Run, so_far: SoFar, callbacks: Sequence[L.Callback] = ()) -> Training:
    """Write the split and the scalers into the run, bring its rooms into the model's form, and set up the trainer.

    Args:
        plan: what to train.
        run: its open record.
        so_far: of a run that goes on; `SoFar()` for a new one.
        callbacks: Lightning's, after those of decaylab.
    """
    began = time.monotonic()
    config = plan.config
    trained, batches, label = _with_rooms(plan, run.directory)
    best = BestWeights(os.path.join(run.directory, BEST_CHECKPOINT), label)
    patience = config.early_stop_patience or _NO_PATIENCE
    stopper = EarlyStopping("val_loss", patience=patience, check_finite=True, verbose=False)
    last = KeepLast(os.path.join(run.directory, LAST_CHECKPOINT), best, stopper, so_far.state)
    interrupts, figures = Interrupts(), CurveFigures(plan, trained.inputs)
    guard = guard_of(plan, run, trained.module, batches, trained.mean_curve)
    recorder, progress = RunRecorder(run, so_far.fit_seconds), TrainingProgress(config.model_name)
    own = [best, stopper, recorder, *([guard] if guard else []), progress, last, figures, interrupts]
    trainer = trainer_for(
        config,
        plan.device,
        max_epochs=config.max_epochs,
        logger=TensorBoardLogger(run.directory, name=FOLDER, version=""),
        callbacks=[*own, *callbacks],
        log_every_n_steps=10**6,
        default_root_dir=run.directory,
    )
    run.update(data_preparation_seconds=round(so_far.preparation_seconds + time.monotonic() - began, 3))
    return Training(plan, run, trained, batches, trainer, interrupts, best, stopper, last, guard, figures)


def _with_rooms(plan: Plan, directory: str) -> tuple[TrainedModel, tuple[Any, Any], dict[str, Any]]:
    """The model with its rooms, their loaders, and what its checkpoints say of themselves."""
    config, data, split, model = plan.config, plan.data, plan.split, plan.model
    write_split(directory, data, split)
    feature_scaler = fit_features(config.scaler, data.features[split.train])
    curve_scaler = fit_curves(config.scaler, data, split.train)
    write_scalers(directory, feature_scaler, curve_scaler)
    inputs = inputs_for(model, data.features, feature_scaler)
    module = CurveModule(model, plan.loss, curve_scaler, config, data.samples, data.sampling_rate)
    training, validation = (rooms_for(model, data, rows, inputs) for rows in (split.train, split.validation))
    fit_model(model, training, config)
    mean, batch_size = mean_curve(data, split.train), config.eval_batch_size or 1
    medians = functools.cache(lambda: parameter_medians(data, split.train))
    trained = TrainedModel(module, data, split, inputs, mean, medians, directory, batch_size)
    batches = loaders(config, plan.device, training, validation)
    return trained, batches, checkpoint_label(plan, feature_scaler, curve_scaler)


def fit(training: Training) -> None:
    """Train until the epochs are done, patience or the guard ends it, or a signal; the best weights are on the disk."""
    with repeatable(training.plan.device), interruptible(training.interrupts):
        training.trainer.fit(training.trained.module, *training.loaders)
    training.best.write()


def score(training: Training, keep_last: bool = False) -> Outcome:
    """Evaluate the best weights on the test rooms and the validation rooms, and close the record."""
    plan, run, best, stopper, guard = training.plan, training.run, training.best, training.stopper, training.guard
    is_patience_over = stopper.stopping_reason == EarlyStoppingReason.PATIENCE_EXHAUSTED
    run.update(
        best_epoch=best.epoch,
        best_val_loss=best.loss if best.epoch is not None else None,
        early_stopping_config={"stopped_at_epoch": stopper.stopped_epoch + 1 if is_patience_over else None},
    )
    if best.epoch is None:
        message = "the validation loss was not finite in any epoch: there are no weights to evaluate"
        return _finish(training, keep_last, status="diverged", error=message)
    began = time.monotonic()
    trained = training.trained
    plan.model.load_state_dict(load_checkpoint(best.path)["state_dict"])
    trained.module.to(torch.device(plan.device))
    scores = evaluate_test_rooms(trained) | evaluate_validation_rooms(trained, best.path)
    training.figures.draw_best(run.directory, trained.module, best.epoch)
    final = final_metrics(scores, float(best.loss))
    write_results(run.directory, plan.config.model_name, settings(plan), final, best.epoch)
    stopped_by = guard.message if guard is not None else None
    has_diverged = stopped_by is not None or stopper.stopping_reason == EarlyStoppingReason.NON_FINITE_METRIC
    return _finish(
        training,
        keep_last,
        **scores,
        status="diverged" if has_diverged else "completed",
        error=(stopped_by or stopper.stopping_reason_message) if has_diverged else None,
        evaluation_duration_seconds=round(time.monotonic() - began, 3),
        gpu_peak_memory_bytes=torch.cuda.max_memory_allocated() if plan.device == "cuda" else None,
    )


def _finish(training: Training, keep_last: bool, *, status: str, **sections: Any) -> Outcome:
    """Close the record, then remove last.ckpt: killed in between, the run has lost nothing."""
    run, best = training.run, training.best
    run.finish(**sections, status=status, without=() if keep_last else (LAST_CHECKPOINT,))
    if not keep_last:
        training.last.remove()
    loss = None if best.epoch is None else best.loss
    results = (sections.get(name, {}) for name in ("validation", "metrics", "baselines"))
    return Outcome(run.run_id, run.directory, status, loss, *results)
