"""`decaylab resume`: go on with a run that was killed or interrupted, in its own directory."""

from __future__ import annotations

import argparse

from decaylab.cli.again import add_again, report
from decaylab.cli.runs import add_run, chosen_run

EXAMPLE = """\
decaylab resume latest
decaylab resume compact_20260301_120000 --data /mnt/new/rooms"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_run(parser)
    add_again(parser)
    parser.add_argument(
        "--gone", action="store_true", help="you know that its process is gone, where that cannot be seen from here"
    )
    parser.add_argument("--keep-last", action="store_true", help="keep checkpoints/last.ckpt when the run has ended")


def run(args: argparse.Namespace) -> int:
    record = chosen_run(args)
    from decaylab.training.resume import resume

    outcome = resume(
        record, data=args.data, model=args.model, assumed=dict(args.assume), gone=args.gone, keep_last=args.keep_last
    )
    report(outcome)
    return 0 if outcome.status == "completed" else 1
