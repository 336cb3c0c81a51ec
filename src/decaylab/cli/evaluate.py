"""`decaylab evaluate`: the metrics of a run again, from the curves that it stored."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING, Any

from decaylab.cli.out import say, write_lines
from decaylab.cli.runs import add_run, chosen_run
from decaylab.errors import DataError, InputError, RunLogError

if TYPE_CHECKING:
    from decaylab.runlog.record import Record

EXAMPLE = """\
decaylab evaluate latest
decaylab evaluate hybrid_v2_20260122_020157 --definitions predecessor"""

_PREFIXES = ("edc", "edt", "t20", "t30", "c50", "ts")
_STATISTICS = ("mae", "rmse", "r2")
_OLD = "predecessor definitions (only to read old figures): maximum as 1, from the file's start, EDT not times 6"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_run(parser)
    parser.add_argument(
        "--definitions",
        choices=("iso", "predecessor"),
        default="iso",
        help="iso (default): as every run is scored; predecessor: only to read old figures",
    )


def run(args: argparse.Namespace) -> int:
    """Evaluate; the table goes to stdout, the metrics into evaluation_<definitions>.json in the run directory."""
    if os.path.isfile(args.run_name):
        raise InputError(f"'{args.run_name}' is a file, not a run: unpack an archive with decaylab restore first")
    record = chosen_run(args)
    if record.status == "running":
        raise InputError(f"{record.run_id} is running: its curves are written at its end. Wait for it")
    from decaylab.evaluation.of_run import stored_curves, training_medians, write_evaluation
    from decaylab.evaluation.reevaluate import reevaluate
    from decaylab.runlog.arrays import USUAL_RATE, present_pair, sampling_rate, why_missing
    from decaylab.runlog.find import linked_remark

    if present_pair(record) is None:
        raise InputError(f"{record.run_id} cannot be evaluated: {why_missing(record)}; only stored curves can be")
    try:
        curves = stored_curves(record)
    except (DataError, RunLogError, OSError) as error:
        raise InputError(f"{record.run_id} cannot be evaluated: {error}") from None
    medians = training_medians(record)
    found = reevaluate(curves.predictions, curves.targets, args.definitions, curves.sampling_rate, medians)
    say(linked_remark(record) or f"written to {write_evaluation(record, args.definitions, found, curves)}")
    if sampling_rate(record) is None:
        say(f"no sampling rate is recorded: taken as {USUAL_RATE:,.0f} Hz")
    for note in found.notes:
        say(note)
    write_lines(_table(record, args.definitions, found.metrics, len(curves)))
    return 0


def _table(record: Record, definitions: str, metrics: dict[str, Any], rooms: int) -> list[str]:
    """The metrics beside those on record."""
    from decaylab.runlog.find import definitions as recorded_definitions
    from decaylab.runlog.query import label
    from decaylab.runlog.tables.cells import shown
    from decaylab.runlog.tables.table import text_table
    from decaylab.runlog.text import printable

    rows = []
    for name in (f"{prefix}_{statistic}" for prefix in _PREFIXES for statistic in _STATISTICS):
        field = label(name)
        _, parameter, statistic = field.path.split(".")
        if parameter in metrics:
            said = f"{field.label} ({field.unit})" if field.unit else field.label
            rows.append([said, shown(record.get(name), name), shown(metrics[parameter][statistic], name)])
    names = ["metric", f"recorded ({recorded_definitions(record)})", f"computed ({definitions})"]
    head = [f"{printable(record.run_id)}: {rooms} stored curves; all parameters broadband"]
    return [*head, *([_OLD] if definitions == "predecessor" else []), "", *text_table(names, rows, numbers=names[1:])]
