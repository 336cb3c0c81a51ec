"""A data set read for a check: what is wrong with its files is collected, nothing refused, one curve at a time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from decaylab.acoustics import EDC_SAMPLES, SAMPLING_RATE
from decaylab.errors import DataError
from decaylab.rooms.digests import data_digest, read_digests, row_digest
from decaylab.rooms.findings import Collector
from decaylab.rooms.published import CURVES as CURVE_FOLDER
from decaylab.rooms.published import LENGTH_RANGE, is_published, map_curve
from decaylab.rooms.published import TABLE as PUBLISHED_TABLE
from decaylab.rooms.store import CURVES, MANIFEST, TABLE, open_data, read_manifest
from decaylab.rooms.tables import read_rooms_csv


class RawData(ABC):
    """Attributes: format, "store" or "published"; path; table, with NaN where a cell is no number; samples and
    sampling_rate of a curve; total, the number of curves that are there, with a room or without.
    """

    format = ""

    def __init__(self, path: Path, table: str, found: Collector) -> None:
        self.path = path
        self.table = read_rooms_csv(path / table, lenient=True)
        self.found = found
        self.samples, self.sampling_rate = EDC_SAMPLES, SAMPLING_RATE
        self.total = 0

    @abstractmethod
    def curves(self) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Row and curve, float32 (samples,), of all that can be used, in the table's order; once."""


def open_raw(path: str | Path, found: Collector) -> RawData:
    """Open our own store or the published layout, to be checked.

    Raises:
        DataError: no data set there: no folder, no table, a table without its columns, a manifest that is none.
    """
    folder = Path(path)
    if (folder / MANIFEST).is_file():
        return _RawStore(folder, found)
    if folder.is_dir() and is_published(folder):
        return _RawPublished(folder, found)
    open_data(folder)  # says what is missing
    raise DataError(f"{folder} changed while it was opened: try again")


class _RawPublished(RawData):
    format = "published"

    def __init__(self, path: Path, found: Collector) -> None:
        super().__init__(path, PUBLISHED_TABLE, found)
        self._files = {file.stem for file in (path / CURVE_FOLDER).glob("*.npy")}
        self.total = len(self._files)
        if not (path / CURVE_FOLDER).is_dir():
            found.remark("missing_curves", f"there is no folder {CURVE_FOLDER}/ at all")
        ids = set(self.table.ids)
        for room in sorted(self._files - ids):
            found.add("extra_curves", room)
        for room in self.table.ids:
            if room not in self._files:
                found.add("missing_curves", room)
        if self._files and not self._files & ids:
            found.remark("missing_curves", "not one file's name is an id of the table: compare the two")

    def curves(self) -> Iterator[tuple[int, NDArray[np.float32]]]:
        for row, room in enumerate(self.table.ids):
            if room not in self._files:
                continue
            try:
                mapped = map_curve(self.path / CURVE_FOLDER / f"{room}.npy")
            except DataError as error:
                self.found.add("unreadable_curves", room, str(error))
                continue
            low, high = LENGTH_RANGE
            if not low <= len(mapped) <= high:
                self.found.add("wrong_length", room, f"{len(mapped)} samples")
                continue
            if len(mapped) != self.samples:
                self.found.add("other_length", room, f"{len(mapped)} samples")
            curve = np.zeros(self.samples, dtype=np.float32)
            with np.errstate(over="ignore"):  # what is too large for float32 is infinite there, and found as such
                curve[: len(mapped)] = mapped[: self.samples]
            yield row, curve


class _RawStore(RawData):
    format = "store"

    def __init__(self, path: Path, found: Collector) -> None:
        self.manifest = read_manifest(path)
        super().__init__(path, TABLE, found)
        self.samples, self.sampling_rate = self.manifest["samples"], self.manifest["sampling_rate"]
        if not all(isinstance(value, int) and value > 1 for value in (self.samples, self.sampling_rate)):
            raise DataError(f"{path / MANIFEST} has no sound samples and sampling_rate: it was edited by hand")
        self._digests = read_digests(path)
        rows = self._open_curves()
        self.total = len([row for row in self._digests if row < rows])
        if not len(self.table) == rows == self.manifest["rooms"]:
            counts = f"{self.manifest['rooms']} in {MANIFEST}, {len(self.table)} in {TABLE}, {rows} in {CURVES}"
            found.add("disagreement", CURVES, f"rooms: {counts}")
        self._rows = min(len(self.table), rows)
        for row, room in enumerate(self.table.ids):
            if row >= self._rows or row not in self._digests:
                found.add("unfinished", room)
        self._check_whole()

    def curves(self) -> Iterator[tuple[int, NDArray[np.float32]]]:
        size = self.samples * 4
        if not self._rows:
            return
        # Read, not mapped: pages of a map stay counted as this process's memory.
        with open(self.path / CURVES, "rb") as stream:
            for row in range(self._rows):
                if row not in self._digests:
                    continue
                stream.seek(self._offset + row * size)
                data = stream.read(size)
                room = self.table.ids[row]
                if row_digest(self.table.features[row], data) != self._digests[row]:
                    self.found.add("digests", room)
                if len(data) == size:
                    yield row, np.frombuffer(data, dtype="<f4").astype(np.float32, copy=False)
                else:
                    self.found.add("unreadable_curves", room, f"{CURVES} ends before it")

    def _open_curves(self) -> int:
        """Rows that the file has by its header; 0 where it cannot be used."""
        self._offset = 0
        try:
            with open(self.path / CURVES, "rb") as stream:
                if np.lib.format.read_magic(stream) != (1, 0):
                    raise ValueError("its header is of another version")
                shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
                self._offset = stream.tell()
        except (OSError, ValueError) as error:
            self.found.add("disagreement", CURVES, f"cannot be read ({error})")
            return 0
        if len(shape) != 2 or shape[1] != self.samples or dtype != np.dtype("<f4") or fortran:
            self.found.add("disagreement", CURVES, f"holds {dtype} {shape}, not curves of {self.samples} samples")
            return 0
        return int(shape[0])

    def _check_whole(self) -> None:
        rows = [self._digests.get(row) for row in range(len(self.table))]
        known = [row for row in rows if row is not None]
        if not self.manifest["complete"]:
            if len(known) == len(rows):
                self.found.add("data_digest", MANIFEST, "not marked as complete")
        elif len(known) == len(rows):
            try:
                whole = data_digest(self.table.ids, known, self.samples, self.sampling_rate)
            except ValueError:  # not hexadecimal: each such row is found by its own digest
                return
            if whole != self.manifest["digest"]:
                self.found.add("data_digest", MANIFEST, f"{whole} by its rooms")
