"""The records of `decaylab parameters`: one per file, measurement, channel and band, `None` where there is no value."""

from __future__ import annotations

import math

from decaylab.acoustics import edc_from_rir, onset_index, response_parameters, room_parameters, usable_bands
from decaylab.acoustics.parameters import PARAMETERS
from decaylab.errors import DataError
from decaylab.responses import Record

#: The keys, in their order.
NAMES = (
    "file", "measurement", "channel", "band", "sampling_rate", "onset_s",
    "edt", "t20", "t30", "curvature", "c50", "c80", "d50", "ts", "noise_db_below_peak", "truncation_s",
)  # fmt: skip
BROADBAND = "broadband"

Row = dict[str, str | int | float | None]


def of_curve(path: str, record: Record, onset: int | None, definitions: str) -> Row:
    """An energy decay curve: broadband, nothing known of its noise.

    Raises:
        DataError: an onset outside the curve, or values that are not finite.
    """
    if not math.isfinite(float(record.samples.sum())):
        raise DataError("the decay curve holds values that are not finite: write it again without them")
    found = room_parameters(
        record.samples, sampling_rate=record.sampling_rate, onset=onset, names=PARAMETERS, definitions=definitions
    )
    start = None
    if definitions == "iso":
        start = int(onset_index(record.samples)) if onset is None else onset
    values = {name: float(found[name][0]) for name in PARAMETERS}
    return _row(path, record, BROADBAND, start, values)


def of_predecessor(path: str, record: Record) -> Row:
    """A response under the predecessor's definitions: its curve over all of it, from the start of the file."""
    found = room_parameters(
        edc_from_rir(record.samples), sampling_rate=record.sampling_rate, names=PARAMETERS, definitions="predecessor"
    )
    return _row(path, record, BROADBAND, None, {name: float(found[name][0]) for name in PARAMETERS})


def of_response(path: str, record: Record, onset: int | None, bands: bool) -> tuple[list[Row], list[str]]:
    """An impulse response, broadband and per band; and the names of the bands left out.

    Raises:
        DataError: what `response_parameters` cannot use.
    """
    kept, left_out = usable_bands(record.sampling_rate) if bands else ([], [])
    rows = []
    for found in response_parameters(record.samples, sampling_rate=record.sampling_rate, onset=onset, bands=kept):
        name = BROADBAND if found.band is None else f"{found.band:g}"
        row = _row(path, record, name, found.onset, found.values)
        row["noise_db_below_peak"] = _number(found.noise_db_below_peak)
        row["truncation_s"] = _seconds(record, found.truncation)
        rows.append(row)
    return rows, [f"{centre:g}" for centre in left_out]


def silence(path: str, record: Record) -> Row:
    """A channel in which nothing was recorded."""
    return _row(path, record, BROADBAND, None, {})


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
