"""`decaylab verify`: does a record agree with itself, with its files and with the format?"""

from __future__ import annotations

import argparse

from decaylab.cli.out import say
from decaylab.cli.runs import add_run_or_folder, run_or_folder

EXAMPLE = """\
decaylab verify latest --deep
decaylab verify experiments"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--deep",
        action="store_true",
        help="compute the metrics again from the stored arrays; without it an edited one passes",
    )
    add_run_or_folder(parser, "default: every run of the folder")


def run(args: argparse.Namespace) -> int:
    from decaylab.runlog.store import scan
    from decaylab.runlog.text import counted, printable
    from decaylab.runlog.verify import verify

    chosen = run_or_folder(args)
    records = scan(chosen) if isinstance(chosen, str) else [chosen]
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
