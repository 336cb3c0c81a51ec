"""Simulating rooms: pyroomacoustics called in a plain loop against `decaylab simulate`, per core, and by jobs.

    python benchmarks/simulation_speed.py [--rooms FILE.csv] [--limit 60] [--rays 16000] [--jobs 1,2] [--scaling 400]

Same rooms, same rays, the same first 2 s. The loop and both builders take turns room by room, in one process and on one
thread; processor time, so that other work on the machine weighs less. Goal: our own builder takes at most half of the
loop's time. Then whole data sets of --scaling rooms by number of worker processes: wall time, and processor time of all
cores together, which tells on a busy machine whether more cores would help; start of the workers and writing
included. Exits 1 when the goal is missed.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
import tempfile
import time

import numpy as np
import pyroomacoustics
import threadpoolctl
from joblib.externals.loky import get_reusable_executor
from numpy.typing import NDArray

from decaylab.acoustics import EDC_SAMPLES, SAMPLING_RATE
from decaylab.acoustics.physics import BAND_CENTRES, hold_last_band
from decaylab.rooms import RoomTable, SimulationSettings, choose_rooms, draw_rooms, read_rooms_csv, simulate_rooms
from decaylab.rooms.features import ABSORPTION, RECEIVER, SIZE, SOURCE
from decaylab.rooms.simulate import simulate_edc

PLAIN, LIBRARY, OWN = "pyroomacoustics in a loop", "decaylab, library's builder", "decaylab, own builder"
#: The loop's time over ours, at least.
GOAL = 2.0


def main() -> int:
    """Parse the options, measure, print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rooms", metavar="FILE.csv", help="a table in the published format (default: drawn rooms)")
    parser.add_argument("--limit", type=int, default=60, help="rooms of the comparison per core (default: 60)")
    parser.add_argument("--rays", type=int, default=16_000)
    parser.add_argument("--jobs", default="1,2", metavar="N,N,...")
    parser.add_argument("--scaling", type=int, default=400, help="rooms of each data set (default: 400)")
    args = parser.parse_args()

    def chosen(count: int) -> RoomTable:
        return choose_rooms(read_rooms_csv(args.rooms), count) if args.rooms else draw_rooms(count, seed=0)

    table = chosen(args.limit)
    with threadpoolctl.threadpool_limits(1):
        spent = per_core(table, args.rays)
    print(f"{len(table)} rooms, {args.rays:,} rays, one core, processor time")
    for name, seconds in spent.items():
        print(f"  {name:<28} {1e3 * seconds / len(table):7.1f} ms a room  {spent[PLAIN] / seconds:5.2f} x")
    by_jobs(chosen(args.scaling), args.rays, [int(jobs) for jobs in args.jobs.split(",")])
    reached = spent[PLAIN] >= GOAL * spent[OWN]
    print(f"goal (own builder at least {GOAL:g} x as fast as the loop): {'reached' if reached else 'NOT reached'}")
    return 0 if reached else 1


def per_core(table: RoomTable, rays: int) -> dict[str, float]:
    """Seconds of processor time that each way takes for all rooms."""
    settings = SimulationSettings(rays=rays)
    ways = {
        PLAIN: lambda room: plain(room, rays),
        LIBRARY: lambda room: simulate_edc(room, 0, dataclasses.replace(settings, builder="pyroomacoustics")),
        OWN: lambda room: simulate_edc(room, 0, dataclasses.replace(settings, builder="decaylab")),
    }
    for way in ways.values():
        way(table.features[0])  # imports, tables
    spent = dict.fromkeys(ways, 0.0)
    for room in table.features:
        for name, way in ways.items():
            start = time.process_time()
            way(room)
            spent[name] += time.process_time() - start
    return spent


def plain(features: NDArray[np.float64], rays: int) -> NDArray[np.float64]:
    """What a user of the library writes: the first 2 s of a room's response."""
    absorption = {
        "description": "",
        "coeffs": hold_last_band(features[ABSORPTION]).tolist(),
        "center_freqs": list(BAND_CENTRES),
    }
    room = pyroomacoustics.ShoeBox(
        features[SIZE],
        fs=SAMPLING_RATE,
        materials=pyroomacoustics.Material(absorption),
        max_order=3,
        air_absorption=True,
        ray_tracing=True,
    )
    room.set_ray_tracing(n_rays=rays, time_thres=EDC_SAMPLES / SAMPLING_RATE)
    room.add_source(features[SOURCE])
    room.add_microphone(features[RECEIVER])
    room.compute_rir()
    return np.asarray(room.rir[0][0][:EDC_SAMPLES])


def by_jobs(table: RoomTable, rays: int, jobs: list[int]) -> None:
    """Print wall time and processor time of a whole data set by number of jobs."""
    print(f"data sets of {len(table)} rooms")
    first = 0.0
    for count in jobs:
        before = processor_time()
        with tempfile.TemporaryDirectory() as folder:
            seconds = simulate_rooms(folder, table, settings=SimulationSettings(rays=rays), jobs=count).seconds
        get_reusable_executor().shutdown(wait=True)  # the time of workers counts when they have ended
        first = first or seconds
        spent = processor_time() - before
        each = 1e3 * spent / len(table)
        print(
            f"  {count} jobs  {seconds:6.1f} s  {first / seconds:5.2f} x  {each:6.1f} ms a room of all cores together"
        )


def processor_time() -> float:
    """Seconds of this process and of its children that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


if __name__ == "__main__":
    sys.exit(main())
