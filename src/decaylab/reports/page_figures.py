"""A picture in a report: its panels side by side as far as the screen is wide, its legend and its notes as text."""

from __future__ import annotations

from collections.abc import Sequence

from decaylab.reports.markup import bullets, paragraph, text
from decaylab.reports.render_plotly import plotly_figure
from decaylab.reports.spec import Band, Line, Mark, Picture, colour

#: What each kind of picture is called, and what it tells.
SAID = {
    "loss": (
        "Loss over the epochs",
        "Where training went, and which epoch was kept. A gap that grows is overfitting; jumps are instability.",
    ),
    "scatter": (
        "Predicted against true parameters",
        "One point a test room. Inside the band the error is below one just noticeable difference (JND).",
    ),
    "errors": (
        "Distribution of the errors",
        "Off centre: a bias, the same in most rooms. Wide, or with tails: rooms that the model does not tell apart.",
    ),
    "decay": (
        "Decay curves of the best, the median and the worst room",
        "Level over time as in published papers; the dashed line is what T20 is read from.",
    ),
    "decay-error": (
        "Error over the decay",
        "Early errors spoil EDT and C50, those between -5 and -25 dB T20; below that few parameters look.",
    ),
    "parallel": ("Settings and results side by side", "One line a run: which settings go with which results."),
}
_HEIGHTS = {"loss": 360, "decay-error": 360, "parallel": 400}
_PANEL = 330
_CONFIG = {
    "responsive": True,
    "displaylogo": False,
    "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"],
}
_DASHES = {"solid": "", "dash": "5 3", "dot": "1.5 2.5"}


def figure(picture: Picture | None, kind: str, missing: Sequence[str]) -> str:
    """The figure with what it tells, or why there is none.

    Args:
        picture: None: nothing to show.
        kind: one of `SAID`.
        missing: what is not in it, and why, one line each.

    Raises:
        MissingExtraError: plotly is not installed.
    """
    _, tells = SAID[kind]
    left_out = bullets([f"Not shown: {line}" for line in missing], "missing")
    if picture is None:
        return left_out or paragraph("Nothing to show.", "missing")
    panels = "".join(_panel(picture, place) for place in range(len(picture.panels)))
    grid = f'<div class="panels{" one" if len(picture.panels) == 1 else ""}">{panels}</div>'
    legend = _legend(picture.legend())
    notes = bullets(picture.notes, "notes")
    return f'{paragraph(tells)}<div class="figure {kind}">{legend}{grid}</div>{notes}{left_out}'


def _panel(picture: Picture, place: int) -> str:
    from plotly.io import to_html

    drawn = plotly_figure(picture.single(place), legend=False)
    height = _HEIGHTS.get(picture.kind, _PANEL)
    # A finger that moves over a figure scrolls the page; zoom and pan are in the figure's own bar.
    drawn.update_layout(height=height, dragmode=False, font_color="#808080")
    name = f"figure-{picture.kind}-{place + 1}"
    label = text(f"{picture.title} {picture.panels[place].title}".strip())
    inside = to_html(
        drawn, full_html=False, include_plotlyjs=False, div_id=name, default_height=f"{height}px", config=_CONFIG
    )
    return f'<div role="group" aria-label="{label}">{inside}</div>'


def _legend(marks: Sequence[Mark]) -> str:
    rows = "".join(f"<li>{_swatch(mark)}{text(mark.label)}</li>" for mark in marks)
    return f'<ul class="legend">{rows}</ul>' if rows else ""


def _swatch(mark: Mark) -> str:
    own = colour(mark.colour)
    if isinstance(mark, Band):
        inside = f'<rect x="2" y="1" width="24" height="10" fill="{own}" fill-opacity="{mark.opacity:g}"/>'
    elif isinstance(mark, Line):
        dash = f' stroke-dasharray="{_DASHES[mark.dash]}"' if _DASHES[mark.dash] else ""
        inside = f'<path d="M1 6H27" stroke="{own}" stroke-width="{1.3 * mark.width:g}"{dash}/>'
    elif mark.symbol == "star":
        inside = f'<path d="M14 0l1.8 4.2 4.4.4-3.3 3 1 4.4-3.9-2.4-3.9 2.4 1-4.4-3.3-3 4.4-.4z" fill="{own}"/>'
    else:
        fill = "none" if mark.symbol == "open" else own
        inside = f'<circle cx="14" cy="6" r="3.5" fill="{fill}" stroke="{own}"/>'
    return f'<svg viewBox="0 0 28 12" aria-hidden="true">{inside}</svg>'
