"""Nearness to the expected decay, on curves whose parameters and noise are known in closed form."""

import numpy as np
import pytest

from decaylab.errors import DataError
from decaylab.evaluation.nearness import Nearness, nearness, perfect_ratio

RATE = 8_000
SAMPLES = 12_000
SIZES = np.stack([np.arange(24) + 3.0, np.full(24, 4.0), np.full(24, 3.0)], axis=1)


def decays(times):
    """One exponential per reverberation time, (n, samples)."""
    return np.exp(-6 * np.log(10) * np.arange(SAMPLES) / RATE / np.asarray(times)[:, None]).astype(np.float32)


def test_the_ratio_of_known_decay_times():
    times = np.linspace(0.3, 0.8, 24)
    found = nearness(decays(times + 0.01), decays(times), decays(times - 0.02), SIZES, RATE)
    for name in ("edt", "t20", "t30"):
        assert found[name]["prediction"] == pytest.approx(0.01, rel=0.01)
        assert found[name]["simulation"] == pytest.approx(0.02, rel=0.01)
        assert found[name]["ratio"] == pytest.approx(0.5, rel=0.02)
        assert found[name]["low"] <= found[name]["ratio"] <= found[name]["high"]
        assert found[name]["rooms"] == 24
    assert found["ts"]["ratio"] == pytest.approx(0.5, rel=0.02)  # Ts = T / 13.8


def test_one_further_simulation_is_as_near_as_itself():
    times = np.linspace(0.3, 0.8, 24)
    found = nearness(decays(times * 1.05), decays(times), decays(times * 1.05), SIZES, RATE)
    assert {entry["ratio"] for entry in found.values()} == {1.0}


@pytest.mark.parametrize("simulations", [4, 16])
def test_who_knows_the_expected_curve_shows_one_over_the_root_of_k_plus_one(simulations):
    rng = np.random.default_rng(0)
    expected = decays(np.full(24, 0.5))
    noise = rng.normal(0, 1e-3, (simulations + 1, *expected.shape)).astype(np.float32)
    mean = expected + noise[:-1].mean(axis=0)
    found = nearness(expected, mean, expected + noise[-1], SIZES, RATE)["edc"]
    assert found["ratio"] == pytest.approx(perfect_ratio(simulations), rel=0.01)


def test_parameters_are_those_of_the_mean_curve():
    # Half of the simulations decay in 0.3 s, half in 0.7 s: T30 of their mean curve is not the mean of both.
    mean = (decays(np.full(24, 0.3)) + decays(np.full(24, 0.7))) / 2
    found = nearness(mean, mean, decays(np.full(24, 0.5)), SIZES, RATE)["t30"]
    assert found["prediction"] == 0.0
    assert found["simulation"] > 0.05


def test_a_prediction_that_cannot_be_scored_makes_its_metric_null():
    times = np.linspace(0.3, 0.8, 24)
    prediction = decays(times + 0.01)
    prediction[0] = 1.0
    found = nearness(prediction, decays(times), decays(times - 0.02), SIZES, RATE)
    assert found["t20"]["ratio"] is None
    assert found["edc"]["ratio"] is not None
    many = np.linspace(0.3, 0.8, 120)
    prediction = decays(many)
    prediction[0] = 1.0
    sizes = np.stack([np.arange(120) + 3.0, np.full(120, 4.0), np.full(120, 3.0)], axis=1)
    medians = {"t20": 0.9}
    found = nearness(prediction, decays(many), decays(many - 0.02), sizes, RATE, medians)
    assert found["t20"]["prediction"] == pytest.approx(0.6 / 120, rel=0.01)
    assert found["edt"]["ratio"] is None, "its median is not known"


def test_a_simulation_without_a_valid_parameter_costs_its_room_alone():
    times = np.linspace(0.3, 0.8, 24)
    single = decays(times - 0.02)
    single[0] = 1.0
    found = nearness(decays(times + 0.01), decays(times), single, SIZES, RATE)["t20"]
    assert found["rooms"] == 23
    assert found["ratio"] == pytest.approx(0.5, rel=0.02)


def test_blocks_change_nothing_and_every_room_needs_its_size():
    times = np.linspace(0.3, 0.8, 24)
    curves = decays(times + 0.01), decays(times), decays(times - 0.02)
    blocks = Nearness(RATE)
    for start in range(0, 24, 7):
        blocks.add(*(part[start : start + 7] for part in curves))
    assert blocks.result(SIZES) == nearness(*curves, SIZES, RATE)
    with pytest.raises(DataError, match="23 sizes for 24 rooms"):
        blocks.result(SIZES[:23])
