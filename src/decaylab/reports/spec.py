"""A picture as plain data: panels with axes and marks. What draws it knows nothing of runs, and no picture knows it.

Texts are plain text; each renderer escapes what its library would take for markup. Coordinates are in the units that
the axes name; NaN is a gap in a line.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

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
