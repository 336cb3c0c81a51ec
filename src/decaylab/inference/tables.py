"""Predictions of many rooms to a file, block by block: no more than one block of curves is ever held.

CSV, one line a room: `ID`, `outside` (number of inputs outside the training ranges, empty where these are not known),
`onset` (sample of the curve that is t = 0), then each parameter and its `<name>_half_width`; empty where invalid. NPZ:
the same columns as arrays (`ids`, `outside` with -1 for unknown), besides `features` (n, 16), `feature_names`,
`sampling_rate`, `level`, `band`, and `curves` (n, samples) float32.
"""

from __future__ import annotations

import csv
import io
import os
import zipfile
from collections.abc import Callable, Iterator
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from decaylab.errors import InputError
from decaylab.evaluation.curve_file import begin_rows, write_rows
from decaylab.inference.about import BAND, PARAMETERS
from decaylab.inference.predictor import Prediction, Predictor
from decaylab.rooms.features import FEATURE_NAMES, RoomTable
from decaylab.rooms.files import whole_file

COLUMNS = ("ID", "outside", "onset", *(column for name in PARAMETERS for column in (name, f"{name}_half_width")))

#: Told how many rooms are done.
Progress = Callable[[int], None]


def write_predictions(path: str, model: Predictor, rooms: RoomTable, progress: Progress = lambda done: None) -> None:
    """Predict rooms into FILE.csv (parameters) or FILE.npz (curves too); whole or not at all.

    Args:
        path: of the file; its suffix says which.
        model: what predicts.
        rooms: in the order of the file.
        progress: called with the number of rooms that are done.

    Raises:
        InputError: another suffix. DataError: rooms that cannot be. OSError: the disk; what was there is left.
    """
    suffix = os.path.splitext(path)[1].lower()
    if suffix not in (".csv", ".npz"):
        raise InputError(f"{path}: the suffix tells the format; .csv holds the parameters, .npz the curves too")
    blocks = model.blocks(rooms, curves=suffix == ".npz")
    outside = outside_counts(model, rooms)
    with whole_file(path) as file:
        if suffix == ".csv":
            _write_csv(file, blocks, outside, progress)
        else:
            _write_npz(file, model, rooms, blocks, outside, progress)


def csv_text(blocks: Iterator[Prediction], outside: NDArray[np.int64]) -> Iterator[str]:
    """The lines of the CSV, the header first, a block at a time."""
    row = 0
    yield ",".join(COLUMNS) + "\n"
    for part in blocks:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        columns = [column for name in PARAMETERS for column in (part.parameters[name], part.half_width[name])]
        for name, onset, *values in zip(part.ids, part.onset.tolist(), *(c.tolist() for c in columns), strict=True):
            count = int(outside[row])
            writer.writerow((name, "" if count < 0 else count, onset, *("" if v != v else v for v in values)))
            row += 1
        yield text.getvalue()


def outside_counts(model: Predictor, rooms: RoomTable) -> NDArray[np.int64]:
    """Number of inputs of each room outside the training ranges; -1 where these are not known."""
    if model.ranges is None:
        return np.full(len(rooms), -1, dtype=np.int64)
    return model.is_outside(rooms).sum(axis=1).astype(np.int64)


def _write_csv(file: IO[bytes], blocks: Iterator[Prediction], outside: NDArray[np.int64], progress: Progress) -> None:
    done = -1  # the header
    for text in csv_text(blocks, outside):
        file.write(text.encode())
        done += text.count("\n")
        progress(done)


def _write_npz(
    file: IO[bytes],
    model: Predictor,
    rooms: RoomTable,
    blocks: Iterator[Prediction],
    outside: NDArray[np.int64],
    progress: Progress,
) -> None:
    columns: dict[str, list[NDArray[Any]]] = {name: [] for name in COLUMNS[2:]}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        # The curves first, as they come; one member of a zip archive can be open at a time.
        with archive.open("curves.npy", "w", force_zip64=True) as member:
            begin_rows(member, (len(rooms), model.about.samples))
            done = 0
            for part in blocks:
                if part.curves is not None:
                    write_rows(member, part.curves)
                columns["onset"].append(part.onset)
                for name in PARAMETERS:
                    columns[name].append(part.parameters[name])
                    columns[f"{name}_half_width"].append(part.half_width[name])
                done += len(part)
                progress(done)
        arrays = {
            "ids": np.array(rooms.ids),
            "outside": outside,
            **{name: np.concatenate(parts) for name, parts in columns.items()},
            "features": rooms.features,
            "feature_names": np.array(FEATURE_NAMES),
            "sampling_rate": np.array(model.about.sampling_rate),
            "level": np.array(float("nan") if model.about.intervals is None else model.about.intervals["level"]),
            "band": np.array(BAND),
        }
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)
