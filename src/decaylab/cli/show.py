"""`decaylab show`: one run, whole; or the command that makes it again, or its worst rooms."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING, Any

from decaylab.cli.error_tables import FIELDS, distance_lines, worst_lines
from decaylab.cli.out import say, write_lines
from decaylab.cli.parser import positive_int
from decaylab.cli.runs import add_run, chosen_run

if TYPE_CHECKING:
    from decaylab.runlog.record import Record

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
    from decaylab.runlog.tables import show

    record = chosen_run(args)
    write_lines([*show.lines(record, _noise_lines(record)), *distance_lines(record)])
    return 0


def _noise_lines(record: Record) -> list[str]:
    """The run's errors over the label noise: as recorded, else computed now, if the data set was measured since."""
    from decaylab.runlog.find import data_folder
    from decaylab.runlog.label_noise import recorded
    from decaylab.runlog.tables.noise_lines import lines
    from decaylab.runlog.text import printable

    content: dict[str, Any] | str | None = recorded(record.path, record.metadata)
    if content is None:
        folder = data_folder(record) or ""
        needed = ((folder, "manifest.json"), (folder, "noise.csv"), (record.path, "errors.csv"))
        if not folder or not all(os.path.isfile(os.path.join(*place)) for place in needed):
            return []
        from decaylab.evaluation.noise_of_run import ratio_now

        content = ratio_now(record, folder)
    said = [f"not known: {printable(content)}"] if isinstance(content, str) else lines(content)
    return ["errors over the label noise (95 % interval over geometries)", *(f"  {line}" for line in said)]


def _print_worst(args: argparse.Namespace) -> int:
    from decaylab.errors import InputError

    if args.worst is None:
        raise InputError(f"--by {args.by} orders the worst rooms: say how many with --worst N")
    lines, remark = worst_lines(chosen_run(args), args.worst, args.by or "t20")
    say(remark)
    write_lines(lines)
    return 0


def _print_command(args: argparse.Namespace) -> int:
    from decaylab.diagnosis.command import command_of

    command = command_of(chosen_run(args), os.getcwd())
    for remark in command.remarks:
        say(remark)
    print(command.line)
    return 0
