"""`decaylab preflight`: what `train` finds before it begins, without training."""

from __future__ import annotations

import argparse
import json

from decaylab.cli import train
from decaylab.cli.out import write_lines

EXAMPLE = """\
decaylab preflight --data data/rooms --model hybrid_v2 --loss weighted_edc --batch-size 8 --gradient-clip-val 1.0
decaylab preflight --from best:t20_mae --batch-size 2 --json"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    train.add_arguments(parser)
    parser.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="findings and estimate as JSON")


def run(args: argparse.Namespace) -> int:
    config, _ = train.config_of(args)
    config.check()
    from decaylab.training import preflight
    from decaylab.training.plan import plan_training

    checked = preflight.check(plan_training(config))
    write_lines([json.dumps(checked.record(), indent=2)] if "json" in args else checked.lines())
    if "force" not in args:
        preflight.refuse(checked)
    return 0
