"""What a .npy file says of itself, without numpy and without believing it."""

from __future__ import annotations

import ast
import math
import os
import re
from typing import NamedTuple

from decaylab.errors import RunLogError
from decaylab.runlog.digests import read_pruned
from decaylab.runlog.files import open_regular
from decaylab.runlog.record import Record

#: Predictions and targets: as every run has them, and as the users' multihead program wrote them.
PAIRS = (("predictions.npy", "targets.npy"), ("edc_predictions.npy", "edc_targets.npy"))
#: Of curves whose record tells no sampling rate, in Hz.
USUAL_RATE = 48_000.0


def present_pair(record: Record) -> tuple[str, str] | None:
    """The names of the run's curves, predictions first; None unless both are there."""
    pair = begun_pair(record)
    return pair if pair is not None and not _absent(record, pair) else None


def why_missing(record: Record) -> str:
    """Which of the curves are not there, and whether somebody pruned them; for a run without `present_pair`."""
    missing = _absent(record, begun_pair(record) or PAIRS[0])
    try:
        pruned = read_pruned(record.path)
    except RunLogError:
        pruned = {}
    why = "pruned" if pruned.keys() >= set(missing) else "missing"
    is_one = len(missing) == 1
    verb = ("was" if is_one else "were") if why == "pruned" else ("is" if is_one else "are")
    return f"{' and '.join(missing)} {verb} {why}"


def begun_pair(record: Record) -> tuple[str, str] | None:
    """The first of `PAIRS` of which there is a file at all."""
    return next((pair for pair in PAIRS if len(_absent(record, pair)) < len(pair)), None)


def _absent(record: Record, pair: tuple[str, str]) -> list[str]:
    return [name for name in pair if not os.path.lexists(os.path.join(record.path, name))]


def sampling_rate(record: Record) -> float | None:
    """Of the run's curves, in Hz; None where none is recorded that could be one."""
    rate = record.get("data_config.sampling_rate")
    is_number = isinstance(rate, (int, float)) and not isinstance(rate, bool)
    return float(rate) if is_number and 0 < rate < math.inf else None


_HEADER_LIMIT = 64 * 1024
_SIMPLE_TYPE = re.compile(r"[<>|=][biufc](\d{1,2})\Z")


class ArrayHeader(NamedTuple):
    """Shape and type of an array, and the bytes that its header occupies."""

    shape: tuple[int, ...]
    dtype: str
    offset: int


def read_header(path: str) -> ArrayHeader:
    """Header of a NumPy array file of plain numbers, checked against the file's length.

    Raises:
        FileNotFoundError: there is no such file.
        RunLogError: no array file, an array of objects (which would need pickle), or a header that promises more
            or less than the file holds; the message is the reason.
    """
    name = os.path.basename(path)
    with os.fdopen(open_regular(path), "rb") as file:
        size = os.fstat(file.fileno()).st_size
        start = file.read(12)
        if start[:6] != b"\x93NUMPY" or len(start) < 12:
            raise RunLogError(f"{name} is no NumPy array file")
        long = start[6] >= 2
        length = int.from_bytes(start[8:12] if long else start[8:10], "little")
        offset = (12 if long else 10) + length
        if length > _HEADER_LIMIT or offset > size:
            raise RunLogError(f"{name} has a damaged header")
        file.seek(12 if long else 10)
        text = file.read(length).decode("latin-1")
    try:
        header = ast.literal_eval(text)
        shape, dtype = header["shape"], header["descr"]
    except (ValueError, SyntaxError, KeyError, TypeError, MemoryError, RecursionError) as error:
        raise RunLogError(f"{name} has a damaged header") from error
    match = _SIMPLE_TYPE.match(dtype) if isinstance(dtype, str) else None
    plain = isinstance(shape, tuple) and all(type(n) is int and 0 <= n < 2**48 for n in shape) and len(shape) <= 8
    if match is None or not plain:
        raise RunLogError(f"{name} does not hold plain numbers (type {dtype!r}, shape {shape!r}), which is not read")
    expected = offset + math.prod(shape) * int(match[1])
    if expected != size:
        raise RunLogError(f"{name} promises {expected:,} bytes (shape {shape}) and has {size:,}")
    return ArrayHeader(shape, dtype, offset)
