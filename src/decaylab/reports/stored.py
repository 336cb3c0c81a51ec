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
from decaylab.evaluation.of_run import StoredCurves, stored_curves
from decaylab.runlog.arrays import present_pair, why_missing
from decaylab.runlog.history import History
from decaylab.runlog.record import Record

#: Without errors.csv at most so many rooms are scored, spread evenly: curves of 2 s at 48 kHz take a core 4 s.
SCORED_ROOMS = 1200
_BLOCK = 32


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
    curves: StoredCurves | None
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


def _curves(record: Record) -> tuple[StoredCurves | None, str]:
    if present_pair(record) is None:
        is_running = record.status == "running"
        return None, "the run is in progress: its curves are written at its end" if is_running else why_missing(record)
    try:
        return stored_curves(record), ""
    except (DataError, RunLogError, OSError) as error:
        return None, str(error)


def _errors(record: Record, curves: StoredCurves | None, curves_missing: str) -> tuple[RoomErrors | None, str, str]:
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


def _scored(curves: StoredCurves) -> tuple[RoomErrors | None, str, str]:
    """The errors of at most `SCORED_ROOMS` rooms, computed from the curves; their IDs are their rows in the arrays."""
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
