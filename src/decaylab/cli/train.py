"""`decaylab train`: train, evaluate the best checkpoint, record. The last line on stdout is the run directory."""

from __future__ import annotations

import argparse
import sys
from argparse import SUPPRESS
from typing import TYPE_CHECKING, Any

from decaylab.catalogue.settings import GROUPS, OPTIONS, WHAT, TrainConfig
from decaylab.cli.settings import add_setting, typed
from decaylab.errors import InputError

if TYPE_CHECKING:
    from decaylab.training.outcome import Origin

EXAMPLE = """\
decaylab train --data data/rooms --model compact --loss decay
decaylab train --data data/rooms --model hybrid_v2 --loss weighted_edc --batch-size 8 --gradient-clip-val 1.0
decaylab train --from best:t20_mae --batch-size 16"""

_FROM = "take the settings of this run, but for those given here; it is recorded as parent"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    for title in GROUPS:
        group = parser.add_argument_group(title, argument_default=SUPPRESS)
        if title == WHAT:
            group.add_argument("--from", dest="parent", metavar="RUN", help=_FROM)
        for setting in OPTIONS:
            if setting.group == title:
                add_setting(group, setting)
    group.add_argument("--force", action="store_true", help="train also what preflight measured to fail")
    group.add_argument("--keep-last", action="store_true", help="keep checkpoints/last.ckpt when the run has ended")


def run(args: argparse.Namespace) -> int:
    config, origin = config_of(args)
    config.check()  # before PyTorch is imported: a wrong option answers at once
    from decaylab.training.loop import train

    outcome = train(config, force="force" in args, keep_last="keep_last" in args, origin=origin)
    print(verdict(outcome.metrics), file=sys.stderr)
    if line := learnt(outcome.metrics, outcome.baselines):
        print(line, file=sys.stderr)
    print(outcome.directory)
    return 0 if outcome.status == "completed" else 1


def config_of(args: argparse.Namespace) -> tuple[TrainConfig, Origin | None]:
    """The settings that were asked for, and with `--from` the run that the others come from."""
    given = typed(args, OPTIONS)
    if "parent" not in args:
        if "data" not in given:
            raise InputError("train needs a data set: --data DIR; or a run to take its settings from: --from RUN")
        return TrainConfig(**given), None
    from decaylab.cli.runs import find
    from decaylab.diagnosis.severe import severe
    from decaylab.runlog.text import printable

    record = find(args, args.parent)
    from decaylab.training.outcome import Origin
    from decaylab.training.recorded import derived

    config = derived(record, given)
    if bad := severe(record):
        name = printable(record.run_id)
        print(f"{name} is severely wrong ({', '.join(bad)}), and these are its settings", file=sys.stderr)
        print("what made it so, `decaylab diagnose RUN` says", file=sys.stderr)
    return config, Origin(record.run_id, "from", {})


def verdict(metrics: dict[str, dict[str, float | None]]) -> str:
    """The test rooms' result in one line: each target met or missed."""
    from decaylab.catalogue.fields import FIELDS, TARGETS

    if not metrics:
        return "no metrics: the validation loss was never finite"
    parts = []
    for name, target in TARGETS.items():
        field = FIELDS[name]
        value = metrics[field.path.split(".")[1]]["mae"]
        shown = "not computable" if value is None else f"{value:.{field.digits}f} {field.unit}"
        word = "met" if value is not None and value <= target else "missed"
        parts.append(f"{field.label} {shown} (target {target:g}: {word})")
    return "test rooms, broadband: " + ", ".join(parts)


def learnt(metrics: dict[str, Any], baselines: dict[str, Any]) -> str | None:
    """What training added to the physics, in one line; None where physics alone was not scored."""
    alone = (baselines.get("physics") or {}).get("overall_edc", {}).get("mae")
    own = metrics.get("overall_edc", {}).get("mae")
    if not alone or own is None:
        return None
    ratio = own / alone
    said = f"{1 - ratio:.0%} better than"
    if ratio > 0.99:
        said = "no better than" if ratio < 1.05 else f"{ratio:.3g} times that of"
    return f"EDC MAE {own:.5f}: {said} physics alone, without training ({alone:.5f})"
