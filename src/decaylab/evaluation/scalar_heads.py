"""What scalar heads answer, scored beside the same parameters of the predicted curves, by the same rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from decaylab.evaluation.metrics import CurveMetrics
from decaylab.evaluation.scores import parameter_scores

#: Parameters that are times: an answer of zero or less is no time, and invalid.
TIMES = ("edt", "t20", "t30", "ts")


class ScalarHeads:
    """Gathers blocks of answers, (n, S) each, in the order of the test rooms.

    Args:
        names: the parameter of each column.
    """

    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = names
        self._blocks: list[NDArray[np.float32]] = []

    def add(self, answers: NDArray[np.float32]) -> None:
        """Take one block, (n, S): seconds or decibels."""
        self._blocks.append(answers)

    def result(
        self, curves: CurveMetrics, training_medians: Callable[[], Mapping[str, float]]
    ) -> dict[str, dict[str, Any]]:
        """`{"t20": {...}, "c50": {...}}`, each as `parameter_scores` gives it; truth is that of the target curves."""
        answers = np.concatenate(self._blocks).astype(np.float64)
        pairs = curves.parameters()
        found = {}
        for name, column in zip(self._names, answers.T, strict=True):
            usable = np.isfinite(column) & ((column > 0) | (name not in TIMES))
            predicted = np.where(usable, column, np.nan)
            found[name] = parameter_scores(name, predicted, pairs[name][1], pairs["t20"][1], training_medians)
        return found
