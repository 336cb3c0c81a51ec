"""What a run printed, kept in output.log: bounded, and without the hundreds of states of a progress bar."""

from __future__ import annotations

import os
import sys
import threading
from typing import Any, TextIO

#: Bytes of output.log; what comes later is dropped but for the last `TAIL_BYTES`, written when the run ends.
LIMIT_BYTES = 1_000_000
TAIL_BYTES = 64_000


class OutputLog:
    """Takes over `sys.stdout` and `sys.stderr` until `close`; everything still reaches the terminal."""

    def __init__(self, path: str) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_CLOEXEC", 0), 0o666)
        self._written = os.fstat(self._descriptor).st_size
        self._tail = b""
        self._lock = threading.RLock()
        self._streams = [_Tee(sys.stdout, self), _Tee(sys.stderr, self)]
        sys.stdout, sys.stderr = self._streams

    def append(self, text: str) -> None:
        data = text.encode("utf-8", "backslashreplace")
        with self._lock:
            if self._descriptor < 0:
                return
            if self._written + len(data) <= LIMIT_BYTES:
                self._write(data)
            else:
                self._tail = (self._tail + data)[-TAIL_BYTES:]

    def close(self) -> None:
        """Give the streams back and write what the bound held back; harmless a second time."""
        if sys.stdout is self._streams[0]:
            sys.stdout = self._streams[0].target
        if sys.stderr is self._streams[1]:
            sys.stderr = self._streams[1].target
        with self._lock:
            if self._descriptor < 0:
                return
            for stream in self._streams:
                stream.flush_line()
            if self._tail:
                self._write(f"\n[output.log is bounded; the last {len(self._tail):,} bytes follow]\n".encode())
                self._write(self._tail)
            os.close(self._descriptor)
            self._descriptor = -1

    def _write(self, data: bytes) -> None:
        try:
            self._written += os.write(self._descriptor, data)
        except OSError:
            # A full disk must not break a `print` of the training; the recorder reports the disk.
            self._tail = (self._tail + data)[-TAIL_BYTES:]


class _Tee:
    """A text stream that passes everything on and keeps whole lines, each in its last state (after `\\r`)."""

    def __init__(self, target: TextIO, log: OutputLog) -> None:
        self.target = target
        self._log = log
        self._line = ""

    def write(self, text: str) -> int:
        written = self.target.write(text)
        lines = (self._line + text).split("\n")
        self._line = _last_state(lines.pop())
        if lines:
            self._log.append("".join(_last_state(line).rstrip("\r") + "\n" for line in lines))
        return written

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def flush_line(self) -> None:
        if self._line.strip():
            self._log.append(self._line.rstrip("\r") + "\n")
        self._line = ""

    def __getattr__(self, name: str) -> Any:
        return getattr(self.target, name)


def _last_state(line: str) -> str:
    """What a terminal would show of a line that was overwritten with carriage returns, at most 64 kB of it."""
    kept = line.rstrip("\r")
    return line[kept.rfind("\r") + 1 :][-TAIL_BYTES:]
