"""Decaylab: train networks that predict a room's energy decay curve, and keep every run on record.

Importing the package imports nothing heavy: `decaylab.runlog` works without numpy and PyTorch.
"""

from __future__ import annotations

from typing import Any

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """`load_model` on first use: it needs numpy, and the run log does not."""
    if name != "load_model":
        raise AttributeError(f"module 'decaylab' has no attribute {name!r}")
    from importlib import import_module

    return import_module(f"{__name__}.inference").load_model
