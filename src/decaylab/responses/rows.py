"""The records of `decaylab parameters`: one per file, measurement, channel and band, `None` where there is no value."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from decaylab.acoustics import edc_from_rir, onset_index, response_parameters, room_parameters, usable_bands
from decaylab.acoustics.parameters import PARAMETERS
from decaylab.errors import DataError
from decaylab.responses.read import read_records
from decaylab.responses.record import Record

#: The keys, in their order.
NAMES = (
    "file", "measurement", "channel", "band", "sampling_rate", "onset_s",
    "edt", "t20", "t30", "curvature", "c50", "c80", "d50", "ts", "noise_db_below_peak", "truncation_s",
)  # fmt: skip
BROADBAND = "broadband"

Row = dict[str, str | int | float | None]


def measured_file(
    path: str,
    *,
    sampling_rate: float | None = None,
    kind: str = "auto",
    onset: int | None = None,
    bands: bool = False,
    definitions: str = "iso",
) -> tuple[list[Row], list[str]]:
    """The rows of a file of impulse responses or decay curves, and what there is to say of it.

    Args:
        path: WAV, SOFA, NPY or CSV.
        sampling_rate: in Hz; None: that of the file.
        kind: what the records are, one of `KINDS`.
        onset: sample that is t = 0 in every record; None: found in each.
        bands: a row for each octave band of a response, too.
        definitions: "iso", or "predecessor": broadband, from the start of the file.

    Raises:
        DataError: a file that cannot be read, a record that cannot be measured, or nothing but silence.
        MissingExtraError: what reads this format is not installed.
    """
    contents = read_records(path, sampling_rate=sampling_rate, kind=kind)
    rows: list[Row] = []
    silent, left_out = [], dict[str, None]()
    for record in contents.records:
        try:
            found, missing = _measured(path, record, onset, bands, definitions)
        except DataError as error:
            raise DataError(f"{_place(path, record)}: {error}") from None
        rows += found
        left_out |= dict.fromkeys(missing)
        if not record.samples.any():
            silent.append(record)
    if len(silent) == len(rows):
        raise DataError(f"{path} is silent: there is no decay in it")
    said = [*contents.notes, *(f"{_place('', record)} is silent: no parameters" for record in silent[:3])]
    if len(silent) > 3:
        said.append(f"{len(silent) - 3} more records are silent")
    if left_out:
        said.append(f"{', '.join(left_out)} Hz left out: they reach above half the sampling rate")
    return rows, [f"{path}: {note}" for note in said]


def _measured(
    path: str, record: Record, onset: int | None, bands: bool, definitions: str
) -> tuple[list[Row], list[str]]:
    """The rows of one record, and the names of the bands that its rate does not hold."""
    if record.is_edc:
        if bands:
            raise DataError("a decay curve has no bands: give the impulse response, or leave out --bands")
        return _of_curve(path, record, record.samples, onset, definitions)
    if not record.samples.any():
        return [_row(path, record, BROADBAND, None, {})], []
    if definitions == "predecessor":
        return _of_curve(path, record, edc_from_rir(record.samples), None, definitions)  # from the start of the file
    return _of_response(path, record, onset, bands)


def _place(path: str, record: Record) -> str:
    where = f"measurement {record.measurement}, channel {record.channel}"
    return f"{path}, {where}" if path else where


def _of_curve(
    path: str, record: Record, curve: NDArray[np.floating], onset: int | None, definitions: str
) -> tuple[list[Row], list[str]]:
    """An energy decay curve: broadband, nothing known of its noise."""
    if not math.isfinite(float(curve.sum())):
        raise DataError("the decay curve holds values that are not finite: write it again without them")
    found = room_parameters(
        curve, sampling_rate=record.sampling_rate, onset=onset, names=PARAMETERS, definitions=definitions
    )
    start = onset
    if definitions == "iso" and onset is None:
        start = int(onset_index(curve))
    return [_row(path, record, BROADBAND, start, {name: float(found[name][0]) for name in PARAMETERS})], []


def _of_response(path: str, record: Record, onset: int | None, bands: bool) -> tuple[list[Row], list[str]]:
    """An impulse response, broadband and per band; and the names of the bands left out."""
    kept, left_out = usable_bands(record.sampling_rate) if bands else ([], [])
    rows = []
    for found in response_parameters(record.samples, sampling_rate=record.sampling_rate, onset=onset, bands=kept):
        name = BROADBAND if found.band is None else f"{found.band:g}"
        row = _row(path, record, name, found.onset, found.values)
        row["noise_db_below_peak"] = _number(found.noise_db_below_peak)
        row["truncation_s"] = _seconds(record, found.truncation)
        rows.append(row)
    return rows, [f"{centre:g}" for centre in left_out]


def _row(path: str, record: Record, band: str, onset: int | None, values: dict[str, float]) -> Row:
    rate = record.sampling_rate
    row: Row = dict.fromkeys(NAMES)
    row |= {"file": path, "measurement": record.measurement, "channel": record.channel, "band": band}
    row["sampling_rate"] = int(rate) if rate.is_integer() else rate
    row["onset_s"] = _seconds(record, onset)
    return row | {name: _number(value) for name, value in values.items()}


def _seconds(record: Record, sample: int | None) -> float | None:
    """Time since the file's beginning, its delay included."""
    return None if sample is None else (sample + record.delay) / record.sampling_rate


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
