"""The rooms that `decaylab predict` is asked for, and how far they lie from those of the training."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from decaylab.errors import InputError
from decaylab.inference import rooms_at_receivers
from decaylab.inference.about import unit_of
from decaylab.rooms import RoomTable, check_rooms, read_rooms_csv
from decaylab.rooms.features import FEATURE_NAMES
from decaylab.rooms.materials import material_absorption

_ONE = ("room", "source", "receiver", "absorption", "material", "rir", "plot")


def rooms_of(args: argparse.Namespace) -> RoomTable:
    """The rooms asked for, checked.

    Raises:
        InputError: options that are missing, contradict each other or are no numbers. DataError: rooms that cannot be.
    """
    table = _from_table(args) if args.rooms is not None else _from_options(args)
    check_rooms(table)
    return table


def outside_lines(
    rooms: RoomTable, outside: NDArray[np.bool_], ranges: Mapping[str, tuple[float, float]], has_intervals: bool = True
) -> list[str]:
    """What is said of inputs outside the training ranges: a line for each input; none if all lie within.

    Args:
        rooms: the n rooms that are predicted.
        outside: (n, 16), which inputs lie outside, as `Predictor.is_outside` gives it.
        ranges: the least and the greatest value of each input in the training, in the input's own unit.
        has_intervals: whether the prediction comes with intervals; if so, the last line says that they do not hold.
    """
    lines = []
    for column in np.flatnonzero(outside.any(axis=0)).tolist():
        name, cases = FEATURE_NAMES[column], outside[:, column]
        unit = f" {unit_of(name)}" if unit_of(name) else ""
        low, high = ranges[name]
        span = f"{low:g} to {high:g}{unit}" if low != high else f"{low:g}{unit} alone"
        least, most = rooms.features[cases, column].min(), rooms.features[cases, column].max()
        shown = f"{least:g}" if least == most else f"{least:g} to {most:g}"
        where = f" in {cases.sum()} of {len(rooms)} rooms" if len(rooms) > 1 else ""
        lines.append(f"outside the training: {name} = {shown}{unit}{where}; the training rooms have {span}")
    if not lines:
        return []
    which = "for this room" if len(rooms) == 1 else f"for {outside.any(axis=1).sum()} of {len(rooms)} rooms"
    said = "the intervals do not hold: " if has_intervals else ""
    return [*lines, f"{which} {said}the model has seen nothing like it"]


def _from_table(args: argparse.Namespace) -> RoomTable:
    given = [f"--{name}" for name in _ONE if getattr(args, name) is not None]
    if given:
        raise InputError(f"--rooms takes whole rooms from its file: leave out {', '.join(given)}")
    if args.out is None:
        raise InputError("--rooms needs --out FILE.csv (parameters) or FILE.npz (curves too)")
    return read_rooms_csv(args.rooms)


def _from_options(args: argparse.Namespace) -> RoomTable:
    missing = [f"--{name}" for name in ("room", "source", "receiver") if getattr(args, name) is None]
    if args.absorption is None and args.material is None:
        missing.append("--absorption or --material")
    if missing:
        raise InputError(f"a room needs {', '.join(missing)} besides (or give a table with --rooms FILE.csv)")
    if args.absorption is not None and args.material is not None:
        raise InputError("--absorption and --material both say what the walls are: give one of them")
    absorption = material_absorption(args.material) if args.absorption is None else args.absorption
    return rooms_at_receivers(args.room, args.source, args.receiver, absorption)
