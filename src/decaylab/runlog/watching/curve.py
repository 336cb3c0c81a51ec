"""A curve of losses in one line of text: eight heights of block characters, or of plain ones."""

from __future__ import annotations

import math
from collections.abc import Sequence

BLOCKS = "▁▂▃▄▅▆▇█"
PLAIN = "_.-:=+*#"


def can_show(text: str, encoding: str) -> bool:
    """Whether an encoding has all characters of `text`."""
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def curve(values: Sequence[float], width: int, ramp: str = BLOCKS) -> str:
    """`values` in at most `width` characters, each the mean of its part; `x` where nothing of the part is finite.

    Heights are by logarithm where all finite values are above 0, as losses fall by orders of magnitude.
    """
    if width < 1 or not values:
        return ""
    parts = _parts(values, min(width, len(values)))
    finite = [value for value in parts if value is not None]
    if finite and min(finite) > 0:
        parts = [None if value is None else math.log(value) for value in parts]
        finite = [value for value in parts if value is not None]
    low, high = (min(finite), max(finite)) if finite else (0.0, 0.0)
    return "".join("x" if value is None else _height(value, low, high, ramp) for value in parts)


def _height(value: float, low: float, high: float, ramp: str) -> str:
    # Halved first: the difference of two floats may be beyond the largest one.
    span = high / 2 - low / 2
    return ramp[0] if span == 0 else ramp[min(len(ramp) - 1, int((value / 2 - low / 2) / span * len(ramp)))]


def _parts(values: Sequence[float], count: int) -> list[float | None]:
    """Means of `count` parts of equal length; None for a part without a finite value."""
    means: list[float | None] = []
    for index in range(count):
        part = values[index * len(values) // count : (index + 1) * len(values) // count]
        finite = [value for value in part if value - value == 0]
        means.append(math.fsum(value / len(finite) for value in finite) if finite else None)
    return means
