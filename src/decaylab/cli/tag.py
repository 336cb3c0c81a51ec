"""`decaylab tag`: words to find a run by."""

from __future__ import annotations

import argparse

from decaylab.cli.out import say
from decaylab.cli.runs import add_run, chosen_run

EXAMPLE = """\
decaylab tag best:t20_mae good baseline
decaylab compare --where tags=good"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_run(parser)
    parser.add_argument("tags", metavar="TAG", nargs="+", help="words without spaces and commas")


def run(args: argparse.Namespace) -> int:
    from decaylab.runlog.notes import add_tags

    record = chosen_run(args)
    new = add_tags(record.path, args.tags)
    say(f"{record.run_id}: {'added ' + ' '.join(new) if new else 'has these tags already'}")
    return 0
