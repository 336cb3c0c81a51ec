"""Curves in a .npy file, read block by block."""

from __future__ import annotations

import os
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from decaylab.errors import DataError
from decaylab.runlog.arrays import read_header


def begin_rows(file: IO[bytes], shape: tuple[int, int]) -> None:
    """The head of a .npy file of float32 (rooms, samples), whose rows `write_rows` writes as they come."""
    np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": shape})


def write_rows(file: IO[bytes], rows: NDArray[np.float32]) -> None:
    """Write the next rows. Not through a memory map: on a full disk a map ends the process, a write raises."""
    file.write(np.ascontiguousarray(rows, dtype="<f4").data)


class CurveFile:
    """Curves in a .npy file, (rooms, samples), read block by block with ordinary reads.

    Not through a memory map: its pages count as the process's own memory, up to the size of the file.

    Args:
        path: the file.

    Attributes:
        shape, dtype: as of an array; dtype is float32 or float64 in this machine's byte order.

    Raises:
        DataError: it cannot be read, or holds something else than curves.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        try:
            array = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise DataError(f"{os.path.basename(path)} cannot be read: {error}") from None
        if array.ndim != 2 or array.dtype.kind != "f" or not array.size:
            raise DataError(
                f"{os.path.basename(path)} holds {array.dtype} {array.shape}, not curves (rooms, samples) of floats"
            )
        self.shape: tuple[int, int] = array.shape
        self.ndim = 2
        self.size = array.size
        self.dtype = np.dtype(np.float64 if array.dtype.itemsize > 4 else np.float32)
        self._stored = array.dtype
        self._offset = int(array.offset)
        #: Written column by column (Fortran order): no block of rooms lies together.
        self._mapped = None if array.flags.c_contiguous else array

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, block: slice) -> NDArray[Any]:
        """Rooms `block`, as of an array. DataError if the file has become shorter meanwhile."""
        first, last, _ = block.indices(len(self))
        if self._mapped is not None:
            return np.asarray(self._mapped[first:last], dtype=self.dtype)
        samples = self.shape[1]
        start = self._offset + first * samples * self._stored.itemsize
        values = np.fromfile(self._path, self._stored, (last - first) * samples, offset=start)
        if values.size != (last - first) * samples:
            raise DataError(f"{os.path.basename(self._path)} became shorter while it was read")
        return values.reshape(-1, samples).astype(self.dtype, copy=False)


def open_curves(directory: str, name: str) -> CurveFile:
    """The curves in file `name` of a run directory, (rooms, samples); nothing of it is believed before it is checked.

    Raises:
        FileNotFoundError: there is no such file. RunLogError: it is no plain file, no array of numbers, or shorter
            than it says. DataError: it holds no curves of floats.
    """
    path = os.path.join(directory, name)
    read_header(path)  # before numpy believes it
    return CurveFile(path)
