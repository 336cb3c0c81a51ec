"""What a run records of the outside world: command, code, packages, host. Never a whole environment."""

from __future__ import annotations

import os
import re
import sys
from typing import Any

#: A diff larger than this is cut, and the record says so.
DIFF_LIMIT = 1_000_000
UNTRACKED_LIMIT = 200
GIT_TIMEOUT_SECONDS = 10

_SECRET = re.compile(r"pass(word|wd|phrase)?|secret|token|api[-_]?key|credential|auth", re.IGNORECASE)
_ENVIRONMENT = (
    "SLURM_JOB_ID", "SLURM_JOB_NAME", "SLURM_ARRAY_JOB_ID", "SLURM_ARRAY_TASK_ID", "SLURM_JOB_PARTITION",
    "SLURM_JOB_NODELIST", "SLURM_NTASKS", "SLURM_PROCID", "SLURM_RESTART_COUNT", "CUDA_VISIBLE_DEVICES",
)  # fmt: skip
_PACKAGES = (
    "decaylab", "torch", "lightning", "pytorch_lightning", "numpy", "scipy", "sklearn", "pyroomacoustics",
    "tensorboard", "joblib", "pandas", "polars", "xgboost", "lightgbm", "jax", "tensorflow", "keras",
)  # fmt: skip
_DISTRIBUTIONS = {"sklearn": "scikit-learn", "pytorch_lightning": "pytorch-lightning"}


def command_line(arguments: list[str] | None = None) -> list[str]:
    """argv, with the values of options that look like secrets blanked."""
    blanked: list[str] = []
    hide_next = False
    for argument in sys.argv if arguments is None else arguments:
        if hide_next and not argument.startswith("-"):
            blanked.append("***")
            hide_next = False
            continue
        name, separator, _ = argument.partition("=")
        secret = bool(_SECRET.search(name)) and (bool(separator) or name.startswith("-"))
        hide_next = secret and not separator
        blanked.append(f"{name}=***" if secret and separator else argument)
    return blanked


def environment() -> dict[str, Any]:
    """Python, system and the versions of the packages that this process has imported."""
    import platform

    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "cpu_count": os.cpu_count(),
        "packages": package_versions(),
        "variables": {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
    }


def package_versions() -> dict[str, str]:
    """Versions of the known packages that are imported in this process."""
    from importlib import metadata

    versions = {}
    for module in _PACKAGES:
        if module not in sys.modules:
            continue
        name = _DISTRIBUTIONS.get(module, module)
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = str(getattr(sys.modules[module], "__version__", "unknown"))
    return versions


def peak_memory_bytes() -> int | None:
    """Largest resident memory of this process so far; null where the system does not tell."""
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak if sys.platform == "darwin" else peak * 1024)


def git_state(directory: str) -> tuple[dict[str, Any] | None, bytes]:
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
    import subprocess

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
