"""The format of metadata.json, version 1: its documented keys, its fields, its metrics.

This module owns the format. Everything that reads or writes a run takes names, order, units, directions and
targets from here; no other module spells a documented key's default or a target's value.
"""

from __future__ import annotations

from typing import Any, NamedTuple

SCHEMA_VERSION = 1

METADATA = "metadata.json"
HISTORY = "history.jsonl"
HEARTBEAT = "heartbeat"
OUTPUT = "output.log"
TAGS = "tags.txt"
LABEL_NOISE = "label_noise.json"
CHECKPOINTS = "checkpoints"
BEST_CHECKPOINT = "checkpoints/best_model.ckpt"
LAST_CHECKPOINT = "checkpoints/last.ckpt"
NOTES = "NOTES.md"

TIMESTAMP_FORMAT = "%Y%m%d_%H%M%S"

#: Statuses that a run stores itself. The others (`lost`, `unknown`, `unreadable`) are derived by readers.
STORED_STATUSES = ("running", "completed", "failed", "interrupted", "diverged")
STATUSES = (*STORED_STATUSES, "lost", "unknown", "unreadable")

#: Every key that the run-log document shows, in its order, with the value it holds where none exists.
DOCUMENTED: dict[str, Any] = {
    "model_name": None,
    "timestamp": None,
    "model_parameters": {"total": None, "trainable": None},
    "training_config": {
        "max_epochs": None,
        "actual_epochs": None,
        "batch_size": None,
        "eval_batch_size": None,
        "learning_rate": None,
        "training_duration_seconds": None,
        "training_duration_minutes": None,
    },
    "loss_config": {"loss_type": None, "gradient_clip_val": None, "aux_weight": None},
    "precision_config": {"precision": None, "mixed_precision_enabled": None},
    "data_loader_config": {
        "num_workers": None,
        "pin_memory": None,
        "persistent_workers": None,
        "scaler_type": None,
    },
    "data_config": {
        "num_samples": None,
        "input_dim": None,
        "output_length": None,
        "train_size": None,
        "val_size": None,
        "test_size": None,
        "train_ratio": None,
        "val_ratio": None,
    },
    "early_stopping_config": {"enabled": None, "patience": None, "stopped_at_epoch": None},
    "metrics": {
        "overall_edc": {"mae": None, "rmse": None, "r2": None},
        "edt": {"mae": None, "rmse": None, "r2": None},
        "t20": {"mae": None, "rmse": None, "r2": None},
        "c50": {"mae": None, "rmse": None, "r2": None},
    },
    "best_model_path": None,
}

#: Where a flat setting belongs: `{"batch_size": 8}` goes to `training_config.batch_size`.
SETTING_PLACES: dict[str, str] = {
    key: section
    for section, keys in DOCUMENTED.items()
    if isinstance(keys, dict) and section not in ("metrics", "model_parameters")
    for key in keys
}


class Field(NamedTuple):
    """One short name: where its value lies, how it is shown, and which direction is better.

    `path` is dotted, into metadata.json in documented form; "" marks a value that the reader derives: in
    `runlog.derived`, or by a `function` of a record, named as "module:function" and null where that is not installed.
    `better` is "min", "max" or None (settings have no better direction).
    """

    name: str
    path: str
    label: str
    unit: str = ""
    better: str | None = None
    target: float | None = None
    digits: int | None = None
    function: str = ""


def _metric(prefix: str, key: str, label: str, unit: str, target: float | None, digits: int) -> list[Field]:
    """MAE, RMSE and R2 of one parameter; only the MAE has a target."""
    path = f"metrics.{key}"
    return [
        Field(f"{prefix}_mae", f"{path}.mae", f"{label} MAE", unit, "min", target, digits),
        Field(f"{prefix}_rmse", f"{path}.rmse", f"{label} RMSE", unit, "min", None, digits),
        Field(f"{prefix}_r2", f"{path}.r2", f"{label} R2", "", "max", None, 4),
    ]


def _details(name: str, label: str, unit: str, digits: int) -> list[Field]:
    """Beside them: mean error, 95th percentile of |error|, share of rooms within one just noticeable difference.

    A bias has no better direction: nearer to 0 is better, and neither the lowest nor the highest is.
    """
    path = f"metrics.{name}"
    return [
        Field(f"{name}_bias", f"{path}.bias", f"{label} bias", unit, None, None, digits),
        Field(f"{name}_p95", f"{path}.p95", f"{label} 95 %", unit, "min", None, digits),
        Field(f"{name}_within_jnd", f"{path}.within_jnd", f"{label} within JND", "", "max", None, 3),
    ]


#: Short names in the order of an export. `run_id` is first by definition.
FIELDS: dict[str, Field] = {
    field.name: field
    for field in [
        Field("run_id", "", "run"),
        Field("model", "model_name", "model"),
        Field("timestamp", "timestamp", "timestamp"),
        Field("status", "", "status"),
        Field("duration", "training_config.training_duration_minutes", "duration", "min", "min", None, 2),
        Field("epochs", "training_config.actual_epochs", "epochs"),
        Field("max_epochs", "training_config.max_epochs", "max epochs"),
        Field("best_epoch", "best_epoch", "best epoch"),
        Field("stopped_at_epoch", "early_stopping_config.stopped_at_epoch", "stopped at"),
        Field("patience", "early_stopping_config.patience", "patience"),
        Field("batch_size", "training_config.batch_size", "batch"),
        Field("eval_batch_size", "training_config.eval_batch_size", "eval batch"),
        Field("learning_rate", "training_config.learning_rate", "lr"),
        Field("loss_type", "loss_config.loss_type", "loss"),
        Field("gradient_clip_val", "loss_config.gradient_clip_val", "clip"),
        Field("aux_weight", "loss_config.aux_weight", "aux weight"),
        Field("precision", "precision_config.precision", "precision"),
        Field("scaler_type", "data_loader_config.scaler_type", "scaler"),
        Field("num_workers", "data_loader_config.num_workers", "workers"),
        Field("parameters", "model_parameters.total", "parameters"),
        Field("num_samples", "data_config.num_samples", "rooms"),
        Field("train_size", "data_config.train_size", "train"),
        Field("val_size", "data_config.val_size", "val"),
        Field("test_size", "data_config.test_size", "test"),
        Field("split", "data_config.split", "split"),
        Field("seed", "seed", "seed"),
        Field("parent", "parent", "parent"),
        *_metric("edc", "overall_edc", "EDC", "", None, 5),
        *_metric("edt", "edt", "EDT", "s", 0.020, 4),
        *_details("edt", "EDT", "s", 4),
        *_metric("t20", "t20", "T20", "s", 0.020, 4),
        *_details("t20", "T20", "s", 4),
        *_metric("c50", "c50", "C50", "dB", 0.90, 3),
        *_details("c50", "C50", "dB", 3),
        *_metric("t30", "t30", "T30", "s", None, 4),
        *_details("t30", "T30", "s", 4),
        *_metric("ts", "ts", "Ts", "s", None, 4),
        *_details("ts", "Ts", "s", 4),
        Field("edc_vs_mean", "", "EDC vs mean curve", "x", "min", None, 3),
        Field("edc_vs_physics", "", "EDC vs physics alone", "x", "min", None, 3),
        *[
            Field(
                f"{name}_vs_noise", f"label_noise.metrics.{name}.ratio", f"{label} vs label noise", "x", "min", None, 3
            )
            for name, label in (("edc", "EDC"), ("edt", "EDT"), ("t20", "T20"), ("c50", "C50"))
        ],
        Field("best_val_loss", "best_val_loss", "best val loss", "", "min", None, 5),
        Field("metrics_definitions", "metrics_definitions", "definitions"),
        Field("data_digest", "data_config.digest", "data set"),
        Field("test_split", "", "test rows"),
        Field("device", "environment.device", "device"),
        Field("size", "", "size", "MB", None, None, 1),
        Field("archive", "", "archive"),
        Field("tags", "", "tags"),
        Field("note", "", "note"),
        Field("severe", "", "severe findings", function="decaylab.diagnosis.severe:severe"),
        Field("problems", "", "problems"),
    ]
}

#: Other spellings that users type.
ALIASES: dict[str, str] = {
    "run": "run_id",
    "id": "run_id",
    "model_name": "model",
    "training_duration_minutes": "duration",
    "actual_epochs": "epochs",
    "loss": "loss_type",
    "lr": "learning_rate",
    "scaler": "scaler_type",
    "batch": "batch_size",
    "clip": "gradient_clip_val",
    "mae": "edc_mae",
    "rmse": "edc_rmse",
    "r2": "edc_r2",
    "overall_edc_mae": "edc_mae",
    "overall_edc_rmse": "edc_rmse",
    "overall_edc_r2": "edc_r2",
    "notes": "note",
    "tag": "tags",
}

#: The fields that the run log judges a run by, in the order of the document.
TARGETS: dict[str, float] = {field.name: field.target for field in FIELDS.values() if field.target is not None}

#: What a table shows where nothing else is asked for. `note` is added where any run has one.
TABLE_COLUMNS = (
    "run_id", "model", "loss_type", "batch_size", "precision", "epochs", "duration",
    "edc_mae", "edc_vs_mean", "edt_mae", "t20_mae", "c50_mae", "status",
)  # fmt: skip

#: Metrics by other definitions cannot be compared: these fields are shown marked `?` unless the run says "iso".
DEFINITION_BOUND: dict[str, tuple[str, ...]] = {
    "unknown": ("edt", "c50"),
    "predecessor": ("edt", "t20", "c50"),
}


def empty_metadata() -> dict[str, Any]:
    """A fresh copy of the documented keys, every value null."""
    return {k: _copy(v) for k, v in DOCUMENTED.items()}


def _copy(value: Any) -> Any:
    return {k: _copy(v) for k, v in value.items()} if isinstance(value, dict) else value
