"""`decaylab evaluate`: the metrics of a run again, from the curves that it stored."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING, Any

from decaylab.cli.runs import add_run, chosen_run, write_lines
from decaylab.errors import DataError, InputError, RunLogError

if TYPE_CHECKING:
    from decaylab.evaluation.curve_file import CurveFile
    from decaylab.evaluation.reevaluate import Evaluation
    from decaylab.runlog.record import Record

EXAMPLE = """\
decaylab evaluate latest
decaylab evaluate hybrid_v2_20260122_020157 --definitions predecessor"""

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
    from decaylab.evaluation.reevaluate import reevaluate
    from decaylab.runlog.curve_files import USUAL_RATE, present_pair, sampling_rate, why_missing

    names = present_pair(record)
    if names is None:
        raise InputError(f"{record.run_id} cannot be evaluated: {why_missing(record)}; only stored curves can be")
    recorded = sampling_rate(record)
    remark = "" if recorded else f"no sampling rate is recorded: taken as {USUAL_RATE:,.0f} Hz"
    rate = recorded or USUAL_RATE
    predictions, targets = (_opened(record, name) for name in names)
    medians = record.metadata.get("training_medians")
    found = reevaluate(predictions, targets, args.definitions, rate, medians if isinstance(medians, dict) else None)
    _write(record, args.definitions, found, names, predictions, rate)
    for line in (remark, *found.notes):
        if line:
            print(line, file=sys.stderr)
    write_lines(_table(record, args.definitions, found.metrics, len(predictions)))
    return 0


def _opened(record: Record, name: str) -> CurveFile:
    from decaylab.reports.curves import open_curves

    try:
        return open_curves(record.path, name)
    except (DataError, RunLogError, OSError) as error:
        raise InputError(f"{record.run_id} cannot be evaluated: {error}") from None


def _write(
    record: Record, definitions: str, found: Evaluation, names: tuple[str, str], curves: CurveFile, rate: float
) -> None:
    """Leave the metrics beside the record, which stays as it is; a linked run is never written through."""
    import json
    from datetime import UTC, datetime

    from decaylab import __version__
    from decaylab.cli.run_noise import linked_remark
    from decaylab.runlog.files import replace_file
    from decaylab.runlog.text import printable

    if remark := linked_remark(record):
        print(printable(remark), file=sys.stderr)
        return
    content = {
        "definitions": definitions,
        "run_id": record.run_id,
        "evaluated_utc": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "decaylab": __version__,
        "arrays": list(names),
        "rooms": curves.shape[0],
        "samples": curves.shape[1],
        "sampling_rate": rate,
        "metrics": found.metrics,
        "notes": found.notes,
    }
    path = os.path.join(record.path, f"evaluation_{definitions}.json")
    try:
        replace_file(path, (json.dumps(content, indent=2, allow_nan=False) + "\n").encode())
    except OSError as error:
        raise RunLogError(f"{path} cannot be written: {error.strerror or error}") from None
    print(printable(f"written to {path}"), file=sys.stderr)


def _table(record: Record, definitions: str, metrics: dict[str, Any], rooms: int) -> list[str]:
    """The metrics beside those on record."""
    from decaylab.runlog.find import definitions as recorded_definitions
    from decaylab.runlog.query import label
    from decaylab.runlog.tables.cells import shown
    from decaylab.runlog.tables.table import Cell, Column, render
    from decaylab.runlog.text import printable

    fields = []
    for name in (
        f"{prefix}_{statistic}" for prefix in ("edc", "edt", "t20", "t30", "c50", "ts") for statistic in _STATISTICS
    ):
        _, parameter, statistic = label(name).path.split(".")
        if parameter in metrics:
            fields.append((name, metrics[parameter][statistic]))
    columns = [
        Column(
            "metric",
            [Cell(f"{label(n).label}{f' ({label(n).unit})' if label(n).unit else ''}") for n, _ in fields],
            False,
            0,
        ),
        Column(
            f"recorded ({recorded_definitions(record)})", [Cell(shown(record.get(n), n)) for n, _ in fields], True, 0
        ),
        Column(f"computed ({definitions})", [Cell(shown(value, n)) for n, value in fields], True, 0),
    ]
    head = [f"{printable(record.run_id)}: {rooms} stored curves; all parameters broadband"]
    return [*head, *([_OLD] if definitions == "predecessor" else []), "", *render(columns, False)]
