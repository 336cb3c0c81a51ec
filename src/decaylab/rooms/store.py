"""The data set's own format, version 1: written row by row, resumable at any moment, read through a memory map.

A folder of four files:
- `rooms.csv`: ids and features in the published column format; row i belongs to curve i;
- `curves.npy`: (rooms, samples) float32, a plain NumPy array file;
- `digests.txt`: a line `<row> <sha256 of the room's features and its curve>` per curve, appended as they are written;
- `manifest.json`: format version, settings, versions, whether all curves are there, and the digest of the whole.

A row counts as written only if it has the digest on record: whatever a kill or a power cut tore is found so.
The writer is `decaylab.rooms.store_writer`.
"""

from __future__ import annotations

import json
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
    """A finished store, read through a memory map that each process opens for itself."""

    _curves: NDArray[np.float32] | None = None

    def read(self, rows: ArrayLike, columns: slice = slice(None)) -> NDArray[np.float32]:
        """See `DataSet.read`."""
        if self._curves is None:
            self._curves = np.load(self.path / CURVES, mmap_mode="r")
        # Chosen by an array of rows: already a copy in memory, no view of the map.
        return np.asarray(self._curves[np.atleast_1d(np.asarray(rows, dtype=np.int64)), columns])

    def __getstate__(self) -> dict[str, Any]:
        # A memory map would be pickled as the whole array: worker processes open their own.
        return {**self.__dict__, "_curves": None}


def open_data(path: str | Path) -> DataSet:
    """Open a data set: our own store, or the published layout.

    Raises:
        DataError: no such folder, no data set in it, one that is unfinished, damaged or of a later version.
    """
    folder = Path(path)
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
    """The manifest of a store. DataError if it is not of this format, or of a version this program cannot read."""
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
