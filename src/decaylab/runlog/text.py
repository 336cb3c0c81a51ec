"""Text from other people's files, made safe for a terminal, a spreadsheet and a Markdown table."""

from __future__ import annotations


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
