"""A training whose every setting has been checked, against each other and against the data; nothing is written yet."""

from __future__ import annotations

from typing import Any, NamedTuple

import lightning as L
import numpy as np
import torch
from numpy.typing import NDArray

from decaylab.acoustics import SAMPLING_RATE
from decaylab.catalogue.models import MODELS
from decaylab.catalogue.settings import GENERAL_SETTINGS, SETTINGS, TrainConfig
from decaylab.errors import InputError, ModelError
from decaylab.evaluation import SCORED_PARAMETERS
from decaylab.losses import CurveLoss, build_loss
from decaylab.models import build_model
from decaylab.models.custom import DEFAULTS, build_own
from decaylab.rooms.leakage import leakage_note
from decaylab.rooms.scaling import fit_features
from decaylab.rooms.splits import Split, split_rows
from decaylab.rooms.store import DataSet, open_data
from decaylab.runlog.naming import check_model_name
from decaylab.training.data import inputs_for
from decaylab.training.trial import try_model


class Plan(NamedTuple):
    """A training whose every setting has been checked; nothing has been written yet."""

    config: TrainConfig
    device: str
    data: DataSet
    split: Split
    model: Any  # a torch module with the attributes that models/registry.py lists
    loss: CurveLoss
    remarks: tuple[str, ...] = ()  # what there is to say of the model


def plan_training(config: TrainConfig) -> Plan:
    """Check the settings against each other and against the data, and build the model. Writes nothing."""
    config.check()
    check_model_name(config.model_name)
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
    leakage = leakage_note(data.features, split, config.split)
    if leakage is not None:  # said and recorded with what else is to be known of the data
        data.notes.append(leakage)
    L.seed_everything(config.seed, workers=True, verbose=False)
    model, remarks = _model(config, data, split)
    config = config.completed(model.default_settings)
    config.check()
    for setting in SETTINGS:
        if setting.of_model and config.value(setting) and not hasattr(model, setting.name):
            able = ", ".join(name for name, row in MODELS.items() if setting.name in row.takes)
            raise InputError(
                f"{setting.option} {config.value(setting)}: {config.model_name} does not take it; leave it out "
                f"(models that take it: {able})"
            )
    loss = build_loss(config.loss or model.default_loss, **config.loss_weights)
    return Plan(config, device, data, split, model, loss, remarks)


def _model(config: TrainConfig, data: DataSet, split: Split) -> tuple[Any, tuple[str, ...]]:
    """The untrained model, and what there is to say of it. A user's own is tried on two rooms of the training."""
    path = config.model_path
    model: Any
    if path is None:
        model = build_model(config.model, input_dim=data.features.shape[1], output_length=data.samples)
        if model.outputs == "knots" and data.sampling_rate != SAMPLING_RATE:
            raise InputError(
                f"--model {config.model} knows the physics at {SAMPLING_RATE:,} Hz; {data.path} has "
                f"{data.sampling_rate:,} Hz: simulate it at that rate, or use lstm or a hybrid"
            )
        knows = getattr(model, "know_simulation", None)
        return model, () if knows is None else (knows(data.manifest.get("settings") or {}),)
    model, taken = build_own(path, input_dim=data.features.shape[1], output_length=data.samples)
    unknown = sorted(set(model.default_settings) - set(GENERAL_SETTINGS))
    if unknown:
        raise ModelError(
            f"--model {path}: its default_settings hold {', '.join(map(str, unknown))}; "
            f"training knows {', '.join(GENERAL_SETTINGS)}"
        )
    strange = [name for name in getattr(model, "scalars", ()) if name not in SCORED_PARAMETERS]
    if strange:
        raise ModelError(f"--model {path}: no scalar head for {strange}: choose from {', '.join(SCORED_PARAMETERS)}")
    inputs = inputs_for(model, data.features, fit_features(config.scaler, data.features[split.train]))
    # What a GPU can is seen there, in preflight's first steps: the trial is on the CPU.
    precision = config.completed(model.default_settings).precision if _device(config.device) == "cpu" else 32
    try_model(model, path, torch.from_numpy(inputs[np.resize(split.train, 2)]).float(), data.samples, precision)
    said = ", ".join(f"{name} {DEFAULTS[name] or 'those of training'}" for name in taken)
    return model, (f"{config.model_name} does not say, so it is taken for: {said}",) if taken else ()


def _chosen_rows(config: TrainConfig, available: int) -> NDArray[np.int64]:
    """All rows, or `--max-samples` of them drawn with the split's seed, in the order of the data set."""
    rows = np.arange(available)
    if config.max_samples is None or config.max_samples >= available:
        return rows
    return np.sort(np.random.default_rng(config.split_seed).permutation(rows)[: config.max_samples])


def _device(asked: str) -> str:
    if asked == "cuda" and not torch.cuda.is_available():
        raise InputError("--device cuda: PyTorch finds no GPU here; use --device cpu or auto")
    return "cuda" if asked != "cpu" and torch.cuda.is_available() else "cpu"
