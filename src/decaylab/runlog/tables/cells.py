"""How one value of one run is shown: digits, verdict against the target, doubt about its definition."""

from __future__ import annotations

from typing import Any

from decaylab.runlog.find import is_doubtful
from decaylab.runlog.query import label
from decaylab.runlog.reading import number
from decaylab.runlog.record import Record
from decaylab.runlog.tables.table import Cell, Column, render
from decaylab.runlog.text import printable

#: The key of `metrics.<parameter>` whose value is a list, one object for each third of the rooms by their T20.
BY_TERCILE = "by_tercile"


def tercile_lines(metrics: dict[str, Any]) -> list[str]:
    """One line for each parameter and third; none where the record does not have them."""
    rows = []
    for name, scores in metrics.items():
        parts = scores.get(BY_TERCILE) if isinstance(scores, dict) else None
        for part in parts[:3] if isinstance(parts, list) else ():
            if isinstance(part, dict):
                rows.append(_tercile_row(name, part))
    if not rows:
        return []
    titles = ("by T20 of the target", "T20 s", "rooms", "mae", "bias", "within_jnd")
    columns = [Column(title, [Cell(row[place]) for row in rows], place > 0, 0) for place, title in enumerate(titles)]
    return ["", *(f"  {line}" for line in render(columns, False))]


def _tercile_row(name: str, part: dict[str, Any]) -> tuple[str, ...]:
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


MISSING = "-"
_MARKED = {"lost": "warn", "interrupted": "warn", "failed": "bad", "diverged": "bad", "unreadable": "bad"}


def cell(record: Record, field: str) -> Cell:
    """The value of a FIELD as a table shows it: `0.0086 ok`, `0.0651 no`, `0.0729 no?`, `! lost`."""
    value = record.get(field)
    if field == "status":
        mark = "! " if value in _MARKED else ""
        return Cell(f"{mark}{value}{_whereabouts(record)}", _MARKED.get(value))
    if field == "severe":
        return Cell(shown(value, field), "bad" if value else None)
    doubt = "?" if is_doubtful(record, field) else ""
    target = label(field).target
    if target is None:
        return Cell(f"{shown(value, field)}{doubt if value is not None else ''}")
    if value is None:
        # Scored, and too many predictions had no valid value: the target counts as missed.
        scored = record.raw in ("documented", "flat", "flat early") and record.get("edc_mae") is not None
        return Cell(f"{MISSING} no{doubt}", "bad") if scored else Cell(MISSING)
    verdict, style = ("ok", "good") if value <= target else ("no", "bad")
    return Cell(f"{shown(value, field)} {verdict}{doubt}", "dim" if doubt else style)


def _whereabouts(record: Record) -> str:
    if record.linked is not None:
        return ", linked"
    if record.archive is None:
        return ""
    return ", archived" if record.path == record.archive else ", also archived"


def shown(value: Any, field: str) -> str:
    """A value as text for people: the field's digits, no control characters."""
    if value is None:
        return MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    digits = label(field).digits
    if digits is not None and (own := number(value)) is not None:
        return fixed(own, digits)
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list) and field in ("tags", "problems", "severe"):
        return printable({"problems": "; ", "severe": ", "}.get(field, " ").join(map(str, value)))
    return printable(plain_text(value))


def plain_text(value: Any) -> str:
    """A value as text, nothing rounded; nested ones as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (dict, list)):
        import msgspec

        try:
            return msgspec.json.encode(value).decode()
        except (RecursionError, UnicodeEncodeError):
            return "(cannot be shown)"
    return str(value)


def fixed(value: float, digits: int) -> str:
    """`value` with `digits` decimals, unless that shows nothing of it or is too long to read."""
    if value != 0 and (abs(value) < 0.5 * 10.0**-digits or abs(value) >= 1e7):
        return f"{value:.3g}"
    return f"{value:.{digits}f}"
