"""One training, from its settings to its record: check, start the record, prepare, fit, evaluate, finish."""

from __future__ import annotations

import json
import logging
import os
import pickle
import signal
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from typing import Any, NamedTuple

import lightning as L
import numpy as np
import torch
from lightning.pytorch.callbacks import EarlyStopping
from lightning.pytorch.callbacks.early_stopping import EarlyStoppingReason
from lightning.pytorch.loggers import TensorBoardLogger

from decaylab import runlog
from decaylab.errors import InputError
from decaylab.losses import CurveLoss, build_loss
from decaylab.models import build_model
from decaylab.rooms.scaling import Scaler, fit_curves, fit_features
from decaylab.rooms.splits import Split, split_rows
from decaylab.rooms.store import DataSet, open_data
from decaylab.runlog.files import replace_file
from decaylab.runlog.recorder import Run
from decaylab.runlog.schema import BEST_CHECKPOINT
from decaylab.training.checkpoint import BestWeights, load_checkpoint
from decaylab.training.config import TrainConfig
from decaylab.training.data import CurveRooms, KnotRooms, inputs_for, loader, parameter_medians, survey
from decaylab.training.evaluate import evaluate_test_rooms
from decaylab.training.module import CurveModule
from decaylab.training.progress import TrainingProgress
from decaylab.training.recorder import RunRecorder

#: Patience of a run that is never stopped early: the callback still ends it when the loss is not finite.
_NO_PATIENCE = 10**9

#: Below this number of parameters a training step is done by one thread.
SMALL_MODEL = 1_000_000


class Outcome(NamedTuple):
    """Where the run is, how it ended ("completed" or "diverged"), and its metrics."""

    directory: str
    status: str
    metrics: dict[str, Any]


class Plan(NamedTuple):
    """A training whose every setting has been checked; nothing has been written yet."""

    config: TrainConfig
    device: str
    data: DataSet
    split: Split
    model: Any  # a torch module with the attributes that models/registry.py lists
    loss: CurveLoss


def train(config: TrainConfig) -> Outcome:
    """Train, evaluate the best checkpoint on the test rooms, and record the run from its first second.

    Raises:
        DecaylabError: bad input or an impossible combination; then no run directory has been made.
        KeyboardInterrupt: Ctrl-C; the run is on record as interrupted.
    """
    plan = prepare(config)
    for line in plan.data.notes:  # what did not join: said, and recorded as data_config.notes
        print(f"data set: {line}", file=sys.stderr)
    name, experiments, note = plan.config.model, plan.config.experiments, plan.config.note
    with (
        _threads_for(plan.model),
        runlog.start(name, experiments=experiments, note=note, **_settings(plan)) as run,
    ):
        return _recorded(plan, run)


def prepare(config: TrainConfig) -> Plan:
    """Check the settings against each other and against the data, and build the model. Writes nothing."""
    config.check()
    device = _device(config.device)
    if config.precision == 16 and device == "cpu":
        raise InputError("--precision 16 needs a GPU, and this training runs on the CPU: use --precision bf16 or 32")
    data = open_data(config.data)
    rows = _chosen_rows(config, len(data))
    chosen = split_rows(
        data.features[rows],
        config.split,
        seed=config.split_seed,
        train_ratio=config.train_ratio,
        val_ratio=config.val_ratio,
        fold=config.fold,
    )
    split = Split(*(rows[part] for part in chosen))
    L.seed_everything(config.seed, workers=True, verbose=False)
    model: Any = build_model(config.model, input_dim=data.features.shape[1], output_length=data.samples)
    config = config.completed(model.default_settings)
    config.check()
    loss = build_loss(config.loss or model.default_loss, **config.loss_weights)
    return Plan(config, device, data, split, model, loss)


def _recorded(plan: Plan, run: Run) -> Outcome:
    config, data, split, model = plan.config, plan.data, plan.split, plan.model
    began = time.monotonic()
    _write_split(run.directory, data, split)
    feature_scaler = fit_features(config.scaler, data.features[split.train])
    curve_scaler = fit_curves(config.scaler, data, split.train)
    _write_scalers(run.directory, feature_scaler, curve_scaler)
    training = survey(data, split.train)
    if model.outputs == "knots":
        model.input_noise = config.input_noise
    inputs = inputs_for(model, data.features, feature_scaler)
    module = CurveModule(model, plan.loss, curve_scaler, config, data.samples, data.sampling_rate)
    loaders = _loaders(plan, inputs)
    if model.outputs == "knots":
        rooms = loaders[0].dataset.tensors
        model.fit_inputs(rooms["features"], rooms["physics"])
    best = BestWeights(os.path.join(run.directory, BEST_CHECKPOINT), _about(plan, feature_scaler, curve_scaler))
    stopper = EarlyStopping(
        "val_loss", patience=config.early_stop_patience or _NO_PATIENCE, check_finite=True, verbose=False
    )
    trainer = _trainer(plan, run, [_KeepBest(best), stopper])
    run.update(data_preparation_seconds=round(time.monotonic() - began, 3))
    with _interruptible():
        trainer.fit(module, *loaders)
    best.write()

    patience_ended = stopper.stopping_reason == EarlyStoppingReason.PATIENCE_EXHAUSTED
    diverged = stopper.stopping_reason == EarlyStoppingReason.NON_FINITE_METRIC
    run.update(
        best_epoch=best.epoch,
        best_val_loss=best.loss if best.epoch is not None else None,
        early_stopping_config={"stopped_at_epoch": stopper.stopped_epoch + 1 if patience_ended else None},
    )
    if best.epoch is None:
        message = "the validation loss was not finite in any epoch: there are no weights to evaluate"
        run.finish(status="diverged", error=message)
        return Outcome(run.directory, "diverged", {})
    began = time.monotonic()
    model.load_state_dict(load_checkpoint(best.path)["state_dict"])
    module.to(torch.device(plan.device))
    scores = evaluate_test_rooms(
        module, data, split.test, inputs, training.mean_curve,
        lambda: parameter_medians(data, split.train), run.directory, config.eval_batch_size or 1,
    )  # fmt: skip
    status = "diverged" if diverged else "completed"
    run.finish(
        **scores,
        status=status,
        error=stopper.stopping_reason_message if diverged else None,
        evaluation_duration_seconds=round(time.monotonic() - began, 3),
        gpu_peak_memory_bytes=torch.cuda.max_memory_allocated() if plan.device == "cuda" else None,
    )
    return Outcome(run.directory, status, scores["metrics"])


class _KeepBest(L.Callback):
    """Offers each epoch's weights to `BestWeights`; what it holds is written even when the fit ends in an exception."""

    def __init__(self, best: BestWeights) -> None:
        self._best = best

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if not trainer.sanity_checking:
            self._best.offer(trainer.current_epoch + 1, float(trainer.callback_metrics["val_loss"]), pl_module.model)

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        self._best.write()


def _trainer(plan: Plan, run: Run, callbacks: list[L.Callback]) -> L.Trainer:
    config = plan.config
    # Lightning's own remarks (tips, cores, missing workers) are not about this run; its errors are raised.
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module=r"lightning\..*")
    return L.Trainer(
        accelerator="gpu" if plan.device == "cuda" else "cpu",
        devices=1,
        precision={32: "32-true", 16: "16-mixed", "bf16": "bf16-mixed"}[config.precision],
        max_epochs=config.max_epochs,
        gradient_clip_val=config.gradient_clip_val,
        logger=TensorBoardLogger(run.directory, name="tensorboard_logs", version=""),
        callbacks=[*callbacks, RunRecorder(run), TrainingProgress(config.model)],
        enable_checkpointing=False,
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
        return CurveRooms(plan.data, rows, inputs)

    common: dict[str, Any] = {
        "workers": config.num_workers,
        "pin_memory": config.pin_memory and plan.device == "cuda",
        "persistent": config.persistent_workers,
    }
    return (
        loader(rooms(plan.split.train), config.batch_size or 1, shuffle=True, **common),
        loader(rooms(plan.split.validation), config.eval_batch_size or 1, shuffle=False, **common),
    )


def _settings(plan: Plan) -> dict[str, Any]:
    """Everything about the run that is known before it begins, at its place in metadata.json."""
    config, data, split = plan.config, plan.data, plan.split
    parameters = list(plan.model.parameters())
    used = sum(map(len, split))
    return {
        "model_parameters": {
            "total": sum(p.numel() for p in parameters),
            "trainable": sum(p.numel() for p in parameters if p.requires_grad),
        },
        "training_config": {
            "max_epochs": config.max_epochs,
            "batch_size": config.batch_size,
            "eval_batch_size": config.eval_batch_size,
            "learning_rate": config.learning_rate,
            "weight_decay": config.weight_decay,
            "schedule": config.schedule,
            "input_noise": config.input_noise,
            "optimizer": "AdamW" if config.weight_decay else "Adam",
        },
        "loss_config": {**plan.loss.config(), "gradient_clip_val": config.gradient_clip_val},
        "precision_config": {"precision": config.precision, "mixed_precision_enabled": config.precision != 32},
        "data_loader_config": {
            "num_workers": config.num_workers,
            "pin_memory": config.pin_memory and plan.device == "cuda",
            "persistent_workers": config.persistent_workers,
            "scaler_type": config.scaler,
            "scaler_X_used": plan.model.inputs == "scaled",
            "scaler_y_used": plan.model.outputs == "scaled_curve" or plan.loss.space == "scaled",
        },
        "data_config": {
            "num_samples": used,
            "num_samples_requested": config.max_samples if config.max_samples != used else None,
            "input_dim": data.features.shape[1],
            "output_length": data.samples,
            "sampling_rate": data.sampling_rate,
            "band": "broadband",
            "train_size": len(split.train),
            "val_size": len(split.validation),
            "test_size": len(split.test),
            "train_ratio": config.train_ratio,
            "val_ratio": config.val_ratio,
            "split": config.split,
            "split_seed": config.split_seed,
            "fold": None if config.fold is None else f"{config.fold[0]}/{config.fold[1]}",
            "path": config.data,
            "digest": data.digest,
            "test_digest": _rows_digest(data, split.test),
            "simulation": data.manifest.get("settings"),
            "notes": data.notes,
        },
        "early_stopping_config": {
            "enabled": config.early_stop_patience is not None,
            "patience": config.early_stop_patience,
        },
        "seed": config.seed,
        "metrics_definitions": "iso",
        "environment": {"device": _device_name(plan.device), "torch_threads": torch.get_num_threads()},
    }


def _about(plan: Plan, features: Scaler, curves: Scaler) -> dict[str, Any]:
    """What a checkpoint says of itself, so that it can be used without its run directory."""
    return {
        "model_name": plan.config.model,
        "input_dim": plan.data.features.shape[1],
        "output_length": plan.data.samples,
        "sampling_rate": plan.data.sampling_rate,
        "scaler_X": _scaler_tensors(features),
        "scaler_y": _scaler_tensors(curves) if plan.model.outputs == "scaled_curve" else None,
    }


def _scaler_tensors(scaler: Scaler) -> dict[str, Any]:
    center, scale = (torch.from_numpy(np.asarray(v, dtype=np.float64)) for v in (scaler.center, scaler.scale))
    return {"kind": scaler.kind, "center": center, "scale": scale}


def _write_split(directory: str, data: DataSet, split: Split) -> None:
    """split.json: ids and row indices of each part; predictions.npy has the order of `test`."""
    content = {
        "data_digest": data.digest,
        "test_digest": _rows_digest(data, split.test),
        **{
            part: {"rows": rows.tolist(), "ids": [data.ids[row] for row in rows]}
            for part, rows in zip(("train", "validation", "test"), split, strict=True)
        },
    }
    replace_file(os.path.join(directory, "split.json"), json.dumps(content).encode())


def _write_scalers(directory: str, features: Scaler, curves: Scaler) -> None:
    """The scalers as scikit-learn's own objects, for users' scripts, and as JSON, which is all that we read."""
    for name, scaler in (("scaler_X", features), ("scaler_y", curves)):
        replace_file(os.path.join(directory, f"{name}.pkl"), pickle.dumps(scaler.sklearn()))
        replace_file(os.path.join(directory, f"{name}.json"), json.dumps(scaler.to_json()).encode())


def _rows_digest(data: DataSet, rows: np.ndarray[Any, Any]) -> str:
    """Identity of the test set: the ids of its rooms, in order."""
    return blake2b("\n".join(data.ids[row] for row in rows).encode(), digest_size=16).hexdigest()


def _chosen_rows(config: TrainConfig, available: int) -> np.ndarray[Any, Any]:
    """All rows, or `--max-samples` of them drawn with the split's seed, in the order of the data set."""
    rows = np.arange(available)
    if config.max_samples is None or config.max_samples >= available:
        return rows
    return np.sort(np.random.default_rng(config.split_seed).permutation(rows)[: config.max_samples])


def _device(asked: str) -> str:
    if asked == "cuda" and not torch.cuda.is_available():
        raise InputError("--device cuda: PyTorch finds no GPU here; use --device cpu or auto")
    return "cuda" if asked != "cpu" and torch.cuda.is_available() else "cpu"


def _device_name(device: str) -> str:
    return f"cuda ({torch.cuda.get_device_name()})" if device == "cuda" else "cpu"


@contextmanager
def _threads_for(model: torch.nn.Module) -> Iterator[None]:
    """One thread for a small model: its steps are too short to share, and threads would spend them waiting."""
    before = torch.get_num_threads()
    if sum(p.numel() for p in model.parameters()) < SMALL_MODEL:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class _CtrlC(BaseException):
    """Ctrl-C as Lightning lets it through; of KeyboardInterrupt itself it makes `sys.exit(1)`."""


@contextmanager
def _interruptible() -> Iterator[None]:
    """Make Ctrl-C end a fit as KeyboardInterrupt, with Lightning's own clearing up done."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    trainer_process = os.getpid()

    def interrupt(number: int, frame: Any) -> None:
        if os.getpid() != trainer_process:
            raise KeyboardInterrupt  # a forked worker: its own loop knows what to do
        raise _CtrlC

    previous = signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    except _CtrlC:
        raise KeyboardInterrupt from None
    finally:
        signal.signal(signal.SIGINT, previous)
