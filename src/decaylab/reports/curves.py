"""A run's stored curves, opened for reading block by block."""

from __future__ import annotations

import os

from decaylab.evaluation.curve_file import CurveFile
from decaylab.runlog.arrays import read_header


def open_curves(directory: str, name: str) -> CurveFile:
    """The curves in file `name` of a run directory, (rooms, samples); nothing of it is believed before it is checked.

    Raises:
        FileNotFoundError: there is no such file. RunLogError: it is no plain file, no array of numbers, or shorter
            than it says. DataError: it holds no curves of floats.
    """
    path = os.path.join(directory, name)
    read_header(path)  # before numpy believes it
    return CurveFile(path)
