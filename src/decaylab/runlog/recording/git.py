"""The code that a run was made with, as git knows it."""

from __future__ import annotations

import os
import subprocess
from typing import Any

#: A diff larger than this is cut, and the record says so.
DIFF_LIMIT = 1_000_000
UNTRACKED_LIMIT = 200
GIT_TIMEOUT_SECONDS = 10


def state_of(directory: str) -> tuple[dict[str, Any] | None, bytes]:
    """Commit, branch, dirtiness and names of untracked files of the repository around `directory`, and its diff.

    Null without git or outside a repository. The diff is bounded by `DIFF_LIMIT`, and is only ever stored.
    """
    commit = _git(directory, "rev-parse", "HEAD")
    if commit is None:
        return None, b""
    status = _git(directory, "status", "--porcelain", "--untracked-files=normal", "-z") or b""
    entries = [entry for entry in status.decode("utf-8", "backslashreplace").split("\0") if entry]
    untracked = [entry[3:] for entry in entries if entry.startswith("??")]
    changed = any(not entry.startswith("??") for entry in entries)
    diff = (_git(directory, "diff", "HEAD", "--no-ext-diff", "--no-textconv", "--no-color") or b"") if changed else b""
    state = {
        "commit": commit.decode().strip(),
        "branch": (_git(directory, "rev-parse", "--abbrev-ref", "HEAD") or b"").decode("utf-8", "replace").strip(),
        "dirty": changed,
        "untracked": untracked[:UNTRACKED_LIMIT],
        "untracked_count": len(untracked),
        "diff_bytes": len(diff),
        "diff_truncated": len(diff) > DIFF_LIMIT,
    }
    return state, diff[:DIFF_LIMIT]


def _git(directory: str, *arguments: str) -> bytes | None:
    try:
        done = subprocess.run(
            ["git", "-C", directory, *arguments],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=GIT_TIMEOUT_SECONDS,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
