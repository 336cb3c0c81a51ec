"""`decaylab diagnose`: what is wrong with a run, the evidence, the likely cause, and the command to run next."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING, Any

from decaylab.cli.out import say, terminal, write_lines
from decaylab.cli.parser import add_experiments
from decaylab.cli.runs import find

if TYPE_CHECKING:
    from decaylab.diagnosis.findings import Finding

EXAMPLE = """\
decaylab diagnose latest
decaylab diagnose 20260122_020157 --json
decaylab diagnose experiments"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    what = "a run by any of its names; or a folder of runs: which settings go with bad results (default: ./experiments)"
    parser.add_argument("run", nargs="?", metavar="RUN or EXPERIMENTS", help=what)
    parser.add_argument("--json", action="store_true", help="a list of objects: code, severity, evidence, basis, ...")
    parser.add_argument("--no-arrays", action="store_true", help="by metadata and history alone, as for many runs")
    add_experiments(parser)


def run(args: argparse.Namespace) -> int:
    folder = _folder_of_runs(args)
    if folder is not None:
        return _diagnose_folder(args, folder)
    from decaylab.diagnosis.diagnose import remarks
    from decaylab.diagnosis.lines import lines
    from decaylab.diagnosis.look import all_of

    record = find(args, args.run)
    found = all_of(record, say, with_files=not args.no_arrays)
    if args.json:
        _print_json(found)
    else:
        write_lines(lines(record, found, _width()))
    for remark in remarks(record, found):
        say(remark)
    return 0


def _folder_of_runs(args: argparse.Namespace) -> str | None:
    """The folder that is meant, if it is no run itself."""
    if args.run is None:
        return str(args.experiments)
    is_id = os.sep not in args.run and os.path.isdir(os.path.join(args.experiments, args.run))
    if is_id or not os.path.isdir(args.run):
        return None
    from decaylab.runlog.store import is_run

    return None if is_run(args.run) else str(args.run)


def _diagnose_folder(args: argparse.Namespace, folder: str) -> int:
    from decaylab.diagnosis import comparables, diagnose_all
    from decaylab.runlog.index import scan

    records = scan(folder, (*comparables.FIELDS, "severe"))
    found = diagnose_all.findings(records)
    if args.json:
        _print_json(found)
    else:
        write_lines(diagnose_all.lines(records, found, folder))
    return 0


def _print_json(found: list[Finding]) -> None:
    import json

    rows: list[dict[str, Any]] = [finding._asdict() for finding in found]
    print(json.dumps(rows, indent=2, ensure_ascii=True))


def _width() -> int:
    return min(terminal()[0] or 100, 100)
