"""Colours that people who confuse red and green tell apart, and that hold on white and on dark ground.

M. Okabe and K. Ito, "Color Universal Design", 2008 (https://jfly.uni-koeln.de/color/): without yellow and black, each
of which is lost on one of the grounds. Grey stands for what belongs to no run.
"""

from __future__ import annotations

from decaylab.reports.spec import INK

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
