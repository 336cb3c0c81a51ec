"""The errors of two runs on the same rooms, as `diff` prints them; and how errors are shown at all."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from decaylab.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable

    from decaylab.evaluation.paired import Paired
    from decaylab.runlog.record import Record
    from decaylab.runlog.tables.table import Cell

_UNITS = {"edc_mae": "", "edc_db_mae": " in dB", "c50": " in dB"}
_DIGITS = {"edc_mae": 5, "edc_db_mae": 3, "c50": 3}
_REFUSED = "errors, paired: not possible: "


def unit_of(name: str) -> str:
    """Unit of a metric's errors, as it stands in a column's name."""
    return _UNITS.get(name, " in s")


def digits_of(name: str) -> int:
    """Decimals of a metric's errors."""
    return _DIGITS.get(name, 4)


def shown_number(value: float, digits: int, missing: str = "-") -> str:
    """A number with `digits` decimals; NaN as `missing`."""
    from decaylab.runlog.tables.cells import fixed

    return fixed(float(value), digits) if value == value else missing


def paired_lines(a: Record, b: Record) -> list[str]:
    """The table of the paired differences of two runs, or one line that says why there is none."""
    from decaylab.runlog.find import comparable

    if comparable(a) != comparable(b):
        return [f"{_REFUSED}other data set, other test rows or other definitions of the metrics"]
    from decaylab.evaluation.errors import ERRORS, read_errors
    from decaylab.evaluation.paired import paired_differences
    from decaylab.runlog.text import printable

    found = []
    for record in (a, b):
        try:
            found.append(read_errors(os.path.join(record.path, ERRORS)))
        except FileNotFoundError:
            return [f"{_REFUSED}{printable(record.run_id)} has no {ERRORS}"]
        except DataError as error:
            return [f"{_REFUSED}{printable(str(error))}"]
    try:
        return _paired_table(paired_differences(*found), a, b)
    except DataError as error:
        return [f"{_REFUSED}{printable(str(error))}"]


def _paired_table(pairs: list[Paired], a: Record, b: Record) -> list[str]:
    from decaylab.runlog.tables.table import Cell, Column, render
    from decaylab.runlog.text import printable

    def figures(take: Callable[[Paired], float]) -> list[Cell]:
        return [Cell(shown_number(take(pair), digits_of(pair.metric) + 1)) for pair in pairs]

    intervals = [
        Cell(f"{low.text} to {high.text}")
        for low, high in zip(figures(lambda p: p.difference.low), figures(lambda p: p.difference.high), strict=True)
    ]
    columns = [
        Column("errors, paired", [Cell(f"{pair.metric}{unit_of(pair.metric)}") for pair in pairs], False, 0),
        Column("A", figures(lambda p: p.mean_a), True, 0),
        Column("B", figures(lambda p: p.mean_b), True, 0),
        Column("B - A", figures(lambda p: p.difference.value), True, 0),
        Column("95 %", intervals, True, 0),
        Column("rooms", [Cell(str(pair.rooms)) for pair in pairs], True, 0),
        Column("", [Cell(pair.verdict) for pair in pairs], False, 0),
    ]
    clusters = max((pair.clusters for pair in pairs), default=0)
    return [
        *render(columns, False),
        f"mean |error| of A = {printable(a.run_id)} and B = {printable(b.run_id)}; B - A room by room, with the 95 % "
        f"interval of a bootstrap over {clusters} geometries",
    ]
