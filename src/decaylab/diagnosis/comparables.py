"""Runs that say what a run could have reached: the same data, and how their settings differ."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from decaylab.catalogue.settings import SETTINGS
from decaylab.runlog.derived import UNFINISHED
from decaylab.runlog.find import test_set
from decaylab.runlog.reading import number
from decaylab.runlog.record import Record

#: The settings that decide what a training reaches, by short name or path; and those of them that null means off.
DECIDING = (*(setting.field for setting in SETTINGS if setting.decides), "train_size")
_OFF = {setting.field for setting in SETTINGS if setting.decides and setting.optional}
_SIZES = ("train_size", "val_size", "test_size", "data_config.output_length")
#: What is taken of every other run; the index of a large folder keeps these in columns.
FIELDS = (
    *DECIDING, *_SIZES, "status", "data_digest", "test_split", "edc_mae", "edc_r2", "t20_mae", "t20_r2",
    "best_val_loss", "epochs", "duration", "training_config.training_duration_seconds", "num_workers",
    "data_config.path", "environment.device",
)  # fmt: skip
#: A run with so many times less error is better by more than the noise of small test parts.
CLEARLY = 2.0


class Contrast(NamedTuple):
    """A clearly better run, and the settings that differ: name -> (here, there)."""

    run: Record
    settings: dict[str, tuple[Any, Any]]


def same_data(record: Record, others: Sequence[Record]) -> tuple[list[Record], str]:
    """The ended runs that were tested on the same rows, and how that is known.

    A record that names no data set is compared with those that have the same sizes, and that is said.
    """
    ended = [
        run
        for run in others
        if run.run_id != record.run_id and run.status not in (*UNFINISHED, "unreadable") and mae_of(run) is not None
    ]
    digest, split = test_set(record)
    if digest is not None and split is not None:
        return [run for run in ended if test_set(run) == (digest, split)], "same data set and test rows"
    sizes = [number(record.get(name)) for name in _SIZES]
    if sizes[2] is None or sizes[3] is None:
        return [], ""
    alike = [run for run in ended if [number(run.get(name)) for name in _SIZES] == sizes]
    return alike, "same sizes; the record names no data set"


def mae_of(run: Record) -> float | None:
    """The EDC's MAE, where it is a figure."""
    value = number(run.get("edc_mae"))
    return float(value) if value is not None and 0 < value < math.inf else None


def differing(record: Record, other: Record) -> dict[str, tuple[Any, Any]]:
    """Deciding settings that differ: those that both record, and those that null means off."""
    found: dict[str, tuple[Any, Any]] = {}
    for name in DECIDING:
        here, there = record.get(name), other.get(name)
        stated = here is not None and there is not None
        if here != there and (stated or name in _OFF):
            found[name] = (here, there)
    return found


def contrast(record: Record, runs: Sequence[Record]) -> Contrast | None:
    """The clearly better run of the same model that differs in the fewest settings; None where there is none."""
    own = mae_of(record)
    better = [
        Contrast(run, differing(record, run))
        for run in runs
        if (mae := mae_of(run)) is not None
        and (own is None or mae * CLEARLY <= own)
        and run.model == record.model
        and not (number(run.get("edc_r2")) or 0) < 0
    ]
    return min((found for found in better if found.settings), key=lambda found: len(found.settings), default=None)
