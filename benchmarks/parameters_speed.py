"""What the parameters of many curves cost: against reading the curves, and against pyrato.

    python benchmarks/parameters_speed.py [--curves N] [--peer-curves N] [--rounds N]

EDT, T20 and C50 of N curves of 96,000 float32 samples in memory (460 MB for 1,200), against `numpy.load` of the same
array from a file that has just been read; the programs take turns in one process, the best of some rounds counts. Then
against pyrato's three functions in a loop over the curves (fewer of them, its time scaled; it takes one that starts at
0 dB, so it is given each from the onset on). Goals: at most 3 x `numpy.load`, at least 5 x faster than pyrato.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from decaylab.acoustics import SAMPLING_RATE, onset_index, room_parameters

SAMPLES = 96_000
NAMES = ("edt", "t20", "c50")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--curves", type=int, default=1200)
    parser.add_argument("--peer-curves", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    curves = make_curves(args.curves)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "curves.npy")
        np.save(path, curves)
        loading, ours = [], []
        for _ in range(args.rounds):
            loading.append(seconds(lambda: np.load(path)))
            ours.append(seconds(lambda: room_parameters(curves, names=NAMES)))
    print(f"{args.curves:,} curves of {SAMPLES:,} float32 samples; best of {args.rounds}")
    print(f"{'':<32} {'s':>8} {'ms a curve':>11} {'x numpy.load':>13}")
    rows = {"numpy.load, read before": min(loading), "EDT, T20 and C50": min(ours)}
    peer = pyrato_seconds(curves[: args.peer_curves])
    if peer is not None:
        count = min(args.peer_curves, args.curves)
        rows[f"pyrato, from {count} curves"] = peer * args.curves / count
    for name, cost in rows.items():
        print(f"{name:<32} {cost:>8.3f} {1000 * cost / args.curves:>11.3f} {cost / min(loading):>13.2f}")
    held = [goal("EDT, T20 and C50, x numpy.load", min(ours) / min(loading), 3.0)]
    if peer is None:
        print("pyrato is not installed, so it is not compared")
    else:
        held.append(goal("pyrato over ours, x", rows[f"pyrato, from {count} curves"] / min(ours), 5.0, least=True))
    return 0 if all(held) else 1


def make_curves(count: int) -> NDArray[np.float32]:
    """Two-slope decays after a direct sound at different times, all different, T20 0.2 to 2 s."""
    dice = np.random.default_rng(0)
    time_axis = np.arange(SAMPLES, dtype=np.float64) / SAMPLING_RATE
    curves = np.ones((count, SAMPLES), dtype=np.float32)
    for row in curves:
        onset = int(dice.integers(100, 900))
        fast, slow = dice.uniform(0.1, 0.6), dice.uniform(0.6, 2.0)
        decay = 0.6 * np.exp(-13.8155 * time_axis / fast) + 0.2 * np.exp(-13.8155 * time_axis / slow)
        row[onset + 1 :] = decay[: SAMPLES - onset - 1]
    return curves


def pyrato_seconds(curves: NDArray[np.float32]) -> float | None:
    """pyrato's time for these curves, one after the other; None where it is not installed."""
    try:
        import pyfar
        import pyrato
    except ImportError:
        return None
    starts = onset_index(curves)
    times = np.arange(SAMPLES) / SAMPLING_RATE
    signals = [
        pyfar.TimeData(curve[start:] / curve[start], times[: SAMPLES - start])
        for curve, start in zip(curves, starts, strict=True)
    ]
    fit, clarity = pyrato.parameters.reverberation_time_linear_regression, pyrato.parameters.clarity

    def loop() -> None:
        for signal in signals:
            fit(signal, T="EDT")
            fit(signal, T="T20")
            clarity(signal, early_time_limit=50)

    return min(seconds(loop) for _ in range(2))


def seconds(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def goal(name: str, value: float, limit: float, least: bool = False) -> bool:
    holds = value >= limit if least else value <= limit
    bound = f"{'at least' if least else 'at most'} {limit:g}"
    print(f"goal: {name}: {value:.2f} ({bound}): {'reached' if holds else 'NOT reached'}")
    return holds


if __name__ == "__main__":
    sys.exit(main())
