"""What learns: architecture only, no loss, no optimiser. Needs `decaylab[train]`."""

from decaylab.models.registry import build_model

__all__ = ["build_model"]
