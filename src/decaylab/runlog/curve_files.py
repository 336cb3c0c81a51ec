"""The stored curves of a run as files: what they are called, why they are not there, and their sampling rate."""

from __future__ import annotations

import math
import os

from decaylab.errors import RunLogError
from decaylab.runlog.pruned import read_pruned
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
