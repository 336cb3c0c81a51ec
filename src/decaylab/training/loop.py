"""One training, from its settings to its record: check, start the record, prepare, fit, evaluate, finish."""

from __future__ import annotations

import os
import sys
import time
from typing import Any, NamedTuple

import lightning as L
import numpy as np
import torch
from lightning.pytorch.callbacks import EarlyStopping
from lightning.pytorch.callbacks.early_stopping import EarlyStoppingReason
from lightning.pytorch.loggers import TensorBoardLogger

from decaylab import runlog
from decaylab.catalogue.settings import TrainConfig
from decaylab.rooms.scaling import fit_curves, fit_features
from decaylab.runlog.recorder import Run
from decaylab.runlog.schema import BEST_CHECKPOINT, LAST_CHECKPOINT
from decaylab.training import preflight
from decaylab.training.checkpoint import BestWeights, load_checkpoint
from decaylab.training.data import CurveRooms, KnotRooms, inputs_for, loader, mean_curve, parameter_medians
from decaylab.training.describe import checkpoint_label, settings, write_scalers, write_split
from decaylab.training.evaluate import evaluate_test_rooms
from decaylab.training.guarding import guard_of
from decaylab.training.intervals import record_intervals
from decaylab.training.last_checkpoint import KeepLast
from decaylab.training.module import PRECISION, CurveModule
from decaylab.training.origin import Origin
from decaylab.training.plan import Plan, prepare
from decaylab.training.process import Signals, interruptible, quiet_lightning, repeatable, threads_for
from decaylab.training.progress import TrainingProgress
from decaylab.training.recorder import RunRecorder
from decaylab.training.tensorboard import FOLDER, CurveFigures, final_metrics, write_results

#: Patience of a run that is never stopped early: the callback still ends it when the loss is not finite.
_NO_PATIENCE = 10**9


class Outcome(NamedTuple):
    """Where the run is, how it ended ("completed" or "diverged"), its metrics, and those of the baselines."""

    directory: str
    status: str
    metrics: dict[str, Any]
    baselines: dict[str, Any]


class Again(NamedTuple):
    """What a training goes on from: the state in last.ckpt (None: from epoch 1), and the seconds that it took so far,
    its fit and the preparation of its data."""

    state: dict[str, Any] | None = None
    fit_seconds: float = 0.0
    preparation_seconds: float = 0.0


def train(config: TrainConfig, origin: Origin | None = None, keep_last: bool = False, force: bool = False) -> Outcome:
    """Check, train, evaluate the best checkpoint on the test rooms, and record the run from its first second.

    Args:
        origin: the run that the settings come from, if they do.
        keep_last: leave checkpoints/last.ckpt where it is when the run has ended well.
        force: train also what was measured to fail (see `preflight`).

    Raises:
        DecaylabError: bad input or an impossible combination; then no run directory has been made.
        KeyboardInterrupt: Ctrl-C; the run is on record as interrupted.
    """
    plan = prepare(config)
    checked = preflight.check(plan)
    if not force:
        preflight.refuse(checked)
    for line in checked.lines():
        print(f"preflight: {line}", file=sys.stderr)
    return start(plan, origin, keep_last, checked)


def start(
    plan: Plan, origin: Origin | None = None, keep_last: bool = False, checked: preflight.Preflight | None = None
) -> Outcome:
    """`train`, once its settings have been checked; `checked`: what was found, for the record."""
    say(plan)
    name, experiments, note = plan.config.model_name, plan.config.experiments, plan.config.note
    made_from = origin.sections() if origin else {}
    found: dict[str, Any] = {"preflight": checked.record()} if checked else {}
    with (
        threads_for(plan.model, origin.threads if origin else None),
        runlog.start(name, experiments=experiments, note=note, **settings(plan), **made_from, **found) as run,
    ):
        return carry_out(plan, run, keep_last=keep_last)


def say(plan: Plan) -> None:
    """What there is to say of the data and the model, on stderr; the record has it as data_config.notes."""
    for line in plan.data.notes:
        print(f"data set: {line}", file=sys.stderr)
    for line in plan.remarks:
        print(f"model: {line}", file=sys.stderr)


def carry_out(plan: Plan, run: Run, again: Again | None = None, keep_last: bool = False) -> Outcome:
    """Prepare, fit, evaluate, finish: a new run, or with `again` one that goes on."""
    again = again or Again()
    config, data, split, model = plan.config, plan.data, plan.split, plan.model
    began = time.monotonic()
    write_split(run.directory, data, split)
    feature_scaler = fit_features(config.scaler, data.features[split.train])
    curve_scaler = fit_curves(config.scaler, data, split.train)
    write_scalers(run.directory, feature_scaler, curve_scaler)
    if hasattr(model, "input_noise"):
        model.input_noise = config.input_noise
    inputs = inputs_for(model, data.features, feature_scaler)
    module = CurveModule(model, plan.loss, curve_scaler, config, data.samples, data.sampling_rate)
    loaders = _loaders(plan, inputs)
    if model.outputs == "knots":
        rooms = loaders[0].dataset.tensors
        model.fit_inputs(rooms["features"], rooms["physics"])
    elif loaders[0].dataset.scalars is not None:
        model.fit_scalars(loaders[0].dataset.scalars)
    best = BestWeights(
        os.path.join(run.directory, BEST_CHECKPOINT), checkpoint_label(plan, feature_scaler, curve_scaler)
    )
    stopper = EarlyStopping(
        "val_loss", patience=config.early_stop_patience or _NO_PATIENCE, check_finite=True, verbose=False
    )
    last = KeepLast(os.path.join(run.directory, LAST_CHECKPOINT), best, stopper, again.state)
    recorder = RunRecorder(run, again.fit_seconds)
    signals = Signals()
    figures = CurveFigures(plan, inputs)
    progress = TrainingProgress(config.model_name)
    of_training = mean_curve(data, split.train)
    guard = guard_of(plan, run, module, loaders, of_training)
    callbacks = [_KeepBest(best), stopper, recorder, guard, progress, last, figures, _Heed(signals)]
    trainer = _trainer(plan, run, callbacks)
    run.update(data_preparation_seconds=round(again.preparation_seconds + time.monotonic() - began, 3))
    with repeatable(plan.device), interruptible(signals):
        trainer.fit(module, *loaders)
    best.write()

    patience_ended = stopper.stopping_reason == EarlyStoppingReason.PATIENCE_EXHAUSTED
    diverged = guard.stopped or stopper.stopping_reason == EarlyStoppingReason.NON_FINITE_METRIC
    run.update(
        best_epoch=best.epoch,
        best_val_loss=best.loss if best.epoch is not None else None,
        early_stopping_config={"stopped_at_epoch": stopper.stopped_epoch + 1 if patience_ended else None},
    )
    if best.epoch is None:
        message = "the validation loss was not finite in any epoch: there are no weights to evaluate"
        _finish(run, last, keep_last, status="diverged", error=message)
        return Outcome(run.directory, "diverged", {}, {})
    began = time.monotonic()
    model.load_state_dict(load_checkpoint(best.path)["state_dict"])
    module.to(torch.device(plan.device))
    scores = evaluate_test_rooms(
        module, data, split.test, split.train, inputs, of_training,
        lambda: parameter_medians(data, split.train), run.directory, config.eval_batch_size or 1,
    )  # fmt: skip
    scores["uncertainty"] = record_intervals(module, data, split, inputs, run.directory, best.path)
    figures.draw_best(run.directory, module, best.epoch)
    write_results(run.directory, config.model_name, settings(plan), final_metrics(scores, float(best.loss)), best.epoch)
    status = "diverged" if diverged else "completed"
    _finish(
        run,
        last,
        keep_last,
        **scores,
        status=status,
        error=(guard.message or stopper.stopping_reason_message) if diverged else None,
        evaluation_duration_seconds=round(time.monotonic() - began, 3),
        gpu_peak_memory_bytes=torch.cuda.max_memory_allocated() if plan.device == "cuda" else None,
    )
    return Outcome(run.directory, status, scores["metrics"], scores["baselines"])


def _finish(run: Run, last: KeepLast, keep_last: bool, **sections: Any) -> None:
    """Close the record, then remove last.ckpt: killed in between, the run has lost nothing."""
    run.finish(**sections, without=() if keep_last else (LAST_CHECKPOINT,))
    if not keep_last:
        last.remove()


class _Heed(L.Callback):
    """Lets a signal act where nothing is half done."""

    def __init__(self, signals: Signals) -> None:
        self._signals = signals

    def on_train_batch_end(self, *args: Any, **more: Any) -> None:
        self._signals.heed()

    def on_validation_batch_end(self, *args: Any, **more: Any) -> None:
        self._signals.heed()


class _KeepBest(L.Callback):
    """Offers each epoch's weights to `BestWeights`; what it holds is written even when the fit ends in an exception."""

    def __init__(self, best: BestWeights) -> None:
        self._best = best

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if not trainer.sanity_checking:
            self._best.offer(trainer.current_epoch + 1, float(trainer.callback_metrics["val_loss"]), pl_module.model)

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        self._best.try_to_write()


def _trainer(plan: Plan, run: Run, callbacks: list[L.Callback]) -> L.Trainer:
    config = plan.config
    quiet_lightning()
    return L.Trainer(
        accelerator="gpu" if plan.device == "cuda" else "cpu",
        devices=1,
        precision=PRECISION[config.precision],
        max_epochs=config.max_epochs,
        gradient_clip_val=config.gradient_clip_val,
        logger=TensorBoardLogger(run.directory, name=FOLDER, version=""),
        callbacks=callbacks,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        log_every_n_steps=10**6,
        default_root_dir=run.directory,
    )


def _loaders(plan: Plan, inputs: np.ndarray[Any, Any]) -> tuple[Any, Any]:
    config = plan.config

    def rooms(rows: np.ndarray[Any, Any]) -> Any:
        if plan.model.outputs == "knots":
            return KnotRooms(plan.model, plan.data, rows)
        return CurveRooms(plan.data, rows, inputs, getattr(plan.model, "scalars", ()))

    common: dict[str, Any] = {
        "workers": config.num_workers,
        "pin_memory": config.pin_memory and plan.device == "cuda",
        "persistent": config.persistent_workers,
    }
    return (
        loader(rooms(plan.split.train), config.batch_size or 1, shuffle=True, **common),
        loader(rooms(plan.split.validation), config.eval_batch_size or 1, shuffle=False, **common),
    )
