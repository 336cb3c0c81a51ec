"""A trained model in use: numpy in, numpy out; PyTorch or onnxruntime, whichever is there."""

from decaylab.inference.about import PARAMETERS, UNITS, About
from decaylab.inference.load import load_model
from decaylab.inference.predictor import Outside, Prediction, Predictor, rooms_at_receivers

__all__ = [
    "PARAMETERS",
    "UNITS",
    "About",
    "Outside",
    "Prediction",
    "Predictor",
    "load_model",
    "rooms_at_receivers",
]
