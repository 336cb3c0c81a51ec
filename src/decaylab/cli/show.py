"""`decaylab show`: one run, whole."""

from __future__ import annotations

import argparse

from decaylab.cli.runs import add_run, chosen_run, write_lines

HELP = "show one run, whole"
EXAMPLE = """\
decaylab show latest
decaylab show best:t20_mae"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_run(parser)


def run(args: argparse.Namespace) -> int:
    from decaylab.runlog import show

    write_lines(show.lines(chosen_run(args)))
    return 0
