"""What a file holds, whatever its format."""

from __future__ import annotations

import math
import os
import stat
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from decaylab.errors import DataError

#: Rates that anything is recorded with; a rate far beyond would make arrays beyond all memory.
RATES = (1.0, 1e7)
#: A file of more values than this (2 GiB as float64) is refused unread, unless it is mapped into memory (NPY).
MOST_VALUES = 1 << 28


class Record(NamedTuple):
    """One impulse response or decay curve.

    measurement, channel: counted from 0; the row of a 2-D array is its measurement.
    samples: (samples,), as stored. sampling_rate: in Hz. is_edc: a decay curve, else a response.
    delay: samples by which the response begins later than its first sample (SOFA's Data.Delay).
    """

    measurement: int
    channel: int
    samples: NDArray[np.floating]
    sampling_rate: float
    is_edc: bool
    delay: float = 0.0


class Contents(NamedTuple):
    """What a file holds: `records`, in order, and `notes`, what its user should be told about it, a sentence each."""

    records: Iterator[Record]
    notes: list[str]


def is_edc(samples: NDArray[np.floating], kind: str) -> bool:
    """Whether this is read as a decay curve. "auto": it starts at its maximum of 1, never rises, is never negative."""
    if kind != "auto":
        return kind == "edc"
    return bool(samples.size > 1 and samples[0] == 1.0 and samples[-1] >= 0 and (samples[1:] <= samples[:-1]).all())


def checked_rate(rate: float, path: str) -> float:
    """The rate, or DataError for one that nothing is sampled with.

    Raises:
        DataError: below 1 Hz, above 10 MHz, or no number.
    """
    if not (math.isfinite(rate) and RATES[0] <= rate <= RATES[1]):
        raise DataError(f"{path}: a sampling rate of {rate:g} Hz cannot be; give the right one with --sampling-rate")
    return rate


def check_regular(path: str) -> None:
    """DataError unless this is a regular file that holds something.

    Raises:
        DataError: no such file, a directory, no regular file, or an empty one.
    """
    try:
        found = os.stat(path)
    except FileNotFoundError:
        raise DataError(f"no file {path}") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if stat.S_ISDIR(found.st_mode):
        raise DataError(f"{path} is a directory: name the files in it")
    if not stat.S_ISREG(found.st_mode):
        raise DataError(f"{path} is no regular file")
    if found.st_size == 0:
        raise DataError(f"{path} is empty")


def as_samples(values: ArrayLike) -> NDArray[np.floating]:
    """Integers as float64; float32 and float64 stay, and are not copied."""
    array = np.asarray(values)
    return array if array.dtype in (np.float32, np.float64) else array.astype(np.float64)
