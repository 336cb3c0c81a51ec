"""The data sets and the errors behind `accuracy.py`: rooms simulated five times over, and curves held against them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from decaylab.cli.progress import SimulationProgress
from decaylab.evaluation.metrics import CurveMetrics, Reference
from decaylab.evaluation.noise import scored_errors
from decaylab.rooms import SimulationSettings, choose_rooms, open_data, read_rooms_csv, simulate_rooms
from decaylab.rooms.store import DataSet

METRICS = ("t20", "edt", "c50", "edc")
DIGITS = {"t20": 4, "edt": 4, "c50": 3, "edc": 5}
Rows = NDArray[np.int64]
Predict = Callable[[Rows, int], NDArray[np.float32]]
#: Of the training rooms, by metric; called only if a prediction is invalid.
Medians = Callable[[], dict[str, float]]


class Errors(NamedTuple):
    """|error| of each room, (n,) by metric (s, s, dB, linear energy), NaN where the target is invalid; the rooms' rows
    in the data set, (n,), and their features, (n, 16).

    A metric that more than 1 % of the predictions have no valid value of is NaN for all rooms; up to 1 % count as the
    median of the training rooms.
    """

    of: dict[str, NDArray[np.float64]]
    rows: Rows
    features: NDArray[np.float64]

    def mean(self, name: str) -> float:
        values = self.of.get(name, np.zeros(0))
        return float(values[np.isfinite(values)].mean()) if np.isfinite(values).any() else np.nan


def simulated(args: argparse.Namespace, folder: Path) -> dict[str, DataSet]:
    """The five data sets: made, gone on with, or found.

    All hold the same rooms in the same order, but for `expected` (16 simulations of each), which holds the first ones.
    """
    table = choose_rooms(read_rooms_csv(args.rooms), args.limit)
    first = table.rows(list(range(min(args.expected, len(table)))))
    usual = SimulationSettings(rays=args.rays)
    mean = SimulationSettings(rays=args.rays, realisations=args.realisations)
    published = SimulationSettings.published(builder="decaylab")
    wanted = {
        "single": (table, usual, 0), "again": (table, usual, 1), "expected": (first, mean, 100),
        "published": (table, published, 0), "published_again": (table, published, 1),
    }  # fmt: skip
    for name, (rooms, settings, seed) in wanted.items():
        source = {"kind": "table", "file": Path(args.rooms).name, "rows": len(rooms)}
        with SimulationProgress(sys.stderr) as progress:
            simulate_rooms(
                folder / name, rooms, seed=seed, settings=settings, jobs=args.jobs, source=source, progress=progress
            )
    return {name: open_data(folder / name) for name in wanted}


def errors_between(reference: DataSet, other: DataSet) -> Errors:
    """|other - reference| of the rooms that both hold; the reference's onset serves both."""
    rows = np.arange(min(len(reference), len(other)))
    return errors_against(reference, rows, lambda block, start: other.read(block), None)


def errors_against(reference: DataSet, rows: Rows, predicted: Predict, medians: Medians | None) -> Errors:
    """Errors of curves against those of the same rooms in `reference`; `predicted(rows, first)` gives a block's.

    `medians`: what invalid predictions count as; None: these are no predictions, and rooms invalid in either are left
    out.
    """
    scores = CurveMetrics(dict)
    for start in range(0, len(rows), 64):
        block = rows[start : start + 64]
        scores.add(predicted(block, start), Reference.of(reference.read(block), reference.sampling_rate))
    of = {name: _errors(name, a, b, medians) for name, (a, b) in scores.parameters().items() if name in METRICS}
    return Errors({**of, "edc": scores.curves()[0]}, rows, reference.features[rows])


def _errors(
    name: str, predicted: NDArray[np.float64], true: NDArray[np.float64], medians: Medians | None
) -> NDArray[np.float64]:
    if medians is None:
        return np.abs(predicted - true)
    is_invalid = (np.isfinite(true) & ~np.isfinite(predicted)).any()
    found = scored_errors(predicted, true, medians()[name] if is_invalid else None)
    return np.full(len(true), np.nan) if found is None else found


def pooled(parts: list[Errors]) -> Errors:
    """Errors of several test sets as one. A metric that one of them has no value of has none: else a model would gain
    by curves that cannot be scored."""

    def joined(name: str) -> NDArray[np.float64]:
        values = np.concatenate([part.of[name] for part in parts])
        lacking = any(len(part.rows) and not np.isfinite(part.of[name]).any() for part in parts)
        return np.full_like(values, np.nan) if lacking else values

    of = {name: joined(name) for name in parts[0].of}
    return Errors(of, *(np.concatenate([part[place] for part in parts]) for place in (1, 2)))
