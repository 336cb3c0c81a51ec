"""`decaylab simulate`: rooms into a data set."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from decaylab.cli.out import say
from decaylab.cli.parser import add_jobs, from_0, positive_int
from decaylab.errors import InputError

if TYPE_CHECKING:
    from decaylab.rooms import RoomTable, SimulationSettings

EXAMPLE = """decaylab simulate --out data/own --count 200
decaylab simulate --out data/published --rooms roomFeaturesDataset.csv --limit 600"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add = parser.add_argument
    add("--out", required=True, metavar="DIR", help="the data set; goes on with or extends one that is there")
    rooms = parser.add_mutually_exclusive_group(required=True)
    said = "table of rooms: ID, Length, ..., f1..f7, in any column order"
    rooms.add_argument("--rooms", metavar="FILE.csv", help=said)
    rooms.add_argument("--count", type=positive_int, metavar="N", help="draw N rooms with real materials instead")
    said = (
        "with --count: rooms from a bathroom to a small hall, any shape, source and receiver, mixed materials "
        "(default: like the published ones)"
    )
    add("--wide", action="store_true", help=said)
    said = "only N of the rooms, mixed from the whole table; a larger N keeps those of a smaller one"
    add("--limit", type=positive_int, metavar="N", help=said)
    add("--rays", type=positive_int, metavar="N", help="rays to trace (default: 16000)")
    said = "published: the library's own number of rays and time limit, as the published data set has them"
    add("--preset", choices=("default", "published"), default="default", help=said)
    said = (
        "who makes responses of rooms: decaylab, the same several times faster, or the library itself "
        "(default: that of the data set that is gone on with, else decaylab; pyroomacoustics for --preset published)"
    )
    add("--builder", choices=("decaylab", "pyroomacoustics"), help=said)
    said = "average the curves of K simulations under different seeds: less noise (default: 1)"
    add("--realisations", type=positive_int, default=1, metavar="K", help=said)
    add("--seed", type=from_0, default=0, metavar="S", help="seed of the data set (default: 0)")
    add_jobs(parser)


def run(args: argparse.Namespace) -> int:
    """Simulate; the folder goes to stdout, everything else to stderr."""
    import sys

    from decaylab.cli.progress import SimulationProgress
    from decaylab.rooms import simulate_rooms
    from decaylab.runlog.text import duration

    settings = _settings(args)
    table, source = _rooms(args)
    with SimulationProgress(sys.stderr) as progress:
        report = simulate_rooms(
            args.out,
            table,
            seed=args.seed,
            settings=settings,
            jobs=args.jobs,
            source=source,
            progress=progress,
        )
    done = f"simulated {report.simulated} in {duration(report.seconds)}" if report.simulated else "nothing left to do"
    more = f"; {report.rooms - len(table)} more than asked for" if report.rooms > len(table) else ""
    say(f"{report.rooms} rooms ({done}{more}), {report.digest}")
    print(args.out)
    return 0


def _settings(args: argparse.Namespace) -> SimulationSettings:
    from decaylab.rooms import SimulationSettings
    from decaylab.rooms.simulate import DEFAULT_RAYS

    if args.preset == "published":
        if args.rays is not None:
            raise InputError(
                "--preset published takes the library's own number of rays: leave out --rays or the preset"
            )
        return SimulationSettings.published(args.realisations, args.builder)
    return SimulationSettings(rays=args.rays or DEFAULT_RAYS, realisations=args.realisations, builder=args.builder)


def _rooms(args: argparse.Namespace) -> tuple[RoomTable, dict[str, Any]]:
    """The rooms asked for, in the order of the store, and where they come from."""
    from decaylab.rooms.wanted import wanted_rooms

    if args.wide and args.rooms is not None:
        raise InputError("--wide says how --count draws rooms: leave it out with --rooms")
    rooms = args.count if args.rooms is None else args.rooms
    return wanted_rooms(rooms, limit=args.limit, wide=args.wide, seed=args.seed)
