"""Predicting rooms against simulating them with 16,000 rays, side by side, on one core.

    python benchmarks/prediction_speed.py [--model RUN or FILE] [--rooms FILE.csv] [--limit 40] [--rays 16000]

The same rooms by pyroomacoustics called in a plain loop, by the builder of `decaylab simulate`, by a model for the
parameters alone, and by it for whole curves of 96,000 samples with their parameters. They take turns, a batch of rooms
each, in one process and on one thread; processor time, so that other work on the machine weighs less. Without --model
the model that ships. Goal: at least 100 times as fast as the library, for parameters and for curves. Exits 1 when it is
missed. What our own builder takes stands beside it: it is several times faster than the library itself.
"""

from __future__ import annotations

import argparse
import sys
import time

import torch
from numpy.typing import NDArray
from simulation_speed import plain

from decaylab import load_model
from decaylab.inference import Predictor
from decaylab.rooms import SimulationSettings, choose_rooms, draw_rooms, read_rooms_csv, simulate_edc

PLAIN, BUILDER = "pyroomacoustics in a loop", "decaylab simulate's builder"
PARAMETERS, CURVES = "predicted parameters", "predicted curves and parameters"
GOAL = 100.0
#: Rooms of one turn.
BATCH = 4
#: Predictions of a turn are repeated: a clock tick is as long as one of them.
REPEATS = 5


def main() -> int:
    """Parse the options, measure, print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", metavar="RUN", help="a run's directory, a checkpoint or an ONNX file")
    parser.add_argument("--rooms", metavar="FILE.csv", help="a table in the published format (default: drawn rooms)")
    parser.add_argument("--limit", type=int, default=40, help="rooms (default: 40)")
    parser.add_argument("--rays", type=int, default=16_000)
    args = parser.parse_args()
    torch.set_num_threads(1)
    model = load_model(args.model)
    table = choose_rooms(read_rooms_csv(args.rooms), args.limit) if args.rooms else draw_rooms(args.limit, seed=0)
    spent = measure(model, table.features, args.rays)
    print(f"{len(table)} rooms, {args.rays:,} rays, {model.about.name} in {model.backend}, one core, processor time")
    for name, seconds in spent.items():
        ratios = f"{spent[PLAIN] / seconds:7.1f} x the library  {spent[BUILDER] / seconds:7.1f} x the builder"
        print(f"  {name:<33} {1e3 * seconds / len(table):8.2f} ms a room  {ratios}")
    reached = all(spent[PLAIN] >= GOAL * spent[name] for name in (PARAMETERS, CURVES))
    print(f"goal (at least {GOAL:g} x as fast as the library): {'reached' if reached else 'NOT reached'}")
    return 0 if reached else 1


def measure(model: Predictor, rooms: NDArray, rays: int) -> dict[str, float]:
    """Seconds of processor time that each way takes for all rooms."""
    settings = SimulationSettings(rays=rays)
    ways = {
        PLAIN: (lambda batch: [plain(room, rays) for room in batch], 1),
        BUILDER: (lambda batch: [simulate_edc(room, 0, settings) for room in batch], 1),
        PARAMETERS: (lambda batch: model.predict(batch, curves=False), REPEATS),
        CURVES: (model.predict, REPEATS),
    }
    for way, _ in ways.values():
        way(rooms[:1])  # imports, tables
    spent = dict.fromkeys(ways, 0.0)
    for first in range(0, len(rooms), BATCH):
        for name, (way, repeats) in ways.items():
            start = time.process_time()
            for _ in range(repeats):
                way(rooms[first : first + BATCH])
            spent[name] += (time.process_time() - start) / repeats
    return spent


if __name__ == "__main__":
    sys.exit(main())
