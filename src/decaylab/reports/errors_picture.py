"""How the errors of T20, EDT and C50 are distributed over the test rooms."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from decaylab.reports.spec import BAND, INK, SHOWN, Axis, Band, Line, Mark, Panel, Picture, Shown, Values, valid_pairs
from decaylab.reports.stored import Evidence

#: Errors beyond these percentiles of all runs together are counted in the outermost bins.
_CORE = (1.0, 99.0)
_LEAST_BINS, _MOST_BINS = 10, 40
#: Beside a bad run a good one must not vanish in two bins: it has up to so many, as far as all are at most these.
_BINS_OF_THE_BEST, _BINS_IN_ALL = 8, 160


def errors_picture(runs: Sequence[Evidence]) -> tuple[Picture | None, list[str]]:
    """Histograms of prediction less target, in per cent of the rooms; and why runs have none, one line each."""
    missing = [f"{run.label}: {run.errors_missing}" for run in runs if run.errors is None]
    notes = [f"Prediction less target, {BAND}; above 0 the model predicts too much."]
    panels = [panel for shown in SHOWN if (panel := _panel(runs, shown, notes)) is not None]
    if not panels:
        return None, missing or ["no room has a valid parameter"]
    return Picture("errors", "Distribution of the errors", tuple(panels), tuple(notes)), missing


def _panel(runs: Sequence[Evidence], shown: Shown, notes: list[str]) -> Panel | None:
    found: list[tuple[int, Evidence, Values]] = []
    for place, run in enumerate(runs):
        if run.errors is not None:
            true, predicted, *_ = valid_pairs(run.errors, shown.key)
            if len(true):
                found.append((place, run, predicted - true))
    if not found:
        return None
    edges = _edges([errors for _, _, errors in found])
    marks: list[Mark] = []
    beyond = 0
    top = 0.0
    for place, run, errors in found:
        inside = np.clip(errors, edges[0], edges[-1])
        beyond += int((inside != errors).sum())
        shares = 100.0 * np.histogram(inside, edges)[0] / len(errors)
        x, y = np.repeat(edges, 2), np.concatenate([[0.0], np.repeat(shares, 2), [0.0]])
        top = max(top, float(shares.max()))
        if len(runs) == 1:
            marks.append(Band(x, np.zeros(len(y)), y, "", place, 0.25))
        marks.append(Line(x, y, run.label, place))
        bias, spread = float(errors.mean()), float(np.percentile(np.abs(errors), 95))
        notes.append(
            f"{run.label}, {shown.name}: mean error {bias:+.{shown.digits}f} {shown.unit}, "
            f"95 % of the rooms within {spread:.{shown.digits}f} {shown.unit}."
        )
    marks.insert(0, Line(np.zeros(2), np.array([0.0, top * 1.1]), "", INK, "dash", 1.0))
    if beyond:
        notes.append(f"{shown.name}: errors beyond the range, counted in the outermost bins: {beyond}.")
    label = f"error of {shown.name} in {shown.unit} ({BAND})"
    limits = (float(edges[0]), float(edges[-1]))
    return Panel(shown.name, Axis(label, limits), Axis("rooms in %", (0.0, top * 1.1)), tuple(marks))


def _edges(errors: list[Values]) -> Values:
    """Edges of the bins, the same for all runs, 0 among them: about the square root of the rooms many, or more where
    the runs differ much in how far their errors spread."""
    every = np.concatenate(errors)
    low, high = (float(value) for value in np.percentile(every, _CORE))
    low, high = min(low, 0.0), max(high, 0.0)
    if high == low:  # no error at all
        high = low + 1e-3
    width = high - low
    bins = int(np.clip(np.sqrt(min(map(len, errors))) * 1.5, _LEAST_BINS, _MOST_BINS))
    narrowest = min(float(np.ptp(np.percentile(each, _CORE))) for each in errors)
    if narrowest > 0:
        wanted = min(_BINS_OF_THE_BEST, np.sqrt(min(map(len, errors))))
        bins = int(max(bins, min(_BINS_IN_ALL, wanted * width / narrowest)))
    step = width / bins
    return step * np.arange(np.floor(low / step), np.ceil(high / step) + 1)
