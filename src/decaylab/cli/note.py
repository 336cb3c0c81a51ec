"""`decaylab note`: a line about a run in NOTES.md."""

from __future__ import annotations

import argparse

from decaylab.cli.out import say
from decaylab.cli.runs import add_run, chosen_run

EXAMPLE = "decaylab note latest 'Weighted EDC, batch 8, gradient clip 1.0 (GOOD)'"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_run(parser)
    parser.add_argument("text", metavar="TEXT", nargs="+", help="the note; newlines become spaces")


def run(args: argparse.Namespace) -> int:
    from decaylab.runlog.notes import append_note

    record = chosen_run(args)
    line = append_note(record.folder.path, record.run_id, " ".join(args.text))
    say(line)
    return 0
