"""The data set's own format, version 1: written row by row, resumable at any moment, read row by row.

A folder of four files:
- `rooms.csv`: ids and features in the published column format; row i belongs to curve i;
- `curves.npy`: (rooms, samples) float32, a plain NumPy array file;
- `digests.txt`: a line `<row> <sha256 of the room's features and its curve>` per curve, appended as they are written;
- `manifest.json`: format version, settings, versions, whether all curves are there, and the digest of the whole.

A row counts as written only if it has the digest on record: whatever a kill or a power cut tore is found so.
The writer is `decaylab.rooms.store_writer`.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from decaylab.errors import DataError
from decaylab.rooms.dataset import DataSet
from decaylab.rooms.published import is_published, open_published
from decaylab.rooms.tables import read_rooms_csv

__all__ = ["DataSet", "StoredData", "open_data", "read_manifest"]

FORMAT = "decaylab-data"
FORMAT_VERSION = 1
MANIFEST, TABLE, CURVES, DIGESTS, LOCK = "manifest.json", "rooms.csv", "curves.npy", "digests.txt", ".lock"
#: Key of the manifest that `decaylab noise` writes; it is no part of the digest.
LABEL_NOISE = "label_noise"


class StoredData(DataSet):
    """A finished store, read from a file that each process opens for itself.

    Not through a memory map: its pages would count as the process's own memory, up to the size of the data set.
    """

    _file: io.FileIO | None = None
    _start = 0

    def read(self, rows: ArrayLike, columns: slice = slice(None)) -> NDArray[np.float32]:
        """See `DataSet.read`. DataError if the file has become shorter meanwhile.

        Raises:
            DataError: the file has become shorter meanwhile. IndexError: rows that are not there.
        """
        if self._file is None:
            self._start = int(np.load(self.path / CURVES, mmap_mode="r").offset)
            self._file = open(self.path / CURVES, "rb", buffering=0)  # noqa: SIM115
        first, last, step = columns.indices(self.samples)
        chosen = np.atleast_1d(np.asarray(rows, dtype=np.int64))
        if chosen.size and not -len(self) <= chosen.min() <= chosen.max() < len(self):
            raise IndexError(f"rows {chosen.min()} to {chosen.max()} of a data set of {len(self)} rooms")
        chosen = chosen % max(1, len(self))  # from the end, as of an array
        found = np.empty((len(chosen), max(0, last - first)), dtype=np.float32)
        for place, row in enumerate(chosen.tolist()):
            data = os.pread(self._file.fileno(), found.shape[1] * 4, self._start + (row * self.samples + first) * 4)
            if len(data) != found.shape[1] * 4:
                raise DataError(f"{self.path / CURVES} ends before row {row}: it became shorter while it was read")
            found[place] = np.frombuffer(data, dtype="<f4")
        return np.ascontiguousarray(found[:, ::step])

    def __getstate__(self) -> dict[str, Any]:
        # Worker processes open the file for themselves.
        return {**self.__dict__, "_file": None}


def open_data(path: str | Path) -> DataSet:
    """Open a data set: our own store, or the published layout.

    Args:
        path: the folder.

    Raises:
        DataError: no such folder, no data set in it, one that is unfinished, damaged or of a later version.
    """
    folder = Path(path)
    if folder.exists() and not folder.is_dir():
        raise DataError(f"{folder} is a file: a data set is a folder; name the one that it lies in")
    if not folder.is_dir():
        raise DataError(
            f"no data set at {folder}: there is no such folder. Make one: decaylab simulate --out {folder} --count 200"
        )
    if (folder / MANIFEST).is_file():
        return _open_store(folder)
    if is_published(folder):
        return open_published(folder)
    raise DataError(
        f"{folder} holds no data set: expected {MANIFEST} (made by decaylab simulate) "
        "or roomFeaturesDataset.csv with EDC/ (the published layout)"
    )


def _open_store(folder: Path) -> StoredData:
    manifest = read_manifest(folder)
    if not manifest["complete"]:
        raise DataError(
            f"{folder} is unfinished: its simulation was interrupted. Run the same decaylab simulate again: it goes on"
        )
    table = read_rooms_csv(folder / TABLE)
    try:
        shape = np.load(folder / CURVES, mmap_mode="r").shape
    except (OSError, ValueError, EOFError) as error:
        raise DataError(
            f"{folder / CURVES} cannot be read ({error}): run its decaylab simulate again to mend it"
        ) from None
    if shape != (len(table), manifest["samples"]) or len(table) != manifest["rooms"]:
        raise DataError(
            f"{folder} does not agree with itself: {manifest['rooms']} rooms in {MANIFEST}, {len(table)} in {TABLE}, "
            f"curves {shape}. Run its decaylab simulate again to mend it"
        )
    return StoredData(folder, table, manifest["digest"], manifest)


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of the store in `folder`.

    Raises:
        DataError: it cannot be read, lacks a key, is not of this format, or of a version this program cannot read.
    """
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{folder / MANIFEST} cannot be read: {error}") from None
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise DataError(f"{folder / MANIFEST} is not the manifest of a decaylab data set")
    if manifest.get("format_version") != FORMAT_VERSION:
        raise DataError(
            f"{folder} has format version {manifest.get('format_version')}, this program reads {FORMAT_VERSION}: "
            "update decaylab"
        )
    lacking = [
        key for key in ("rooms", "samples", "sampling_rate", "settings", "complete", "digest") if key not in manifest
    ]
    if lacking:
        raise DataError(f"{folder / MANIFEST} lacks {', '.join(lacking)}: it was cut or edited by hand")
    return manifest


def other_settings(there: dict[str, Any], here: dict[str, Any]) -> str:
    """What differs between a data set's settings and those of now: `key is 1 there, 2 here; ...`; empty if equal."""
    return "; ".join(
        f"{key} is {there.get(key)!r} there, {here.get(key)!r} here"
        for key in sorted({*there, *here})
        if there.get(key) != here.get(key)
    )


def row_digest(features: NDArray[np.float64], curve: bytes) -> str:
    """SHA-256 of a room's 16 features (little-endian float64) and its curve's bytes, as `digests.txt` has it.

    Of both together: a row of `rooms.csv` that was edited no longer has a curve.
    """
    return hashlib.sha256(np.ascontiguousarray(features, dtype="<f8").tobytes() + curve).hexdigest()


def data_digest(ids: Sequence[str], rows: Sequence[str], samples: int, sampling_rate: int) -> str:
    """`sha256:...` of a whole data set from the digests of its rows, as the manifest has it.

    Args:
        ids: n names.
        rows: their `row_digest`.
        samples, sampling_rate: of a curve, the latter in Hz.
    """
    digest = hashlib.sha256(f"{FORMAT} {samples} {sampling_rate}".encode())
    for room, row in zip(ids, rows, strict=True):
        digest.update(room.encode() + b"\0" + bytes.fromhex(row))
    return f"sha256:{digest.hexdigest()}"


def read_digests(folder: Path) -> dict[int, str]:
    """The digest of each row on record; torn lines are skipped, the later line of a row counts."""
    file = folder / DIGESTS
    recorded: dict[int, str] = {}
    for line in file.read_bytes().split(b"\n") if file.exists() else ():
        number, _, digest = line.partition(b" ")
        if number.isdigit() and len(digest) == 64:
            recorded[int(number)] = digest.decode("ascii", "replace")
    return recorded
