"""What commands print and write: lines, files that were asked for, and how wide and colourful the terminal is."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence


def write_lines(lines: Iterable[str]) -> None:
    """Lines of a result, on stdout."""
    sys.stdout.write("\n".join([*lines, ""]))


def say(text: str) -> None:
    """A line to the person, on stderr; nothing for an empty one."""
    if text:
        from decaylab.runlog.text import printable

        print(printable(text), file=sys.stderr)


def write_data(data: bytes) -> None:
    """A file that happens to be stdout: its bytes, whatever the terminal speaks."""
    sys.stdout.flush()
    sys.stdout.buffer.write(data)


def terminal() -> tuple[int | None, bool]:
    """The columns of the terminal that stdout is, and whether it wants colours; off a terminal nothing is cut."""
    if not sys.stdout.isatty():
        return None, False
    import shutil

    has_colours = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return shutil.get_terminal_size().columns, has_colours


def check_output(option: str, path: str, suffixes: Sequence[str]) -> str:
    """The suffix of a file that is to be written, in small letters, before anything is computed for it.

    Args:
        option: that named it, such as `--output`.
        path: as it was typed.
        suffixes: those that it may have, with their dots.

    Raises:
        InputError: another suffix, or a folder that is not there.
    """
    from decaylab.errors import InputError

    suffix = os.path.splitext(path)[1].lower()
    if suffix not in suffixes:
        raise InputError(f"{option} {path}: the name must end in {', '.join(suffixes)}")
    folder = os.path.dirname(path)
    if folder and not os.path.isdir(folder):
        raise InputError(f"{option} {path}: there is no folder {folder}")
    return suffix
