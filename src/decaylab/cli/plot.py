"""`decaylab plot`: one figure of recorded runs for a paper, as PNG, SVG or PDF."""

from __future__ import annotations

import argparse

from decaylab.cli.out import check_output, say
from decaylab.cli.parser import add_experiments
from decaylab.cli.runs import RUN_HELP, find_all

EXAMPLE = """\
decaylab plot latest --kind decay --output decay.pdf
decaylab plot best:t20_mae --kind scatter --width single --output scatter.svg
decaylab plot 20260122_020157 20260122_030000 --kind loss --output loss.png"""

#: What `reports.pictures` can draw; a help text does without its imports, and a test compares.
KINDS = ("loss", "decay", "scatter", "errors", "decay-error", "parallel")
#: And `reports.render_matplotlib`, in mm.
WIDTHS = {"single": 85, "double": 170}
FORMATS = ("png", "svg", "pdf")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("runs", metavar="RUN", nargs="+", help=f"one run, or several in one figure; each {RUN_HELP}")
    add("--kind", choices=KINDS, required=True, help="what to draw (docs/gallery.md shows each)")
    add("--output", metavar="FILE", required=True, help=f"where to; its name ends in .{', .'.join(FORMATS)}")
    said = " or ".join(f"{name} ({width} mm)" for name, width in WIDTHS.items())
    add("--width", choices=tuple(WIDTHS), default="double", help=f"column of a journal: {said} (default: double)")
    add_experiments(parser)


def run(args: argparse.Namespace) -> int:
    """Draw; the file's path goes to stdout, what the figure leaves out and a caption has to say to stderr."""
    form = check_output("--output", args.output, [f".{form}" for form in FORMATS])[1:]
    records = find_all(args)
    from decaylab.reports.pictures import draw, gathered
    from decaylab.reports.render_matplotlib import picture_bytes
    from decaylab.runlog.files import replace_file

    evidence = gathered(records)
    picture, missing = draw(evidence, args.kind)
    remarks = [f"{run.label}: {run.remark}" for run in evidence if run.remark]
    replace_file(args.output, picture_bytes(picture, form, args.width))
    for line in (*remarks, *(f"left out: {line}" for line in missing), *picture.notes):
        say(line)
    print(args.output)
    return 0
