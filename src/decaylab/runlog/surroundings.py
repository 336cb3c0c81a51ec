"""What a run records of the outside world: command, packages, host. Never a whole environment."""

from __future__ import annotations

import os
import re
import sys
from typing import Any

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

#: Stands where a value that looked secret was not recorded.
BLANKED = "***"


def command_line(arguments: list[str] | None = None) -> list[str]:
    """argv, with the values of options that look like secrets blanked."""
    blanked: list[str] = []
    hide_next = False
    for argument in sys.argv if arguments is None else arguments:
        if hide_next and not argument.startswith("-"):
            blanked.append(BLANKED)
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
