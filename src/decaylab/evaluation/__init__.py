"""Predictions in, metrics out: once, for every caller."""

from decaylab.evaluation.metrics import SCORED_PARAMETERS, CurveMetrics, Reference

__all__ = ["SCORED_PARAMETERS", "CurveMetrics", "Reference"]
