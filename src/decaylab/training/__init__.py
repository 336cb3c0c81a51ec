"""Training of models on rooms, every run on record. Needs `decaylab[train]`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

# Read by PyTorch when it first takes memory: pages of 2 MB instead of 4 KB for what is large, on Linux. The gradient of
# `hybrid_v2` is 0.8 GB, taken anew in every step: 200,000 page faults were a third of its time (docs/models.md).
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")

if TYPE_CHECKING:
    from decaylab.catalogue.settings import TrainConfig as TrainConfig
    from decaylab.training.loop import train as train
    from decaylab.training.outcome import Outcome as Outcome
    from decaylab.training.recorder import RunRecorder as RunRecorder

_WHERE = {
    "TrainConfig": "catalogue.settings",
    "Outcome": "training.outcome",
    "train": "training.loop",
    "RunRecorder": "training.recorder",
}
__all__ = ["Outcome", "RunRecorder", "TrainConfig", "train"]


def __getattr__(name: str) -> Any:
    """Import on first use: Lightning takes seconds, and the settings alone need none of it."""
    if name not in _WHERE:
        raise AttributeError(f"module 'decaylab.training' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"decaylab.{_WHERE[name]}"), name)
