"""Loss over the epochs, with the best one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from decaylab.reports.spec import Axis, Line, Panel, Picture, Points, Values
from decaylab.reports.stored import Evidence
from decaylab.runlog.reading import number

#: More epochs are thinned to about this many.
_POINTS = 1500
#: Losses that differ by more are drawn over a logarithmic axis.
_DECADE = 10.0


def loss_picture(runs: Sequence[Evidence]) -> tuple[Picture | None, list[str]]:
    """Validation loss solid, training loss dotted, a star at the best epoch; and why runs have none, one line each."""
    marks: list[Line | Points] = []
    missing, notes = [], []
    several = len(runs) > 1
    for place, run in enumerate(runs):
        own, note = _of_run(run, place, several)
        if not own:
            missing.append(f"{run.label}: {run.history.problem or 'no losses in history.jsonl'}")
            continue
        marks += own
        notes += note
    if not marks:
        return None, missing
    kinds = {_loss_type(run) for run in runs}
    if len(kinds) > 1:
        notes.append("The runs minimise different losses: their values cannot be compared, only their course.")
    label = "loss" if len(kinds) > 1 or None in kinds else f"loss ({kinds.pop()})"
    losses = np.concatenate([mark.y for mark in marks])
    is_log = bool(0 < np.nanmin(losses) * _DECADE < np.nanmax(losses))
    panel = Panel("", Axis("epoch", whole=True), Axis(label, log=is_log), tuple(marks))
    return Picture("loss", "Loss over the epochs", (panel,), tuple(notes)), missing


def _of_run(run: Evidence, place: int, several: bool) -> tuple[list[Line | Points], list[str]]:
    epochs = run.history.by_epoch()
    order = sorted(epochs)
    marks: list[Line | Points] = []
    notes = []
    x = np.array(order, dtype=np.float64)
    validation = _column(epochs, order, "val_loss")
    for key, values, dash, said in (
        ("train_loss", _column(epochs, order, "train_loss"), "dot", "training"),
        ("val_loss", validation, "solid", "validation"),
    ):
        if not np.isfinite(values).any():
            continue
        label = (run.label if key == "val_loss" else f"{run.label}, training") if several else said
        chosen = _thinned(len(x))
        marks.append(Line(x[chosen], values[chosen], label, place, dash))
        if lost := int((~np.isfinite(values)).sum()):
            notes.append(f"{run.label}: {key} is missing or not finite in {lost} of {len(x)} epochs.")
    best = _best(run, order, validation)
    if best is not None:
        epoch, value = best
        text = f"{run.label}: best epoch {epoch}, validation loss {value:.5g}"
        star = Points(np.array([float(epoch)]), np.array([value]), "best epoch", place, "star", (text,))
        marks.append(star)
        notes.append(f"{text}.")
    if run.history.torn:
        notes.append(f"{run.label}: {run.history.torn} torn lines of history.jsonl left out.")
    return marks, notes


def _best(run: Evidence, order: list[int], validation: Values) -> tuple[int, float] | None:
    """The recorded best epoch with its loss in the history; else the lowest validation loss of the history."""
    stored = number(run.record.get("best_epoch"))
    if stored in order and np.isfinite(validation[order.index(stored)]):
        return int(stored), float(validation[order.index(stored)])
    if not np.isfinite(validation).any():
        return None
    place = int(np.nanargmin(np.where(np.isfinite(validation), validation, np.nan)))
    return order[place], float(validation[place])


def _column(epochs: dict[int, dict[str, object]], order: list[int], key: str) -> Values:
    values = [number(epochs[epoch].get(key)) for epoch in order]
    found = np.array([np.nan if value is None else float(value) for value in values], dtype=np.float64)
    found[~np.isfinite(found)] = np.nan
    return found


def _thinned(count: int) -> slice:
    return slice(None, None, max(count // _POINTS, 1))


def _loss_type(run: Evidence) -> str | None:
    value = run.record.get("loss_type")
    return value if isinstance(value, str) else None
