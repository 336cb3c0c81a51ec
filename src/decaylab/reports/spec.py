"""A picture as plain data: panels with axes and marks. What draws it knows nothing of runs, and no picture knows it.

Texts are plain text; each renderer escapes what its library would take for markup. Coordinates are in the units that
the axes name; NaN is a gap in a line.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from decaylab.evaluation.errors import RoomErrors


class Shown(NamedTuple):
    """A parameter: its key, its name, its unit, and the digits that tell rooms apart."""

    key: str
    name: str
    unit: str
    digits: int


#: In the order of the issue's sentence and of most papers: reverberation, early decay, clarity.
SHOWN = (Shown("t20", "T20", "s", 3), Shown("edt", "EDT", "s", 3), Shown("c50", "C50", "dB", 2))
#: Said in every axis: they are of the whole band, not ISO's single number.
BAND = "broadband"


def valid_pairs(errors: RoomErrors, key: str) -> tuple[Values, Values, list[str], int, int]:
    """True and predicted values of the rooms where both are valid, their IDs; invalid targets, invalid predictions."""
    true, predicted = errors.true[key], errors.predicted[key]
    has_target = np.isfinite(true)
    both = has_target & np.isfinite(predicted)
    names = [errors.rooms[int(place)] for place in np.flatnonzero(both)]
    return true[both], predicted[both], names, int((~has_target).sum()), int((has_target & ~both).sum())


def few(count: int, most: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Places 0 .. count - 1, or `most` of them spread evenly."""
    return np.unique(np.linspace(0, max(count - 1, 0), min(count, most)).astype(np.int64))


_OKABE_ITO = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_GREY = "#808080"


def colour(place: int) -> str:
    """The colour of the run at `place`, as `#rrggbb`; they come again after six."""
    return _GREY if place == INK else _OKABE_ITO[place % len(_OKABE_ITO)]


def translucent(place: int, opacity: float) -> str:
    """The same as `rgba(...)`."""
    text = colour(place)
    red, green, blue = (int(text[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity:g})"


Values: TypeAlias = NDArray[np.float64]

#: A colour is the place of a run among those shown, or INK, which belongs to none of them (targets, reference lines).
INK = -1


@dataclass(frozen=True)
class Axis:
    """`label` with its unit; `range` in data units (also where `log`), from left or bottom; None: what the data need.

    `ticks`: (position, text) where numbers would say nothing; None: numbers. `whole`: no number between whole ones.
    """

    label: str
    range: tuple[float, float] | None = None
    log: bool = False
    ticks: tuple[tuple[float, str], ...] | None = None
    whole: bool = False


@dataclass(frozen=True)
class Line:
    """Straight lines through (n,) points. `dash` is "solid", "dash" or "dot". `texts` are shown when pointed at."""

    x: Values
    y: Values
    label: str = ""
    colour: int = INK
    dash: str = "solid"
    width: float = 1.4
    texts: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Points:
    """(n,) points; `texts` are shown when one is pointed at. `symbol` is "circle", "open" or "star"."""

    x: Values
    y: Values
    label: str = ""
    colour: int = INK
    symbol: str = "circle"
    texts: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Band:
    """What lies between `low` and `high`, (n,) each, over `x`."""

    x: Values
    low: Values
    high: Values
    label: str = ""
    colour: int = INK
    opacity: float = 0.2


Mark: TypeAlias = Line | Points | Band


@dataclass(frozen=True)
class Panel:
    """One pair of axes. `is_square`: both axes have the same scale."""

    title: str
    x: Axis
    y: Axis
    marks: tuple[Mark, ...]
    is_square: bool = False


@dataclass(frozen=True)
class Picture:
    """Panels side by side, with what there is to say of them in words (`notes`), one sentence each."""

    kind: str
    title: str
    panels: tuple[Panel, ...]
    notes: tuple[str, ...] = ()

    def single(self, place: int) -> Picture:
        """The picture of one of the panels."""
        return replace(self, panels=(self.panels[place],))

    def legend(self) -> list[Mark]:
        """One mark for each label, in the order in which they come."""
        found: dict[str, Mark] = {}
        for panel in self.panels:
            for mark in panel.marks:
                if mark.label:
                    found.setdefault(mark.label, mark)
        return list(found.values())
