"""noise.csv, beside the curves of a data set: what two simulations of each measured room differ by.

This module owns the format: one header line, then one line per room, ascending once a measurement ended. UTF-8;
numbers in full precision, empty where invalid. `_a` is the curve of the data set, `_b` one of another seed, both
counted from the onset of a. `edc_mae` and `edc_db_mae` are mean |a - b|, not yet divided by sqrt 2. In memory the fresh
curve is a prediction of the data set's: `RoomErrors` with a as `true` and b as `predicted`, rows ascending.

Lines are appended as rooms are done. One that a kill or a full disk cut short is skipped, and its room measured again.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from io import FileIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from decaylab.evaluation.errors import RoomErrors, RoomFile
from decaylab.rooms.features import SIZE
from decaylab.rooms.files import replace_file, write_all
from decaylab.rooms.store_writer import store_errors

NOISE = "noise.csv"

_FORMAT = RoomFile(
    ("length", "width", "height", "edc_mae", "edc_db_mae"), ("a", "b"), "remove it, and decaylab noise measures again"
)
COLUMNS = _FORMAT.columns


def read_noise(folder: str | Path) -> RoomErrors:
    """The measured rooms of a data set, each once; lines that are not whole are left out.

    Raises:
        FileNotFoundError: nothing was measured. DataError: it is no regular file, too large or not of this format.
    """
    whole = {}
    for line in _FORMAT.read(Path(folder) / NOISE, torn=True):
        if len(line) == len(COLUMNS) and line[0].isascii() and line[0].isdigit() and len(line[0]) <= 12:
            with contextlib.suppress(ValueError):
                whole[int(line[0])] = (line[1], [float(cell) if cell else np.nan for cell in line[2:]])
    rows = sorted(whole)
    values = np.array([whole[row][1] for row in rows], dtype=np.float64).reshape(len(rows), len(_FORMAT.values))
    return _FORMAT.errors(rows, [whole[row][0] for row in rows], values)


def rooms_still_there(noise: RoomErrors, ids: Sequence[str], features: NDArray[np.float64]) -> RoomErrors:
    """Those of the measured rooms that are rooms of a data set.

    Args:
        noise: measured rooms.
        ids, features: of the data set, (n, 16).
    """
    same = [
        row < len(ids) and ids[row] == room and bool((features[row, SIZE] == size).all())
        for row, room, size in zip(noise.rows.tolist(), noise.rooms, noise.sizes, strict=True)
    ]
    return noise.take(np.array(same, dtype=bool))


@contextlib.contextmanager
def appending_noise(folder: Path, kept: RoomErrors) -> Iterator[Callable[[RoomErrors], None]]:
    """Write noise.csv anew with what is whole of it; yields what appends rooms, in one write each.

    Raises:
        DataError: the disk is full or cannot be written; what is written stays.
    """
    with store_errors(folder):
        write_noise(folder, kept)  # a torn line must not swallow the next one
        file = FileIO(folder / NOISE, "ab")

    def append(rooms: RoomErrors) -> None:
        with store_errors(folder):
            write_all(file, _FORMAT.text(rooms, header=False).encode())

    with file:
        yield append


def write_noise(folder: Path, rooms: RoomErrors) -> None:
    """Write noise.csv whole or not at all. OSError if the disk refuses."""
    replace_file(folder / NOISE, _FORMAT.text(rooms))


def no_rooms() -> RoomErrors:
    """Nothing measured yet."""
    return _FORMAT.errors([], [], np.zeros((0, len(_FORMAT.values))))
