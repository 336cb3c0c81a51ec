"""`decaylab parameters`: room-acoustic parameters of files of impulse responses and decay curves."""

from __future__ import annotations

import argparse
import math
from typing import TYPE_CHECKING

from decaylab.cli.out import say, write_data, write_lines
from decaylab.cli.parser import from_0
from decaylab.errors import InputError

if TYPE_CHECKING:
    from decaylab.responses.rows import Row

EXAMPLE = """decaylab parameters room.wav --bands
decaylab parameters position_*.wav hall.sofa --bands --export csv --output parameters.csv
decaylab parameters experiments/compact_20260301_120000/predictions.npy --export json"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add = parser.add_argument
    add("files", metavar="FILE", nargs="+", help="WAV, SOFA, NPY or CSV; a 2-D array is one record a row")
    add("--bands", action="store_true", help="per octave band, too (125 Hz to 16 kHz, below half the rate)")
    add("--onset", metavar="N", type=from_0, help="sample that is t = 0, of every record (default: found)")
    add(
        "--definitions",
        choices=("iso", "predecessor"),
        default="iso",
        help="predecessor: to read old figures only; no other number compares with them",
    )
    add("--sampling-rate", metavar="HZ", type=float, help="else the file's; 48000 for NPY and CSV")
    add(
        "--kind",
        choices=("auto", "rir", "edc"),
        default="auto",
        help="auto: an array that starts at its maximum of 1 and never rises is a decay curve",
    )
    add(
        "--export", choices=("csv", "json"), help="records instead of the table; to stdout unless --output names a file"
    )
    add("--output", metavar="FILE", help="where the records go; - is stdout, without the table")


def run(args: argparse.Namespace) -> int:
    """Measure every record of every file, then print; one file that cannot be used: nothing is written."""
    from decaylab.responses.rows import NAMES, measured_file

    _check(args)
    form = _format(args)
    rows: list[Row] = []
    notes: list[str] = []
    for path in args.files:
        found, said = measured_file(
            path,
            sampling_rate=args.sampling_rate,
            kind=args.kind,
            onset=args.onset,
            bands=args.bands,
            definitions=args.definitions,
        )
        rows += found
        notes += said
    for note in notes:  # only now: a file that cannot be used ends everything in one line
        say(note)
    if form is not None:
        from decaylab.runlog.tables import export

        data = export.encode(NAMES, [list(row.values()) for row in rows], form)
        if args.output in (None, "-"):
            write_data(data)
            return 0
        export.write_to(args.output, data)
        say(f"written to {args.output}")
    from decaylab.cli.parameter_table import table

    write_lines(table(rows, args.definitions))
    return 0


def _check(args: argparse.Namespace) -> None:
    if args.definitions == "predecessor" and (args.bands or args.onset is not None):
        option = "--bands" if args.bands else "--onset"
        raise InputError(f"predecessor definitions are broadband, from the start of the file: leave out {option}")
    rate = args.sampling_rate
    if rate is not None and not (math.isfinite(rate) and 1 <= rate <= 1e7):
        raise InputError(f"--sampling-rate {rate:g}: expected 1 to 10000000 Hz")


def _format(args: argparse.Namespace) -> str | None:
    """The format of the records; None: the table."""
    if args.export is not None or args.output is None:
        return None if args.export is None else str(args.export)
    suffix = args.output.lower().rpartition(".")[2]
    if suffix not in ("csv", "json"):
        raise InputError(f"--output {args.output} does not tell the format: add --export csv or json")
    return str(suffix)
