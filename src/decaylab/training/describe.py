"""What a training says of itself: settings at their places in metadata.json, split, scalers, the checkpoint's label."""

from __future__ import annotations

import functools
import inspect
import json
import os
import pickle
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from decaylab.catalogue.rows import Setting
from decaylab.catalogue.settings import SETTINGS
from decaylab.losses.scalar_heads import head_config
from decaylab.rooms.scaling import Scaler
from decaylab.rooms.splits import Split
from decaylab.rooms.store import DataSet
from decaylab.runlog.files import replace_file
from decaylab.runlog.reading import put
from decaylab.runlog.split import PARTS, SPLIT
from decaylab.runlog.surroundings import BLANKED
from decaylab.training.plan import Plan


def settings(plan: Plan) -> dict[str, Any]:
    """Everything about the run that is known before it begins, at its place in metadata.json."""
    config, data, split = plan.config, plan.data, plan.split
    parameters = list(plan.model.parameters())
    used = sum(map(len, split))
    scalars = tuple(getattr(plan.model, "scalars", ()))
    sections: dict[str, Any] = {}
    for setting in SETTINGS:
        if setting.kind not in ("model", "weight", "patience", "off"):
            put(sections, setting.key.partition(" or ")[0], _shown(setting, config.value(setting)))
    more: dict[str, dict[str, Any]] = {
        "model_parameters": {
            "total": sum(p.numel() for p in parameters),
            "trainable": sum(p.numel() for p in parameters if p.requires_grad),
        },
        "training_config": {"optimizer": "AdamW" if config.weight_decay else "Adam"},
        "loss_config": {**plan.loss.config(), **({"scalar_heads": head_config(scalars)} if scalars else {})},
        "precision_config": {"mixed_precision_enabled": config.precision != 32},
        "data_loader_config": {
            "pin_memory": config.pin_memory and plan.device == "cuda",
            "scaler_X_used": plan.model.inputs == "scaled",
            "scaler_y_used": plan.model.outputs == "scaled_curve" or plan.loss.space == "scaled",
        },
        "data_config": {
            "num_samples": used,
            "num_samples_requested": config.max_samples if config.max_samples != used else None,
            "num_samples_available": len(data.ids),
            "input_dim": data.features.shape[1],
            "output_length": data.samples,
            "sampling_rate": data.sampling_rate,
            "band": "broadband",
            "train_size": len(split.train),
            "val_size": len(split.validation),
            "test_size": len(split.test),
            "digest": data.digest,
            "test_digest": _rows_digest(data, split.test),
            "simulation": data.manifest.get("settings"),
            "notes": data.notes,
        },
        "early_stopping_config": {
            "enabled": config.early_stop_patience is not None,
            "patience": config.early_stop_patience,
        },
        "environment": {
            "device": _device_name(plan.device),
            "torch_threads": torch.get_num_threads(),
            "cpu_capability": torch.backends.cpu.get_cpu_capability(),
            "code": code_digest(),
            "model_code": model_digest(plan),
        },
    }
    for name, section in more.items():
        sections[name] = sections.get(name, {}) | section
    return {"model_path": config.model_path, **sections, "metrics_definitions": "iso"}


def _shown(setting: Setting, value: Any) -> Any:
    """A setting's value as a record holds it."""
    if setting.is_secret and value is not None:
        return BLANKED
    return f"{value[0]}/{value[1]}" if setting.kind == "fold" and value is not None else value


@functools.cache
def code_digest() -> str:
    """BLAKE2b digest (128 bits) of decaylab's own source files: a version alone does not tell an edited one."""
    package = Path(__file__).parents[1]
    digest = blake2b(digest_size=16)
    for path in sorted(package.rglob("*.py")):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(package).as_posix()} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def model_digest(plan: Plan) -> str | None:
    """BLAKE2b digest (128 bits) of the file that a model of the user's own is written in; None for one of ours.

    What that file imports is not in it: git's commit and diff tell of that.
    """
    if plan.config.model_path is None:
        return None
    try:
        return blake2b(Path(inspect.getfile(type(plan.model))).read_bytes(), digest_size=16).hexdigest()
    except (OSError, TypeError):  # defined in no file that can be read, for example in a notebook
        return None


def checkpoint_label(plan: Plan, features: Scaler, curves: Scaler) -> dict[str, Any]:
    """What a checkpoint says of itself, so that it can be used without its run directory.

    Args:
        plan: of the training.
        features, curves: the scalers that were fitted to the training rooms.
    """
    return {
        "model_name": plan.config.model_name,
        "model_path": plan.config.model_path,
        "input_dim": plan.data.features.shape[1],
        "output_length": plan.data.samples,
        "sampling_rate": plan.data.sampling_rate,
        "scaler_X": _scaler_tensors(features),
        "scaler_y": _scaler_tensors(curves) if plan.model.outputs == "scaled_curve" else None,
        "ranges": _ranges(plan.data.features[plan.split.train]),
    }


def _ranges(features: NDArray[np.float64]) -> dict[str, Any]:
    """Least and greatest value of each feature over the training rooms: elsewhere the model has seen nothing."""
    return {"low": torch.from_numpy(features.min(axis=0)), "high": torch.from_numpy(features.max(axis=0))}


def _scaler_tensors(scaler: Scaler) -> dict[str, Any]:
    center, scale = (torch.from_numpy(np.asarray(v, dtype=np.float64)) for v in (scaler.center, scaler.scale))
    return {"kind": scaler.kind, "center": center, "scale": scale}


def write_split(directory: str, data: DataSet, split: Split) -> None:
    """Write split.json: ids and row indices of each part; predictions.npy has the order of `test`.

    Args:
        directory: the run's.
        data: the data set.
        split: rows of it.
    """
    content = {
        "data_digest": data.digest,
        "test_digest": _rows_digest(data, split.test),
        **{
            part: {"rows": rows.tolist(), "ids": [data.ids[row] for row in rows]}
            for part, rows in zip(PARTS, split, strict=True)
        },
    }
    replace_file(os.path.join(directory, SPLIT), json.dumps(content).encode())


def write_scalers(directory: str, features: Scaler, curves: Scaler) -> None:
    """Write the scalers as scikit-learn's own objects, for users' scripts, and as JSON, which is all that we read.

    Args:
        directory: the run's.
        features, curves: the scalers of the inputs and of the targets.
    """
    for name, scaler in (("scaler_X", features), ("scaler_y", curves)):
        replace_file(os.path.join(directory, f"{name}.pkl"), pickle.dumps(scaler.sklearn()))
        replace_file(os.path.join(directory, f"{name}.json"), json.dumps(scaler.to_json()).encode())


def _rows_digest(data: DataSet, rows: NDArray[np.int64]) -> str:
    """Identity of the test set: the ids of its rooms, in order."""
    return blake2b("\n".join(data.ids[row] for row in rows).encode(), digest_size=16).hexdigest()


def _device_name(device: str) -> str:
    return f"cuda ({torch.cuda.get_device_name()})" if device == "cuda" else "cpu"
