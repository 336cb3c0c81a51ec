"""`decaylab restore`: an archived run back into the experiments folder."""

from __future__ import annotations

import argparse

from decaylab.cli.out import say
from decaylab.cli.parser import add_experiments, positive_int

EXAMPLE = "decaylab restore archive/run_20260122_030000.tar.gz"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="an archive of `decaylab archive`, or of `tar -czf` over one run")
    parser.add_argument(
        "--max-size",
        metavar="GB",
        type=positive_int,
        help="most that it may unpack to (default: a hundred times its own size, at least 4.3 GB)",
    )
    add_experiments(parser)


def run(args: argparse.Namespace) -> int:
    from decaylab.runlog.keeping.restore import restore_archive
    from decaylab.runlog.text import counted, printable

    done = restore_archive(args.file, args.experiments, args.max_size and args.max_size * 10**9)
    checked = "checked against its manifest" if done.is_checked else "it has no manifest to check against"
    notes = f", {counted(done.notes, 'note')} put back" if done.notes else ""
    say(f"{counted(done.files, 'file')}, {checked}{notes}")
    for remark in done.remarks:
        say(f"note: {remark}")
    print(printable(done.path))
    return 0
