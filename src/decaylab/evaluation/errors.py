"""errors.csv: what a model made of each test room, and how far the room's material is from those of the training.

This module owns the format: one header line, then one line per test room in the order of the recorded test indices,
as `predictions.npy` has them. UTF-8; numbers in full precision, empty where invalid.

| column | unit | |
|---|---|---|
| `row`, `room` | | row in the data set, and its ID |
| `length`, `width`, `height` | m | |
| `material_distance` | | distance to the nearest training material (`material_distance`) |
| `edc_mae` | | mean absolute error of the curve, linear energy, all samples |
| `edc_db_mae` | dB | mean absolute error of the levels, from the onset to where the target passes -35 dB |
| `edt_true` ... `ts_predicted` | s; C50: dB | parameters of the target and of the prediction |
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from decaylab.errors import DataError
from decaylab.evaluation.metrics import SCORED_PARAMETERS, CurveMetrics
from decaylab.evaluation.table_text import read_text
from decaylab.rooms.features import ABSORPTION, SIZE
from decaylab.rooms.files import replace_file

ERRORS = "errors.csv"

_PARAMETER_COLUMNS = tuple(f"{name}_{kind}" for name in SCORED_PARAMETERS for kind in ("true", "predicted"))
COLUMNS = (
    "row", "room", "length", "width", "height", "material_distance", "edc_mae", "edc_db_mae", *_PARAMETER_COLUMNS,
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class RoomErrors:
    """Test rooms, one per entry, in the order of the recorded test indices; NaN where a value is invalid.

    Attributes:
        rows: (n,) int64, rows in the data set.
        rooms: n IDs.
        sizes: (n, 3) length, width and height in m.
        material_distance: (n,) distance to the nearest training material.
        edc_mae: (n,) mean |error| of the curve in linear energy.
        edc_db_mae: (n,) mean |error| of the level in dB.
        true, predicted: parameter -> (n,), for each of `SCORED_PARAMETERS`; times in s, C50 in dB.
    """

    rows: NDArray[np.int64]
    rooms: Sequence[str]
    sizes: NDArray[np.float64]
    material_distance: NDArray[np.float64]
    edc_mae: NDArray[np.float64]
    edc_db_mae: NDArray[np.float64]
    true: Mapping[str, NDArray[np.float64]]
    predicted: Mapping[str, NDArray[np.float64]]

    def __len__(self) -> int:
        return len(self.rows)


def material_distance(absorption: NDArray[np.float64], training: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distance of each material to the nearest one of the training, (n,).

    The distance of two materials is the root mean square, over the seven octave bands, of the difference in
    absorption: 0.1 means that they differ by 0.1 in the typical band. 0 where the material was in the training.

    Args:
        absorption: (n, 7) energy absorption of the rooms' walls.
        training: (m, 7) the same of the training rooms; m of at least 1, else every distance is NaN.
    """
    if not len(training):
        return np.full(len(absorption), np.nan)
    known = np.unique(training, axis=0)
    materials, which = np.unique(absorption, axis=0, return_inverse=True)
    nearest = np.array([np.sqrt(np.mean((known - material) ** 2, axis=1)).min() for material in materials])
    return nearest[which.reshape(-1)]


def room_errors(
    rows: NDArray[np.int64],
    rooms: Sequence[str],
    features: NDArray[np.float64],
    training_features: NDArray[np.float64],
    scores: CurveMetrics,
) -> RoomErrors:
    """The errors of test rooms.

    Args:
        rows, rooms: (n,) rows in the data set and their IDs.
        features: (n, 16) of these rooms.
        training_features: (m, 16) of the training rooms.
        scores: what was gathered of these rooms' curves, in the same order.
    """
    edc_mae, edc_db_mae = scores.curves()
    parameters = scores.parameters()
    return RoomErrors(
        rows=np.asarray(rows, dtype=np.int64),
        rooms=list(rooms),
        sizes=features[:, SIZE],
        material_distance=material_distance(features[:, ABSORPTION], training_features[:, ABSORPTION]),
        edc_mae=edc_mae,
        edc_db_mae=edc_db_mae,
        true={name: true for name, (_, true) in parameters.items()},
        predicted={name: predicted for name, (predicted, _) in parameters.items()},
    )


def write_errors(path: str | Path, errors: RoomErrors) -> None:
    """Write errors.csv whole or not at all.

    Raises:
        OSError: the disk is full or read-only; nothing half-written is left.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    columns = [errors.sizes, errors.material_distance[:, None], errors.edc_mae[:, None], errors.edc_db_mae[:, None]]
    columns += [kind[name][:, None] for name in SCORED_PARAMETERS for kind in (errors.true, errors.predicted)]
    values = np.concatenate(columns, axis=1)
    for row, room, numbers in zip(errors.rows.tolist(), errors.rooms, values, strict=True):
        finite = np.isfinite(numbers).tolist()
        writer.writerow((row, room, *(n if valid else "" for n, valid in zip(numbers.tolist(), finite, strict=True))))
    file = Path(path)
    try:
        replace_file(file, text.getvalue())
    except OSError:
        file.with_name(f"{file.name}.tmp").unlink(missing_ok=True)
        raise


def read_errors(path: str | Path) -> RoomErrors:
    """The errors of test rooms that `write_errors` wrote.

    Raises:
        FileNotFoundError: there is no such file (runs of before this file have none).
        DataError: it is no regular file, too large, or not of this format; the message names the line.
    """
    text = read_text(path)
    try:
        lines = list(csv.reader(io.StringIO(text, newline="")))
    except csv.Error as error:
        raise DataError(f"{path} cannot be read: {error}") from None
    if not lines or tuple(lines[0]) != COLUMNS:
        raise DataError(f"{path} does not begin with the header of {ERRORS}: {','.join(COLUMNS)}")
    return _parsed(path, lines[1:])


def _parsed(path: str | Path, lines: list[list[str]]) -> RoomErrors:
    rows = np.empty(len(lines), dtype=np.int64)
    values = np.empty((len(lines), len(COLUMNS) - 2))
    for number, line in enumerate(lines):
        try:
            rows[number] = int(line[0])
            values[number] = [float(cell) if cell else np.nan for cell in line[2:]]
        except (ValueError, IndexError, OverflowError):
            raise DataError(
                f"{path} is damaged: room {number + 1} (line {number + 2}) is not {len(COLUMNS)} columns of numbers"
            ) from None
    values[~np.isfinite(values)] = np.nan
    column = {name: values[:, place] for place, name in enumerate(COLUMNS[2:])}
    return RoomErrors(
        rows=rows,
        rooms=[line[1] for line in lines],
        sizes=values[:, :3],
        material_distance=column["material_distance"],
        edc_mae=column["edc_mae"],
        edc_db_mae=column["edc_db_mae"],
        true={name: column[f"{name}_true"] for name in SCORED_PARAMETERS},
        predicted={name: column[f"{name}_predicted"] for name in SCORED_PARAMETERS},
    )
