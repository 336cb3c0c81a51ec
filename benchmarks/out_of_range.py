"""Rooms unlike those of the training: what a model is off there, and what its simulator is.

    python benchmarks/out_of_range.py RUN [--limit N] [--only distance]

RUN is a run's directory or a checkpoint, of the published rooms say. Rooms are drawn in groups by what is unlike the
training's (volume, absorption, distance, unequal bands; other inputs may lie outside as well), and simulated: the mean
of four simulations is the reference, another one shows what a single simulation is off. On some of them image sources
go up to order 20
instead of 3: what the labels themselves owe to that choice. Broadband parameters, mean absolute differences.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray

from decaylab import load_model
from decaylab.acoustics import SAMPLING_RATE, onset_index, room_parameters
from decaylab.acoustics.jnd import just_noticeable
from decaylab.rooms import SimulationSettings, simulate_edc
from decaylab.rooms.draw import estimated_t20

NAMES = ("t20", "edt", "c50")
UNITS = {"t20": "s", "edt": "s", "c50": "dB"}
Room = NDArray[np.float64]


def box(rng: np.random.Generator, volume: tuple[float, float]) -> Room:
    """Length, width and height of a room of this volume, (3,): sides in proportions up to 1 : 2."""
    shape = rng.uniform(1.0, 2.0, 3)
    return shape * np.cbrt(rng.uniform(*volume) / shape.prod())


def placed(rng: np.random.Generator, size: Room, apart: tuple[float, float]) -> Room | None:
    """Source and receiver, (6,), this far from each other and half a metre from walls; None if they did not fit."""
    for _ in range(200):
        source, receiver = rng.uniform(0.5, size - 0.5, (2, 3))
        if apart[0] <= np.linalg.norm(source - receiver) <= apart[1]:
            return np.concatenate([source, receiver])
    return None


def even(rng: np.random.Generator, low: float, high: float) -> Room:
    """Absorption (7,) that rises or falls gently over the bands."""
    return np.clip(rng.uniform(low, high) + rng.uniform(-0.1, 0.1) * np.linspace(-0.5, 0.5, 7), low, high)


#: Group -> volumes in cubic metres, distances in metres, absorption in seven bands.
GROUPS: dict[str, tuple[tuple[float, float], tuple[float, float], Callable[[np.random.Generator], Room]]] = {
    "ordinary: 30 to 90 m3": ((30, 90), (1.0, 3.0), lambda rng: even(rng, 0.15, 0.5)),
    "volume 6 to 15 m3": ((6, 15), (0.6, 3.0), lambda rng: even(rng, 0.15, 0.5)),
    "volume 200 to 500 m3": ((200, 500), (1.0, 5.0), lambda rng: even(rng, 0.2, 0.5)),
    "volume 1,000 to 2,000 m3": ((1000, 2000), (1.0, 8.0), lambda rng: even(rng, 0.3, 0.5)),
    "absorption 0.05 to 0.12": ((30, 60), (1.0, 3.0), lambda rng: even(rng, 0.05, 0.12)),
    "absorption 0.6 to 0.8": ((30, 90), (1.0, 3.0), lambda rng: even(rng, 0.6, 0.8)),
    "distance 0.3 to 0.8 m": ((30, 90), (0.3, 0.8), lambda rng: even(rng, 0.15, 0.5)),
    "distance 6 to 12 m": ((300, 900), (6.0, 12.0), lambda rng: even(rng, 0.2, 0.5)),
    "bands 0.05 to 0.9, each by itself": ((30, 90), (1.0, 3.0), lambda rng: rng.uniform(0.05, 0.9, 7)),
}


def drawn(group: str, count: int) -> Room:
    """`count` rooms of a group, (count, 16), whose estimated T20 the record of 2 s can hold."""
    volume, apart, absorption = GROUPS[group]
    rng = np.random.default_rng([2026, list(GROUPS).index(group)])
    rooms: list[Room] = []
    while len(rooms) < count:
        size = box(rng, volume)
        places, bands = placed(rng, size, apart), absorption(rng)
        if places is not None and 0.05 <= estimated_t20(size[None], bands[None])[0] <= 2.5:
            rooms.append(np.concatenate([size, places, bands]).round(3))
    return np.array(rooms)


def parameters(curves: NDArray[np.float32], onset: NDArray[np.int64]) -> dict[str, Room]:
    return room_parameters(curves, sampling_rate=SAMPLING_RATE, onset=onset, names=NAMES)


def simulated(rooms: Room, seed: int, settings: SimulationSettings, jobs: int) -> NDArray[np.float32]:
    return np.stack(Parallel(jobs)(delayed(simulate_edc)(room, seed, settings) for room in rooms))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", help="a run's directory, a checkpoint or an ONNX file")
    parser.add_argument("--limit", type=int, default=24, help="rooms of each group")
    parser.add_argument("--orders", type=int, default=8, help="rooms of each group with image sources up to order 20")
    parser.add_argument("--deep", type=int, default=20, metavar="ORDER", help="that order (default: 20)")
    parser.add_argument("--only", default="", metavar="TEXT", help="groups with this in their name")
    parser.add_argument("--rays", type=int, default=16_000)
    parser.add_argument("--jobs", type=int, default=2)
    args = parser.parse_args()
    model = load_model(args.run)
    usual = SimulationSettings(rays=args.rays)
    mean = replace(usual, realisations=4)
    head = ", ".join(f"{name.upper()} {UNITS[name]}" for name in NAMES)
    print(f"{args.limit} rooms a group; each cell: {head} (in just noticeable differences)")
    print(f"| rooms | said to be outside | the model | one simulation | order 3 against {args.deep} |")
    print("|" + "---|" * 5)
    for group in (name for name in GROUPS if args.only in name):
        rooms = drawn(group, args.limit)
        said = len({finding.row for finding in model.outside(rooms)})
        reference = simulated(rooms, 0, mean, args.jobs)
        onset = onset_index(reference)
        true = parameters(reference, onset)
        predicted = model.predict(rooms).curves
        assert predicted is not None
        few = rooms[: args.orders]
        deep = parameters(simulated(few, 0, replace(mean, max_order=args.deep), args.jobs), onset[: len(few)])
        cells = [
            cell(parameters(predicted, onset), true),
            cell(parameters(simulated(rooms, 1, usual, args.jobs), onset), true),
            cell(deep, {name: values[: len(few)] for name, values in true.items()}),
        ]
        print(f"| {group} | {said} of {len(rooms)} | {' | '.join(cells)} |", flush=True)
    return 0


def cell(found: dict[str, Room], true: dict[str, Room]) -> str:
    """Mean absolute differences over the rooms where both are valid, and in JND."""
    texts = []
    for name in NAMES:
        off = np.abs(found[name] - true[name])
        if not np.isfinite(off).any():
            texts.append("-")
            continue
        audible = float(np.nanmean(off / just_noticeable(name, true[name])))
        texts.append(f"{np.nanmean(off):.{2 if name == 'c50' else 4}f} ({audible:.2f})")
    return " / ".join(texts)


if __name__ == "__main__":
    sys.exit(main())
