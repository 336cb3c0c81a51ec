"""WAV, and whatever else libsndfile reads: any rate, sample format and number of channels."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from decaylab.errors import DataError, MissingExtraError
from decaylab.responses.record import MOST_VALUES, Contents, Record, as_samples, checked_rate, is_edc

#: How libsndfile reports a chunk that is longer than the file; a length of 0 or of all ones is that of a live stream.
_SHORT = re.compile(r"data\s*: (\d+|0x[0-9a-fA-F]+) \(should be (\d+)\)")
_STREAMED = {0, 0xFFFFFFFF, 0x7FFFFFFF, 0x7FFFF000}


def read_audio(path: str, sampling_rate: float | None, kind: str) -> Contents:
    """The channels of an audio file, each a record. Integer formats are scaled to -1 .. 1.

    Args:
        path: the file.
        sampling_rate: in Hz, instead of the file's; None: the file's.
        kind: one of `read.KINDS`.

    Raises:
        MissingExtraError: soundfile is not installed. DataError: no audio file, a truncated one, or a recording of
            more than 2^28 values.
    """
    try:
        import soundfile
    except (ImportError, OSError):  # OSError: the package is there, its library is not
        raise MissingExtraError("soundfile", "measure", f"reading {path}") from None
    try:
        with soundfile.SoundFile(path) as file:
            _check_whole(path, file.extra_info)
            if file.frames * file.channels > MOST_VALUES:
                raise DataError(f"{path} is a recording of {file.frames:,} samples, not an impulse response")
            own_rate = float(file.samplerate)
            values = file.read(dtype="float64", always_2d=True)
    except (soundfile.SoundFileError, ValueError, OSError) as error:
        reason = getattr(error, "error_string", None) or str(error)
        raise DataError(f"{path} cannot be read as audio: {reason.strip().rstrip('.')}") from None
    if len(values) < 2:
        raise DataError(f"{path} holds {len(values)} samples: there is no response in it")
    notes = []
    if sampling_rate is not None and sampling_rate != own_rate:
        notes.append(f"its own sampling rate, {own_rate:g} Hz, is put aside for {sampling_rate:g} Hz")
    rate = checked_rate(own_rate if sampling_rate is None else sampling_rate, path)
    return Contents(_records(values, rate, kind), notes)


def _records(values: NDArray[np.float64], rate: float, kind: str) -> Iterator[Record]:
    for channel, column in enumerate(values.T):
        samples = as_samples(np.ascontiguousarray(column))
        yield Record(0, channel, samples, rate, is_edc(samples, kind))


def _check_whole(path: str, log: str) -> None:
    """libsndfile reads on silently where a file is shorter than its header says; half a response has other times."""
    found = _SHORT.search(log)
    if found is None:
        return
    said, there = int(found[1], 0), int(found[2])
    if said > there and said not in _STREAMED:
        raise DataError(f"{path} is truncated: {said:,} bytes of samples announced, {there:,} there; copy it again")
