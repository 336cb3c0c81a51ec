"""Decaylab: train networks that predict a room's energy decay curve, and keep every run on record.

Importing the package imports nothing heavy: `decaylab.runlog` works without numpy and PyTorch.
"""

__version__ = "0.1.0"
