"""Runs a command and watches its memory; a part of `large_store.py`. Linux only: reads /proc."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

_KEYS = ("RssAnon", "RssShmem", "RssFile", "VmHWM")


def watched(command: list[str], folder: Path) -> tuple[str, dict[str, int]]:
    """What the command says on stdout, and the peaks of its memory in bytes, looked at every 5 ms.

    "anonymous": private and shared memory without files; "mapped": pages of files, which the system may take back at
    any time; "high": VmHWM, the most of both together, as the system counted it.

    Raises:
        SystemExit: the command failed.
    """
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as child:
        peak: dict[str, int] = {}
        while child.poll() is None:
            for key, value in memory_of(child.pid).items():
                peak[key] = max(peak.get(key, 0), value)
            time.sleep(0.005)
        said = child.stdout.read() if child.stdout else ""
    if child.returncode:
        raise SystemExit(f"{' '.join(command)} ended with status {child.returncode}")
    return said, peak


def memory_of(pid: int) -> dict[str, int]:
    """Memory of a process now, as `watched` names it; nothing of one that has ended."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return {}
    lines = (line.partition(":") for line in text.splitlines())
    found = {key: int(rest.split()[0]) * 1024 for key, _, rest in lines if key in _KEYS}
    if "RssAnon" not in found:  # a zombie
        return {}
    return {"anonymous": found["RssAnon"] + found["RssShmem"], "mapped": found["RssFile"], "high": found["VmHWM"]}
