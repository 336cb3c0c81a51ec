"""What learns: architecture only, no loss, no optimiser. Needs `decaylab[train]`."""

from decaylab.models.registry import MODELS, build_model

__all__ = ["MODELS", "build_model"]
