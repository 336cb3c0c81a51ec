"""`decaylab train`: train, evaluate the best checkpoint, record. The last line on stdout is the run directory."""

from __future__ import annotations

import argparse
import sys
from argparse import SUPPRESS
from typing import TYPE_CHECKING, Any

from decaylab.errors import InputError, MissingExtraError

if TYPE_CHECKING:
    from decaylab.training.config import Origin, TrainConfig

HELP = "train a model, evaluate its best checkpoint, record the run"
EXAMPLE = """\
decaylab train --data data/rooms --model compact --loss decay
decaylab train --data data/rooms --model hybrid_v2 --loss weighted_edc --batch-size 8 --gradient-clip-val 1.0
decaylab train --from best:t20_mae --batch-size 16"""

_MODELS = (
    "compact (default), compact_traced, lstm, hybrid_v1, hybrid_v2, hybrid_v3, transformer, multihead; "
    "or your own: package.module:Class or path/to/file.py:Class"
)
_FROM = "a run whose settings are taken, but for those given here; it is recorded as parent"
_NO_SETTINGS = ("parent", "keep_last", "no_early_stop", "no_guard", "force", "json")
_WEIGHTS = ("aux_weight", "edt_weight", "t20_weight", "c50_weight")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    what = parser.add_argument_group("what to train, and on what", argument_default=SUPPRESS)
    what.add_argument("--data", metavar="DIR", help="data set: of `decaylab simulate`, or published")
    what.add_argument("--from", dest="parent", metavar="RUN", help=_FROM)
    what.add_argument("--model", metavar="NAME", help=_MODELS)
    what.add_argument("--loss", metavar="NAME", help="decay, mse, edc_rir, weighted_edc, auxiliary (default: by model)")
    for name in _WEIGHTS:
        flag = "--" + name.replace("_", "-")
        what.add_argument(flag, type=float, metavar="W", help="weight of a term of the loss, where it has that term")
    how = parser.add_argument_group("how", argument_default=SUPPRESS)
    how.add_argument("--max-epochs", type=int, metavar="N", help="default: the model's own")
    how.add_argument("--batch-size", type=int, metavar="N", help="default: the model's own")
    how.add_argument("--eval-batch-size", type=int, metavar="N", help="rooms at once in evaluation")
    how.add_argument("--learning-rate", type=float, metavar="R", help="default: the model's own")
    how.add_argument("--weight-decay", type=float, metavar="W", help="above 0: AdamW; default: the model's own")
    how.add_argument("--schedule", choices=("constant", "onecycle"), help="of the learning rate")
    how.add_argument("--input-noise", type=float, metavar="SD", help="noise on a knot model's inputs; default: its own")
    clip = "largest gradient norm, or none (default)"
    how.add_argument("--gradient-clip-val", type=_number_or_none, metavar="V", help=clip)
    how.add_argument("--precision", metavar="P", help="32 (default), 16 (GPU only) or bf16")
    how.add_argument("--scaler", metavar="NAME", help="minmax, standard (default) or robust")
    how.add_argument("--early-stop-patience", type=int, metavar="N", help="epochs without a lower validation loss")
    how.add_argument("--no-early-stop", action="store_true", help="train all epochs")
    how.add_argument("--no-guard", action="store_true", help="do not stop a run that is lost (docs/preflight.md)")
    how.add_argument("--device", metavar="D", help="auto (default), cpu or cuda")
    how.add_argument("--seed", type=int, metavar="S", help="of the training alone (default 0)")
    split = parser.add_argument_group("the split", argument_default=SUPPRESS)
    split.add_argument("--split", metavar="NAME", help="random (default), room or material")
    split.add_argument("--split-seed", type=int, metavar="S", help="default 0")
    split.add_argument("--fold", metavar="K/N", help="fold K of N, for --split room and material; or none")
    split.add_argument("--train-ratio", type=float, metavar="R", help="default 0.6")
    split.add_argument("--val-ratio", type=float, metavar="R", help="default 0.2")
    split.add_argument("--max-samples", type=int, metavar="N", help="use N rooms of the data set")
    load = parser.add_argument_group("loading", argument_default=SUPPRESS)
    load.add_argument("--num-workers", type=int, metavar="N", help="default 0: read in the training process")
    load.add_argument("--pin-memory", action="store_true", help="for a GPU")
    load.add_argument("--persistent-workers", action="store_true", help="keep workers between epochs")
    record = parser.add_argument_group("the record", argument_default=SUPPRESS)
    record.add_argument("--experiments", default="experiments", metavar="DIR", help="folder of runs (./experiments)")
    record.add_argument("--note", metavar="TEXT", help="a line about this run in NOTES.md")
    record.add_argument("--force", action="store_true", help="train also what preflight measured to fail")
    record.add_argument("--keep-last", action="store_true", help="keep checkpoints/last.ckpt when the run has ended")


def run(args: argparse.Namespace) -> int:
    config, origin = config_of(args)
    config.check()  # before PyTorch is imported: a wrong option answers at once
    try:
        from decaylab.training.loop import train
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("decaylab"):
            raise
        raise MissingExtraError(error.name, "train", "decaylab train") from error

    outcome = train(config, force="force" in args, keep_last="keep_last" in args, origin=origin)
    print(verdict(outcome.metrics), file=sys.stderr)
    if line := learnt(outcome.metrics, outcome.baselines):
        print(line, file=sys.stderr)
    print(outcome.directory)
    return 0 if outcome.status == "completed" else 1


def config_of(args: argparse.Namespace) -> tuple[TrainConfig, Origin | None]:
    """The settings that were asked for, and with `--from` the run that the others come from."""
    from decaylab.training.config import Origin, TrainConfig

    typed = _typed(args)
    if "parent" not in args:
        if "data" not in typed:
            raise InputError("train needs a data set: --data DIR; or a run to take its settings from: --from RUN")
        return TrainConfig(**typed), None
    from decaylab.cli.runs import find
    from decaylab.diagnosis.severe import severe
    from decaylab.runlog.text import printable

    record = find(args, args.parent)
    try:
        from decaylab.training.derive import derived
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("decaylab"):
            raise
        raise MissingExtraError(error.name, "train", "decaylab train") from error
    config = derived(record, typed)
    if bad := severe(record):
        name = printable(record.run_id)
        print(f"{name} is severely wrong ({', '.join(bad)}), and these are its settings", file=sys.stderr)
        print("what made it so, `decaylab diagnose RUN` says", file=sys.stderr)
    return config, Origin(record.run_id, "from", {})


def _typed(args: argparse.Namespace) -> dict[str, Any]:
    """What was typed, as fields of `TrainConfig`; what was not has no attribute in `args`."""
    typed = {name: value for name, value in vars(args).items() if name not in (*_WEIGHTS, *_NO_SETTINGS)}
    if "precision" in typed:
        typed["precision"] = int(args.precision) if args.precision.isdigit() else args.precision
    if "fold" in typed:
        typed["fold"] = parsed_fold(args.fold)
    if "no_early_stop" in args:
        typed["early_stop"] = False
    if "no_guard" in args:
        typed["guard"] = False
    if weights := {name: getattr(args, name) for name in _WEIGHTS if name in args}:
        typed["loss_weights"] = weights
    return typed


def _number_or_none(text: str) -> float | None:
    try:
        return None if text == "none" else float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a number or none, got '{text}'") from None


def parsed_fold(text: str | None) -> tuple[int, int] | None:
    if text is None or text == "none":
        return None
    number, _, folds = text.partition("/")
    if not (number.isdigit() and folds.isdigit()):
        raise InputError(f"--fold {text!r} is not of the form K/N, for example 1/5")
    return int(number), int(folds)


def verdict(metrics: dict[str, dict[str, float | None]]) -> str:
    """The test rooms' result in one line: each target met or missed."""
    from decaylab.runlog.schema import FIELDS, TARGETS

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
