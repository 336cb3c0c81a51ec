"""A recorded run for evaluation: its stored curves, the errors of its test rooms, its metrics computed again.

Everything is read as if somebody else had written it: nothing is believed before it is checked.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from decaylab import __version__
from decaylab.errors import DataError, InputError, RunLogError
from decaylab.evaluation.curve_file import CurveFile, open_curves
from decaylab.evaluation.errors import ERRORS, RoomErrors, read_errors, room_errors
from decaylab.evaluation.recompute import differences, score_arrays
from decaylab.evaluation.reevaluate import Evaluation
from decaylab.runlog.arrays import PAIRS, USUAL_RATE, begun_pair, sampling_rate
from decaylab.runlog.files import replace_file
from decaylab.runlog.record import Record
from decaylab.runlog.split import SPLIT, ids_of, read_split, rows_of


@dataclass(frozen=True, eq=False)
class StoredCurves:
    """A run's stored curves, linear energy, read block by block; `names` of their files, `sampling_rate` in Hz."""

    names: tuple[str, str]
    predictions: CurveFile
    targets: CurveFile
    sampling_rate: float

    def __len__(self) -> int:
        return len(self.targets)

    def pair(self, row: int) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        """Prediction and target of one test room, (samples,) each. DataError: the file became shorter meanwhile."""
        return self.predictions[row : row + 1][0], self.targets[row : row + 1][0]


def stored_curves(record: Record) -> StoredCurves:
    """The curves that a run stored; without a recorded sampling rate they count as `USUAL_RATE`.

    Raises:
        FileNotFoundError: one of the files is not there. RunLogError, DataError: they cannot be read, or are not
            curves of the same rooms.
    """
    names = begun_pair(record) or PAIRS[0]
    predictions, targets = (open_curves(record.path, name) for name in names)
    if predictions.shape != targets.shape or targets.shape[1] < 2:
        raise DataError(
            f"{names[0]} {predictions.shape} and {names[1]} {targets.shape} are not curves of the same rooms"
        )
    return StoredCurves(names, predictions, targets, sampling_rate(record) or USUAL_RATE)


def training_medians(record: Record) -> dict[str, float] | None:
    """The medians of the training rooms by parameter, as which invalid predictions count; None: not recorded."""
    medians = record.metadata.get("training_medians")
    if not isinstance(medians, dict):
        return None
    return {name: float(value) for name, value in medians.items() if type(value) in (int, float)}


def check_metrics(record: Record) -> tuple[list[str], list[str]]:
    """Where the recorded metrics differ from those of the stored curves; and why they could not be compared."""
    definitions = record.metadata.get("metrics_definitions")
    if definitions != "iso":
        return [], [f"metrics by definitions {definitions or 'unknown'} are not computed again"]
    try:
        curves = stored_curves(record)
        scores = score_arrays(curves.predictions, curves.targets, curves.sampling_rate, training_medians(record))
        return differences(record.metadata.get("metrics"), scores.result()), []
    except FileNotFoundError as error:
        return [], [f"{os.path.basename(error.filename)} is missing: metrics are not computed again"]
    except (DataError, RunLogError) as error:
        return [], [f"metrics are not computed again: {error}"]


def errors_of(record: Record) -> tuple[RoomErrors, str]:
    """The errors of a run's test rooms, from errors.csv or from its curves; and a remark where there is one to make.

    Raises:
        InputError: the run holds neither errors.csv nor what they can be computed from. DataError: a damaged
            errors.csv.
    """
    try:
        return read_errors(os.path.join(record.path, ERRORS)), ""
    except FileNotFoundError:
        remark = f"no {ERRORS} in the run: computed from its arrays, which do not tell sizes and materials"
        return _scored(record), remark


def _scored(record: Record) -> RoomErrors:
    try:
        rows, ids = _test_rooms(record.path)
        curves = stored_curves(record)
        if len(curves) != len(rows):
            raise DataError(f"{SPLIT} names {len(rows)} test rooms, predictions.npy has {len(curves)}")
        scores = score_arrays(curves.predictions, curves.targets, curves.sampling_rate)
    except FileNotFoundError as error:
        missing = os.path.basename(error.filename)
        raise InputError(f"{record.run_id} has no {ERRORS}, and no {missing} to compute its errors from") from None
    except (DataError, RunLogError) as error:
        raise InputError(f"{record.run_id} has no {ERRORS}, and its errors cannot be computed: {error}") from None
    unknown = np.full((len(rows), 16), np.nan)
    return room_errors(np.array(rows, dtype=np.int64), ids, unknown, unknown[:0], scores)


def _test_rooms(directory: str) -> tuple[list[int], list[str]]:
    """Rows and ids of the test rooms, from split.json."""
    split = read_split(directory)
    rows, ids = rows_of(split, "test"), ids_of(split, "test")
    if rows is None or ids is None or len(rows) != len(ids):
        raise DataError(f"{SPLIT} does not name the test rooms")
    return rows, ids


def write_evaluation(record: Record, definitions: str, found: Evaluation, curves: StoredCurves) -> str:
    """Leave metrics computed again in `evaluation_<definitions>.json` beside the record; the path.

    Args:
        record: a run that is not linked: `runlog.find.linked_remark`.
        definitions: "iso" or "predecessor", by which `found` was computed.
        curves: from which it was computed.

    Raises:
        RunLogError: the disk refuses; what was there before stays.
    """
    content = {
        "definitions": definitions,
        "run_id": record.run_id,
        "evaluated_utc": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "decaylab": __version__,
        "arrays": list(curves.names),
        "rooms": curves.predictions.shape[0],
        "samples": curves.predictions.shape[1],
        "sampling_rate": curves.sampling_rate,
        "metrics": found.metrics,
        "notes": found.notes,
    }
    path = os.path.join(record.path, f"evaluation_{definitions}.json")
    try:
        replace_file(path, (json.dumps(content, indent=2, allow_nan=False) + "\n").encode())
    except OSError as error:
        raise RunLogError(f"{path} cannot be written: {error.strerror or error}") from None
    return path
