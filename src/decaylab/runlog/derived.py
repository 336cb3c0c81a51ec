"""Fields that no file holds: computed from a run when somebody asks for them."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

from decaylab.runlog.reading import at, number
from decaylab.runlog.schema import LABEL_NOISE, TAGS

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


def _edc_vs(record: Record, baseline: str) -> float | None:
    """EDC MAE over that of a baseline on the same test rooms: the mean of the training curves (below 1 is better than
    knowing nothing of the room), or physics alone (below 1: something was learnt)."""
    own, other = record.get("edc_mae"), number(record.get(f"baselines.{baseline}.overall_edc.mae"))
    return float(own / other) if own is not None and other else None


def _vs_noise(record: Record, name: str) -> float | None:
    """MAE over the label noise: of the file that `decaylab noise --run` left beside the record, else of the record."""
    path = f"label_noise.metrics.{name}.ratio"
    if os.path.lexists(os.path.join(record.path, LABEL_NOISE)):
        from decaylab.runlog.label_noise import read_label_noise

        own = read_label_noise(record.path)
        if own is not None:
            return _finite(at(own, tuple(path.split(".")[1:])))
    return _finite(record.get(path))


def _finite(value: Any) -> float | None:
    found = number(value)
    return float(found) if found is not None and found - found == 0 else None


def _tags(record: Record) -> list[str] | None:
    if not os.path.lexists(os.path.join(record.path, TAGS)):
        return None
    from decaylab.runlog.notes import read_tags

    return read_tags(record.path) or None


def below(directory: str) -> tuple[int, int]:
    """Bytes and number of the regular files below a directory; links are not followed.

    Of a file with several names (hard links, as of the targets that runs share) its share, so that a sum over runs
    counts it once.
    """
    total, count, pending = 0.0, 0, [directory]
    while pending:
        try:
            with os.scandir(pending.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
                    elif entry.is_file(follow_symlinks=False):
                        found = entry.stat(follow_symlinks=False)
                        total, count = total + found.st_size / max(found.st_nlink, 1), count + 1
        except OSError:  # removed meanwhile, or not ours to look into: what can be seen is counted
            continue
    return round(total), count


def elsewhere(function: str) -> Callable[[Record], Any]:
    """The function of a record that a FIELD names as "module:function"; one that gives null if it is not installed."""
    module, _, name = function.partition(":")
    try:
        found: Callable[[Record], Any] = getattr(import_module(module), name)
    except ModuleNotFoundError:
        return lambda record: None
    return found


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
    "edc_vs_mean": lambda record: _edc_vs(record, "mean_curve"),
    "edc_vs_physics": lambda record: _edc_vs(record, "physics"),
    "edc_vs_noise": lambda record: _vs_noise(record, "edc"),
    "edt_vs_noise": lambda record: _vs_noise(record, "edt"),
    "t20_vs_noise": lambda record: _vs_noise(record, "t20"),
    "c50_vs_noise": lambda record: _vs_noise(record, "c50"),
    "size": lambda record: below(record.path)[0] / 1e6,  # megabytes
    "tags": _tags,
    "note": lambda record: record.folder.note_on(record),
    "problems": lambda record: list(record.problems) or None,
    "test_split": _test_split,
    "archive": lambda record: record.archive,
}
