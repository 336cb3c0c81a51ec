"""noise.csv, beside the curves of a data set: what two simulations of each measured room differ by.

This module owns the format: one header line, then one line per room, ascending once a measurement ended. UTF-8;
numbers in full precision, empty where invalid. `_a` is the curve of the data set, `_b` one of another seed, both
counted from the onset of a. `edc_mae` and `edc_db_mae` are mean |a - b|, not yet divided by sqrt 2.

Lines are appended as rooms are done. One that a kill or a full disk cut short is skipped, and its room measured again.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from io import FileIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from decaylab.errors import DataError
from decaylab.evaluation.metrics import SCORED_PARAMETERS
from decaylab.evaluation.table_text import read_text
from decaylab.rooms.features import SIZE
from decaylab.rooms.files import replace_file, write_all
from decaylab.rooms.store_writer import disk_errors

NOISE = "noise.csv"

_VALUES = (
    "length", "width", "height", "edc_mae", "edc_db_mae",
    *(f"{name}_{which}" for name in SCORED_PARAMETERS for which in "ab"),
)  # fmt: skip
COLUMNS = ("row", "room", *_VALUES)


class NoiseRooms(NamedTuple):
    """Rooms simulated twice, one per entry, by row; NaN where a value is invalid.

    Attributes:
        rows: (n,) int64, ascending, rows in the data set. rooms: their n IDs. sizes: (n, 3) in m.
        edc_mae, edc_db_mae: (n,) mean |a - b| of the curve, linear and in dB.
        first, second: parameter -> (n,) of curve a (the data set's) and b, for each of `SCORED_PARAMETERS`.
    """

    rows: NDArray[np.int64]
    rooms: Sequence[str]
    sizes: NDArray[np.float64]
    edc_mae: NDArray[np.float64]
    edc_db_mae: NDArray[np.float64]
    first: Mapping[str, NDArray[np.float64]]
    second: Mapping[str, NDArray[np.float64]]

    def take(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> NoiseRooms:
        """The rooms of a mask or of these places."""
        places = np.arange(len(self.rows))[chosen]
        return NoiseRooms(
            self.rows[places],
            [self.rooms[place] for place in places],
            self.sizes[places],
            self.edc_mae[places],
            self.edc_db_mae[places],
            {name: values[places] for name, values in self.first.items()},
            {name: values[places] for name, values in self.second.items()},
        )

    def of_these(self, ids: Sequence[str], features: NDArray[np.float64]) -> NoiseRooms:
        """Those that are the rooms of a data set with these ids and features (n, 16)."""
        same = [
            row < len(ids) and ids[row] == room and bool((features[row, SIZE] == size).all())
            for row, room, size in zip(self.rows.tolist(), self.rooms, self.sizes, strict=True)
        ]
        return self.take(np.array(same, dtype=bool))


def read_noise(folder: str | Path) -> NoiseRooms:
    """The measured rooms of a data set, each once; lines that are not whole are left out.

    Raises:
        FileNotFoundError: nothing was measured. DataError: it is no regular file, too large or not of this format.
    """
    path = Path(folder) / NOISE
    text = read_text(path)
    try:
        lines = list(csv.reader(io.StringIO(text[: text.rfind("\n") + 1], newline="")))
    except csv.Error as error:
        raise DataError(f"{path} cannot be read: {error}") from None
    if lines and tuple(lines[0]) != COLUMNS:
        raise DataError(
            f"{path} does not begin with the header of {NOISE} ({','.join(COLUMNS)}): "
            "remove it, and decaylab noise measures again"
        )
    whole = {}
    for line in lines[1:]:
        entry = _parsed(line)
        if entry is not None:
            whole[entry[0]] = entry[1:]
    rows = sorted(whole)
    return _rooms(rows, [whole[row][0] for row in rows], np.array([whole[row][1] for row in rows], dtype=np.float64))


class NoiseWriter:
    """Appends rooms to noise.csv, after writing anew what is whole of it. A context manager.

    Raises:
        DataError: the disk is full or cannot be written; what is written stays.
    """

    def __init__(self, folder: Path, kept: NoiseRooms) -> None:
        self._folder = folder
        self._kept = kept

    def __enter__(self) -> NoiseWriter:
        with disk_errors(self._folder):
            write_noise(self._folder, self._kept)  # a torn line must not swallow the next one
            self._file = FileIO(self._folder / NOISE, "ab")
        return self

    def __exit__(self, *rest: object) -> None:
        self._file.close()

    def add(self, rooms: NoiseRooms) -> None:
        """Append rooms in one write."""
        with disk_errors(self._folder):
            write_all(self._file, _lines(rooms).encode())


def write_noise(folder: Path, rooms: NoiseRooms) -> None:
    """Write noise.csv whole or not at all. OSError if the disk refuses."""
    replace_file(folder / NOISE, ",".join(COLUMNS) + "\n" + _lines(rooms))


def no_rooms() -> NoiseRooms:
    """Nothing measured yet."""
    return _rooms([], [], np.zeros((0, len(_VALUES))))


def _rooms(rows: list[int], rooms: list[str], values: NDArray[np.float64]) -> NoiseRooms:
    values = values.reshape(len(rows), len(_VALUES))
    column = {name: values[:, place] for place, name in enumerate(_VALUES)}
    return NoiseRooms(
        np.array(rows, dtype=np.int64),
        rooms,
        values[:, :3],
        column["edc_mae"],
        column["edc_db_mae"],
        {name: column[f"{name}_a"] for name in SCORED_PARAMETERS},
        {name: column[f"{name}_b"] for name in SCORED_PARAMETERS},
    )


def _lines(rooms: NoiseRooms) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    columns = [rooms.sizes, rooms.edc_mae[:, None], rooms.edc_db_mae[:, None]]
    columns += [kind[name][:, None] for name in SCORED_PARAMETERS for kind in (rooms.first, rooms.second)]
    for row, room, numbers in zip(rooms.rows.tolist(), rooms.rooms, np.concatenate(columns, axis=1), strict=True):
        writer.writerow((row, room, *(repr(n) if np.isfinite(n) else "" for n in numbers.tolist())))
    return text.getvalue()


def _parsed(line: list[str]) -> tuple[int, str, list[float]] | None:
    if len(line) != len(COLUMNS) or not line[0].isascii() or not line[0].isdigit() or len(line[0]) > 12:
        return None
    try:
        return int(line[0]), line[1], [float(cell) if cell else np.nan for cell in line[2:]]
    except ValueError:
        return None
