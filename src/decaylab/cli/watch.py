"""`decaylab watch`: the runs in progress in the terminal, or once as lines for scripts."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

from decaylab.cli.out import say, terminal, write_lines
from decaylab.cli.runs import add_folder, chosen_folder

if TYPE_CHECKING:
    from decaylab.runlog.watching.watch import Watcher

EXAMPLE = """\
decaylab watch
decaylab watch --recent 600
decaylab watch --once | cut -f 1,2,4"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_folder(parser)
    add = parser.add_argument
    add("--once", action="store_true", help="print the state of now, one line a run, and end; tabs off a terminal")
    add(
        "--recent",
        metavar="MINUTES",
        type=_minutes,
        default=60.0,
        help="show runs that ended up to so long ago, too (default: 60)",
    )


def run(args: argparse.Namespace) -> int:
    from decaylab.runlog.watching.watch import Watcher

    folder = chosen_folder(args)
    watcher = Watcher(folder, args.recent * 60)
    if args.once:
        return _once(watcher)
    if not sys.stdout.isatty() or os.environ.get("TERM") == "dumb":
        say("stdout is no terminal that can be drawn on: the state of now, as with --once")
        return _once(watcher)
    from decaylab.cli.watch_live import follow

    return follow(watcher)


def _once(watcher: Watcher) -> int:
    from decaylab.runlog.watching.watch_lines import COLUMNS, lines, row

    view = watcher.look()
    width, colour = terminal()
    if width is None:
        rows = [row(run) for run in (*view.running, *view.ended)]
        write_lines("\t".join(cells) for cells in (COLUMNS, *rows))
        return 0
    from decaylab.runlog.tables.table import paint

    picture = lines(view, watcher.experiments, width, None, sys.stdout.encoding)
    write_lines("".join(paint(text, style or None) if colour else text for text, style in line) for line in picture)
    return 0


def _minutes(text: str) -> float:
    """A number of minutes from 0."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a number of minutes from 0, got '{text}'")
    return value
