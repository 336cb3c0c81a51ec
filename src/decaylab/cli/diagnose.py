"""`decaylab diagnose`: what is wrong with a run, the evidence, the likely cause, and the command to run next."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from decaylab.cli.out import say, terminal, write_lines
from decaylab.cli.runs import add_run_or_folder, run_or_folder

if TYPE_CHECKING:
    from decaylab.diagnosis.findings import Finding

EXAMPLE = """\
decaylab diagnose latest
decaylab diagnose 20260122_020157 --json
decaylab diagnose experiments"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    what = "a run by any of its names; or a folder of runs: which settings go with bad results (default: ./experiments)"
    parser.add_argument("--json", action="store_true", help="a list of objects: code, severity, evidence, basis, ...")
    parser.add_argument("--no-arrays", action="store_true", help="by metadata and history alone, as for many runs")
    add_run_or_folder(parser, what)


def run(args: argparse.Namespace) -> int:
    record = run_or_folder(args)
    if isinstance(record, str):
        return _diagnose_folder(args, record)
    from decaylab.diagnosis.diagnose import remarks
    from decaylab.diagnosis.lines import lines
    from decaylab.diagnosis.look import all_of

    found = all_of(record, say, with_files=not args.no_arrays)
    if args.json:
        _print_json(found)
    else:
        write_lines(lines(record, found, _width()))
    for remark in remarks(record, found):
        say(remark)
    return 0


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
