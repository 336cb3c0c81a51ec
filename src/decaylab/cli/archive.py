"""`decaylab archive`: a run into one checked file."""

from __future__ import annotations

import argparse

from decaylab.cli.out import say
from decaylab.cli.runs import add_run, chosen_run

EXAMPLE = """\
decaylab archive best:t20_mae
decaylab archive 20260122_030000 --remove"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_run(parser)
    parser.add_argument("--remove", action="store_true", help="remove the run once the archive has been checked")


def run(args: argparse.Namespace) -> int:
    from decaylab.runlog.keeping.archive import archive_run
    from decaylab.runlog.text import printable

    record = chosen_run(args)
    done = archive_run(record, remove=args.remove)
    for path, what in done.left_out.items():
        say(f"left out: {path} ({what})")
    removed = "; the run was removed" if args.remove else ""
    packed = "packed, checked" if not done.was_there else "archived already in this state, checked again"
    say(f"{record.run_id}: {done.files} files, {done.size / 1e6:.1f} MB {packed}{removed}")
    print(printable(done.path))
    return 0
