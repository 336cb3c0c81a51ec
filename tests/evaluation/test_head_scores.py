"""Answers of scalar heads are scored against the TARGET curves' parameters, by the rules of every other parameter."""

import numpy as np
import pytest

from decaylab.acoustics import room_parameters
from decaylab.evaluation import CurveMetrics, Reference
from decaylab.evaluation.scalar_heads import ScalarHeads

SECONDS = np.linspace(0.3, 1.2, 200)


def curves(seconds):
    time = np.maximum(np.arange(96_000) - 200, 0) / 48_000
    return np.exp(-13.8155 * time / seconds[:, None]).astype(np.float32)


@pytest.fixture(scope="module")
def scores():
    """Predicted curves that decay 10 % too slowly."""
    metrics = CurveMetrics(dict)
    metrics.add(curves(1.1 * SECONDS), Reference.of(curves(SECONDS), 48_000))
    return metrics


def answered(scores, *blocks, names=("t20", "c50"), medians=dict):
    heads = ScalarHeads(names)
    for block in blocks:
        heads.add(np.asarray(block, dtype=np.float32))
    return heads.result(scores, medians)


def test_the_truth_scores_zero_whatever_the_curve_says(scores):
    true = room_parameters(curves(SECONDS), names=("t20", "c50"))
    both = np.stack([true["t20"], true["c50"]], axis=1)
    found = answered(scores, both[:50], both[50:])
    assert found["t20"]["mae"] == pytest.approx(0, abs=1e-6)
    assert found["c50"]["mae"] == pytest.approx(0, abs=1e-5)
    shifted = answered(scores, both + np.array([0.05, -0.5]))
    assert shifted["t20"]["bias"] == pytest.approx(0.05, rel=1e-4)
    assert shifted["c50"]["bias"] == pytest.approx(-0.5, rel=1e-4)
    assert scores.result()["t20"]["mae"] == pytest.approx(0.1 * SECONDS.mean(), rel=0.01)


def test_a_time_that_is_none_is_invalid_and_a_negative_c50_is_not(scores):
    true = room_parameters(curves(SECONDS), names=("t20",))["t20"]
    some = true.copy()
    some[3] = -0.1
    some[7] = np.nan
    found = answered(scores, some[:, None], names=("t20",), medians=lambda: {"t20": true[3]})
    assert found["t20"]["invalid_predictions"] == 2
    assert found["t20"]["mae"] == pytest.approx(abs(true[7] - true[3]) / len(true), rel=1e-3)
    assert answered(scores, np.full((len(true), 1), -2.0), names=("c50",))["c50"]["invalid_predictions"] == 0
    none = answered(scores, np.zeros((len(true), 1)), names=("t20",))
    assert none["t20"]["mae"] is None, "more than 1 % invalid: no metric"
