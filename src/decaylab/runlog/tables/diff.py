"""What differs between runs: settings apart from results, and both apart from where they ran."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from decaylab.runlog.find import comparable
from decaylab.runlog.reading import flatten
from decaylab.runlog.record import Record
from decaylab.runlog.simulators import other_simulators
from decaylab.runlog.tables.cells import BY_TERCILE, shown
from decaylab.runlog.tables.table import Cell, Column, render
from decaylab.runlog.text import printable, shorten

#: What every run has for itself: no difference worth a line.
_IDENTITY = (
    "run_id", "timestamp", "started_utc", "ended_utc", "process", "files", "best_model_path", "schema_version",
)  # fmt: skip
_RESULTS = (
    "metrics", "metrics_raw", "baselines", "validation", "label_noise", "training_config.actual_epochs",
    "training_config.training_duration_seconds", "training_config.training_duration_minutes",
    "early_stopping_config.stopped_at_epoch", "best_epoch", "best_val_loss", "status", "error",
    "total_duration_seconds", "evaluation_duration_seconds", "data_preparation_seconds", "peak_memory_bytes",
    "gpu_peak_memory_bytes", "training_medians", "uncertainty", "preflight", "guard.state", "guard.rule",
    "guard.epoch", "guard.message", "guard.mean_curve_loss", "guard.finding",
)  # fmt: skip
#: Commands and lists of files would push the next run out of sight; metadata.json has them whole.
_WIDEST = 60
_SURROUNDINGS = ("environment", "git", "command", "working_directory", "host")


class Differences(NamedTuple):
    """Dotted path and the value of each run, for every path at which they differ."""

    settings: list[tuple[str, list[Any]]]
    results: list[tuple[str, list[Any]]]
    surroundings: list[tuple[str, list[Any]]]


def differences(records: Sequence[Record]) -> Differences:
    """What differs between two runs or more; a key that is absent and one that is null are the same."""
    leaves = [flatten(record.metadata) | {"status": record.status} for record in records]
    found = Differences([], [], [])
    for path in dict.fromkeys(path for values in leaves for path in values):
        values = [own.get(path) for own in leaves]
        kind = kind_of(path)
        if kind is None or all(_equal(values[0], value) for value in values[1:]):
            continue
        found[Differences._fields.index(kind)].append((path, values))
    return found


def kind_of(path: str) -> str | None:
    """Of which of the fields of `Differences` a dotted path is; None for what every run has for itself."""
    if _is_below(path, _IDENTITY):
        return None
    return "results" if _is_below(path, _RESULTS) else "surroundings" if _is_below(path, _SURROUNDINGS) else "settings"


def table(records: Sequence[Record], colour: bool = False) -> list[str]:
    """The differences as lines, one column a run."""
    lines: list[str] = []
    if len({comparable(record) for record in records}) > 1:
        lines.append("not comparable: other data set, other test rows or other definitions of the metrics")
    lines += other_simulators((record.run_id, record) for record in records)
    for title, found in zip(Differences._fields, differences(records), strict=True):
        # Lists of tables would fill a screen and say little: `show` has them.
        rows = [(path, values) for path, values in found if not path.endswith(f".{BY_TERCILE}")]
        if not rows:
            continue
        columns = [Column(title, [Cell(printable(path)) for path, _ in rows], False, 0)]
        for index, record in enumerate(records):
            # In full: figures that differ in the seventh digit must not look the same.
            values_of_run = [values[index] for _, values in rows]
            cells = [Cell(str(v) if isinstance(v, float) else shorten(shown(v, ""), _WIDEST)) for v in values_of_run]
            columns.append(Column(printable(record.run_id), cells, False, 0))
        lines += [*([""] if lines else []), *render(columns, colour)]
    return lines or ["no difference in settings or results"]


def _is_below(path: str, parents: Sequence[str]) -> bool:
    return any(path == parent or path.startswith(f"{parent}.") for parent in parents)


def _equal(a: Any, b: Any) -> bool:
    """Equal, and both or neither a truth value: JSON's true is not 1."""
    return bool(a == b) and isinstance(a, bool) == isinstance(b, bool)
