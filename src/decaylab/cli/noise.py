"""`decaylab noise`: rooms of a data set simulated again, to know how far two simulations of one room differ."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from decaylab.catalogue.settings import BY_NAME
from decaylab.cli.out import say, write_lines
from decaylab.cli.parser import add_experiments, add_jobs, positive_int
from decaylab.cli.runs import RUN_HELP, find
from decaylab.cli.settings import add_setting
from decaylab.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from decaylab.evaluation.measure_noise import Measured
    from decaylab.rooms.dataset import DataSet

EXAMPLE = """\
decaylab noise --data data/rooms
decaylab noise --data data/rooms --split room --fold 1/5
decaylab noise --run latest"""

#: Rooms of a data set that are measured if nothing else is asked for.
DEFAULT_ROOMS = 300


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--data", metavar="DIR", help="a data set of decaylab simulate (with --run: where it lies now)")
    add("--run", metavar="RUN", help=f"the test rooms of a run, and its errors over their noise: {RUN_HELP}")
    add(
        "--rooms",
        type=positive_int,
        metavar="N",
        help=f"measure N rooms (default: {DEFAULT_ROOMS}, or all test rooms of --split or --run); a larger N goes on",
    )
    add_setting(parser, BY_NAME["split"], "measure the test rooms of this split: random, room or material")
    add_setting(parser, BY_NAME["split_seed"])
    add_setting(parser, BY_NAME["fold"])
    add("--seed", type=int, metavar="S", help="of the second simulation (default: one above the data set's own)")
    add_jobs(parser)
    add_experiments(parser)


def run(args: argparse.Namespace) -> int:
    """Measure; the figures go to stdout, progress to stderr."""
    if args.run is None and args.data is None:
        raise InputError("name what to measure: --data DIR or --run RUN (`decaylab noise --help` shows the options)")
    if args.split is None and (args.split_seed is not None or args.fold is not None):
        raise InputError("--split-seed and --fold belong to --split: give --split random, room or material")
    for name in ("split", "split_seed"):
        BY_NAME[name].check(getattr(args, name))
    if args.run is not None and args.split is not None:
        raise InputError("--run has a split of its own: leave out --split, or name the data set with --data")
    if args.run is not None:
        return _of_run(args)
    from decaylab.rooms.store import open_data

    data = open_data(args.data)
    rows = _rows(args, data)
    measured = _measure(args, data, rows)
    write_lines(_table(data, measured, None if args.split is None else rows))
    return 0


def _measure(args: argparse.Namespace, data: DataSet, rows: NDArray[Any]) -> Measured:
    """Simulate these rows again, as far as they are not yet, with progress."""
    from decaylab.cli.progress import SimulationProgress
    from decaylab.evaluation.measure_noise import measure_noise

    with SimulationProgress(sys.stderr) as progress:
        return measure_noise(data, rows, seed=args.seed, jobs=args.jobs, progress=progress)


def _table(data: DataSet, measured: Measured, rows: NDArray[Any] | None) -> list[str]:
    """The figures over every room measured, or over those of `rows`."""
    import numpy as np

    from decaylab.evaluation.noise import noise_summary
    from decaylab.runlog.tables.noise_lines import noise_table
    from decaylab.runlog.text import printable

    rooms = measured.rooms if rows is None else measured.rooms.take(np.isin(measured.rooms.rows, rows))
    how = f"{len(rooms.rows)} {'rooms' if rows is None else 'test rooms'} simulated again under seed {measured.seed}"
    return [
        f"label noise of {printable(str(data.path))}: {how}",
        "mean |a - b| / sqrt 2, about the MAE of a perfect predictor; all parameters broadband",
        "",
        *noise_table(noise_summary(rooms)),
    ]


def _rows(args: argparse.Namespace, data: DataSet) -> NDArray[Any]:
    """The rows that were asked for: test rooms of a split, or any rooms, mixed."""
    import numpy as np

    from decaylab.rooms.resimulate import first_rows
    from decaylab.rooms.splits import split_rows

    if args.split is None:
        return first_rows(data, np.arange(len(data)), args.rooms or DEFAULT_ROOMS)
    split = split_rows(data.features, args.split, seed=args.split_seed or 0, fold=args.fold)
    return first_rows(data, split.test, args.rooms)


def _of_run(args: argparse.Namespace) -> int:
    """Measure the test rooms of a run, and leave its errors over their noise beside its record."""
    from decaylab.evaluation.noise_of_run import data_and_errors, keep_ratio
    from decaylab.rooms.resimulate import first_rows
    from decaylab.runlog.tables.noise_lines import lines
    from decaylab.runlog.text import printable

    record = find(args, args.run)
    data, errors = data_and_errors(record, args.data)
    rows = first_rows(data, errors.rows, args.rooms)
    measured = _measure(args, data, rows)
    write_lines(_table(data, measured, errors.rows))
    content, remark = keep_ratio(record, errors, data)
    say(remark)
    if content is not None:
        write_lines(["", f"errors of {printable(record.run_id)} over it, paired room by room:", *lines(content)])
    return 0
