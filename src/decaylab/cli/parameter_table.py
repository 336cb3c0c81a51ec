"""The table of `decaylab parameters`, for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from decaylab.cli.out import terminal
from decaylab.runlog.tables.table import Cell, Column, fit, render
from decaylab.runlog.text import printable

if TYPE_CHECKING:
    from decaylab.responses.rows import Row

#: Column -> decimals. Seconds to a millisecond: the least of them is 0.02 s, one JND of the shortest T20.
_DECIMALS = {
    "onset_s": 4, "edt": 3, "t20": 3, "t30": 3, "curvature": 1, "c50": 2, "c80": 2, "d50": 3, "ts": 4,
    "noise_db_below_peak": 1, "truncation_s": 3,
}  # fmt: skip
#: The least important goes first where a terminal is too narrow.
_RANKS = {"truncation_s": 9, "noise_db_below_peak": 8, "ts": 7, "d50": 6, "onset_s": 5, "c80": 4, "curvature": 3}
_SHORT = {"noise_db_below_peak": "noise_db", "truncation_s": "trunc_s"}
#: Above this the decay is no straight line (ISO 3382-2:2008, annex B).
CURVATURE_LIMIT = 10.0


def table(rows: Sequence[Row], definitions: str) -> list[str]:
    """Head, one line a record, and what the marks mean."""
    width, colour = terminal()
    columns, dropped = fit(_columns(rows), width)
    lines = [*_head(rows, definitions), "", *render(columns, colour)]
    curved = sum(_is_curved(row) for row in rows)
    if curved:
        lines.append(f"! in {curved} of {len(rows)}: curvature above 10 %, the decay is no straight line (ISO 3382-2)")
    if dropped:
        lines.append(f"left out to fit the terminal: {', '.join(dropped)}")
    return lines


def _head(rows: Sequence[Row], definitions: str) -> list[str]:
    files = len({row["file"] for row in rows})
    rates = ", ".join(f"{rate:g}" for rate in sorted({float(row["sampling_rate"] or 0) for row in rows}))
    counts = f"{len(rows)} record{'s' * (len(rows) != 1)} of {files} file{'s' * (files != 1)}, {rates} Hz"
    if definitions == "predecessor":
        return [f"{counts}; predecessor definitions, broadband: they compare with no other figures"]
    lines = [
        f"{counts}; ISO 3382-1 from the onset; - is invalid",
        "EDT, T20, T30, Ts in s, C50, C80 in dB, D50 a ratio, curvature in %",
        "broadband: all that was recorded; not the single number (mean of 500 and 1000 Hz)",
    ]
    if any(row["noise_db_below_peak"] is not None for row in rows):
        from decaylab.acoustics.response import NOISE_METHOD

        lines.append(f"noise_db: dB below the peak; {NOISE_METHOD}")
    return lines


def _columns(rows: Sequence[Row]) -> list[Column]:
    columns = [Column("file", [Cell(printable(str(row["file"]))) for row in rows], False, 0)]
    for name in ("measurement", "channel"):
        if any(row[name] for row in rows):
            columns.append(Column(name, [Cell(str(row[name])) for row in rows], True, 0))
    columns.append(Column("band", [Cell(str(row["band"])) for row in rows], False, 0))
    for name, decimals in _DECIMALS.items():
        cells = [_cell(row, name, decimals) for row in rows]
        columns.append(Column(_SHORT.get(name, name), cells, True, _RANKS.get(name, 1)))
    return columns


def _cell(row: Row, name: str, decimals: int) -> Cell:
    value = row[name]
    if value is None:
        return Cell("-", "dim")
    text = f"{value:.{decimals}f}"
    if name == "curvature":
        return Cell(f"{text} !", "warn") if _is_curved(row) else Cell(f"{text}  ")
    return Cell(text)


def _is_curved(row: Row) -> bool:
    value = row["curvature"]
    return isinstance(value, float) and value > CURVATURE_LIMIT
