"""`decaylab verify`: does a record agree with itself, with its files and with the format?"""

from __future__ import annotations

import argparse
import os

from decaylab.cli.out import say
from decaylab.cli.parser import add_experiments
from decaylab.runlog.record import Record

EXAMPLE = """\
decaylab verify latest --deep
decaylab verify experiments"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", nargs="?", metavar="RUN or EXPERIMENTS", help="default: every run of the folder")
    parser.add_argument(
        "--deep",
        action="store_true",
        help="compute the metrics again from the stored arrays; without it an edited one passes",
    )
    add_experiments(parser)


def run(args: argparse.Namespace) -> int:
    from decaylab.runlog.text import counted, printable
    from decaylab.runlog.verify import verify

    records = _chosen(args.run, args.experiments)
    faulty = 0
    for record in records:
        verdict = verify(record)
        if args.deep and record.status != "unreadable":
            from decaylab.evaluation.of_run import check_metrics

            faults, unknown = check_metrics(record)
            verdict.faults.extend(faults)
            verdict.unknown.extend(unknown)
        faulty += bool(verdict.faults)
        answer = counted(len(verdict.faults), "fault") if verdict.faults else "ok"
        print(f"{printable(record.run_id)}  {printable(record.status)}  {answer}")
        for line in verdict.faults:
            print(f"  fault: {printable(line)}")
        for line in verdict.unknown:
            print(f"  not checked: {printable(line)}")
    if len(records) != 1:
        say(f"{len(records)} runs verified, {faulty} with faults")
    return 1 if faulty else 0


def _chosen(name: str | None, experiments: str) -> list[Record]:
    """One run by any of its names; all runs of a folder that is no run itself."""
    from decaylab.runlog.find import find_run
    from decaylab.runlog.store import is_run, read_run, scan

    if name is None:
        return scan(experiments)
    if not os.path.isdir(name):
        return [find_run(experiments, name, say)]
    return [read_run(name)] if is_run(name) else scan(name)
