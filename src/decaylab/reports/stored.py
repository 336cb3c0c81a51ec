"""What a run directory holds for pictures: history, errors of the test rooms, curves; and why something is not there.

Read as if somebody else had made the directory: nothing is believed, and what cannot be read is said, not raised.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from decaylab.errors import DataError, RunLogError
from decaylab.evaluation.errors import ERRORS, RoomErrors, read_errors, room_errors
from decaylab.evaluation.metrics import CurveMetrics, Reference
from decaylab.evaluation.reevaluate import CurveFile
from decaylab.runlog.arrays import read_header
from decaylab.runlog.history import History
from decaylab.runlog.pruned import read_pruned
from decaylab.runlog.record import Record

#: Names of the stored curves, predictions first: ours, and those of users' multihead runs.
ARRAYS = (("predictions.npy", "targets.npy"), ("edc_predictions.npy", "edc_targets.npy"))
_RATE = 48_000.0
#: Without errors.csv so many rooms are scored, spread evenly: 1,200 curves would take a minute, these a few seconds.
SCORED_ROOMS = 240
_BLOCK = 32


@dataclass(frozen=True, eq=False)
class Curves:
    """Stored curves, linear energy, read row by row; `sampling_rate` in Hz."""

    predictions: CurveFile
    targets: CurveFile
    sampling_rate: float

    def __len__(self) -> int:
        return len(self.targets)

    def pair(self, row: int) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        """Prediction and target of one test room, (samples,) each. DataError: the file became shorter meanwhile."""
        return self.predictions[row : row + 1][0], self.targets[row : row + 1][0]


@dataclass(frozen=True, eq=False)
class Evidence:
    """One run for pictures.

    Attributes:
        label: what the run is called in them.
        errors: of the test rooms, or of some of them; None, and `errors_missing` says why.
        rows: (n,) the row in the stored curves of each room in `errors`.
        curves: None, and `curves_missing` says why.
        remark: how `errors` were come by, if not from errors.csv.
    """

    record: Record
    label: str
    history: History
    errors: RoomErrors | None
    errors_missing: str
    rows: NDArray[np.int64]
    curves: Curves | None
    curves_missing: str
    remark: str


def evidence(record: Record, label: str | None = None) -> Evidence:
    """What the run has for pictures; nothing that is missing or damaged is an error here."""
    curves, curves_missing = _curves(record)
    errors, errors_missing, remark = _errors(record, curves, curves_missing)
    rows = np.arange(len(errors) if errors is not None else 0)
    if remark and errors is not None:
        rows = errors.rows
    elif errors is not None and curves is not None and len(curves) != len(errors):
        curves_missing = f"{ERRORS} names {len(errors)} test rooms, the arrays hold {len(curves)}"
        curves = None
    name = record.run_id if label is None else label
    return Evidence(record, name, record.history(), errors, errors_missing, rows, curves, curves_missing, remark)


def sampling_rate(record: Record) -> float:
    """Of the run's curves, in Hz; 48 kHz where none is recorded."""
    rate = record.get("data_config.sampling_rate")
    is_rate = isinstance(rate, (int, float)) and not isinstance(rate, bool) and 0 < rate < float("inf")
    return float(rate) if is_rate else _RATE


def _curves(record: Record) -> tuple[Curves | None, str]:
    for names in ARRAYS:
        paths = [os.path.join(record.path, name) for name in names]
        missing = [name for name, path in zip(names, paths, strict=True) if not os.path.lexists(path)]
        if len(missing) == len(names):
            continue
        if missing:
            return None, f"{missing[0]} is missing"
        try:
            for path in paths:
                read_header(path)  # before numpy believes it
            predictions, targets = map(CurveFile, paths)
        except (DataError, RunLogError, OSError) as error:
            return None, str(error)
        if predictions.shape != targets.shape or targets.shape[1] < 2:
            return (
                None,
                f"{names[0]} {predictions.shape} and {names[1]} {targets.shape} are not curves of the same rooms",
            )
        return Curves(predictions, targets, sampling_rate(record)), ""
    return None, _why_without_arrays(record)


def _why_without_arrays(record: Record) -> str:
    if record.status == "running":
        return "the run is in progress: its curves are written at its end"
    try:
        pruned = read_pruned(record.path)
    except RunLogError:
        pruned = {}
    gone = [name for name in ARRAYS[0] if name in pruned]
    return f"{' and '.join(gone)} pruned" if gone else "predictions.npy and targets.npy are missing"


def _errors(record: Record, curves: Curves | None, curves_missing: str) -> tuple[RoomErrors | None, str, str]:
    """Errors of the test rooms, why there are none, and how they were come by."""
    try:
        found = read_errors(os.path.join(record.path, ERRORS))
    except FileNotFoundError:
        if curves is None:
            return None, f"no {ERRORS}, and {curves_missing}", ""
        return _scored(curves)
    except DataError as error:
        return None, str(error), ""
    return (found, "", "") if len(found) else (None, f"{ERRORS} names no room", "")


def _scored(curves: Curves) -> tuple[RoomErrors | None, str, str]:
    """The errors of `SCORED_ROOMS` rooms, computed from the curves; their IDs are their rows in the arrays."""
    rows = np.unique(np.linspace(0, len(curves) - 1, min(SCORED_ROOMS, len(curves))).astype(np.int64))
    metrics = CurveMetrics(dict)
    try:
        with np.errstate(all="ignore"):
            for start in range(0, len(rows), _BLOCK):
                pairs = [curves.pair(int(row)) for row in rows[start : start + _BLOCK]]
                predictions, targets = (np.stack(block) for block in zip(*pairs, strict=True))
                metrics.add(predictions, Reference.of(targets, curves.sampling_rate))
    except (DataError, OSError) as error:
        return None, str(error), ""
    unknown = np.full((len(rows), 16), np.nan)
    found = room_errors(rows, [f"row {row}" for row in rows], unknown, unknown[:0], metrics)
    part = "" if len(rows) == len(curves) else f" {len(rows)} of {len(curves)} rooms, spread evenly, out of"
    return found, "", f"no {ERRORS}: computed from{part} the arrays, by ISO definitions"
