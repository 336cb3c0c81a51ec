"""A data set in use: rooms and their curves, wherever the curves lie."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from decaylab.acoustics import EDC_SAMPLES, SAMPLING_RATE
from decaylab.rooms.features import RoomTable


class DataSet(ABC):
    """Rooms with a curve each.

    Args:
        path: the folder.
        table: the rooms that have a curve.
        digest: of rooms and curves.
        manifest: how it was made; its `sampling_rate` (Hz) and `samples` count where it has them.
        notes: what a person should know of it, a line each; None: nothing.

    Attributes:
        path: the folder it was opened from.
        ids, features: one per room, features float64 (n, 16) in physical units (`FEATURE_NAMES`).
        sampling_rate, samples: 48,000 Hz and 96,000.
        digest: `sha256:...`, the same for the same rooms, order and curves.
        manifest: how it was made (versions, settings, seeds), JSON-able; little is known of the published layout.
        notes: what a person should know of it, a line each (what did not join, what was left out).
    """

    def __init__(
        self, path: Path, table: RoomTable, digest: str, manifest: dict[str, Any], notes: list[str] | None = None
    ) -> None:
        self.path = path
        self.ids = table.ids
        self.features = table.features
        self.digest = digest
        self.manifest = manifest
        self.notes = notes or []
        self.sampling_rate = int(manifest.get("sampling_rate", SAMPLING_RATE))
        self.samples = int(manifest.get("samples", EDC_SAMPLES))

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def table(self) -> RoomTable:
        """The rooms: `ids` and `features`."""
        return RoomTable(self.ids, self.features)

    @abstractmethod
    def read(self, rows: ArrayLike, columns: slice = slice(None)) -> NDArray[np.float32]:
        """Curves of these rows in this order: linear energy, float32 (len(rows), samples), or only these columns.

        A copy in memory; rows may repeat. Reading 256 rows at a time keeps memory at 100 MB.
        """
