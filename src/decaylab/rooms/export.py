"""A data set written in the published layout, whole or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from decaylab.acoustics import EDC_SAMPLES, SAMPLING_RATE
from decaylab.errors import DataError, InputError
from decaylab.rooms.dataset import DataSet
from decaylab.rooms.files import check_space, disk_errors, replace_file
from decaylab.rooms.published import CURVES, TABLE
from decaylab.rooms.tables import rooms_text

#: Bytes of a file of one curve, its header included, in whole blocks of a disk.
_FILE_BYTES = -(-(EDC_SAMPLES * 4 + 128) // 4096) * 4096

#: Longest file name in bytes that common file systems take.
_NAME_BYTES = 255


def export_published(data: DataSet, target: str | Path, progress: Callable[[int, int], None] | None = None) -> int:
    """Write `roomFeaturesDataset.csv` and `EDC/<id>.npy`, each (96000,) float32; returns the bytes of the curves.

    The folder is made under another name beside its place and renamed when every file is on the disk. `open_data` of
    it gives the same ids, features and curves, bit for bit; manifest, seeds and settings have no place in this layout.

    Args:
        data: of either format; of a published one what it left out stays out.
        target: a folder that does not exist yet.
        progress: called with (done, all) after each curve.

    Raises:
        InputError: the target exists. DataError: ids that are no file names, curves of another length or rate, no
            space, or a disk that cannot be written. Whatever ends it, nothing of it stays.
    """
    folder = Path(target)
    if os.path.lexists(folder):
        raise InputError(f"{folder} is there already: give --out a folder that does not exist yet")
    if (data.samples, data.sampling_rate) != (EDC_SAMPLES, SAMPLING_RATE):
        raise DataError(
            f"{data.path} has curves of {data.samples} samples at {data.sampling_rate} Hz; the published layout holds "
            f"{EDC_SAMPLES} at {SAMPLING_RATE}"
        )
    _check_names(data.ids)
    folder = folder.absolute()
    with disk_errors(folder, "nothing of it was kept. Make room first"):
        folder.parent.mkdir(parents=True, exist_ok=True)
        check_space(folder, len(data), _FILE_BYTES, folder.parent)
        with _beside(folder) as unfinished:
            size = _write(data, unfinished, progress)
            if os.path.lexists(folder):  # a rename would replace an empty folder
                raise InputError(f"{folder} appeared while it was written: give --out another folder")
            os.rename(unfinished, folder)
        _sync_folder(folder.parent)
    return size


def _write(data: DataSet, folder: Path, progress: Callable[[int, int], None] | None) -> int:
    curves = folder / CURVES
    curves.mkdir()
    size = 0
    for row, room in enumerate(data.ids):
        size += _write_curve(curves / f"{room}.npy", data.read([row])[0])
        if progress is not None:
            progress(row + 1, len(data))
    replace_file(folder / TABLE, rooms_text(data.table))
    for made in (curves, folder):
        _sync_folder(made)
    return size


def _write_curve(file: Path, curve: NDArray[np.float32]) -> int:
    try:
        opened = open(file, "xb")  # noqa: SIM115 - closed two lines below; "x": never over another room's curve
    except FileExistsError:
        raise DataError(f"two ids are one file name on this disk, {file.name}: rename one of the rooms") from None
    with opened as stream:
        np.save(stream, np.ascontiguousarray(curve, dtype="<f4"), allow_pickle=False)
        stream.flush()
        os.fsync(stream.fileno())
        return stream.tell()


def _check_names(ids: list[str]) -> None:
    """Refuse ids that cannot be joined again: not one per file, or not a file's name."""
    counts = Counter(ids)
    wrong = [f"{room!r} is there twice" for room, count in counts.items() if count > 1]
    for room in counts:
        if not room or any(sign in room for sign in "/\\\0\n\r"):
            wrong.append(f"{room!r} is no file name")
        elif len(f"{room}.npy".encode()) > _NAME_BYTES:
            wrong.append(f"{room[:20]!r}... is too long for a file name")
    if wrong:
        rest = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise DataError(f"the published layout has a file per id: {', '.join(wrong[:3])}{rest}. Rename these rooms")


@contextlib.contextmanager
def _beside(folder: Path) -> Iterator[Path]:
    """A new folder beside this one, on the same disk; gone afterwards unless it was renamed."""
    unfinished = folder.with_name(f".{folder.name}.exporting-{os.getpid()}")
    unfinished.mkdir()
    try:
        yield unfinished
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _sync_folder(folder: Path) -> None:
    """Put a folder's entries on the disk, where the system can."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
