"""The published folder layout: `roomFeaturesDataset.csv` beside `EDC/<ID>.npy`, joined on ID and on nothing else."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from decaylab.acoustics import EDC_SAMPLES, SAMPLING_RATE
from decaylab.errors import DataError
from decaylab.rooms.dataset import DataSet
from decaylab.rooms.features import RoomTable
from decaylab.rooms.tables import read_rooms_csv

TABLE = "roomFeaturesDataset.csv"
CURVES = "EDC"

#: Curves of "about" 96,000 samples: a shorter one is followed by zeros, of a longer one the first 96,000 count. Beyond
#: this range the file is at another rate or no curve.
LENGTH_RANGE = (86_400, 144_000)

#: Values of each curve that enter the digest; hashing all of 17,639 files would cost 7 GB of reading at every start.
_DIGEST_SAMPLES = 16
_NAMED = 5


class PublishedData(DataSet):
    """One .npy file per room, read when asked for."""

    def read(self, rows: ArrayLike, columns: slice = slice(None)) -> NDArray[np.float32]:
        """See `DataSet.read`. DataError if a file that was there at the start can no longer be read."""
        first, last, step = columns.indices(self.samples)
        chosen = np.atleast_1d(np.asarray(rows, dtype=np.int64))
        curves = np.zeros((len(chosen), len(range(first, last, step))), dtype=np.float32)
        for place, row in enumerate(chosen):
            curve = _open_curve(self.path / CURVES / f"{self.ids[row]}.npy")[:EDC_SAMPLES][columns]
            curves[place, : len(curve)] = curve
        return curves


def is_published(path: Path) -> bool:
    """Whether the folder has the published layout's table."""
    return (path / TABLE).is_file()


def open_published(path: Path) -> PublishedData:
    """Open the published layout; `notes` count and name ids without a curve, curves without an id, unusable files.

    Raises:
        DataError: no table, no folder EDC, or not one room that joins.
    """
    table = read_rooms_csv(path / TABLE)
    if not (path / CURVES).is_dir():
        raise DataError(f"{path} has {TABLE} but no folder {CURVES}/ with one <ID>.npy per room: put the curves there")
    files = {file.stem for file in (path / CURVES).glob("*.npy")}
    twice = [room for room, count in Counter(table.ids).items() if count > 1]
    if twice:
        raise DataError(f"{path / TABLE} names {len(twice)} ids more than once ({_some(twice)}): they cannot be joined")
    digest = hashlib.sha256(f"decaylab published {EDC_SAMPLES} {SAMPLING_RATE}".encode())
    kept: list[int] = []
    unusable: list[str] = []
    for row, room in enumerate(table.ids):
        if room not in files:
            continue
        try:
            curve = _open_curve(path / CURVES / f"{room}.npy")
        except DataError as error:
            unusable.append(str(error))
            continue
        kept.append(row)
        digest.update(room.encode() + b"\0" + table.features[row].tobytes() + len(curve).to_bytes(8, "little"))
        digest.update(np.asarray(curve[:: len(curve) // _DIGEST_SAMPLES], dtype=np.float32).tobytes())
    notes = _notes(path, table, files, unusable)
    if not kept:
        raise DataError(f"not one room of {path / TABLE} has a curve in {path / CURVES}: {'; '.join(notes)}")
    manifest = {
        "format": "published",
        "rooms": len(kept),
        "samples": EDC_SAMPLES,
        "sampling_rate": SAMPLING_RATE,
        "table_rows": len(table),
        "curve_files": len(files),
    }
    return PublishedData(path, table.rows(kept), f"sha256:{digest.hexdigest()}", manifest, notes)


def _open_curve(file: Path) -> NDArray[np.floating]:
    """The curve, mapped, (samples,). DataError, starting with the file's name, where it cannot be used."""
    curve = map_curve(file)
    low, high = LENGTH_RANGE
    if not low <= len(curve) <= high:
        raise DataError(f"{file.name} has {len(curve)} samples, not about {EDC_SAMPLES}")
    return curve


def map_curve(file: Path) -> NDArray[np.floating]:
    """The one curve in a file, mapped, (samples,) of whatever length. DataError, starting with the file's name.

    Raises:
        DataError: no NumPy file, or not one curve of floats; the message starts with the file's name.
    """
    try:
        curve: NDArray[Any] = np.lib.format.open_memmap(file, mode="r")  # np.load would take an archive for an array
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{file.name} cannot be read ({error})") from None
    if curve.ndim == 2 and 1 in curve.shape:
        curve = curve.reshape(-1)
    if curve.ndim != 1 or not np.issubdtype(curve.dtype, np.floating):
        raise DataError(f"{file.name} holds {curve.dtype} {curve.shape}, not one curve")
    return np.asanyarray(curve)


def _notes(path: Path, table: RoomTable, files: set[str], unusable: list[str]) -> list[str]:
    left_out = [
        (f"of {len(table)} rooms of {TABLE} have no curve in {CURVES}/", [r for r in table.ids if r not in files]),
        (f"of {len(files)} curves in {CURVES}/ have no room in {TABLE}", sorted(files - set(table.ids))),
        (f"curves in {CURVES}/ cannot be used", unusable),
    ]
    return [f"{len(names)} {what}, left out: {_some(names)}" for what, names in left_out if names]


def _some(names: Sequence[str]) -> str:
    rest = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + rest
