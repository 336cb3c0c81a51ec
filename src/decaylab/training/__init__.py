"""Training of models on rooms, every run on record. Needs `decaylab[train]`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from decaylab.training.config import TrainConfig as TrainConfig
    from decaylab.training.loop import Outcome as Outcome
    from decaylab.training.loop import train as train
    from decaylab.training.recorder import RunRecorder as RunRecorder

_WHERE = {"TrainConfig": "config", "Outcome": "loop", "train": "loop", "RunRecorder": "recorder"}
__all__ = ["Outcome", "RunRecorder", "TrainConfig", "train"]


def __getattr__(name: str) -> Any:
    """Import on first use: Lightning takes seconds, and the settings alone need none of it."""
    if name not in _WHERE:
        raise AttributeError(f"module 'decaylab.training' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"decaylab.training.{_WHERE[name]}"), name)
