"""The decay curves of `decaylab predict` as a picture."""

from __future__ import annotations

import os

import numpy as np

from decaylab.errors import MissingExtraError
from decaylab.inference import Prediction
from decaylab.inference.about import BAND
from decaylab.rooms.features import RECEIVER, RoomTable

_FLOOR_DB = -70.0
#: Points of a curve in the picture: a screen has no more columns.
_POINTS = 2000


def plot(path: str, rooms: RoomTable, prediction: Prediction) -> None:
    """Level over time from the onset, one line a receiver; whole or not at all.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingExtraError("matplotlib", "plot", "drawing a picture") from None
    figure = Figure(figsize=(7.0, 4.5), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    curves = prediction.curves if prediction.curves is not None else np.zeros((0, 2))
    for curve, onset, place, t20 in zip(
        curves, prediction.onset.tolist(), rooms.features[:, RECEIVER], prediction.parameters["t20"], strict=True
    ):
        step = max(len(curve) // _POINTS, 1)
        level = 10.0 * np.log10(np.maximum(curve[::step] / curve[onset], 1e-12))
        time = (np.arange(len(level)) * step - onset) / prediction.sampling_rate
        shown = "T20 invalid" if np.isnan(t20) else f"T20 {t20:.3f} s"
        axes.plot(time, level, label=f"{','.join(f'{v:g}' for v in place)}: {shown}", linewidth=1.2)
    axes.set(xlabel="time after the onset in s", ylabel="level in dB re the onset", ylim=(_FLOOR_DB, 2.0))
    axes.set_title(f"predicted energy decay, {BAND}", fontsize=10)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    kind = os.path.splitext(path)[1][1:].lower()
    temporary = f"{path}.{os.getpid()}.tmp"
    try:
        figure.savefig(temporary, format=kind)
        os.replace(temporary, path)
    finally:
        if os.path.exists(temporary):
            os.unlink(temporary)
