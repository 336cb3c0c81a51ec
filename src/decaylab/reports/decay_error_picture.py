"""Where along the decay a model is wrong: the error of its level over the level of the target."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from decaylab.acoustics import onset_index
from decaylab.errors import DataError
from decaylab.evaluation.of_run import StoredCurves
from decaylab.reports.spec import INK, Axis, Band, Line, Mark, Panel, Picture, Values, few
from decaylab.reports.stored import Evidence

#: Rooms that are read of each run, spread evenly: 2 x 150 MB would take seconds, 2 x 77 MB one.
ROOMS = 200
#: Levels of the target at which the error is taken, in dB re the onset.
LEVELS = np.arange(0.0, -60.5, -1.0)
#: Below this share of the rooms a level says nothing of the others, which end above it.
_LEAST_SHARE = 0.5


def decay_error_picture(runs: Sequence[Evidence]) -> tuple[Picture | None, list[str]]:
    """Median error of the level, with the middle half and (one run) 90 % of the rooms; and why runs have none."""
    missing, notes = [], []
    marks: list[Mark] = [Line(LEVELS[[0, -1]], np.zeros(2), "", INK, "dash", 1.0)]
    reach = 0.0
    for place, run in enumerate(runs):
        if run.curves is None:
            missing.append(f"{run.label}: {run.curves_missing}")
            continue
        rows = few(len(run.curves), ROOMS)
        try:
            errors = level_errors(run.curves, rows)
        except (DataError, OSError) as error:
            missing.append(f"{run.label}: {error}")
            continue
        own, extent = _marks(errors, run.label, place, len(runs) > 1)
        if not own:
            missing.append(f"{run.label}: half of its curves have no level to compare")
            continue
        marks += own
        reach = max(reach, extent)
        if len(rows) < len(run.curves):
            notes.append(f"{run.label}: {len(rows)} of {len(run.curves)} rooms, spread evenly.")
    if len(marks) == 1:
        return None, missing
    notes.insert(
        0, "Prediction less target in dB at the moment when the target is at this level; above 0 it is louder."
    )
    reach = min(max(reach * 1.1, 0.5), 30.0)
    x = Axis("level of the target in dB re the onset", (0.0, float(LEVELS[-1])))
    panel = Panel("", x, Axis("error of the level in dB", (-reach, reach)), tuple(marks))
    return Picture("decay-error", "Error over the decay", (panel,), tuple(notes)), missing


def level_errors(curves: StoredCurves, rows: Values | np.ndarray[tuple[int], np.dtype[np.int64]]) -> Values:
    """Error of the level in dB, (rooms, levels): NaN where the target does not come so low or nothing is predicted.

    Both curves are taken re their value at the onset of the target, at the first sample at which the target has fallen
    to the level.
    """
    found = np.full((len(rows), len(LEVELS)), np.nan)
    for place, row in enumerate(rows):
        prediction, target = curves.pair(int(row))
        onset = int(onset_index(target))
        true, predicted = target[onset:], prediction[onset:]
        start, own = float(true[0]), float(predicted[0])
        if not (start > 0 and own > 0 and np.isfinite(start + own)):
            continue
        # A decay never rises, so its negative is sorted. Of a target that rises a sample near the crossing is found.
        at = np.searchsorted(-true, -start * 10.0 ** (LEVELS / 10.0))
        inside = at < len(true)
        with np.errstate(all="ignore"):
            levels = 10.0 * np.log10((predicted[at[inside]] / own) / (true[at[inside]] / start))
        found[place, inside] = np.where(np.isfinite(levels), levels, np.nan)
    return found


def _marks(errors: Values, label: str, place: int, several: bool) -> tuple[list[Mark], float]:
    """The marks of one run, and how far they reach from 0 in dB."""
    kept = np.isfinite(errors).mean(axis=0) >= _LEAST_SHARE
    if not kept.any():
        return [], 0.0
    x = LEVELS[kept]
    low, lower, middle, upper, high = np.nanpercentile(errors[:, kept], (5, 25, 50, 75, 95), axis=0)
    line = Line(x, middle, label if several else "median of the rooms", place)
    if several:
        return [Band(x, lower, upper, "", place, 0.15), line], float(max(np.abs([lower, upper]).max(), 0.0))
    marks: list[Mark] = [
        Band(x, low, high, "90 % of the rooms", place, 0.15),
        Band(x, lower, upper, "half of the rooms", place, 0.3),
        line,
    ]
    return marks, float(np.abs([low, high]).max())
