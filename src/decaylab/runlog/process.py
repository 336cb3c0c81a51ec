"""Which process a run belongs to, and whether that process still lives.

A pid alone proves nothing: it is reused, and means another process in a container or on another host. So a run
records the boot id, the pid namespace and the start time beside it; where those cannot be compared, the heartbeat
file decides, by the file system's own clock.
"""

from __future__ import annotations

import os
import time
from typing import Any

from decaylab.runlog.schema import HEARTBEAT

HEARTBEAT_SECONDS = 15
STALE_SECONDS = 120

#: File system's time less our monotonic one, which nobody sets, per device: (seconds, monotonic time of the reading).
_clock_offsets: dict[int, tuple[float, float]] = {}


def identity() -> dict[str, Any]:
    """Identity of this process, for metadata.json; values are null where the system does not tell."""
    return {
        "host": os.uname().nodename if hasattr(os, "uname") else os.environ.get("COMPUTERNAME"),
        "pid": os.getpid(),
        "start_time": _start_time(os.getpid()),
        "boot_id": boot_id(),
        "pid_namespace": pid_namespace(),
    }


def is_alive(process: Any, run_directory: str) -> bool:
    """Whether the process that recorded `process` (see `identity`) still runs.

    On the same boot and in the same pid namespace: its pid exists with the recorded start time and is no zombie.
    Anywhere else: its heartbeat file is younger than two minutes.
    """
    if can_be_looked_for(process):
        return bool(_start_time(process["pid"]) == process["start_time"])
    return heartbeat_age(run_directory) < STALE_SECONDS


def can_be_looked_for(process: Any) -> bool:
    """Whether a pid of `process` (see `identity`) means the same here as where it was recorded."""
    if not isinstance(process, dict):
        return False
    here = boot_id(), pid_namespace()
    is_known = isinstance(process.get("pid"), int) and isinstance(process.get("start_time"), int)
    return is_known and None not in here and here == (process.get("boot_id"), process.get("pid_namespace"))


def heartbeat_age(run_directory: str) -> float:
    """Seconds since the run's last heartbeat, by the clock of the file system that holds it; infinite without one."""
    try:
        beat = os.stat(os.path.join(run_directory, HEARTBEAT), follow_symlinks=False)
    except OSError:
        return float("inf")
    return time.monotonic() + _clock_offset(run_directory, beat.st_dev) - beat.st_mtime


def boot_id() -> str | None:
    """Identity of this boot of the machine (Linux), or null."""
    return _read("/proc/sys/kernel/random/boot_id")


def pid_namespace() -> str | None:
    """Identity of the namespace that our pids are counted in (Linux containers), or null."""
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return None


def _start_time(pid: int) -> int | None:
    """Start of a living process in clock ticks after boot; null for none, and for a zombie."""
    line = _read(f"/proc/{pid}/stat")
    if line is None:
        return None
    # The command, in parentheses, may itself hold spaces and parentheses: fields count from the last one.
    fields = line[line.rfind(")") + 2 :].split()
    return None if fields[0] in ("Z", "X") else int(fields[19])


def _read(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return None


def _clock_offset(directory: str, device: int) -> float:
    """File system's time less our monotonic one, from a file made and removed there; by our clock where none can be."""
    known = _clock_offsets.get(device)
    if known is not None and time.monotonic() - known[1] < 10:
        return known[0]
    probe = os.path.join(os.path.dirname(os.path.abspath(directory)), f".clock.{os.getpid()}")
    try:
        descriptor = os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            offset = os.fstat(descriptor).st_mtime - time.monotonic()
        finally:
            os.close(descriptor)
            os.unlink(probe)
    except OSError:
        offset = time.time() - time.monotonic()
    _clock_offsets[device] = (offset, time.monotonic())
    return offset
