"""The picture that `decaylab watch` keeps drawing. The one module that imports rich."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

from decaylab.cli.progress import sigterm_raises
from decaylab.errors import MissingExtraError
from decaylab.runlog.watching.watch import View, Watcher, look_again
from decaylab.runlog.watching.watch_lines import Line, lines

if TYPE_CHECKING:
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

#: Seconds between two readings, and the reading's largest share of the time: of a folder that takes long to read,
#: or lies on a slow disk, there are fewer.
PERIOD = 1.0
LARGEST_SHARE = 0.02
#: How often the terminal is asked for its size.
_GLANCE = 0.2
#: On a wider terminal the figures of a run would stand too far from its name.
_WIDEST = 120

_STYLES = {"good": "green", "warn": "yellow", "bad": "red", "dim": "dim", "": ""}


def follow(watcher: Watcher) -> int:
    """Draw until Ctrl-C, on the terminal's other screen; the last picture stays on the usual one. Returns 130.

    Raises:
        RunLogError: at the start the folder does not exist or may not be listed.
        MissingExtraError: rich is not installed.
    """
    try:
        from rich.console import Console
        from rich.live import Live
    except ImportError as error:
        raise MissingExtraError("rich", "watch", "decaylab watch (without --once)") from error

    view = watcher.look()
    stage = _Stage(Console(highlight=False, markup=False, emoji=False), watcher.experiments)
    try:
        with sigterm_raises(), Live(console=stage.console, screen=True, auto_refresh=False) as live:
            while True:
                began = time.monotonic()
                view = look_again(watcher, view)
                spent = time.monotonic() - began
                stage.draw_until(began + max(PERIOD, spent / LARGEST_SHARE), live, view)
    except KeyboardInterrupt:
        stage.console.print(stage.picture(view, _size()[0], None))
        return 130


class _Stage:
    """The terminal that is drawn on, and what is drawn there."""

    def __init__(self, console: Console, where: str) -> None:
        self.console = console
        self._encoding = sys.stdout.encoding  # asked for now: rich puts something else in its place
        self._where = where

    def draw_until(self, end: float, live: Live, view: View) -> None:
        """Show a view until the next reading is due, drawn anew whenever the terminal has another size."""
        drawn = None
        while time.monotonic() < end:
            size = _size()
            if size != drawn:
                self.console.size = drawn = size
                live.update(self.picture(view, *size), refresh=True)
            time.sleep(max(0.0, min(_GLANCE, end - time.monotonic())))

    def picture(self, view: View, width: int, height: int | None) -> Text:
        return _text(lines(view, self._where, min(width, _WIDEST), height, self._encoding))


def _text(picture: list[Line]) -> Text:
    """The picture for rich: text and styles, nothing in it read as markup."""
    from rich.text import Text

    text = Text(no_wrap=True, overflow="crop", end="")
    for line in picture:
        for part, style in line:
            text.append(part, _STYLES[style])
        text.append("\n")
    return text


def _size() -> tuple[int, int]:
    """Columns and lines of the terminal at this moment, whatever COLUMNS in the environment said at the start."""
    try:
        width, height = os.get_terminal_size(sys.stdout.fileno())
    except OSError:  # it was closed: the next write will tell
        width, height = 0, 0
    return width or 80, height or 24
