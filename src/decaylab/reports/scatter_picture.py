"""Predicted against true T20, EDT and C50 of the test rooms, with the just noticeable difference."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from decaylab.acoustics.jnd import JND, just_noticeable
from decaylab.reports.spec import (
    BAND,
    INK,
    SHOWN,
    Axis,
    Band,
    Line,
    Mark,
    Panel,
    Picture,
    Points,
    Shown,
    few,
    valid_pairs,
)
from decaylab.reports.stored import Evidence
from decaylab.runlog.text import counted

#: Points of a panel over all runs; a report of several runs of 1,200 rooms stays below 8 MB.
_POINTS = 3000


def scatter_picture(runs: Sequence[Evidence]) -> tuple[Picture | None, list[str]]:
    """One panel a parameter; and why runs have none, one line each."""
    missing = [f"{run.label}: {run.errors_missing}" for run in runs if run.errors is None]
    notes: list[str] = []
    panels = [panel for shown in SHOWN if (panel := _panel(runs, shown, notes)) is not None]
    if not panels:
        return None, missing or ["no room has a valid parameter"]
    share = ", ".join(_jnd_text(shown) for shown in SHOWN)
    notes.insert(0, f"Band: one just noticeable difference ({share}). All parameters are {BAND}.")
    return Picture("scatter", "Predicted against true parameters", tuple(panels), tuple(notes)), missing


def _panel(runs: Sequence[Evidence], shown: Shown, notes: list[str]) -> Panel | None:
    points: list[Mark] = []
    low, high = np.inf, -np.inf
    most = max(_POINTS // len(runs), 100)
    for place, run in enumerate(runs):
        if run.errors is None:
            continue
        true, predicted, rooms, no_target, no_prediction = valid_pairs(run.errors, shown.key)
        left_out = [
            (no_target, "without a valid target"),
            (no_prediction, "whose prediction has no valid value"),
            (len(true) - min(len(true), most), "not drawn, the others spread evenly"),
        ]
        if said := [f"{counted(count, 'room')} {why}" for count, why in left_out if count]:
            notes.append(f"{run.label}, {shown.name}: {', '.join(said)}.")
        if not len(true):
            continue
        chosen = few(len(true), most)
        low, high = (
            min(low, float(true.min()), float(predicted.min())),
            max(high, float(true.max()), float(predicted.max())),
        )
        texts = tuple(_text(rooms[i], true[i], predicted[i], shown) for i in chosen)
        points.append(Points(true[chosen], predicted[chosen], run.label, place, "circle", texts))
    if not points:
        return None
    margin = 0.05 * (high - low) or 0.1
    limits = (low - margin, high + margin) if shown.key == "c50" else (max(low - margin, 0.0), high + margin)
    line = np.linspace(*limits, 20)
    noticeable = just_noticeable(shown.key, line)
    marks = [
        Band(line, line - noticeable, line + noticeable, "within one JND", INK, 0.22),
        Line(line, line, "", INK, "solid", 1.0),
        *points,
    ]
    unit = f"in {shown.unit} ({BAND})"
    return Panel(
        shown.name,
        Axis(f"true {shown.name} {unit}", limits),
        Axis(f"predicted {shown.name} {unit}", limits),
        tuple(marks),
        is_square=True,
    )


def _text(room: str, true: float, predicted: float, shown: Shown) -> str:
    digits, unit = shown.digits, shown.unit
    return f"{room}: true {true:.{digits}f} {unit}, predicted {predicted:.{digits}f} ({predicted - true:+.{digits}f})"


def _jnd_text(shown: Shown) -> str:
    size, is_relative = JND[shown.key]
    return f"{shown.name} {100 * size:g} %" if is_relative else f"{shown.name} {size:g} {shown.unit}"
