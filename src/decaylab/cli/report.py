"""`decaylab report`: one page with pictures of one run or several."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from decaylab.cli.out import check_output, say
from decaylab.cli.parser import add_experiments
from decaylab.cli.runs import RUN_HELP, find_all

if TYPE_CHECKING:
    from collections.abc import Callable

EXAMPLE = """\
decaylab report latest
decaylab report best:t20_mae latest --output two.html --title "Clipped and not" --note "same rooms, same seed\""""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("runs", metavar="RUN", nargs="+", help=f"one run, or several to be compared; each {RUN_HELP}")
    add("--output", metavar="FILE", default="report.html", help="where to (default: report.html)")
    add("--title", metavar="TEXT", help="the page's title (default: the runs' names)")
    add("--note", metavar="TEXT", help="what you have to say of them, under the title")
    add_experiments(parser)


def run(args: argparse.Namespace) -> int:
    """Write the page; its path goes to stdout, what of a run could not be read to stderr."""
    check_output("--output", args.output, (".html", ".htm"))
    records = find_all(args)
    from decaylab.diagnosis.look import all_of
    from decaylab.reports.page import page
    from decaylab.reports.pictures import gathered
    from decaylab.runlog.files import replace_file

    runs = gathered(records)
    found = {record.path: all_of(record, _teller(record.run_id)) for record in records}
    # A name that is no UTF-8 is shown by escapes; what is left of such letters must not stop the writing.
    replace_file(args.output, page(runs, found, args.title, args.note).encode("utf-8", "backslashreplace"))
    print(args.output)
    return 0


def _teller(run_id: str) -> Callable[[str], None]:
    """What says on stderr why a file of the run was not looked at."""
    return lambda line: say(f"{run_id}: {line}")
