"""`decaylab export`: a trained model as an ONNX file that needs neither PyTorch nor decaylab."""

from __future__ import annotations

import argparse
import os

from decaylab.cli.out import check_output, say
from decaylab.cli.parser import add_experiments
from decaylab.cli.runs import RUN_HELP
from decaylab.errors import InputError

EXAMPLE = """\
decaylab export latest --format onnx
decaylab export best_model.ckpt --format onnx --output room.onnx"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add = parser.add_argument
    add("run_name", metavar="RUN", help=f"{RUN_HELP}; or a checkpoint FILE.ckpt")
    add("--format", choices=("onnx",), default="onnx", help="features in physical units in, curve and parameters out")
    add("--output", metavar="FILE", help="default: model.onnx in the run's directory, beside a checkpoint NAME.onnx")
    add("--model", metavar="NAME", help="package.module:Class again, for the checkpoint of a model of your own")
    add_experiments(parser)


def run(args: argparse.Namespace) -> int:
    """Export and compare; the file's path goes to stdout. Exit 1 when it does not compute what PyTorch does."""
    from decaylab.cli.predict import model_place
    from decaylab.inference.load import CHECKPOINT, EXPORTED

    place = model_place(args) or ""
    if place.endswith(".onnx"):
        raise InputError(f"{place} is an ONNX file already")
    is_run = os.path.isdir(place)
    checkpoint = os.path.join(place, CHECKPOINT) if is_run else place
    output = args.output or (os.path.join(place, EXPORTED) if is_run else f"{os.path.splitext(place)[0]}.onnx")
    check_output("--output", output, (".onnx",))
    from decaylab.inference.export import CURVE_TOLERANCE_DB, export_onnx

    say("writing and checking the graph; this takes half a minute")
    found = export_onnx(checkpoint, output, own_model=args.model)
    worst = ", ".join(f"{name} {value:.1e}" for name, value in found.parameters.items())
    say(
        f"against PyTorch on {found.rooms} rooms, largest differences: curves {found.curve_db:.1e} dB above -60 dB "
        f"(limit {CURVE_TOLERANCE_DB:g}); {worst}"
    )
    if not found.within:
        say("these are larger than the file is meant to allow: do not rely on it")
    print(output)
    return 0 if found.within else 1
