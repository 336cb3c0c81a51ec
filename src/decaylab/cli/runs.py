"""What the commands that take a RUN share: the argument, finding the run."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from decaylab.cli.out import say
from decaylab.cli.parser import add_experiments

if TYPE_CHECKING:
    from decaylab.runlog.record import Record

RUN_HELP = "a directory, id, timestamp, unique part of an id, latest, or best:FIELD"


def add_run(parser: argparse.ArgumentParser) -> None:
    """The argument RUN, and `--experiments`."""
    parser.add_argument("run_name", metavar="RUN", help=RUN_HELP)
    add_experiments(parser)


def add_folder(parser: argparse.ArgumentParser) -> None:
    """The argument EXPERIMENTS, and `--experiments` with the same meaning."""
    parser.add_argument("folder", metavar="EXPERIMENTS", nargs="?", help="folder of the runs (default: ./experiments)")
    parser.add_argument("--experiments", metavar="DIR", help="the same, as on every other command")


def chosen_folder(args: argparse.Namespace) -> str:
    """The folder that EXPERIMENTS or `--experiments` names.

    Raises:
        InputError: they name two.
    """
    from decaylab.errors import InputError

    if args.folder is not None and args.experiments is not None and args.folder != args.experiments:
        raise InputError(f"two folders named: {args.folder} and --experiments {args.experiments}; name one")
    return str(args.folder or args.experiments or "experiments")


def add_run_or_folder(parser: argparse.ArgumentParser, said: str) -> None:
    """The argument RUN or EXPERIMENTS, with what is said of it, and `--experiments`."""
    parser.add_argument("run", nargs="?", metavar="RUN or EXPERIMENTS", help=said)
    add_experiments(parser)


def run_or_folder(args: argparse.Namespace) -> Record | str:
    """The run that the argument names; or the folder of runs that it, or `--experiments`, is."""
    if args.run is None:
        return str(args.experiments)
    is_id = os.sep not in args.run and os.path.isdir(os.path.join(args.experiments, args.run))
    if not is_id and os.path.isdir(args.run):
        from decaylab.runlog.store import is_run

        if not is_run(args.run):
            return str(args.run)
    return find(args, args.run)


def chosen_run(args: argparse.Namespace) -> Record:
    """The run that the argument RUN names."""
    return find(args, args.run_name)


def find(args: argparse.Namespace, name: str) -> Record:
    """The run that `name` names; what `best:` left out is said on stderr."""
    from decaylab.runlog.find import find_run

    return find_run(args.experiments, name, say)


def find_all(args: argparse.Namespace) -> list[Record]:
    """The runs that the arguments RUN name, each once; a second name of the same run is said on stderr."""
    found: dict[str, Record] = {}
    for name in args.runs:
        record = find(args, name)
        if record.path in found:
            say(f"{name}: {record.run_id} again; it is shown once")
        found.setdefault(record.path, record)
    return list(found.values())
