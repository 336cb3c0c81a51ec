"""Pictures drawn by matplotlib: for a paper, and for TensorBoard."""

from __future__ import annotations

import io
import math
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from decaylab.errors import MissingExtraError
from decaylab.reports.spec import Axis, Band, Line, Mark, Panel, Picture, Points, colour
from decaylab.runlog.text import printable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Widths of a column and of a page of a journal, in mm.
WIDTHS = {"single": 85.0, "double": 170.0}
#: What `picture_bytes` writes.
FORMATS = ("png", "svg", "pdf")
_MM = 1 / 25.4
_DPI = 300
#: What a word or number under an axis takes, in mm; where they take more than there is, they are turned.
_TICK_MM = 12.0
_STYLE = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib: the same letters everywhere
    "font.size": 7,
    "axes.titlesize": 7,
    "axes.labelsize": 7,
    "legend.fontsize": 6.5,
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "axes.grid": True,
    "grid.color": "#d8d8d8",
    "grid.linewidth": 0.4,
    "axes.axisbelow": True,
    "pdf.fonttype": 42,  # TrueType, which journals' checks ask for; the default's Type 3 they refuse
    "svg.fonttype": "path",
    "svg.hashsalt": "decaylab",  # else every file has ids of its own
}
#: What would make two files of one picture differ.
_METADATA: dict[str, dict[str, Any]] = {
    "png": {"Software": None},
    "svg": {"Date": None},
    "pdf": {"CreationDate": None},
}
#: Of an SVG: what only people who read its source need, the attributes that hold places, and numbers too exact there.
_INDENT = re.compile(r"\s*\n\s*")
_COMMENT = re.compile(r"<!--.*?-->\n?", re.DOTALL)
_PLACES = re.compile(r'\b(?:d|x|y)="[^"]*"|\btranslate\([^)]*\)')
_LONG = re.compile(r"\d+\.\d{3,}")
_DASHES = {"solid": "-", "dash": (0, (4, 2)), "dot": (0, (1, 1.5))}
_SYMBOLS = {"circle": "o", "open": "o", "star": "*"}


def matplotlib_figure(picture: Picture, width: str = "double", *, is_quick: bool = False) -> Figure:
    """The picture at the width of one column or of the page (`WIDTHS`): panels side by side, or one below the other.

    Args:
        picture: what to draw.
        width: one of `WIDTHS`.
        is_quick: with margins that suit three panels side by side instead of computed ones, which take as long as
            the drawing.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    with _style():
        figure = _figure(len(picture.panels), width, picture, None if is_quick else "constrained")
        if is_quick:
            figure.subplots_adjust(left=0.07, right=0.99, bottom=0.33, top=0.9, wspace=0.3)
        drawn: dict[str, Any] = {}
        for axes, panel in zip(figure.axes, picture.panels, strict=True):
            for mark, artist in _draw(axes, panel):
                if mark.label:
                    drawn.setdefault(mark.label, artist)
        if drawn:
            _legend(figure, drawn, width, "lower center" if is_quick else "outside lower center")
    return figure


def picture_bytes(picture: Picture, form: str, width: str = "double") -> bytes:
    """The picture as a file; the same bytes for the same picture and version of matplotlib.

    Args:
        picture: what to draw.
        form: one of `FORMATS`.
        width: one of `WIDTHS`.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    figure = matplotlib_figure(picture, width)
    target = io.BytesIO()
    with _style(), warnings.catch_warnings():
        # A name in letters that the font lacks shows boxes; that is no reason to print a warning for each.
        warnings.filterwarnings("ignore", "Glyph .* missing from", UserWarning)
        figure.savefig(target, format=form, dpi=_DPI, metadata=_METADATA[form])
    return _short_svg(target.getvalue()) if form == "svg" else target.getvalue()


def _short_svg(data: bytes) -> bytes:
    """The same drawing in a sixth fewer bytes: without indentation and comments, places to 0.01 point.

    Most of such a file is letters, drawn as paths; of the numbers only those of places are touched, never a scale.
    """
    text = _COMMENT.sub("", _INDENT.sub("\n", data.decode()))
    return _PLACES.sub(lambda found: _LONG.sub(lambda number: f"{float(number[0]):.2f}", found[0]), text).encode()


@contextmanager
def _style() -> Iterator[None]:
    """Our settings over matplotlib's own, whatever the user's are."""
    try:
        from matplotlib import style
    except ImportError:
        raise MissingExtraError("matplotlib", "plot", "drawing a picture") from None
    with style.context(["default", _STYLE]):
        yield


def _figure(count: int, width: str, picture: Picture, layout: Any) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows, columns = (count, 1) if width == "single" else (1, count)
    across = WIDTHS[width]
    each = across / columns
    # What stands above, below and beside the axes takes as many mm whatever their size.
    is_square = picture.panels[0].is_square
    height = rows * min(each * (0.95 if is_square else 0.78), 75.0) + (13.0 if is_square else 8.0)
    figure = Figure(figsize=(across * _MM, height * _MM), layout=layout)
    FigureCanvasAgg(figure)
    figure.subplots(rows, columns, squeeze=False)
    return figure


def _draw(axes: Any, panel: Panel) -> list[tuple[Mark, Any]]:
    """Draw a panel; each mark, and what matplotlib made of it."""
    from matplotlib.ticker import MaxNLocator

    axes.set_title(_text(panel.title))
    axes.set_xlabel(_text(panel.x.label))
    axes.set_ylabel(_text(panel.y.label))
    drawn = [(mark, _mark(axes, mark)) for mark in panel.marks]
    across = axes.figure.get_figwidth() / _MM * axes.get_position().width
    _scale(panel.x, axes.set_xscale, axes.set_xlim, axes.set_xticks, across)
    _scale(panel.y, axes.set_yscale, axes.set_ylim, axes.set_yticks, math.inf)
    if panel.x.whole:
        axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
    if panel.is_square:
        axes.set_box_aspect(1)
        for axis in (axes.xaxis, axes.yaxis):  # the same grid on both, which matplotlib would make finer upwards
            axis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10]))
    return drawn


def _scale(axis: Axis, set_scale: Any, set_limits: Any, set_ticks: Any, across: float) -> None:
    if axis.log:
        set_scale("log")
    if axis.range is not None:
        set_limits(*axis.range)
    if axis.ticks is not None:
        is_dense = len(axis.ticks) * _TICK_MM > across
        set_ticks(
            [place for place, _ in axis.ticks], [_text(text) for _, text in axis.ticks], rotation=90 if is_dense else 0
        )


def _mark(axes: Any, mark: Mark) -> Any:
    """Draw a mark; what matplotlib made of it, which also stands in the legend."""
    own = colour(mark.colour)
    if isinstance(mark, Band):
        return axes.fill_between(mark.x, mark.low, mark.high, color=own, alpha=mark.opacity, linewidth=0)
    if isinstance(mark, Line):
        return axes.plot(mark.x, mark.y, color=own, linestyle=_DASHES[mark.dash], linewidth=0.7 * mark.width)[0]
    return axes.plot(mark.x, mark.y, linestyle="none", zorder=3, **_marker(mark))[0]


def _marker(mark: Points) -> dict[str, Any]:
    size = {"circle": 2.2, "open": 3.0, "star": 7.0}[mark.symbol]
    face = "none" if mark.symbol == "open" else colour(mark.colour)
    edge = colour(mark.colour) if mark.symbol == "open" else "white"
    return {
        "marker": _SYMBOLS[mark.symbol],
        "markersize": size,
        "markerfacecolor": face,
        "markeredgecolor": edge,
        "markeredgewidth": 0.7 if mark.symbol == "open" else 0.2,
    }


def _legend(figure: Figure, drawn: dict[str, Any], width: str, place: str) -> None:
    """The legend of what was drawn, by its label."""
    # A label that begins with an underscore is left out of a legend, so each begins with a space.
    labels = [f" {_text(label)}" for label in drawn]
    longest = max(map(len, labels))
    columns = max(1, min(len(labels), math.floor(WIDTHS[width] / (1.25 * longest + 9))))
    figure.legend(list(drawn.values()), labels, loc=place, ncols=columns, frameon=False)


def _text(text: str) -> str:
    """Plain text: dollar signs would make it a formula."""
    return printable(text, keep="\n").replace("$", "\\$")
