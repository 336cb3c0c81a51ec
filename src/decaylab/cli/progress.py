"""How far something is: one line that counts on a terminal, a line every ten seconds elsewhere."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import NoReturn, Self, TextIO

from decaylab.runlog.text import duration


@contextmanager
def sigterm_raises() -> Iterator[None]:
    """Inside, SIGTERM raises SystemExit with status 143; in the main thread alone, where Python takes signals."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _terminated)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _terminated(number: int, frame: FrameType | None) -> NoReturn:
    raise SystemExit(143)


#: Seconds between two lines.
ON_TERMINAL, ELSEWHERE = 0.3, 10.0


class Progress:
    """Called with (done, total), of which it holds the last ones. A context manager, to end the line.

    Args:
        stream: where to; stderr, as stdout is for results.
        verb: what happens to them: "predicted".
        noun: what is counted: "rooms".
    """

    def __init__(self, stream: TextIO, verb: str, noun: str) -> None:
        self.done = self.total = 0
        self._stream, self._verb, self._noun = stream, verb, noun
        self._on_terminal = stream.isatty()
        self._is_open = False
        self._already = 0
        self._start = self._last = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._is_open:
            print(file=self._stream)

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if not self.total:
            self._begin(done, total)
        self.done, self.total = done, total
        if now - self._last < (ON_TERMINAL if self._on_terminal else ELSEWHERE):
            return
        self._last = now
        new = done - self._already
        left = f", about {duration((now - self._start) / new * (total - done))} left" if new > 0 else ""
        text = f"{self._verb} {done} of {total} {self._noun}{left}"
        self._is_open = self._on_terminal
        before, after = ("\r", "\x1b[K") if self._on_terminal else ("", "\n")
        print(f"{before}{text}", end=after, file=self._stream, flush=True)

    def _begin(self, done: int, total: int) -> None:
        """What is said before the first line."""


class SimulationProgress(Progress):
    """Of rooms that are simulated; where Ctrl-C or SIGTERM ends the simulation it says what is kept."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream, "simulated", "rooms")
        self._sigterm = sigterm_raises()

    def __enter__(self) -> Self:
        self._sigterm.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        if kind is not None and issubclass(kind, (KeyboardInterrupt, SystemExit)):
            kept = f"{self.done} of {self.total} rooms are kept" if self.total else "nothing is lost"
            print(f"{kept}: the same command goes on from there", file=self._stream)
        self._sigterm.__exit__(kind, error, trace)

    def _begin(self, done: int, total: int) -> None:
        self._already = done
        self._start = self._last = time.monotonic()
        if done < total and not self._on_terminal:
            kept = f", {done} there already" if done else ""
            print(f"simulating {total} rooms{kept}", file=self._stream, flush=True)
