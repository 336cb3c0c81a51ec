"""The run log: every training run on record in plain files, for any training loop.

Needs neither numpy nor PyTorch. `start` records a run; `decaylab compare` reads them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from decaylab.runlog.recorder import Run as Run
    from decaylab.runlog.recorder import RunLogWarning as RunLogWarning
    from decaylab.runlog.recorder import start as start

_WHERE = {"start": "recorder", "Run": "recorder", "RunLogWarning": "recorder"}
__all__ = ["Run", "RunLogWarning", "start"]


def __getattr__(name: str) -> Any:
    """Import on first use, so that reading a table does not pay for the recorder."""
    if name not in _WHERE:
        raise AttributeError(f"module 'decaylab.runlog' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"decaylab.runlog.{_WHERE[name]}"), name)
