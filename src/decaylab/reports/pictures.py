"""Every kind of picture by its name, and recorded runs drawn in a notebook."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from decaylab.errors import InputError
from decaylab.reports.decay_error_picture import decay_error_picture
from decaylab.reports.decay_picture import decay_picture
from decaylab.reports.errors_picture import errors_picture
from decaylab.reports.loss_picture import loss_picture
from decaylab.reports.parallel_picture import parallel_picture
from decaylab.reports.scatter_picture import scatter_picture
from decaylab.reports.spec import Picture
from decaylab.reports.stored import Evidence, evidence

if TYPE_CHECKING:
    from decaylab.runlog.record import Record
    from decaylab.runlog.run_record import RunRecord

#: Each gives the picture, or None, and what is missing from it, one line each.
KINDS: dict[str, Callable[[Sequence[Evidence]], tuple[Picture | None, list[str]]]] = {
    "loss": loss_picture,
    "decay": decay_picture,
    "scatter": scatter_picture,
    "errors": errors_picture,
    "decay-error": decay_error_picture,
    "parallel": parallel_picture,
}


def gathered(records: Sequence[Record]) -> list[Evidence]:
    """What each run has for pictures, under its id; under its path as well where two have the same."""
    ids = [record.run_id for record in records]
    return [evidence(record, record.run_id if ids.count(record.run_id) == 1 else record.path) for record in records]


def draw(runs: Sequence[Evidence], kind: str) -> tuple[Picture, list[str]]:
    """One kind of picture of these runs, and what is missing from it, one line each.

    Raises:
        InputError: an unknown kind, or none of the runs has what it shows; with the reasons.
    """
    if kind not in KINDS:
        raise InputError(f"unknown kind of picture '{kind}': choose from {', '.join(KINDS)}")
    picture, missing = KINDS[kind](runs)
    if picture is None:
        raise InputError(f"nothing to draw as {kind}: {'; '.join(missing) or 'it takes two runs or more'}")
    return picture, missing


def figure(runs: RunRecord | Sequence[RunRecord], kind: str) -> Any:
    """A `plotly.graph_objects.Figure` of runs that `decaylab.runlog.runs` gave, for a notebook.

    Args:
        runs: one run, or several to be overlaid.
        kind: one of `KINDS`.

    Raises:
        InputError: an unknown kind, or nothing to draw. MissingExtraError: plotly is not installed.
    """
    from decaylab.reports.render_plotly import plotly_figure
    from decaylab.runlog.run_record import RunRecord
    from decaylab.runlog.store import read_run

    chosen = [runs] if isinstance(runs, RunRecord) else list(runs)
    if not chosen:
        raise InputError("figure() needs a run")
    picture, _ = draw(gathered([read_run(run.path) for run in chosen]), kind)
    return plotly_figure(picture)
