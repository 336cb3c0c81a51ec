"""Runs side by side in parallel coordinates: one line a run, one axis a setting or result."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from decaylab.catalogue.fields import FIELDS
from decaylab.catalogue.settings import SETTINGS
from decaylab.reports.spec import BAND, INK, Axis, Line, Mark, Panel, Picture
from decaylab.reports.stored import Evidence
from decaylab.runlog.query import label
from decaylab.runlog.reading import number
from decaylab.runlog.tables.cells import shown
from decaylab.runlog.text import shorten

#: What can be an axis, settings first; only what differs becomes one.
AXES = (*(name for name in FIELDS if name in {s.short for s in SETTINGS if s.axis}), "train_size", "epochs")
RESULTS = ("duration", "edc_mae", "edt_mae", "t20_mae", "c50_mae")
_MISSING = "none"
#: Columns of a word under an axis.
_WORD = 11


def parallel_picture(runs: Sequence[Evidence]) -> tuple[Picture | None, list[str]]:
    """Each axis runs from its least to its greatest value, words in the order of the alphabet."""
    axes = [name for name in (*AXES, *RESULTS) if len({_text(run, name) for run in runs}) > 1]
    if len(runs) < 2 or len(axes) < 2:
        return None, [] if len(runs) < 2 else ["the runs differ in less than two of the fields that could be axes"]
    scales = [_scale(runs, name) for name in axes]
    places = np.arange(len(axes), dtype=np.float64)
    marks: list[Mark] = [Line(np.full(2, x), np.array([0.0, 1.0]), "", INK, "solid", 0.8) for x in places]
    for place, run in enumerate(runs):
        heights = np.array([column[place] for column, _ in scales])
        texts = tuple(f"{run.label}: {name} {_text(run, name, name)}" for name in axes)
        marks.append(Line(places, heights, run.label, place, "solid", 1.8, texts))
    ticks = tuple((float(place), title) for place, (_, title) in enumerate(scales))
    x = Axis("", (-0.4, len(axes) - 0.6), ticks=ticks)
    y = Axis("", (-0.05, 1.05), ticks=((0.0, "least"), (1.0, "greatest")))
    notes = (f"Each axis from its least value (bottom) to its greatest (top). EDT, T20 and C50 are {BAND}.",)
    return Picture("parallel", "Settings and results", (Panel("", x, y, tuple(marks)),), notes), []


def _text(run: Evidence, name: str, field: str = "") -> str:
    """A run's value in words; with the digits of a FIELD, or as it is recorded."""
    value = run.record.get(name)
    return _MISSING if value is None else shown(value, field)


def _numbers(runs: Sequence[Evidence], name: str) -> list[float] | None:
    """The values if all of them are finite numbers, or missing (NaN); else None."""
    found: list[float] = []
    for run in runs:
        value: Any = run.record.get(name)
        own = number(value)
        if value is not None and (own is None or not np.isfinite(own)):
            return None
        found.append(np.nan if own is None else float(own))
    return found if np.isfinite(found).any() else None


def _scale(runs: Sequence[Evidence], name: str) -> tuple[Sequence[float], str]:
    """Height of each run on its axis, 0 to 1, NaN where a number is missing; and the axis's title with its ends."""
    field = label(name)
    values = _numbers(runs, name)
    if values is None:
        own = [_text(run, name) for run in runs]
        words = sorted(set(own))
        ends = [shorten(words[0], _WORD), shorten(words[-1], _WORD)]
        heights = [words.index(word) / (len(words) - 1) for word in own]
    else:
        low, high = float(np.nanmin(values)), float(np.nanmax(values))
        ends = [shown(low, name), f"{shown(high, name)} {field.unit}".rstrip()]
        heights = [(value - low) / (high - low) if high > low else value * 0 + 0.5 for value in values]
    return heights, f"{field.label}\n{ends[0]} to\n{ends[1]}"
