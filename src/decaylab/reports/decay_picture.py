"""Decay curves of the best, the median and the worst room, as published papers show them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from decaylab.errors import DataError
from decaylab.evaluation.errors import RoomErrors
from decaylab.evaluation.worst import worst_rooms
from decaylab.inference import Prediction
from decaylab.inference.about import BAND
from decaylab.reports.decays import LEVELS, decay_panel, level_over_time
from decaylab.reports.render_matplotlib import matplotlib_figure
from decaylab.reports.spec import Axis, Line, Mark, Panel, Picture
from decaylab.reports.stored import Evidence
from decaylab.rooms.features import RECEIVER, RoomTable
from decaylab.runlog.find import test_set
from decaylab.runlog.text import shorten

if TYPE_CHECKING:
    from matplotlib.figure import Figure


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


def decay_figure(
    targets: NDArray[np.floating],
    predictions: NDArray[np.floating],
    titles: Sequence[str] | None = None,
    sampling_rate: float = 48_000,
) -> Figure:
    """Targets (grey) and predictions in dB re the onset over seconds, one panel a room; -65..5 dB.

    For TensorBoard's `add_figure`; no global state of matplotlib is touched, and nothing has to be closed.

    Args:
        targets, predictions: linear energy, (rooms, samples); a few rooms.
        titles: of each panel, such as the room's ID; plain text.
        sampling_rate: in Hz.

    Raises:
        DataError: the shapes differ, or no room is given. MissingExtraError: matplotlib is not installed.
    """
    if targets.shape != predictions.shape or targets.ndim != 2 or not targets.size:
        raise DataError(f"targets {targets.shape} and predictions {predictions.shape} are not curves of the same rooms")
    names = list(titles) if titles is not None else [f"room {row + 1}" for row in range(len(targets))]
    panels = [
        decay_panel(target, [("prediction", prediction)], name, sampling_rate, fits=False)
        for target, prediction, name in zip(targets, predictions, names, strict=True)
    ]
    figure = matplotlib_figure(Picture("decay", "decay curves", tuple(panels)), is_quick=True)
    figure.set_dpi(130)
    return figure


_RANKS = ("best", "median", "worst")
#: Columns of a room's ID over a panel.
_NAME = 26


def decay_picture(runs: Sequence[Evidence]) -> tuple[Picture | None, list[str]]:
    """One panel a room, chosen by the first run that has curves; other runs on the same test rooms beside it.

    Also why runs are left out, one line each.
    """
    missing = [f"{run.label}: {run.curves_missing or run.errors_missing}" for run in runs if not _has_curves(run)]
    usable = [(place, run) for place, run in enumerate(runs) if _has_curves(run)]
    if not usable:
        return None, missing
    _, leader = usable[0]
    together = []
    for place, run in usable:
        if run is leader or _are_same_rooms(leader, run):
            together.append((place, run))
        else:
            missing.append(f"{run.label}: tested on other rooms than {leader.label}, or not known to be on the same")
    assert leader.errors is not None
    chosen, by = _ranked(leader.errors)
    try:
        panels = [_panel(together, leader, place, rank) for rank, place in chosen]
    except (DataError, OSError) as error:
        return None, [*missing, str(error)]
    notes = [f"Rooms ranked by {by} of {leader.label}. t = 0 is the onset of the target's direct sound."]
    if len(chosen) < len(_RANKS):
        notes.append(f"Only {len(leader.errors)} rooms.")
    return Picture("decay", "Decay curves", tuple(panels), tuple(notes)), missing


def _has_curves(run: Evidence) -> bool:
    return run.curves is not None and run.errors is not None


def _are_same_rooms(leader: Evidence, run: Evidence) -> bool:
    """Whether the rows of two runs are the same rooms: by the record, and by IDs and lengths of what is stored."""
    if leader.errors is None or run.errors is None or leader.curves is None or run.curves is None:
        return False
    known = None not in test_set(leader.record) and test_set(leader.record) == test_set(run.record)
    same_length = leader.curves.targets.shape == run.curves.targets.shape
    return known and same_length and list(leader.errors.rooms) == list(run.errors.rooms)


def _ranked(errors: RoomErrors) -> tuple[list[tuple[str, int]], str]:
    """Rank and place in `errors` of each room to show, and what they were ranked by."""
    order = worst_rooms(errors, "t20", len(errors))
    by = "the error of T20 (broadband)"
    if not len(order):
        order, by = worst_rooms(errors, "edc_db_mae", len(errors)), "the mean error of the level"
    places = [int(order[-1]), int(order[len(order) // 2]), int(order[0])]
    if len(order) < len(_RANKS):
        return [(f"room {i + 1}", int(place)) for i, place in enumerate(order[::-1])], by
    return list(zip(_RANKS, places, strict=True)), by


def _panel(runs: Sequence[tuple[int, Evidence]], leader: Evidence, place: int, rank: str) -> Panel:
    errors, curves = leader.errors, leader.curves
    assert errors is not None, "of the rooms that were ranked"
    assert curves is not None, "the leader is a run with curves"
    row = int(leader.rows[place])
    _, target = curves.pair(row)
    predictions = []
    for _, run in runs:
        assert run.curves is not None
        name = run.label if len(runs) > 1 else "prediction"
        predictions.append((name, run.curves.pair(row)[0]))
    true, predicted = errors.true["t20"][place], errors.predicted["t20"][place]
    title = f"{rank}: {shorten(errors.rooms[place], _NAME)}\nT20 {_seconds(true)}, predicted {_seconds(predicted)}"
    colours = tuple(number for number, _ in runs)
    return decay_panel(target, predictions, title, curves.sampling_rate, colours=colours)


def _seconds(value: float) -> str:
    return f"{value:.3f} s" if np.isfinite(value) else "invalid"
