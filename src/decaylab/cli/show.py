"""`decaylab show`: one run, whole; or the command that makes it again, or its worst rooms."""

from __future__ import annotations

import argparse
import sys

from decaylab.cli.parser import positive_int
from decaylab.cli.room_errors import FIELDS, distance_lines, worst_lines
from decaylab.cli.runs import add_run, chosen_run, write_lines

EXAMPLE = """\
decaylab show latest
decaylab show best:t20_mae
decaylab show latest --command
decaylab show latest --worst 10 --by c50"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_run(parser)
    parser.add_argument("--command", action="store_true", help="print the one command that makes the run again")
    parser.add_argument("--worst", metavar="N", type=positive_int, help="the N test rooms with the largest errors")
    parser.add_argument("--by", choices=FIELDS, help="the error that --worst goes by (default: t20)")


def run(args: argparse.Namespace) -> int:
    if args.command:
        return _print_command(args)
    if args.worst is not None or args.by is not None:
        return _print_worst(args)
    from decaylab.cli.run_noise import noise_lines
    from decaylab.runlog.tables import show

    record = chosen_run(args)
    write_lines([*show.lines(record, noise_lines(record)), *distance_lines(record)])
    return 0


def _print_worst(args: argparse.Namespace) -> int:
    from decaylab.errors import InputError

    if args.worst is None:
        raise InputError(f"--by {args.by} orders the worst rooms: say how many with --worst N")
    lines, remarks = worst_lines(chosen_run(args), args.worst, args.by or "t20")
    for remark in remarks:
        print(remark, file=sys.stderr)
    write_lines(lines)
    return 0


def _print_command(args: argparse.Namespace) -> int:
    import os

    from decaylab.diagnosis.command import command_of
    from decaylab.runlog.text import printable

    command = command_of(chosen_run(args), os.getcwd())
    for remark in command.remarks:
        print(printable(remark), file=sys.stderr)
    print(command.line)
    return 0
