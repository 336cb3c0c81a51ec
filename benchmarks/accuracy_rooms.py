"""The data sets and the errors behind `accuracy.py`: rooms simulated five times over, and curves held against them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from decaylab.cli.simulation_progress import SimulationProgress
from decaylab.evaluation.metrics import CurveMetrics, Reference
from decaylab.rooms import SimulationSettings, choose_rooms, open_data, read_rooms_csv, simulate_rooms
from decaylab.rooms.store import DataSet

METRICS = ("t20", "edt", "c50", "edc")
DIGITS = {"t20": 4, "edt": 4, "c50": 3, "edc": 5}
Rows = NDArray[np.int64]
Predict = Callable[[Rows, int], NDArray[np.float32]]


class Errors(NamedTuple):
    """|error| of each room and metric, NaN where invalid; the rooms' rows, and their sizes, (n, 3)."""

    of: dict[str, NDArray[np.float64]]
    rows: Rows
    sizes: NDArray[np.float64]

    def mean(self, name: str) -> float:
        return float(np.nanmean(self.of[name])) if name in self.of else np.nan


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
    return errors_against(reference, np.arange(min(len(reference), len(other))), lambda block, start: other.read(block))


def errors_against(reference: DataSet, rows: Rows, predicted: Predict) -> Errors:
    """Errors of curves against those of the same rooms in `reference`; `predicted(rows, first)` gives a block's."""
    scores = CurveMetrics(dict)
    for start in range(0, len(rows), 64):
        block = rows[start : start + 64]
        scores.add(predicted(block, start), Reference.of(reference.read(block), reference.sampling_rate))
    of = {name: np.abs(a - b) for name, (a, b) in scores.parameters().items() if name in METRICS}
    return Errors({**of, "edc": scores.curves()[0]}, rows, reference.features[rows][:, :3])


def pooled(parts: list[Errors]) -> Errors:
    """Errors of several test sets as one."""
    of = {name: np.concatenate([part.of[name] for part in parts]) for name in parts[0].of}
    return Errors(of, np.concatenate([part.rows for part in parts]), np.concatenate([part.sizes for part in parts]))
