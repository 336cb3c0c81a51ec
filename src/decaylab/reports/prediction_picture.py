"""Decay curves that a model predicts for new rooms."""

from __future__ import annotations

import numpy as np

from decaylab.inference import Prediction
from decaylab.inference.about import BAND
from decaylab.reports.decays import LEVELS, level_over_time
from decaylab.reports.spec import Axis, Line, Mark, Panel, Picture
from decaylab.rooms.features import RECEIVER, RoomTable


def prediction_picture(rooms: RoomTable, prediction: Prediction) -> Picture:
    """Level in dB re the onset over seconds after it, one line a receiver, named by its place and its T20."""
    curves = prediction.curves if prediction.curves is not None else np.zeros((0, 2))
    onsets, times = prediction.onset.tolist(), prediction.parameters["t20"].tolist()
    marks: list[Mark] = []
    for number, (curve, onset, t20) in enumerate(zip(curves, onsets, times, strict=True)):
        time, level = level_over_time(curve, onset, prediction.sampling_rate)
        place = ",".join(f"{value:g}" for value in rooms.features[number, RECEIVER])
        shown = f"T20 {t20:.3f} s" if np.isfinite(t20) else "T20 invalid"
        marks.append(Line(time, level, f"{place}: {shown}", number))
    x, y = Axis("time after the onset in s"), Axis("level in dB re the onset", LEVELS)
    return Picture("prediction", "Predicted decay", (Panel(f"predicted energy decay, {BAND}", x, y, tuple(marks)),))
