"""How far a prediction is: one line that counts on a terminal, a line every ten seconds elsewhere."""

from __future__ import annotations

import time
from types import TracebackType
from typing import TextIO

#: Seconds between two lines.
_ON_TERMINAL, _ELSEWHERE = 0.3, 10.0


class PredictProgress:
    """Called with the number of rooms done. A context manager, to end the line."""

    def __init__(self, stream: TextIO, total: int) -> None:
        self._stream, self._total = stream, total
        self._terminal = stream.isatty()
        self._last = time.monotonic()
        self._is_open = False

    def __enter__(self) -> PredictProgress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._is_open:
            print(file=self._stream)

    def __call__(self, done: int) -> None:
        now = time.monotonic()
        if now - self._last < (_ON_TERMINAL if self._terminal else _ELSEWHERE):
            return
        self._last = now
        text = f"predicted {max(done, 0)} of {self._total} rooms"
        if self._terminal:
            self._is_open = True
            print(f"\r{text}", end="", file=self._stream, flush=True)
        else:
            print(text, file=self._stream, flush=True)
