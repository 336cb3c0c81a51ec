"""The run log: every training run on record in plain files, for any training loop.

Needs neither numpy nor PyTorch. `start` records a run; `runs` reads what a folder holds, as `decaylab compare` does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from decaylab.runlog.notebook import Runs as Runs
    from decaylab.runlog.notebook import runs as runs
    from decaylab.runlog.recorder import Run as Run
    from decaylab.runlog.recorder import RunLogWarning as RunLogWarning
    from decaylab.runlog.recorder import start as start
    from decaylab.runlog.run_record import RunRecord as RunRecord

_WHERE = {
    "start": "recorder",
    "Run": "recorder",
    "RunLogWarning": "recorder",
    "runs": "notebook",
    "Runs": "notebook",
    "RunRecord": "run_record",
}
__all__ = ["Run", "RunLogWarning", "RunRecord", "Runs", "runs", "start"]


def __dir__() -> list[str]:
    """What a notebook offers after `runlog.`, imported or not."""
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> Any:
    """Import on first use, so that reading a table does not pay for the recorder."""
    if name not in _WHERE:
        raise AttributeError(f"module 'decaylab.runlog' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"decaylab.runlog.{_WHERE[name]}"), name)
