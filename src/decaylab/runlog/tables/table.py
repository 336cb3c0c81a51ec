"""Columns of text in a terminal: aligned, fitted to its width, with marks that work without colour."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from decaylab.runlog.text import columns, shorten

_COLOURS = {"good": "32", "bad": "31", "warn": "33", "dim": "2"}
_GAP = "  "
#: A note that is cut to fewer columns says nothing; then its column is left out and named.
_SHORTEST_NOTE = 16


class Cell(NamedTuple):
    """What stands in one field of the table, already printable; `style` is a key of the colours."""

    text: str
    style: str | None = None


class Column(NamedTuple):
    """A column; `rank` orders columns by importance (0 is never left out), `is_number` aligns it to the right."""

    name: str
    cells: Sequence[Cell]
    is_number: bool
    rank: int

    @property
    def width(self) -> int:
        return max(columns(self.name), max((columns(cell.text) for cell in self.cells), default=0))


def fit(table: Sequence[Column], width: int | None) -> tuple[list[Column], list[str]]:
    """The columns that fit `width` (None: all), and the names of those left out, least important first.

    The column `note` is cut to what is left of the line before it is left out.
    """
    kept, dropped = list(table), []
    while width is not None and len(kept) > 1:
        total = sum(column.width for column in kept) + len(_GAP) * (len(kept) - 1)
        if total <= width:
            break
        note = next((column for column in kept if column.name == "note"), None)
        if note is not None and note.width - (total - width) >= _SHORTEST_NOTE:
            most = note.width - (total - width)
            cut = [Cell(shorten(cell.text, most), cell.style) for cell in note.cells]
            kept[kept.index(note)] = note._replace(cells=cut)
            break
        least = max(kept, key=lambda column: column.rank)
        if least.rank == 0:
            break
        kept.remove(least)
        dropped.append(least.name)
    return kept, dropped


def render(table: Sequence[Column], colour: bool) -> list[str]:
    """The table's lines: names, then one line a row."""
    widths = [column.width for column in table]
    names = [_padded(column.name, width, column.is_number) for column, width in zip(table, widths, strict=True)]
    lines = [_GAP.join(names).rstrip()]
    for row in range(len(table[0].cells)):
        parts = []
        for column, width in zip(table, widths, strict=True):
            cell = column.cells[row]
            text = _padded(cell.text, width, column.is_number)
            parts.append(paint(text, cell.style) if colour else text)
        lines.append(_GAP.join(parts).rstrip())
    return lines


def text_table(names: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[str] = ()) -> list[str]:
    """The lines of a table of printable text, neither cut nor coloured.

    Args:
        names: of the columns.
        rows: one text a column.
        numbers: names of the columns that end at the right.
    """
    columns = [Column(name, [Cell(row[at]) for row in rows], name in numbers, 0) for at, name in enumerate(names)]
    return render(columns, False)


def paint(text: str, style: str | None) -> str:
    """`text` in the colour of `style`."""
    return f"\x1b[{_COLOURS[style]}m{text}\x1b[0m" if style is not None else text


def _padded(text: str, width: int, to_the_right: bool) -> str:
    space = " " * (width - columns(text))
    return space + text if to_the_right else text + space
