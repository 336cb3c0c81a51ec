"""A file of responses or curves, by the end of its name."""

from __future__ import annotations

import os
from collections.abc import Callable

from decaylab.errors import DataError, InputError
from decaylab.responses.arrays import read_csv, read_npy
from decaylab.responses.audio import read_audio
from decaylab.responses.record import Contents, check_regular
from decaylab.responses.sofa import read_sofa

#: auto: an array that starts at its maximum of 1 and never rises is a curve, anything else a response.
KINDS = ("auto", "rir", "edc")

_READERS: dict[str, Callable[[str, float | None, str], Contents]] = {
    **dict.fromkeys((".wav", ".wave", ".w64", ".rf64", ".flac", ".aif", ".aiff", ".caf"), read_audio),
    ".sofa": read_sofa,
    ".npy": read_npy,
    **dict.fromkeys((".csv", ".txt", ".tsv"), read_csv),
}


def read_records(path: str, *, sampling_rate: float | None = None, kind: str = "auto") -> Contents:
    """The records of a file; their notes are complete when the last record has been read.

    Args:
        path: WAV (or AIFF, FLAC, W64, CAF), SOFA, NPY or CSV, told by its suffix.
        sampling_rate: in Hz; None: the file's, 48,000 for NPY and CSV.
        kind: one of `KINDS`.

    Raises:
        InputError: an unknown kind. DataError: no such file, a suffix that is not known, a file that cannot be read.
        MissingExtraError: what reads this format is not installed.
    """
    if kind not in KINDS:
        raise InputError(f"unknown kind '{kind}': choose from {', '.join(KINDS)}")
    check_regular(path)
    suffix = os.path.splitext(path)[1].lower()
    if suffix not in _READERS:
        raise DataError(f"{path}: the format is told by the suffix; known are {', '.join(_READERS)}")
    return _READERS[suffix](path, sampling_rate, kind)
