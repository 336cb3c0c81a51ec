"""`decaylab diff`: what differs between runs, and between the errors of two."""

from __future__ import annotations

import argparse

from decaylab.cli.out import write_lines
from decaylab.cli.parser import add_experiments
from decaylab.cli.runs import RUN_HELP, find

EXAMPLE = """\
decaylab diff best:t20_mae latest
decaylab diff 20260122_020157 20260122_030000"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("runs", metavar="RUN", nargs="+", help=f"two runs or more; each {RUN_HELP}")
    add_experiments(parser)


def run(args: argparse.Namespace) -> int:
    from decaylab.cli.error_tables import paired_lines
    from decaylab.errors import InputError
    from decaylab.runlog.tables import diff

    records = [find(args, name) for name in args.runs]
    if len({record.path for record in records}) < 2:
        raise InputError(f"diff needs two different runs, got {records[0].run_id}; name another")
    lines = diff.table(records)
    if len(records) == 2:
        lines += ["", *paired_lines(*records)]
    write_lines(lines)
    return 0
