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
import math
import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from decaylab.errors import DataError
from decaylab.evaluation.metrics import SCORED_PARAMETERS, CurveMetrics
from decaylab.rooms.features import ABSORPTION, SIZE
from decaylab.rooms.files import replace_file

ERRORS = "errors.csv"
#: Bytes of a file that is read: a line takes about 350, so a million rooms.
SIZE_LIMIT = 512 * 1024 * 1024


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

    def has_target(self, name: str) -> NDArray[np.bool_]:
        """Whether the target of each room, (n,), has a valid value; every curve has."""
        return np.isfinite(self.true[name]) if name in self.true else np.ones(len(self), dtype=bool)

    def absolute(self, name: str) -> NDArray[np.float64]:
        """|error| of each room, (n,), in `edc_mae`, `edc_db_mae` or a parameter; NaN where either side is invalid."""
        if name in self.true:
            return np.abs(self.predicted[name] - self.true[name])
        return {"edc_mae": self.edc_mae, "edc_db_mae": self.edc_db_mae}[name]

    def take(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> RoomErrors:
        """The rooms of a mask (n,), or of these places."""
        places = np.arange(len(self))[chosen]
        return RoomErrors(
            self.rows[places],
            [self.rooms[place] for place in places],
            self.sizes[places],
            self.material_distance[places],
            self.edc_mae[places],
            self.edc_db_mae[places],
            {name: values[places] for name, values in self.true.items()},
            {name: values[places] for name, values in self.predicted.items()},
        )


class RoomFile:
    """A CSV file with a header and one line per room: row, ID, numbers in full precision, empty where invalid. UTF-8.

    Args:
        values: names of the columns after `row` and `room`; `length`, `width`, `height` come first.
        kinds: what follows the name of each scored parameter in the columns of the target and of the prediction.
        advice: what a person is told to do where the header is another one.
    """

    def __init__(self, values: tuple[str, ...], kinds: tuple[str, str], advice: str) -> None:
        self.kinds, self.advice = kinds, advice
        self.values = (*values, *(f"{name}_{kind}" for name in SCORED_PARAMETERS for kind in kinds))
        self.columns = ("row", "room", *self.values)

    def text(self, errors: RoomErrors, header: bool = True) -> str:
        """The lines of these rooms, after the header if that is wanted."""
        named = {name: getattr(errors, name) for name in ("material_distance", "edc_mae", "edc_db_mae")}
        named |= dict(zip(self.values, errors.sizes.T, strict=False))
        for kind, parameters in zip(self.kinds, (errors.true, errors.predicted), strict=True):
            named |= {f"{name}_{kind}": values for name, values in parameters.items()}
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        if header:
            writer.writerow(self.columns)
        numbers = np.stack([named[name] for name in self.values], axis=1).tolist()
        for row, room, line in zip(errors.rows.tolist(), errors.rooms, numbers, strict=True):
            writer.writerow((row, room, *(number if math.isfinite(number) else "" for number in line)))
        return text.getvalue()

    def read(self, path: str | Path, *, torn: bool = False) -> list[list[str]]:
        """The cells of each line after the header.

        Args:
            path: the file.
            torn: a last line without its end is left out, and a file without a header holds no room.

        Raises:
            FileNotFoundError: there is no such file.
            DataError: it is no regular file, too large, no UTF-8, or begins with another header.
        """
        found = os.lstat(path)
        if not stat.S_ISREG(found.st_mode):
            raise DataError(f"{path} is no regular file, and is not read")
        if found.st_size > SIZE_LIMIT:
            raise DataError(f"{path} is too large: {found.st_size:,} bytes (limit {SIZE_LIMIT:,})")
        try:
            text = Path(path).read_text(encoding="utf-8")
            lines = list(csv.reader(io.StringIO(text[: text.rfind("\n") + 1] if torn else text, newline="")))
        except (UnicodeDecodeError, OSError, csv.Error) as error:
            raise DataError(f"{path} cannot be read: {error}") from None
        if tuple(lines[0]) != self.columns if lines else not torn:
            raise DataError(f"{path} does not begin with the header {','.join(self.columns)}: {self.advice}")
        return lines[1:]

    def errors(self, rows: Sequence[int], rooms: Sequence[str], values: NDArray[np.float64]) -> RoomErrors:
        """Rooms from their numbers, (n, len(self.values)); what the file has no column of is NaN.

        Args:
            rows, rooms: n rows in the data set and IDs.
            values: (n, len(self.values)).
        """
        column = dict(zip(self.values, values.T, strict=True))
        true, predicted = ({name: column[f"{name}_{kind}"] for name in SCORED_PARAMETERS} for kind in self.kinds)
        distance = column.get("material_distance", np.full(len(rows), np.nan))
        return RoomErrors(
            np.array(rows, dtype=np.int64), rooms, values[:, :3], distance, column["edc_mae"], column["edc_db_mae"],
            true, predicted,
        )  # fmt: skip


_FORMAT = RoomFile(
    ("length", "width", "height", "material_distance", "edc_mae", "edc_db_mae"),
    ("true", "predicted"),
    "it is not the file that the training wrote; copy it again",
)
COLUMNS = _FORMAT.columns


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
    replace_file(Path(path), _FORMAT.text(errors))


def read_errors(path: str | Path) -> RoomErrors:
    """The errors of test rooms that `write_errors` wrote.

    Raises:
        FileNotFoundError: there is no such file (runs of before this file have none).
        DataError: it is no regular file, too large, or not of this format; the message names the line.
    """
    lines = _FORMAT.read(path)
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
    return _FORMAT.errors(rows.tolist(), [line[1] for line in lines], values)
