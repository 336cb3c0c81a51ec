"""`decaylab predict`: curves and parameters of new rooms, from a trained model."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

from decaylab.cli.out import check_output, say, write_lines
from decaylab.cli.parser import add_experiments, from_0
from decaylab.cli.runs import find
from decaylab.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from decaylab.inference import Prediction, Predictor
    from decaylab.rooms.features import RoomTable

EXAMPLE = """\
decaylab predict latest --room 5,4,3 --source 1,2,1.5 --receiver 4,3,1.2 --material hard_surface
decaylab predict best:t20_mae --room 5,4,3 --source 1,2,1.5 --receiver 4,3,1.2 --receiver 3,1,1.2 \
--absorption 0.1,0.1,0.2,0.3,0.3,0.4,0.4 --rir room.wav
decaylab predict best_model.ckpt --rooms rooms.csv --out predicted.csv"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add = parser.add_argument
    add(
        "run_name",
        metavar="RUN",
        nargs="?",
        help="a run (directory, id, latest, best:FIELD, ...), a checkpoint FILE.ckpt or an exported FILE.onnx; without "
        "it the model that ships with the package",
    )
    one = parser.add_argument_group("one room")
    size, place = _numbers(3, "length, width, height in metres"), _numbers(3, "x, y, z in metres")
    octaves = _numbers(7, "one for each octave 125 Hz to 8 kHz")
    one.add_argument("--room", metavar="L,W,H", type=size, help="length, width, height in metres")
    one.add_argument("--source", metavar="X,Y,Z", type=place, help="in metres, from a corner of the room")
    one.add_argument("--receiver", metavar="X,Y,Z", type=place, action="append", help="may be given several times")
    one.add_argument("--absorption", metavar="A1,...,A7", type=octaves, help="of all walls, 125 Hz to 8 kHz, 0 to 1")
    one.add_argument("--material", metavar="NAME", help="of all walls instead, from the table of pyroomacoustics")
    one.add_argument("--rir", metavar="FILE.wav", help="impulse responses, 32-bit float, one channel a receiver")
    one.add_argument("--seed", type=from_0, default=0, metavar="S", help="of the impulse responses (default 0)")
    one.add_argument("--plot", metavar="FILE.png", help="the decay curves (.png, .svg or .pdf)")
    many = parser.add_argument_group("a table of rooms")
    many.add_argument("--rooms", metavar="FILE.csv", help="columns ID, Length, ..., f1..f7, in any order")
    add("--out", metavar="FILE.csv", help="parameters as FILE.csv, or curves too as FILE.npz; - is CSV to stdout")
    add("--model", metavar="NAME", help="package.module:Class again, for the checkpoint of a model of your own")
    add_experiments(parser)


def _numbers(count: int, what: str) -> Callable[[str], list[float]]:
    """What reads an argument of `count` numbers with commas between them."""

    def read(text: str) -> list[float]:
        try:
            values = [float(part) for part in text.split(",")]
        except ValueError:
            values = []
        if len(values) != count:
            raise argparse.ArgumentTypeError(f"{text}: expected {count} numbers with commas between them, {what}")
        return values

    return read


def run(args: argparse.Namespace) -> int:
    """Predict; everything is checked before the model is loaded, and nothing is written before all is known."""
    from decaylab.cli.predict_rooms import rooms_of
    from decaylab.inference import load_model

    rooms = rooms_of(args)
    _check_outputs(args)
    model = load_model(model_place(args), model=args.model)
    _tell_outside(model, rooms)
    if args.rooms is not None:
        if args.out == "-":
            _csv_to_stdout(model, rooms)
        else:
            _write(model, rooms, args.out)
        return 0
    prediction = model.predict(rooms)
    from decaylab.cli.predict_table import table

    lines = table(model, rooms, prediction)
    _write_extras(args, model, rooms, prediction)
    if args.out == "-":
        _csv_to_stdout(model, rooms)
    else:
        write_lines(lines)
    return 0


def _check_outputs(args: argparse.Namespace) -> None:
    """Suffixes and folders, before seconds go into a prediction."""
    for option, suffixes in (("rir", (".wav",)), ("plot", (".png", ".svg", ".pdf")), ("out", (".csv", ".npz"))):
        path = getattr(args, option)
        if path is not None and path != "-":
            check_output(f"--{option}", path, suffixes)


def model_place(args: argparse.Namespace) -> str | None:
    """The file or the run's directory that RUN means."""
    name: str | None = args.run_name
    if name is None or (name.endswith((".ckpt", ".onnx")) and os.path.isfile(name)):
        return name
    if name.endswith((".ckpt", ".onnx")):
        raise InputError(f"there is no file {name}")
    return find(args, name).path


def _tell_outside(model: Predictor, rooms: RoomTable) -> None:
    from decaylab.cli.predict_rooms import outside_lines

    if model.ranges is None:
        say("training ranges unknown: the model's file does not hold them; whether these rooms are like its own, too")
        return
    for line in outside_lines(rooms, model.is_outside(rooms), model.ranges, _has_intervals(model)):
        say(line)


def _has_intervals(model: Predictor) -> bool:
    known = model.about.intervals
    return known is not None and any(width is not None for width in known["half_width"].values())


def _csv_to_stdout(model: Predictor, rooms: RoomTable) -> None:
    import numpy as np

    from decaylab.inference.tables import csv_text, outside_counts

    counts = np.asarray(outside_counts(model, rooms))
    for text in csv_text(model.blocks(rooms, curves=False), counts):
        sys.stdout.write(text)


def _write(model: Predictor, rooms: RoomTable, path: str) -> None:
    from decaylab.cli.progress import Progress
    from decaylab.inference.tables import write_predictions

    with Progress(sys.stderr, "predicted", "rooms") as progress:
        write_predictions(path, model, rooms, lambda done: progress(done, len(rooms)))
    say(f"{len(rooms)} rooms, broadband (48 kHz, white source), written to {path}")


def _write_extras(args: argparse.Namespace, model: Predictor, rooms: RoomTable, prediction: Prediction) -> None:
    """What was asked for besides the table."""
    if args.out not in (None, "-"):
        _write(model, rooms, args.out)
    if args.rir is not None:
        from decaylab.responses.write import write_wav

        if not model.can_be_heard:
            say(f"{args.rir}: not for auralisation: this model knows no octave bands, so all of them decay alike")
        write_wav(args.rir, model.impulse_responses(rooms, seed=args.seed), model.about.sampling_rate)
        say(f"{len(rooms)} impulse response{'s' * (len(rooms) != 1)}, seed {args.seed}, written to {args.rir}")
    if args.plot is not None:
        from decaylab.reports.decay_picture import prediction_picture
        from decaylab.reports.render_matplotlib import picture_bytes
        from decaylab.runlog.files import replace_file

        form = os.path.splitext(args.plot)[1][1:].lower()
        replace_file(args.plot, picture_bytes(prediction_picture(rooms, prediction), form))
        say(f"decay curves written to {args.plot}")
