"""Text for people: from other people's files, made safe for a terminal, a spreadsheet and Markdown; and durations."""

from __future__ import annotations

from collections.abc import Callable


def printable(text: str, keep: str = "") -> str:
    r"""`text` with every character that a terminal may obey, and every one it cannot show, written as an escape.

    Control characters (C0, DEL, C1), line and paragraph separators, format characters (which reverse or hide text) and
    lone surrogates become `\x1b`, `\n`, `\u202e`, ... Characters in `keep` stay.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if char.isprintable() or char in keep else _escape(char) for char in text)


def counted(count: int, noun: str) -> str:
    """ "1 run", "2 runs"."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def clock(seconds: float) -> str:
    """A duration in few characters, for a line that is drawn again: `42 s`, `3:07 min`, `7:22 h`, `18.4 d`."""
    if seconds - seconds != 0:
        return "-"
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02d} min"
    if whole < 48 * 3600:
        return f"{whole // 3600}:{whole % 3600 // 60:02d} h"
    return f"{whole / 86400:.1f} d"


def duration(seconds: float) -> str:
    """A duration as a person says it: `8.2 s`, `4 min 10 s`, `2 h 05 min`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def about(seconds: float) -> str:
    """An estimated duration, in two digits that matter: `0.84 s`, `42 s`, `12 min`, `7.4 h`."""
    if seconds < 10:
        return f"{seconds:.2g} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def in_one_unit(seconds: float, shown: Callable[[float], str]) -> str:
    """A duration in hours, minutes or seconds, whichever is the largest that it reaches; `shown` writes the number."""
    unit, length = next((unit for unit in (("h", 3600), ("min", 60)) if seconds >= unit[1]), ("s", 1))
    return f"{shown(seconds / length)} {unit}"


def minutes_ago(seconds: float) -> str:
    """`12 min ago`; what a clock puts into the future is `0 min ago`."""
    return f"{max(0.0, seconds) / 60:.0f} min ago"


def columns(text: str) -> int:
    """How many columns of a terminal printable `text` takes; East Asian wide characters take two, marks none."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1 for char in text)


def shorten(text: str, most: int) -> str:
    """`text` in at most `most` columns, with `...` at its end where something was cut."""
    if columns(text) <= most:
        return text
    kept = text[: max(0, most - 3)]
    while columns(kept) > most - 3 and kept:
        kept = kept[:-1]
    return f"{kept}..."


def csv_cell(text: str) -> str:
    """A cell that a spreadsheet takes for text: a leading `=`, `+`, `-`, `@` would make it a formula."""
    shown = printable(text)
    return f"'{shown}" if text.lstrip()[:1] in ("=", "+", "-", "@") or text[:1] in ("\t", "\r", "\n") else shown


def markdown_cell(text: str) -> str:
    """A cell of a Markdown table: what would end the cell, or be taken for markup or HTML, is escaped."""
    shown = printable(text).replace("\\", "\\\\").replace("|", "\\|")
    return shown.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _escape(char: str) -> str:
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:  # a byte of a file name that is no UTF-8, as os.fsdecode keeps it
        return f"\\x{code - 0xDC00:02x}"
    return repr(char)[1:-1]
