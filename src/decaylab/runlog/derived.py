"""Fields that no file holds: computed from a run when somebody asks for them."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from importlib import import_module
from operator import attrgetter
from typing import Any, Protocol

from decaylab.catalogue.metrics import METRICS
from decaylab.runlog.reading import at, number
from decaylab.runlog.schema import LABEL_NOISE, TAGS

#: Statuses of runs whose metadata does not say how far they came.
UNFINISHED = ("running", "lost")


class Run(Protocol):
    """What is asked of a run here; `record.Record` answers."""

    run_id: str
    path: str
    raw: str
    archive: str | None
    folder: Any

    @property
    def model(self) -> str | None: ...
    @property
    def timestamp(self) -> str | None: ...
    @property
    def status(self) -> str: ...
    @property
    def problems(self) -> tuple[str, ...]: ...
    def get(self, field: str) -> Any: ...
    def history(self) -> Any: ...


def _epochs(run: Run) -> Any:
    """Epochs trained; those of a run that did not end are in its history only."""
    stored = number(run.get("training_config.actual_epochs"))
    if stored is None or run.status in UNFINISHED:
        reached = run.history().last_epoch if run.raw == "documented" else None
        return stored if reached is None else reached
    return stored


def _duration(run: Run) -> float | None:
    """Minutes; derived from the seconds where only those are recorded."""
    minutes = number(run.get("training_config.training_duration_minutes"))
    if minutes is None:
        seconds = number(run.get("training_config.training_duration_seconds"))
        return None if seconds is None else float(seconds / 60)
    return float(minutes)


def _edc_vs(run: Run, baseline: str) -> float | None:
    """EDC MAE over that of a baseline on the same test rooms: the mean of the training curves (below 1 is better than
    knowing nothing of the room), or physics alone (below 1: something was learnt)."""
    own, other = run.get("edc_mae"), number(run.get(f"baselines.{baseline}.overall_edc.mae"))
    return float(own / other) if own is not None and other else None


def _vs_noise(run: Run, name: str) -> float | None:
    """MAE over the label noise: of the file that `decaylab noise --run` left, else the recorded one."""
    path = f"label_noise.metrics.{name}.ratio"
    if os.path.lexists(os.path.join(run.path, LABEL_NOISE)):
        from decaylab.runlog.label_noise import read_label_noise

        own = read_label_noise(run.path)
        if own is not None:
            return _finite(at(own, path.removeprefix("label_noise.")))
    return _finite(run.get(path))


def _finite(value: Any) -> float | None:
    found = number(value)
    return float(found) if found is not None and found - found == 0 else None


def _tags(run: Run) -> list[str] | None:
    if not os.path.lexists(os.path.join(run.path, TAGS)):
        return None
    from decaylab.runlog.notes import read_tags

    return read_tags(run.path) or None


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


def elsewhere(function: str) -> Callable[[Run], Any]:
    """The function of a record that a FIELD names as "module:function"; one that gives null if it is not installed."""
    module, _, name = function.partition(":")
    try:
        found: Callable[[Run], Any] = getattr(import_module(module), name)
    except ModuleNotFoundError:
        return lambda run: None
    return found


def _test_split(run: Run) -> str | None:
    """Which rows the run was tested on, as text that is equal for equal rows; None where nothing tells."""
    data = run.get("data_config")
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
    **{name: attrgetter(name) for name in ("run_id", "model", "timestamp", "status", "archive")},
    "duration": _duration,
    "epochs": _epochs,
    "edc_vs_mean": lambda run: _edc_vs(run, "mean_curve"),
    "edc_vs_physics": lambda run: _edc_vs(run, "physics"),
    **{f"{metric.name}_vs_noise": partial(_vs_noise, name=metric.name) for metric in METRICS if metric.has_noise},
    "size": lambda run: below(run.path)[0] / 1e6,  # megabytes
    "tags": _tags,
    "note": lambda run: run.folder.note_on(run),
    "problems": lambda run: list(run.problems) or None,
    "test_split": _test_split,
}
