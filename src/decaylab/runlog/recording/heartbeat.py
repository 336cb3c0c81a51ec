"""The file that a living run touches, so that another machine can tell that it lives."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

from decaylab.runlog.process import HEARTBEAT_SECONDS


class Heartbeat:
    """Touches a file every `HEARTBEAT_SECONDS` in a thread of its own, from `start` to `stop`.

    Args:
        path: the file.
        warn: takes what is to be said when it cannot be touched.
        each_time: called after each beat, in that thread.
    """

    def __init__(self, path: str, warn: Callable[[str], None], each_time: Callable[[], None]) -> None:
        self._path, self._warn, self._each_time = path, warn, each_time
        self._stopped = threading.Event()

    def start(self, name: str) -> None:
        threading.Thread(target=self._beat, name=f"heartbeat {name}", daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()

    def touch(self) -> None:
        try:
            os.close(os.open(self._path, os.O_WRONLY | os.O_CREAT, 0o666))
            os.utime(self._path)
        except OSError as error:
            self._warn(f"the heartbeat could not be written ({error.strerror})")

    def _beat(self) -> None:
        while not self._stopped.wait(HEARTBEAT_SECONDS):
            self.touch()
            self._each_time()
