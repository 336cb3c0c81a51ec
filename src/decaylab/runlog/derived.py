"""Fields that no file holds: computed from a run when somebody asks for them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from decaylab.runlog.reading import number
from decaylab.runlog.schema import TAGS

if TYPE_CHECKING:
    from decaylab.runlog.record import Record

#: Statuses of runs whose metadata does not say how far they came.
UNFINISHED = ("running", "lost")


def _epochs(record: Record) -> Any:
    """Epochs trained; those of a run that did not end are in its history only."""
    stored = number(record.get("training_config.actual_epochs"))
    if stored is None or record.status in UNFINISHED:
        reached = record.history().last_epoch if record.raw == "documented" else None
        return stored if reached is None else reached
    return stored


def _duration(record: Record) -> float | None:
    """Minutes; derived from the seconds where only those are recorded."""
    minutes = number(record.get("training_config.training_duration_minutes"))
    if minutes is None:
        seconds = number(record.get("training_config.training_duration_seconds"))
        return None if seconds is None else float(seconds / 60)
    return float(minutes)


def _edc_vs_mean(record: Record) -> float | None:
    """EDC MAE over that of the mean of the training curves: below 1 is better than knowing nothing of the room."""
    own, mean = record.get("edc_mae"), number(record.get("baselines.mean_curve.overall_edc.mae"))
    return float(own / mean) if own is not None and mean else None


def _tags(record: Record) -> list[str] | None:
    if not os.path.lexists(os.path.join(record.path, TAGS)):
        return None
    from decaylab.runlog.notes import read_tags

    return read_tags(record.path) or None


def _size(record: Record) -> float:
    """Megabytes of the regular files below the run directory; links are not followed."""
    total, pending = 0, [record.path]
    while pending:
        try:
            with os.scandir(pending.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
                    elif entry.is_file(follow_symlinks=False):
                        total += entry.stat(follow_symlinks=False).st_size
        except OSError:  # removed meanwhile, or not ours to look into: what can be seen is counted
            continue
    return total / 1e6


def _test_split(record: Record) -> str | None:
    """Which rows the run was tested on, as text that is equal for equal rows; None where nothing tells."""
    data = record.get("data_config")
    if not isinstance(data, dict):
        return None
    digest = data.get("test_digest")
    if isinstance(digest, str):
        return digest
    if data.get("split") is None:
        return None
    keys = ("split", "split_seed", "fold", "train_ratio", "val_ratio", "num_samples", "test_size")
    return " ".join(f"{key}={data[key]}" for key in keys if data.get(key) is not None)


DERIVED: dict[str, Any] = {
    "run_id": lambda record: record.run_id,
    "model": lambda record: record.model,
    "timestamp": lambda record: record.timestamp,
    "status": lambda record: record.status,
    "duration": _duration,
    "epochs": _epochs,
    "edc_vs_mean": _edc_vs_mean,
    "size": _size,
    "tags": _tags,
    "note": lambda record: record.folder.note_on(record),
    "problems": lambda record: list(record.problems) or None,
    "test_split": _test_split,
    "archive": lambda record: record.archive,
}
