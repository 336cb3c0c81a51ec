"""A data set read for a check: what is wrong with its files is collected, nothing refused, one curve at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from decaylab.acoustics import EDC_SAMPLES, SAMPLING_RATE
from decaylab.errors import DataError
from decaylab.rooms.features import RoomTable
from decaylab.rooms.findings import Collector
from decaylab.rooms.published import CURVES as CURVE_FOLDER
from decaylab.rooms.published import LENGTH_RANGE, is_published, map_curve
from decaylab.rooms.published import TABLE as PUBLISHED_TABLE
from decaylab.rooms.store import (
    CURVES,
    MANIFEST,
    TABLE,
    data_digest,
    open_data,
    read_digests,
    read_manifest,
    row_digest,
)
from decaylab.rooms.tables import read_rooms_csv

Curves = Iterator[tuple[int, NDArray[np.float32]]]


class RawData(NamedTuple):
    """A data set as it lies there.

    format: "store" or "published". table: with NaN where a cell is no number. samples, sampling_rate: of a curve.
    total: number of curves that are there, with a room or without.
    curves: row and curve, float32 (samples,), of all that can be used, in the table's order; once.
    """

    format: str
    table: RoomTable
    samples: int
    sampling_rate: int
    total: int
    curves: Curves


def open_raw(path: str | Path, found: Collector) -> RawData:
    """Open our own store or the published layout, to be checked.

    Args:
        path: the folder.
        found: takes in what is wrong, at once and as curves are read.

    Raises:
        DataError: no data set there: no folder, no table, a table without its columns, a manifest that is none.
    """
    folder = Path(path)
    if (folder / MANIFEST).is_file():
        return _open_store(folder, found)
    if folder.is_dir() and is_published(folder):
        return _open_published(folder, found)
    open_data(folder)  # says what is missing
    raise DataError(f"{folder} changed while it was opened: try again")


def _open_published(path: Path, found: Collector) -> RawData:
    table = read_rooms_csv(path / PUBLISHED_TABLE, lenient=True)
    files, ids = {file.stem for file in (path / CURVE_FOLDER).glob("*.npy")}, set(table.ids)
    if not (path / CURVE_FOLDER).is_dir():
        found.remark("missing_curves", f"there is no folder {CURVE_FOLDER}/ at all")
    for room in sorted(files - ids):
        found.add("extra_curves", room)
    for room in table.ids:
        if room not in files:
            found.add("missing_curves", room)
    if files and not files & ids:
        found.remark("missing_curves", "not one file's name is an id of the table: compare the two")
    there = [(row, room) for row, room in enumerate(table.ids) if room in files]
    curves = _published_curves(path / CURVE_FOLDER, there, found)
    return RawData("published", table, EDC_SAMPLES, SAMPLING_RATE, len(files), curves)


def _published_curves(folder: Path, rooms: list[tuple[int, str]], found: Collector) -> Curves:
    low, high = LENGTH_RANGE
    for row, room in rooms:
        try:
            mapped = map_curve(folder / f"{room}.npy")
        except DataError as error:
            found.add("unreadable_curves", room, str(error))
            continue
        if not low <= len(mapped) <= high:
            found.add("wrong_length", room, f"{len(mapped)} samples")
            continue
        if len(mapped) != EDC_SAMPLES:
            found.add("other_length", room, f"{len(mapped)} samples")
        curve = np.zeros(EDC_SAMPLES, dtype=np.float32)
        with np.errstate(over="ignore"):  # what is too large for float32 is infinite there, and found as such
            curve[: len(mapped)] = mapped[:EDC_SAMPLES]
        yield row, curve


def _open_store(path: Path, found: Collector) -> RawData:
    manifest = read_manifest(path)
    table = read_rooms_csv(path / TABLE, lenient=True)
    samples, rate = manifest["samples"], manifest["sampling_rate"]
    if not all(isinstance(value, int) and value > 1 for value in (samples, rate)):
        raise DataError(f"{path / MANIFEST} has no sound samples and sampling_rate: it was edited by hand")
    digests = read_digests(path)
    rows, offset = _curves_header(path / CURVES, samples, found)
    if not len(table) == rows == manifest["rooms"]:
        counts = f"{manifest['rooms']} in {MANIFEST}, {len(table)} in {TABLE}, {rows} in {CURVES}"
        found.add("disagreement", CURVES, f"rooms: {counts}")
    there = [row for row in range(min(len(table), rows)) if row in digests]
    for row in sorted({*range(len(table))} - {*there}):
        found.add("unfinished", table.ids[row])
    if all(row in digests for row in range(len(table))):
        _check_whole(manifest, table.ids, [digests[row] for row in range(len(table))], found)
    total = len([row for row in digests if row < rows])
    curves = _stored_curves(path / CURVES, offset, samples, table, {row: digests[row] for row in there}, found)
    return RawData("store", table, samples, rate, total, curves)


def _stored_curves(
    file: Path, offset: int, samples: int, table: RoomTable, digests: dict[int, str], found: Collector
) -> Curves:
    if not digests:
        return
    # Read, not mapped: pages of a map stay counted as this process's memory.
    with open(file, "rb") as stream:
        for row, digest in digests.items():
            stream.seek(offset + row * samples * 4)
            data = stream.read(samples * 4)
            if row_digest(table.features[row], data) != digest:
                found.add("digests", table.ids[row])
            if len(data) == samples * 4:
                yield row, np.frombuffer(data, dtype="<f4").astype(np.float32, copy=False)
            else:
                found.add("unreadable_curves", table.ids[row], f"{CURVES} ends before it")


def _curves_header(file: Path, samples: int, found: Collector) -> tuple[int, int]:
    """Rows that the file has by its header, 0 where it cannot be used; and where the first one begins, in bytes."""
    try:
        with open(file, "rb") as stream:
            if np.lib.format.read_magic(stream) != (1, 0):
                raise ValueError("its header is of another version")
            shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
            offset = stream.tell()
    except (OSError, ValueError) as error:
        found.add("disagreement", CURVES, f"cannot be read ({error})")
        return 0, 0
    if len(shape) != 2 or shape[1] != samples or dtype != np.dtype("<f4") or fortran:
        found.add("disagreement", CURVES, f"holds {dtype} {shape}, not curves of {samples} samples")
        return 0, 0
    return int(shape[0]), offset


def _check_whole(manifest: dict[str, Any], ids: list[str], rows: list[str], found: Collector) -> None:
    if not manifest["complete"]:
        found.add("data_digest", MANIFEST, "not marked as complete")
        return
    try:
        whole = data_digest(ids, rows, manifest["samples"], manifest["sampling_rate"])
    except ValueError:  # not hexadecimal: each such row is found by its own digest
        return
    if whole != manifest["digest"]:
        found.add("data_digest", MANIFEST, f"{whole} by its rooms")
