"""Decay curves of the best, the median and the worst room, as published papers show them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from decaylab.errors import DataError
from decaylab.evaluation.errors import RoomErrors
from decaylab.evaluation.worst import worst_rooms
from decaylab.reports.decays import decay_panel
from decaylab.reports.spec import Panel, Picture
from decaylab.reports.stored import Evidence
from decaylab.runlog.find import test_set
from decaylab.runlog.text import shorten

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
