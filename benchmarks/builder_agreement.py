"""Our own builder of responses against pyroomacoustics': do they differ by more than two seeds of the library do?

    python benchmarks/builder_agreement.py [--rooms FILE.csv] [--limit 300] [--rays 16000] [--jobs 2]

Each room four times: both builders under seed A and under seed B. Mean |difference| / sqrt 2 is what a perfect
predictor would be off by; bias is the mean of own - library under the same seed. 95 % intervals, by resampling whole
geometries. Goal, for T20, EDT, C50 and the EDC: under two seeds own and library differ by no more than the library from
itself (its interval's upper end), and the bias is less than a fiftieth of that. Exits 1 otherwise.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys

import joblib
import numpy as np
from numpy.typing import NDArray

from decaylab.acoustics import room_parameters
from decaylab.evaluation.bootstrap import Interval, bootstrap_mean
from decaylab.rooms import RoomTable, SimulationSettings, choose_rooms, draw_rooms, read_rooms_csv
from decaylab.rooms.features import SIZE
from decaylab.rooms.simulate import simulate_edc

NAMES = ("t20", "edt", "c50")
UNITS = {"t20": "s", "edt": "s", "c50": "dB", "edc": ""}
#: Largest bias, as a share of the noise of the labels.
ALLOWED_BIAS = 0.02


def main() -> int:
    """Parse the options, simulate, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rooms", metavar="FILE.csv", help="a table in the published format (default: drawn rooms)")
    parser.add_argument("--limit", type=int, default=300, help="number of rooms (default: 300)")
    parser.add_argument("--rays", type=int, default=16_000)
    parser.add_argument("--jobs", type=int, default=2)
    args = parser.parse_args()
    table = choose_rooms(read_rooms_csv(args.rooms), args.limit) if args.rooms else draw_rooms(args.limit, seed=0)
    settings = SimulationSettings(rays=args.rays)
    with joblib.parallel_config(backend="loky", inner_max_num_threads=1):
        tasks = (joblib.delayed(four_times)(room, settings) for room in table.features)
        results = joblib.Parallel(n_jobs=args.jobs)(tasks)
    values, edcs = (np.array(part) for part in zip(*results, strict=True))
    return report(table, values, edcs)


def four_times(
    features: NDArray[np.float64], settings: SimulationSettings
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of library A and B, own A and B: parameters (4, 3), and mean |EDC difference| of each from each (4, 4)."""
    curves = np.stack(
        [
            simulate_edc(features, seed, dataclasses.replace(settings, builder=builder))
            for builder in ("pyroomacoustics", "decaylab")
            for seed in (0, 1)
        ]
    )
    values = room_parameters(curves, names=NAMES)
    return np.stack([values[name] for name in NAMES], axis=1), np.array(
        [[np.abs(a - b).mean(dtype=np.float64) for a in curves] for b in curves]
    )


def report(table: RoomTable, values: NDArray[np.float64], edcs: NDArray[np.float64]) -> int:
    """Print one table; 0 if the goals are reached. values (rooms, 4, 3), edcs (rooms, 4, 4)."""
    print(f"{len(table)} rooms; mean |difference| / sqrt 2 [95 % interval]\n")
    print("| | library A, library B | library A, own B | library B, own A | same seed | bias |")
    print("|---|---|---|---|---|---|")
    missed = []
    for column, name in enumerate((*NAMES, "edc")):
        of_name = None if name == "edc" else values[:, :, column]
        valid = np.ones(len(table), dtype=bool) if of_name is None else np.isfinite(of_name).all(axis=1)
        clusters = table.features[valid][:, SIZE]
        apart = edcs if of_name is None else np.abs(of_name[:, :, None] - of_name[:, None, :])
        noise = apart[valid] / 2**0.5
        itself = bootstrap_mean(noise[:, 0, 1], clusters)
        crossed = [bootstrap_mean(noise[:, 0, 3], clusters), bootstrap_mean(noise[:, 1, 2], clusters)]
        same = bootstrap_mean((noise[:, 0, 2] + noise[:, 1, 3]) / 2.0, clusters)
        cells = [shown(itself), *map(shown, crossed), shown(same)]
        good = all(interval.value <= itself.high for interval in crossed)
        if of_name is None:  # its differences have no sign
            cells.append("-")
        else:
            bias = bootstrap_mean((of_name[valid, 2:] - of_name[valid, :2]).mean(axis=1), clusters)
            cells.append(shown(bias))
            good &= abs(bias.value) <= ALLOWED_BIAS * itself.value
        print(f"| {name.upper()} {UNITS[name]} ({valid.sum()}) | {' | '.join(cells)} |")
        missed += [] if good else [name]
    print(f"\ngoal (no more than two seeds, no bias): {'NOT reached: ' + ', '.join(missed) if missed else 'reached'}")
    return 1 if missed else 0


def shown(interval: Interval) -> str:
    """Three digits each."""
    return f"{interval.value:.3g} [{interval.low:.3g}, {interval.high:.3g}]"


if __name__ == "__main__":
    sys.exit(main())
