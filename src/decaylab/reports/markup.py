"""The few pieces of HTML that a report is made of. Every text that comes in is plain text and is escaped here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import NamedTuple

from decaylab.runlog.text import printable, shorten

#: Columns of the longest value shown; metadata.json has it whole.
LONGEST = 300


class Mark(NamedTuple):
    """A cell whose text is set off: `style` is a class of the page's style sheet."""

    text: str
    style: str


def text(value: str, most: int = LONGEST) -> str:
    """Plain text for HTML, also inside an attribute: no markup, no control characters, not endless."""
    return escape(shorten(printable(value[: 4 * most]), most))


def paragraph(value: str, style: str = "") -> str:
    return f"<p{_class(style)}>{text(value, 4 * LONGEST)}</p>"


def bullets(values: Iterable[str], style: str = "") -> str:
    """A list, or nothing at all where there is nothing to list."""
    rows = "".join(f"<li>{text(value, 2 * LONGEST)}</li>" for value in values)
    return f"<ul{_class(style)}>{rows}</ul>" if rows else ""


def section(name: str, title: str, body: str) -> str:
    """A part of the page.

    Args:
        name: its id: ours, never a run's, as it is not escaped.
        title: plain text.
        body: HTML.
    """
    return f'<section id="{name}"><h2>{text(title)}</h2>{body}</section>\n'


def table(head: Sequence[str], rows: Iterable[Sequence[str | Mark]], style: str = "") -> str:
    """A table. Wide ones scroll in themselves, not with the page.

    Args:
        head: names of the columns; empty: no head.
        rows: plain text, or marked; the first cell of each names it.
        style: a class of the page's style sheet.
    """
    top = "".join(f'<th scope="col">{text(cell)}</th>' for cell in head)
    body = "".join(f"<tr>{_row(row)}</tr>" for row in rows)
    head_row = f"<thead><tr>{top}</tr></thead>" if head else ""
    return f'<div class="wide"><table{_class(style)}>{head_row}<tbody>{body}</tbody></table></div>'


def _row(cells: Sequence[str | Mark]) -> str:
    first, *others = cells
    name = first.text if isinstance(first, Mark) else first
    # A dotted name breaks between its words, where it must.
    breakable = text(name).replace("_", "_<wbr>").replace(".", ".<wbr>")
    return f'<th scope="row">{breakable}</th>' + "".join(map(_cell, others))


def _cell(cell: str | Mark) -> str:
    if isinstance(cell, Mark):
        return f'<td><span class="{cell.style}">{text(cell.text)}</span></td>'
    return f"<td>{text(cell)}</td>"


def _class(style: str) -> str:
    return f' class="{style}"' if style else ""
