"""The metrics of a run by the reverberation time of its rooms, as a table."""

from __future__ import annotations

from typing import Any

from decaylab.runlog.query import label
from decaylab.runlog.reading import number
from decaylab.runlog.tables.cells import MISSING, fixed
from decaylab.runlog.tables.table import Cell, Column, render
from decaylab.runlog.text import printable

#: The key of `metrics.<parameter>` whose value is a list, one object for each third of the rooms by their T20.
BY_TERCILE = "by_tercile"


def lines(metrics: dict[str, Any]) -> list[str]:
    """One line for each parameter and third; none where the record does not have them."""
    rows = []
    for name, scores in metrics.items():
        parts = scores.get(BY_TERCILE) if isinstance(scores, dict) else None
        for part in parts[:3] if isinstance(parts, list) else ():
            if isinstance(part, dict):
                rows.append(_row(name, part))
    if not rows:
        return []
    titles = ("by T20 of the target", "T20 s", "rooms", "mae", "bias", "within_jnd")
    columns = [Column(title, [Cell(row[place]) for row in rows], place > 0, 0) for place, title in enumerate(titles)]
    return ["", *(f"  {line}" for line in render(columns, False))]


def _row(name: str, part: dict[str, Any]) -> tuple[str, ...]:
    digits = label(f"{name}_mae").digits or 4
    ends = part.get("t20_range")
    range_ = " to ".join(_shown(end, 3) for end in ends) if isinstance(ends, list) and len(ends) == 2 else MISSING
    return (
        printable(name),
        range_,
        _shown(part.get("rooms"), 0),
        *(_shown(part.get(key), digits) for key in ("mae", "bias")),
        _shown(part.get("within_jnd"), 3),
    )


def _shown(value: Any, digits: int) -> str:
    own = number(value)
    return MISSING if own is None else fixed(own, digits)
