"""Writing a store: creating, continuing, extending it. No kill, power cut or full disk costs a written curve.

The format is described in `decaylab.rooms.store`.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
from collections.abc import Callable, Iterator
from io import FileIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from decaylab.errors import DataError, InputError
from decaylab.rooms.features import RoomTable
from decaylab.rooms.files import check_space, disk_errors, exclusive_lock, replace_file, write_all
from decaylab.rooms.store import (
    CURVES,
    DIGESTS,
    FORMAT,
    FORMAT_VERSION,
    LABEL_NOISE,
    LOCK,
    MANIFEST,
    TABLE,
    data_digest,
    other_settings,
    read_digests,
    read_manifest,
    row_digest,
)
from decaylab.rooms.tables import read_rooms_csv, rooms_text


class StoreWriter:
    """Creates, continues or extends a store; a context manager that holds the folder's lock.

    Args:
        folder: made if missing.
        table: the rooms wanted. Rooms already in the store keep their rows; new ones are appended in this order.
        settings: everything that decides a curve, JSON-able; must equal those of a store that is there.
        facts: further entries of the manifest, renewed at every call (versions, source).
        samples, sampling_rate: of every curve.
        former: what a setting was before stores recorded it.

    Attributes:
        table: all rooms of the store by row.
        pending: rows that have no whole curve yet.

    Raises:
        InputError: other settings, other rooms, a folder with something else in it, or one in use by another process.
        DataError: the disk is full or cannot be written; what is written stays, and the next call goes on from it.
    """

    def __init__(
        self,
        folder: Path,
        table: RoomTable,
        settings: dict[str, Any],
        facts: dict[str, Any],
        samples: int,
        sampling_rate: int,
        former: dict[str, Any] | None = None,
    ) -> None:
        self.folder = folder
        self.table = table
        self.pending: list[int] = []
        self._settings = json.loads(json.dumps(settings))
        self._former = former or {}
        self._facts = facts
        self._samples = samples
        self._sampling_rate = sampling_rate
        self._row_bytes = samples * np.dtype(np.float32).itemsize
        self._digests: dict[int, str] = {}
        self._open_files = contextlib.ExitStack()

    def __enter__(self) -> StoreWriter:
        with store_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            self._open_files.enter_context(exclusive_lock(self.folder / LOCK))
            try:
                self._prepare()
            except BaseException:
                self._open_files.close()
                raise
        return self

    def __exit__(self, *rest: object) -> None:
        self._open_files.close()

    def write(self, row: int, curve: NDArray[np.float32]) -> None:
        """Write one curve, (samples,) float32, then its digest: in this order a torn row is never taken for whole.

        Raises:
            DataError: a curve of another length, or a disk that is full or cannot be written.
        """
        data = np.ascontiguousarray(curve, dtype="<f4").tobytes()
        if len(data) != self._row_bytes:
            raise DataError(f"a curve of {curve.shape} does not fit a store of {self._samples} samples")
        digest = row_digest(self.table.features[row], data)
        with store_errors(self.folder):
            # Not through a memory map: on a full disk a write to a map kills the process with SIGBUS.
            self._curve_file.seek(self._offset + row * self._row_bytes)
            write_all(self._curve_file, data)
            write_all(self._digest_file, f"{row} {digest}\n".encode())
        self._digests[row] = digest

    def finish(self) -> str:
        """Mark the store as complete and return its digest. Call it when no row is pending.

        A store that was complete already keeps its files as they are.
        """
        rows = [self._digests[row] for row in range(len(self.table))]
        whole = data_digest(self.table.ids, rows, self._samples, self._sampling_rate)
        with store_errors(self.folder):
            if read_manifest(self.folder)["digest"] != whole:
                os.fsync(self._curve_file.fileno())
                lines = "".join(f"{row} {self._digests[row]}\n" for row in range(len(self.table)))
                replace_file(self.folder / DIGESTS, lines)
                self._write_manifest(whole)
        return whole

    def _prepare(self) -> None:
        if (self.folder / MANIFEST).exists():
            self._check_settings(read_manifest(self.folder))
            if (self.folder / TABLE).exists():
                self.table = _extended(self.folder, read_rooms_csv(self.folder / TABLE), self.table)
        else:
            # Only a manifest makes the other files ours: without one a `rooms.csv` is somebody's own table.
            own = {LOCK, f"{MANIFEST}.tmp"}
            foreign = sorted(entry.name for entry in self.folder.iterdir() if entry.name not in own)
            if foreign:
                raise InputError(f"{self.folder} holds other files ({', '.join(foreign[:3])}): give --out a new folder")
            self._write_manifest(None)
        replace_file(self.folder / TABLE, rooms_text(self.table))
        self._open_curves()
        self._digests = self._whole_rows()
        self.pending = [row for row in range(len(self.table)) if row not in self._digests]
        if self.pending:
            check_space(self.folder, len(self.pending), self._row_bytes, self.folder)
            self._write_manifest(None)

    def _check_settings(self, manifest: dict[str, Any]) -> None:
        if differing := other_settings({**self._former, **manifest["settings"]}, self._settings):
            raise InputError(
                f"{self.folder} was simulated with other settings: {differing}. "
                "Give the same settings to go on with it, or --out another folder"
            )

    def _open_curves(self) -> None:
        """Open `curves.npy` for writing at its full size; rows that are not written yet are holes in the file."""
        header = io.BytesIO()
        shape = (len(self.table), self._samples)
        np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": shape})
        # NumPy pads its header so that the first axis can grow in place: the offset is the same for any room count.
        self._offset = len(header.getvalue())
        file = self.folder / CURVES
        if not file.exists():
            file.touch()
        self._curve_file = self._opened(file, "r+b")
        size = self._offset + len(self.table) * self._row_bytes
        if os.fstat(self._curve_file.fileno()).st_size != size:
            self._curve_file.truncate(size)
        self._curve_file.seek(0)
        if self._curve_file.read(self._offset) != header.getvalue():  # a finished store stays untouched
            self._curve_file.seek(0)
            write_all(self._curve_file, header.getvalue())

    def _whole_rows(self) -> dict[int, str]:
        """The rows whose bytes have the digest on record; leaves the record open to append to."""
        file = self.folder / DIGESTS
        recorded = {row: digest for row, digest in read_digests(self.folder).items() if row < len(self.table)}
        whole = {}
        for row in sorted(recorded):
            self._curve_file.seek(self._offset + row * self._row_bytes)
            if row_digest(self.table.features[row], self._curve_file.read(self._row_bytes)) == recorded[row]:
                whole[row] = recorded[row]
        self._digest_file = self._opened(file, "ab")
        if file.read_bytes()[-1:] not in (b"", b"\n"):  # a torn line would swallow the next
            write_all(self._digest_file, b"\n")
        return whole

    def _opened(self, file: Path, mode: str) -> FileIO:
        # Unbuffered: after a failed write nothing is left behind that closing the file would try to write again.
        return self._open_files.enter_context(FileIO(file, mode))

    def _write_manifest(self, digest: str | None) -> None:
        manifest = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "complete": digest is not None,
            "digest": digest,
            "rooms": len(self.table),
            "samples": self._samples,
            "sampling_rate": self._sampling_rate,
            "settings": self._settings,
            **self._facts,
        }
        measured = read_manifest(self.folder).get(LABEL_NOISE) if (self.folder / MANIFEST).exists() else None
        if measured is not None:  # it names the digest that it was measured on; rows keep their curves
            manifest[LABEL_NOISE] = measured
        replace_file(self.folder / MANIFEST, json.dumps(manifest, indent=2) + "\n")


def store_errors(folder: Path) -> contextlib.AbstractContextManager[None]:
    """Turn what the disk refuses while a store is written into one DataError."""
    return disk_errors(folder, "the curves that are written stay. Make room and run the same command again: it goes on")


@contextlib.contextmanager
def store_to_annotate(folder: Path) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Hold the lock of a store, to write beside its curves; yields what replaces the manifest's `label_noise`.

    Nothing else in the manifest changes, its digest included.

    Raises:
        InputError: another process writes to the store. DataError: no space left, or it cannot be written.
    """

    def replace(measured: dict[str, Any]) -> None:
        manifest = {**read_manifest(folder), LABEL_NOISE: measured}
        with store_errors(folder):
            replace_file(folder / MANIFEST, json.dumps(manifest, indent=2) + "\n")

    with contextlib.ExitStack() as held:
        with store_errors(folder):
            held.enter_context(exclusive_lock(folder / LOCK))
        yield replace


def _extended(folder: Path, there: RoomTable, wanted: RoomTable) -> RoomTable:
    """The rooms that are there, in their rows, and the wanted ones that are not."""
    known = dict(zip(there.ids, there.features, strict=True))
    other = [
        room
        for room, features in zip(wanted.ids, wanted.features, strict=True)
        if room in known and (known[room] != features).any()
    ]
    if other:
        raise InputError(
            f"{folder} holds other rooms under the same ids ({', '.join(other[:3])}): give --out another folder"
        )
    new = [row for row, room in enumerate(wanted.ids) if room not in known]
    if len(new) == len(wanted) and len(there):
        raise InputError(f"{folder} holds {len(there)} rooms, and none of those asked for: give --out another folder")
    added = wanted.rows(new)
    return RoomTable(there.ids + added.ids, np.concatenate([there.features, added.features]))
