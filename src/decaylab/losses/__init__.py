"""What is minimised: one loss per file, each of which states the space it works in. Needs `decaylab[train]`."""

from decaylab.losses.base import CurveLoss, Grid
from decaylab.losses.registry import build_loss

__all__ = ["CurveLoss", "Grid", "build_loss"]
