"""The digests of a store: what `digests.txt` and the manifest hold."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from decaylab.rooms.store import DIGESTS, FORMAT


def row_digest(features: NDArray[np.float64], curve: bytes) -> str:
    """SHA-256 of a room's 16 features (little-endian float64) and its curve's bytes, as `digests.txt` has it.

    Of both together: a row of `rooms.csv` that was edited no longer has a curve.
    """
    return hashlib.sha256(np.ascontiguousarray(features, dtype="<f8").tobytes() + curve).hexdigest()


def ends_whole(file: Path) -> bool:
    """Whether the file ends with its last line; a torn one would swallow the next."""
    return not file.exists() or file.read_bytes()[-1:] in (b"", b"\n")


def data_digest(ids: Sequence[str], rows: Sequence[str], samples: int, sampling_rate: int) -> str:
    """`sha256:...` of a whole data set from the digests of its rows, as the manifest has it."""
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
