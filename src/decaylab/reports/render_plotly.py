"""Pictures drawn by plotly: for the report and for notebooks."""

from __future__ import annotations

from html import escape
from typing import Any

from decaylab.errors import MissingExtraError
from decaylab.reports.spec import Axis, Band, Line, Mark, Panel, Picture, colour, translucent
from decaylab.runlog.text import printable

_DASHES = {"solid": "solid", "dash": "dash", "dot": "dot"}
_SYMBOLS = {"circle": "circle", "open": "circle-open", "star": "star"}
_SIZES = {"circle": 5, "open": 6, "star": 13}
_GRID = "rgba(128,128,128,0.25)"
_FONT = "system-ui, sans-serif"
_GAP = 0.08


def plotly_figure(picture: Picture, *, legend: bool = True) -> Any:
    """The panels side by side as one `plotly.graph_objects.Figure`, on transparent ground.

    Raises:
        MissingExtraError: plotly is not installed.
    """
    try:
        from plotly import graph_objects
    except ImportError:
        raise MissingExtraError("plotly", "report", "an interactive picture") from None
    traces: list[Any] = []
    layout: dict[str, Any] = {
        "template": "none",
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": _FONT, "size": 12},
        "margin": {"l": 58, "r": 14, "t": _above(picture), "b": _below(picture)},
        "hovermode": "closest",
        "showlegend": legend,
        "annotations": [],
    }
    seen: set[str] = set()
    count = len(picture.panels)
    for number, panel in enumerate(picture.panels):
        suffix = "" if number == 0 else str(number + 1)
        share = (1 - _GAP * (count - 1)) / count
        start = number * (share + _GAP)
        layout[f"xaxis{suffix}"] = _axis(panel.x) | {"domain": [start, start + share], "anchor": f"y{suffix}"}
        layout[f"yaxis{suffix}"] = _axis(panel.y) | {"anchor": f"x{suffix}"}
        if panel.is_square:
            layout[f"yaxis{suffix}"] |= {"scaleanchor": f"x{suffix}", "constrain": "domain"}
            layout[f"xaxis{suffix}"] |= {"constrain": "domain"}
        if panel.title:
            layout["annotations"].append(_title(panel, start + share / 2))
        for mark in panel.marks:
            is_new = bool(mark.label) and mark.label not in seen
            seen.add(mark.label)
            traces += _traces(mark, {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}", "showlegend": is_new})
    return graph_objects.Figure(traces, layout)


def _above(picture: Picture) -> int:
    """Pixels over the axes, for as many lines as the titles have."""
    return 12 + 18 * max(panel.title.count("\n") + 1 if panel.title else 0 for panel in picture.panels)


def _below(picture: Picture) -> int:
    """Pixels under the axes, for as many lines as the words there have."""
    words = [text for panel in picture.panels for _, text in panel.x.ticks or ()]
    return 46 + 14 * max((text.count("\n") for text in words), default=0)


def plain(text: str) -> str:
    """Plain text for plotly, which takes a few HTML tags and entities in every text for markup."""
    return escape(printable(text, keep="\n"), quote=False).replace("\n", "<br>")


def _axis(axis: Axis) -> dict[str, Any]:
    found: dict[str, Any] = {
        "title": {"text": plain(axis.label), "standoff": 8},
        "gridcolor": _GRID,
        "zeroline": False,
        "linecolor": "rgba(128,128,128,0.7)",
        "showline": True,
        "mirror": True,
        "ticks": "outside",
        "ticklen": 4,
        "tickcolor": "rgba(128,128,128,0.7)",
    }
    if axis.log:
        found |= {"type": "log", "exponentformat": "power", "dtick": "D2"}
    if axis.range is not None:
        from math import log10

        found["range"] = [log10(value) for value in axis.range] if axis.log else list(axis.range)
    if axis.ticks is not None:
        found |= {
            "tickmode": "array",
            "tickvals": [place for place, _ in axis.ticks],
            "ticktext": [plain(text) for _, text in axis.ticks],
            "showgrid": False,
        }
    return found


def _title(panel: Panel, middle: float) -> dict[str, Any]:
    return {
        "text": plain(panel.title),
        "x": middle,
        "y": 1.0,
        "xref": "paper",
        "yref": "paper",
        "xanchor": "center",
        "yanchor": "bottom",
        "yshift": 6,
        "showarrow": False,
    }


def _traces(mark: Mark, common: dict[str, Any]) -> list[dict[str, Any]]:
    name = plain(mark.label)
    common = {**common, "type": "scatter", "name": name, "legendgroup": name}
    if isinstance(mark, Band):
        edge = {**common, "x": mark.x, "mode": "lines", "line": {"width": 0}, "hoverinfo": "skip"}
        fill = {"fill": "tonexty", "fillcolor": translucent(mark.colour, mark.opacity)}
        return [{**edge, "y": mark.low, "showlegend": False}, {**edge, "y": mark.high, **fill}]
    common |= {"x": mark.x, "y": mark.y}
    if mark.texts is not None:
        common |= {"hovertext": [plain(text) for text in mark.texts], "hoverinfo": "text"}
    if isinstance(mark, Line):
        style = {"color": colour(mark.colour), "width": 1.3 * mark.width, "dash": _DASHES[mark.dash]}
        if not mark.label and mark.texts is None:
            common["hoverinfo"] = "skip"
        return [{**common, "mode": "lines", "line": style}]
    style = {"color": colour(mark.colour), "size": _SIZES[mark.symbol], "symbol": _SYMBOLS[mark.symbol]}
    if mark.symbol != "open":
        style |= {"opacity": 0.75 if mark.symbol == "circle" else 1.0, "line": {"width": 0.5, "color": "white"}}
    return [{**common, "mode": "markers", "marker": style}]
