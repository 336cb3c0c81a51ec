"""NPY and CSV: a 1-D array is one record, a 2-D array one record a row."""

from __future__ import annotations

import tokenize
import warnings
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from decaylab.errors import DataError
from decaylab.responses.record import MOST_VALUES, Contents, Record, as_samples, checked_rate, is_edc

#: What neither file says.
DEFAULT_RATE = 48_000.0
#: Rows shorter than this in a table with more rows than that are columns: the array stands the other way round.
_SHORTEST_ROW = 64
_SEPARATORS = ",;\t"
#: Characters of a CSV's head that are looked at to find its separator and header.
_HEAD = 1 << 16


def read_npy(path: str, sampling_rate: float | None, kind: str) -> Contents:
    """A NumPy file, mapped into memory: larger ones than the memory are read row by row.

    Args:
        path: the file.
        sampling_rate: in Hz; None: 48,000, and a note says so.
        kind: one of `read.KINDS`.

    Raises:
        DataError: no NPY file, one that would run code (pickled objects), or an array that is no list of records.
    """
    try:
        with open(path, "rb") as file:
            if file.read(4) == b"PK\x03\x04":
                raise DataError(f"{path} is an archive of arrays (.npz): save the one array with numpy.save")
        values = np.lib.format.open_memmap(path, mode="r")
    # A header is Python text that NumPy parses: a damaged one raises whatever its parser does.
    except (ValueError, OSError, EOFError, TypeError, SyntaxError, OverflowError, MemoryError, RecursionError) as error:
        raise DataError(f"{path} cannot be read as a NumPy array: {_first_line(error)}") from None
    except (KeyError, AttributeError, tokenize.TokenError) as error:
        raise DataError(f"{path} is a damaged NumPy file: {_first_line(error)}") from None
    return _contents(path, values, sampling_rate, kind)


def read_csv(path: str, sampling_rate: float | None, kind: str) -> Contents:
    """Numbers in text: one a line for one record, or one record a line; `#` begins a comment, a header may come first.

    Separators: comma, semicolon, tab or spaces; the decimal mark is a point.

    Args:
        path: the file, UTF-8.
        sampling_rate: in Hz; None: 48,000, and a note says so.
        kind: one of `read.KINDS`.

    Raises:
        DataError: a cell that is no number, or lines of different length; said with its place.
    """
    try:
        with open(path, encoding="utf-8-sig") as file:
            head = file.read(_HEAD)
        separator, skipped = _layout(head)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an empty file is reported below
            values = np.loadtxt(path, delimiter=separator, skiprows=skipped, encoding="utf-8-sig", ndmin=2)
    except UnicodeDecodeError:
        raise DataError(f"{path} is no text: a CSV of numbers in UTF-8 was expected") from None
    except (ValueError, OSError, MemoryError) as error:
        raise DataError(f"{path} is no table of numbers: {_first_line(error)}") from None
    if values.shape[-1] == 1:
        values = values[:, 0]
    if values.size > MOST_VALUES:
        raise DataError(f"{path} holds {values.size:,} values (limit {MOST_VALUES:,}): save it as .npy")
    return _contents(path, values, sampling_rate, kind)


def _contents(path: str, values: NDArray[np.generic], sampling_rate: float | None, kind: str) -> Contents:
    if values.dtype.kind not in "fiu":
        raise DataError(f"{path} holds {values.dtype}, not real numbers")
    if values.ndim not in (1, 2) or values.size == 0:
        raise DataError(f"{path} has the shape {values.shape}: it needs (samples,) or (records, samples)")
    rows = np.atleast_2d(values)
    if rows.shape[1] < 2:
        raise DataError(f"{path} holds records of {rows.shape[1]} sample: it needs (samples,) or (records, samples)")
    if rows.shape[0] > rows.shape[1] and rows.shape[1] < _SHORTEST_ROW:
        raise DataError(
            f"{path} has the shape {values.shape}, one record a row: {rows.shape[1]} samples each are no decay; "
            "transpose it, or leave only the column of samples"
        )
    notes = []
    if sampling_rate is None:
        notes.append(f"{DEFAULT_RATE:g} Hz taken for the sampling rate; --sampling-rate names another")
    rate = checked_rate(DEFAULT_RATE if sampling_rate is None else sampling_rate, path)
    return Contents(_records(rows, rate, kind, notes), notes)


def _records(rows: NDArray[np.generic], rate: float, kind: str, notes: list[str]) -> Iterator[Record]:
    doubtful: list[int] = []
    for row, values in enumerate(rows):
        samples = as_samples(values)
        is_curve = is_edc(samples, kind)
        if kind == "auto" and not is_curve and samples.min() >= 0 and samples.any():
            doubtful.append(row)
        yield Record(row, 0, samples, rate, is_curve)
    if doubtful:
        where = f"row {doubtful[0]}" + (f" and {len(doubtful) - 1} more" if len(doubtful) > 1 else "")
        notes.append(
            f"{where}: taken for an impulse response although nothing in it is negative: a decay curve would start at "
            "its maximum of 1 and never rise; --kind edc reads it as one"
        )


def _layout(head: str) -> tuple[str | None, int]:
    """The separator (None: spaces) and the number of lines before the numbers."""
    lines = head.splitlines()
    for number, line in enumerate(lines):
        content = line.partition("#")[0].strip()
        if not content:
            continue
        separator = next((mark for mark in _SEPARATORS if mark in content), None)
        if any(_is_number(cell) for cell in content.split(separator)):
            return separator, number
        # A header: the line after it tells the separator.
        following = next((text for text in lines[number + 1 :] if text.strip()), "")
        return next((mark for mark in _SEPARATORS if mark in following), None), number + 1
    return None, 0


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]
