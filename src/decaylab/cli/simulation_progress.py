"""How far a simulation is: a bar on a terminal, a line every ten seconds elsewhere."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Any, TextIO

from decaylab.cli.signals import sigterm_raises
from decaylab.runlog.text import duration

#: Seconds between two lines where there is no terminal.
LINE_SECONDS = 10.0


class SimulationProgress:
    """Called with (done, total) rooms; `done` and `total` hold the last ones.

    A context manager: it closes the bar, and where Ctrl-C or SIGTERM ends the simulation it says what is kept.
    """

    def __init__(self, stream: TextIO) -> None:
        self.done = self.total = 0
        self._stream = stream
        self._bar: Any = None
        self._start = self._last_line = time.monotonic()
        self._already = 0
        self._sigterm = sigterm_raises()

    def __enter__(self) -> SimulationProgress:
        self._sigterm.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        if kind is not None and issubclass(kind, (KeyboardInterrupt, SystemExit)):
            kept = f"{self.done} of {self.total} rooms are kept" if self.total else "nothing is lost"
            print(f"{kept}: the same command goes on from there", file=self._stream)
        self._sigterm.__exit__(kind, error, trace)

    def __call__(self, done: int, total: int) -> None:
        if not self.total:
            self._begin(done, total)
        self.done, self.total = done, total
        if self._bar is not None:
            self._bar.update(done - self._bar.n)
        elif time.monotonic() - self._last_line >= LINE_SECONDS:
            self._last_line = time.monotonic()
            self._print_line()

    def close(self) -> None:
        """Close the bar, if there is one."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def _begin(self, done: int, total: int) -> None:
        self._already = done
        self._start = self._last_line = time.monotonic()
        if done == total:
            return
        if self._stream.isatty():
            from tqdm import tqdm

            # Rooms take from 0.1 to 1 s each: the rate is averaged long, or the time left would jump about.
            self._bar = tqdm(total=total, initial=done, desc="simulate", unit="room", file=self._stream, smoothing=0.05)
        else:
            kept = f", {done} there already" if done else ""
            print(f"simulating {total} rooms{kept}", file=self._stream, flush=True)

    def _print_line(self) -> None:
        simulated = self.done - self._already
        left = (time.monotonic() - self._start) / simulated * (self.total - self.done) if simulated else None
        text = f", about {duration(left)} left" if left is not None else ""
        print(f"simulated {self.done} of {self.total} rooms{text}", file=self._stream, flush=True)
