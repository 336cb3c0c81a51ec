"""How a run ends that does not call `finish`: by a signal, or by an exception."""

from __future__ import annotations

import signal
import threading
from typing import Any


class Terminated(SystemExit):
    """SIGTERM arrived: the scheduler, or a person, ended the process."""

    def __init__(self) -> None:
        super().__init__(143)

    def __str__(self) -> str:
        return "SIGTERM"  # in the record; the status says nothing to its reader


class Signals:
    """Answers SIGTERM by raising `Terminated`, from `take` to `give_back`.

    In the main thread only, the one that Python lets set handlers, and only while nobody else handles the signal.
    """

    def __init__(self) -> None:
        self._before: Any = None

    def take(self) -> None:
        if _is_main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            self._before = signal.signal(signal.SIGTERM, _raise_terminated)

    def give_back(self) -> None:
        """Put the former handler back, unless somebody has set another one since."""
        ours = self._before is not None and _is_main_thread()
        if ours and signal.getsignal(signal.SIGTERM) is _raise_terminated:
            signal.signal(signal.SIGTERM, self._before)


def status_after(error: BaseException | None) -> str:
    """The status of a run that ended with this exception, or with none; `SystemExit(0)` counts as none."""
    if is_clean(error):
        return "completed"
    return "interrupted" if isinstance(error, (KeyboardInterrupt, Terminated)) else "failed"


def is_clean(error: BaseException | None) -> bool:
    """Whether a program that ends with this exception ends as it was meant to."""
    return error is None or (isinstance(error, SystemExit) and error.code in (None, 0))


def _is_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def _raise_terminated(number: int, frame: Any) -> None:
    raise Terminated
