"""Parameters of arrays that hold impulse responses or decay curves, for a person with a notebook."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from decaylab.acoustics import response_parameters, room_parameters
from decaylab.acoustics.parameters import PARAMETERS
from decaylab.errors import DataError, InputError
from decaylab.responses.read import KINDS
from decaylab.responses.record import as_samples, is_edc


def parameters(
    samples: ArrayLike,
    sampling_rate: float,
    *,
    kind: str = "auto",
    onset: int | None = None,
    bands: Sequence[float] = (),
) -> dict[str, NDArray[np.float64]]:
    """EDT, T20, T30, curvature, C50, C80, D50 and Ts by ISO 3382-1:2009, as `decaylab parameters` has them of files.

    `decaylab.parameters(response, 48_000)["t20"]` is the T20 of one response in seconds. Definitions and what makes a
    value invalid: `acoustics.response_parameters` for responses, `acoustics.room_parameters` for curves.

    Args:
        samples: (..., samples), each record an impulse response (any linear unit) or an energy decay curve (linear
            energy).
        sampling_rate: in Hz.
        kind: "rir", "edc", or "auto": a record that starts at its maximum of 1 and never rises is a curve.
        onset: sample that is t = 0 in every record; None: found in each.
        bands: centres of octave bands in Hz, of responses only; which there are: `acoustics.usable_bands`.

    Returns:
        Name -> float64 (...), or with `bands` (..., 1 + bands), broadband first: seconds, C50 and C80 in dB, D50 a
        ratio, curvature in per cent. NaN where invalid; a silent record is NaN throughout.

    Raises:
        InputError: an unknown kind, or a sampling rate that is no number above 0.
        DataError: records of fewer than two samples or with values that are not finite, an onset outside, bands of a
            curve, or a band that the rate does not hold.
    """
    if kind not in KINDS:
        raise InputError(f"unknown kind '{kind}': choose from {', '.join(KINDS)}")
    if not (math.isfinite(sampling_rate) and sampling_rate > 0):
        raise InputError(f"a sampling rate of {sampling_rate} Hz cannot be: give a number above 0")
    values = as_samples(samples)
    if values.ndim == 0 or values.shape[-1] < 2:
        raise DataError(f"the array has the shape {values.shape}: it needs (samples,) or (records, samples)")
    records = values.reshape(-1, values.shape[-1])
    found = np.full((len(PARAMETERS), len(records), 1 + len(bands)), np.nan)
    for number, record in enumerate(records):
        try:
            found[:, number] = _of_record(record, sampling_rate, kind, onset, bands)
        except DataError as error:
            raise DataError(f"record {number}: {error}") from None
    shape = (*values.shape[:-1], 1 + len(bands)) if bands else values.shape[:-1]
    return {name: found[place].reshape(shape) for place, name in enumerate(PARAMETERS)}


def _of_record(
    record: NDArray[np.floating], sampling_rate: float, kind: str, onset: int | None, bands: Sequence[float]
) -> NDArray[np.float64]:
    """The values of `PARAMETERS`, (parameters, 1 + bands)."""
    if not np.isfinite(record).all():
        raise DataError("it holds values that are not finite")
    if not record.any():
        return np.full((len(PARAMETERS), 1 + len(bands)), np.nan)
    if is_edc(record, kind):
        if bands:
            raise DataError("a decay curve has no bands: give the impulse response")
        of_curve = room_parameters(record, sampling_rate=sampling_rate, onset=onset, names=PARAMETERS)
        return np.array([of_curve[name] for name in PARAMETERS])
    of_response = response_parameters(record, sampling_rate=sampling_rate, onset=onset, bands=bands)
    return np.array([[band.values[name] for band in of_response] for name in PARAMETERS])
