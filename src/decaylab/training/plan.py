"""A training whose every setting has been checked, against each other and against the data; nothing is written yet."""

from __future__ import annotations

from typing import Any, NamedTuple

import lightning as L
import numpy as np
import torch
from numpy.typing import NDArray

from decaylab.errors import InputError
from decaylab.losses import CurveLoss, build_loss
from decaylab.models import build_model
from decaylab.rooms.leakage import leakage_note
from decaylab.rooms.splits import Split, split_rows
from decaylab.rooms.store import DataSet, open_data
from decaylab.training.config import TrainConfig


class Plan(NamedTuple):
    """A training whose every setting has been checked; nothing has been written yet."""

    config: TrainConfig
    device: str
    data: DataSet
    split: Split
    model: Any  # a torch module with the attributes that models/registry.py lists
    loss: CurveLoss


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
    leakage = leakage_note(data.features, split, config.split)
    if leakage is not None:  # said and recorded with what else is to be known of the data
        data.notes.append(leakage)
    L.seed_everything(config.seed, workers=True, verbose=False)
    model: Any = build_model(config.model, input_dim=data.features.shape[1], output_length=data.samples)
    config = config.completed(model.default_settings)
    config.check()
    loss = build_loss(config.loss or model.default_loss, **config.loss_weights)
    return Plan(config, device, data, split, model, loss)


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
