"""A model against Sabine's and Eyring's formulas on the same rooms, done as fairly as the formulas allow.

    python benchmarks/formulas.py [--model RUN or FILE] [--rooms FILE.csv or --data DIR] [--limit 60] [--rays 16000]

The formulas give T60 per octave band with air absorption; from it a whole decay curve: direct sound, diffuse field at
the level of Barron's revised theory, bands summed with the simulator's weights, cut at 2 s (`acoustics.formulas`).
Then EDT, T20 and C50 of every curve by the same code from the same onset, against one simulation of each room. Without
--model the model that ships; without rooms, rooms as it was trained on, drawn under another seed. Goal: the median
error of the model, in just noticeable differences, below that of both formulas in each parameter. Exits 1 when missed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from against import JUDGED, PEERS, error_figures, score_against
from numpy.typing import NDArray

from decaylab import load_model
from decaylab.cli.progress import SimulationProgress
from decaylab.inference import Predictor
from decaylab.rooms import (
    DataSet,
    SimulationSettings,
    choose_rooms,
    draw_wide_rooms,
    open_data,
    read_rooms_csv,
    simulate_rooms,
)

#: Of the rooms that are drawn: the shipped model's own have seed 0.
SEED = 77
FORMULAS = ("sabine", "eyring")


def main() -> int:
    """Parse the options, simulate what is not there, print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", metavar="RUN", help="a run's directory, a checkpoint or an ONNX file")
    rooms = parser.add_mutually_exclusive_group()
    rooms.add_argument("--rooms", metavar="FILE.csv", help="a table in the published format")
    rooms.add_argument("--data", metavar="DIR", help="a data set of it, simulated already")
    parser.add_argument("--limit", type=int, default=60, help="rooms (default: 60)")
    parser.add_argument("--rays", type=int, default=16_000)
    args = parser.parse_args()
    torch.set_num_threads(1)
    model = load_model(args.model)
    with tempfile.TemporaryDirectory() as folder:
        data = open_data(args.data) if args.data else simulated(args, Path(folder) / "rooms")
        rows = np.arange(len(data))[: args.limit]
        scores = score_against(data, rows, {"model": lambda rooms: curves(model, rooms), **PEERS})
    figures = {name: error_figures(of) for name, of in scores.items()}
    print(f"{len(rows)} rooms, {model.about.name} in {model.backend}, broadband; |error| against one simulation")
    print(f"  {'':<4} {'by':<8} {'MAE':>9} {'bias':>9}   in JND: median    75 %    90 %   within one   not valid")
    for name in JUDGED:
        for way, found in figures.items():
            print(line(name, way, found[name]))
    reached = all(
        figures["model"][name]["jnd"][0] < figures[formula][name]["jnd"][0] for name in JUDGED for formula in FORMULAS
    )
    print(f"goal (median error below both formulas'): {'reached' if reached else 'NOT reached'}")
    return 0 if reached else 1


def simulated(args: argparse.Namespace, folder: Path) -> DataSet:
    """The rooms asked for, simulated."""
    table = choose_rooms(read_rooms_csv(args.rooms), args.limit) if args.rooms else draw_wide_rooms(args.limit, SEED)
    with SimulationProgress(sys.stderr) as progress:
        simulate_rooms(folder, table, seed=SEED, settings=SimulationSettings(rays=args.rays), progress=progress)
    return open_data(folder)


def curves(model: Predictor, rooms: NDArray[np.float64]) -> NDArray[np.float32]:
    """What the model says."""
    drawn = model.predict(rooms).curves
    assert drawn is not None
    return drawn


def line(name: str, way: str, found: dict[str, Any]) -> str:
    """One row of the table."""
    unit, digits = ("dB", 3) if name == "c50" else ("s", 4)
    jnd = " ".join(f"{value:7.2f}" for value in found["jnd"])
    return (
        f"  {name:<4} {way:<8} {found['mae']:7.{digits}f} {unit:<2}{found['bias']:8.{digits}f}  {jnd:>32}   "
        f"{found['within_jnd']:10.0%}   {found['invalid']:4d} of {found['rooms'] + found['invalid']}"
    )


if __name__ == "__main__":
    sys.exit(main())
