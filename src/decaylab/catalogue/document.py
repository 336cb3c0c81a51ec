"""What the run-log document shows of metadata.json, in its order, and the statuses that a run can have."""

from __future__ import annotations

from typing import Any

from decaylab.catalogue.metrics import METRICS

SCHEMA_VERSION = 1

#: Statuses that a run stores itself. The others (`lost`, `unknown`, `unreadable`) are derived by readers.
STORED_STATUSES = ("running", "completed", "failed", "interrupted", "diverged")
STATUSES = (*STORED_STATUSES, "lost", "unknown", "unreadable")

#: Every key that the run-log document shows, section by section in its order; metrics come after these.
DOCUMENT = {
    "": "model_name timestamp",
    "model_parameters": "total trainable",
    "training_config": "max_epochs actual_epochs batch_size eval_batch_size learning_rate training_duration_seconds "
    "training_duration_minutes",
    "loss_config": "loss_type gradient_clip_val aux_weight",
    "precision_config": "precision mixed_precision_enabled",
    "data_loader_config": "num_workers pin_memory persistent_workers scaler_type",
    "data_config": "num_samples input_dim output_length train_size val_size test_size train_ratio val_ratio",
    "early_stopping_config": "enabled patience stopped_at_epoch",
}


def _nested() -> dict[str, Any]:
    document: dict[str, Any] = {}
    for section, names in DOCUMENT.items():
        place = document.setdefault(section, {}) if section else document
        place.update(dict.fromkeys(names.split()))
    document["metrics"] = {m.key: dict.fromkeys(("mae", "rmse", "r2")) for m in METRICS if m.documented}
    return document | {"best_model_path": None}


#: The documented keys, nested, each with the value that it holds where none exists: null.
DOCUMENTED: dict[str, Any] = _nested()

#: Where a flat setting belongs: `{"batch_size": 8}` goes to `training_config.batch_size`.
SETTING_PLACES: dict[str, str] = {
    key: section
    for section, keys in DOCUMENTED.items()
    if isinstance(keys, dict) and section not in ("metrics", "model_parameters")
    for key in keys
}


def empty_metadata() -> dict[str, Any]:
    """A fresh copy of the documented keys, every value null."""
    return _nested()
