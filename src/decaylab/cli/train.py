"""`decaylab train`: train, evaluate the best checkpoint, record. The last line on stdout is the run directory."""

from __future__ import annotations

import argparse
import sys

from decaylab.errors import InputError, MissingExtraError

HELP = "train a model, evaluate its best checkpoint, record the run"
EXAMPLE = """\
decaylab train --data data/rooms --model compact --loss decay
decaylab train --data data/rooms --model hybrid_v2 --loss weighted_edc --batch-size 8 --gradient-clip-val 1.0"""

_WEIGHTS = ("aux_weight", "edt_weight", "t20_weight", "c50_weight")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    what = parser.add_argument_group("what to train, and on what")
    what.add_argument("--data", required=True, metavar="DIR", help="data set: of `decaylab simulate`, or published")
    what.add_argument("--model", default="compact", metavar="NAME", help="compact (default), lstm, hybrid_v1, _v2, _v3")
    what.add_argument("--loss", metavar="NAME", help="decay, mse, edc_rir, weighted_edc, auxiliary (default: by model)")
    for name in _WEIGHTS:
        flag = "--" + name.replace("_", "-")
        what.add_argument(flag, type=float, metavar="W", help="weight of a term of the loss, where it has that term")
    how = parser.add_argument_group("how")
    how.add_argument("--max-epochs", type=int, metavar="N", help="default: the model's own")
    how.add_argument("--batch-size", type=int, metavar="N", help="default: the model's own")
    how.add_argument("--eval-batch-size", type=int, metavar="N", help="rooms at once in evaluation")
    how.add_argument("--learning-rate", type=float, metavar="R", help="default: the model's own")
    how.add_argument("--weight-decay", type=float, metavar="W", help="above 0: AdamW; default: the model's own")
    how.add_argument("--schedule", choices=("constant", "onecycle"), help="of the learning rate")
    how.add_argument("--input-noise", type=float, metavar="SD", help="noise on a knot model's inputs; default: its own")
    how.add_argument("--gradient-clip-val", type=float, metavar="V", help="largest gradient norm (default: none)")
    how.add_argument("--precision", default="32", metavar="P", help="32 (default), 16 (GPU only) or bf16")
    how.add_argument("--scaler", default="standard", metavar="NAME", help="minmax, standard (default) or robust")
    how.add_argument("--early-stop-patience", type=int, metavar="N", help="epochs without a lower validation loss")
    how.add_argument("--no-early-stop", action="store_true", help="train all epochs")
    how.add_argument("--device", default="auto", metavar="D", help="auto (default), cpu or cuda")
    how.add_argument("--seed", type=int, default=0, metavar="S", help="of the training alone (default 0)")
    split = parser.add_argument_group("the split")
    split.add_argument("--split", default="random", metavar="NAME", help="random (default), room or material")
    split.add_argument("--split-seed", type=int, default=0, metavar="S", help="default 0")
    split.add_argument("--fold", metavar="K/N", help="fold K of N, for --split room and material")
    split.add_argument("--train-ratio", type=float, default=0.6, metavar="R", help="default 0.6")
    split.add_argument("--val-ratio", type=float, default=0.2, metavar="R", help="default 0.2")
    split.add_argument("--max-samples", type=int, metavar="N", help="use N rooms of the data set")
    load = parser.add_argument_group("loading")
    load.add_argument("--num-workers", type=int, default=0, metavar="N", help="default 0: read in the training process")
    load.add_argument("--pin-memory", action="store_true", help="for a GPU")
    load.add_argument("--persistent-workers", action="store_true", help="keep workers between epochs")
    record = parser.add_argument_group("the record")
    record.add_argument("--experiments", default="experiments", metavar="DIR", help="folder of runs (./experiments)")
    record.add_argument("--note", metavar="TEXT", help="a line about this run in NOTES.md")


def run(args: argparse.Namespace) -> int:
    from decaylab.training.config import TrainConfig

    config = TrainConfig(
        data=args.data,
        model=args.model,
        loss=args.loss,
        experiments=args.experiments,
        max_epochs=args.max_epochs,
        batch_size=args.batch_size,
        eval_batch_size=args.eval_batch_size,
        learning_rate=args.learning_rate,
        weight_decay=args.weight_decay,
        schedule=args.schedule,
        input_noise=args.input_noise,
        scaler=args.scaler,
        precision=int(args.precision) if args.precision.isdigit() else args.precision,
        gradient_clip_val=args.gradient_clip_val,
        loss_weights={name: getattr(args, name) for name in _WEIGHTS if getattr(args, name) is not None},
        early_stop_patience=args.early_stop_patience,
        early_stop=not args.no_early_stop,
        train_ratio=args.train_ratio,
        val_ratio=args.val_ratio,
        split=args.split,
        split_seed=args.split_seed,
        fold=_fold(args.fold),
        max_samples=args.max_samples,
        num_workers=args.num_workers,
        pin_memory=args.pin_memory,
        persistent_workers=args.persistent_workers,
        seed=args.seed,
        device=args.device,
        note=args.note,
    )
    config.check()  # before PyTorch is imported: a wrong option answers at once
    try:
        from decaylab.training.loop import train
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("decaylab"):
            raise
        raise MissingExtraError(error.name, "train", "decaylab train") from error

    outcome = train(config)
    print(_verdict(outcome.metrics), file=sys.stderr)
    print(outcome.directory)
    return 0 if outcome.status == "completed" else 1


def _fold(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    number, _, folds = text.partition("/")
    if not (number.isdigit() and folds.isdigit()):
        raise InputError(f"--fold {text!r} is not of the form K/N, for example 1/5")
    return int(number), int(folds)


def _verdict(metrics: dict[str, dict[str, float | None]]) -> str:
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
