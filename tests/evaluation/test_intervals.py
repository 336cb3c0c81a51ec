"""Intervals from errors on rooms not seen: they hold their share, scale as errors do, and say if rooms are too few."""

from __future__ import annotations

import numpy as np
import pytest

from decaylab.evaluation.intervals import INTERVAL_PARAMETERS, coverage, fit_intervals, half_widths, parameter_pairs


def errors(count: int, seed: int) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Predicted and true values with heavy-tailed errors, relative for times, absolute for levels."""
    random = np.random.default_rng(seed)
    true = {name: random.uniform(0.3, 2.0, count) for name in INTERVAL_PARAMETERS}
    noise = {name: 0.05 * random.standard_t(3, count) for name in INTERVAL_PARAMETERS}
    predicted = {
        name: true[name] + noise[name] * (1.0 if name in ("c50", "c80", "d50") else true[name]) for name in true
    }
    return predicted, true


def test_new_rooms_lie_within_as_often_as_said() -> None:
    shares = []
    for seed in range(40):
        intervals = fit_intervals(*errors(60, seed))
        shares.append([coverage(intervals, *errors(500, seed + 1000))[name] for name in INTERVAL_PARAMETERS])
    assert np.mean(shares, axis=0) == pytest.approx([0.9] * 7, abs=0.025)


def test_the_width_is_a_rank_of_the_errors() -> None:
    true = {name: np.full(19, 2.0) for name in INTERVAL_PARAMETERS}
    predicted = {name: 2.0 + np.arange(1.0, 20.0) / 100 for name in INTERVAL_PARAMETERS}
    widths = fit_intervals(predicted, true)["half_width"]
    assert widths["c50"] == pytest.approx(0.18)  # rank ceil(20 x 0.9) = 18 of 19
    assert widths["t20"] == pytest.approx(0.18 / 2.18)  # over the predicted value, which is what is known later


def test_too_few_rooms_give_no_width() -> None:
    predicted, true = errors(12, 0)
    true["edt"][:4] = np.nan
    intervals = fit_intervals(predicted, true)
    assert intervals["half_width"]["edt"] is None
    assert intervals["half_width"]["c50"] is not None
    assert coverage(intervals, predicted, true)["edt"] is None
    assert np.isnan(half_widths(intervals, predicted)["edt"]).all()


def test_a_half_width_belongs_to_a_value() -> None:
    intervals = fit_intervals(*errors(60, 1))
    values = {name: np.array([1.0, 2.0, np.nan, -0.5]) for name in INTERVAL_PARAMETERS}
    found = half_widths(intervals, values)
    assert found["t20"][1] == pytest.approx(2 * found["t20"][0])
    assert found["c50"][0] == found["c50"][1] == found["c50"][3] > 0
    assert np.isnan(found["t20"][2:]).all()
    assert np.isnan(half_widths(None, values)["t20"]).all()


def test_parameters_come_from_each_curves_own_onset() -> None:
    true = np.ones((2, 48_000))
    time = np.arange(47_000) / 48_000
    true[:, 1000:] = 0.5 * np.exp(-13.8155 / 0.5 * time)
    predicted = np.ones((2, 48_000))
    predicted[:, 1010:] = true[:, 1000:-10]
    found, expected = parameter_pairs([(predicted, true), (true, predicted)], 48_000)
    assert len(found["t20"]) == 4
    for name in ("t20", "c50", "ts"):
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-3)
