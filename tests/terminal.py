"""A terminal for tests: a command on a pseudo-terminal, and what its screen shows."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from collections.abc import Callable, Sequence

_SEQUENCE = re.compile(r"\x1b\[([?0-9;]*)([A-Za-z])")


class Screen:
    """A grid of characters that obeys what rich sends; `wrapped` counts lines that ran over the right edge."""

    def __init__(self, columns: int, rows: int) -> None:
        self.resize(columns, rows)
        self.alternate = False
        self.wrapped = 0

    def resize(self, columns: int, rows: int) -> None:
        self.columns, self.rows = columns, rows
        self.cells = [[" "] * columns for _ in range(rows)]
        self.x = self.y = 0

    def feed(self, text: str) -> None:
        while text:
            if match := _SEQUENCE.match(text):
                self._obey(match[1], match[2])
                text = text[match.end() :]
                continue
            self._put(text[0])
            text = text[1:]

    def text(self) -> str:
        return "\n".join("".join(row).rstrip() for row in self.cells)

    def _obey(self, numbers: str, letter: str) -> None:
        if letter == "H":
            self.x = self.y = 0
        elif letter == "J":
            self.cells = [[" "] * self.columns for _ in range(self.rows)]
        elif numbers == "?1049":
            self.alternate = letter == "h"
            self.resize(self.columns, self.rows)
        else:
            assert letter in "mhl", f"a sequence that this screen does not know: {numbers}{letter}"

    def _put(self, char: str) -> None:
        if char == "\r":
            self.x = 0
        elif char == "\n":
            if self.y == self.rows - 1:
                self.cells = [*self.cells[1:], [" "] * self.columns]
            else:
                self.y += 1
        else:
            assert char.isprintable(), f"a character that a terminal may obey: {char!r}"
            if self.x == self.columns:
                self.wrapped += 1
                self._put("\r")
                self._put("\n")
            self.cells[self.y][self.x] = char
            self.x += 1


class Session:
    """A command whose stdin, stdout and stderr are a terminal of `columns` and `rows`."""

    def __init__(self, command: Sequence[str], columns: int = 80, rows: int = 24, **environment: str) -> None:
        self.screen = Screen(columns, rows)
        self.raw = ""
        self.pid, self._descriptor = pty.fork()
        if self.pid == 0:
            self._set_size(0, columns, rows)
            os.execvpe(command[0], list(command), {**os.environ, "TERM": "xterm-256color", **environment})
        self._set_size(self._descriptor, columns, rows)

    def resize(self, columns: int, rows: int) -> None:
        self.screen.resize(columns, rows)
        self._set_size(self._descriptor, columns, rows)
        os.kill(self.pid, signal.SIGWINCH)

    def until(self, holds: Callable[[str], bool], seconds: float = 30.0) -> str:
        """The screen's text once `holds(text)` and nothing more is being drawn; fails after `seconds`."""
        end = time.monotonic() + seconds
        while not (holds(self.screen.text()) and not self._read(0.1) and holds(self.screen.text())):
            assert time.monotonic() < end, f"not within {seconds} s; the screen:\n{self.screen.text()}"
            self._read(0.1)
        return self.screen.text()

    def send(self, number: int) -> int:
        """Send a signal and return the exit status, negative for a death by signal."""
        os.kill(self.pid, number)
        while self._read(10.0):
            pass
        _, status = os.waitpid(self.pid, 0)
        os.close(self._descriptor)
        return os.waitstatus_to_exitcode(status)

    def _read(self, seconds: float) -> bool:
        """Take what the command wrote; False when it has closed the terminal, or is silent for `seconds`."""
        if not select.select([self._descriptor], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self._descriptor, 65536)
        except OSError:  # Linux's way to say that the other side is closed
            return False
        text = data.decode("utf-8", "replace")
        self.raw += text
        self.screen.feed(text)
        return bool(data)

    @staticmethod
    def _set_size(descriptor: int, columns: int, rows: int) -> None:
        fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
