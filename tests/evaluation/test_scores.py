"""The figures of one parameter: closed forms, borders, and never kinder to what cannot be scored."""

import numpy as np
import pytest

from decaylab.evaluation.scores import DETAILS, parameter_scores, terciles


def no_medians():
    pytest.fail("the training medians are asked for although every prediction is valid")


def score(name, predicted, true, t20=None, medians=no_medians):
    true = np.asarray(true, dtype=float)
    times = np.ones(len(true)) if t20 is None else np.asarray(t20, dtype=float)
    return parameter_scores(name, np.asarray(predicted, dtype=float), true, times, medians)


def test_the_bias_is_prediction_less_target_and_keeps_its_sign():
    true = np.linspace(0.4, 1.2, 9)
    high = score("t20", true + 0.02, true)
    low = score("t20", true - 0.02, true)
    assert high["bias"] == pytest.approx(0.02)
    assert low["bias"] == pytest.approx(-0.02)
    assert high["mae"] == pytest.approx(low["mae"]) == pytest.approx(0.02)
    assert score("t20", true + np.array([0.1, -0.1] * 4 + [0]), true)["bias"] == pytest.approx(0, abs=1e-12)


def test_the_95th_percentile_is_of_the_absolute_error():
    error = np.linspace(0, 1, 101) * np.tile([1, -1], 51)[:101]
    assert score("c50", error, np.zeros(101))["p95"] == pytest.approx(0.95)
    assert score("c50", error, np.zeros(101))["mae"] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("name", "true", "step"),
    [("edt", 0.8, 0.04), ("t20", 0.8, 0.04), ("t30", 2.0, 0.1), ("c50", 3.0, 1.1), ("ts", 0.05, 0.01)],
)
def test_within_one_just_noticeable_difference_on_either_side_of_the_target(name, true, step):
    predicted = true + step * np.array([-1.01, -0.99, 0, 0.99, 1.01, 3.0, -0.5, 0.5])
    assert score(name, predicted, np.full(8, true))["within_jnd"] == pytest.approx(5 / 8)


def test_five_per_cent_are_of_the_target_not_of_the_prediction():
    # 1.0 s predicted as 1.0515 s: 5.15 % of the target, 4.9 % of the prediction.
    assert score("t20", [1.0515], [1.0])["within_jnd"] == 0


def test_by_tercile_of_the_targets_t20_whatever_the_parameter():
    t20 = np.array([0.9, 0.3, 0.6, 0.31, 0.61, 0.91])
    error = np.array([3.0, 1.0, -2.0, 1.0, -2.0, 3.0])
    parts = score("c50", error, np.zeros(6), t20)["by_tercile"]
    assert [part["t20_range"] for part in parts] == [[0.3, 0.31], [0.6, 0.61], [0.9, 0.91]]
    assert [part["rooms"] for part in parts] == [2, 2, 2]
    assert [part["mae"] for part in parts] == pytest.approx([1, 2, 3])
    assert [part["bias"] for part in parts] == pytest.approx([1, -2, 3])
    assert [part["within_jnd"] for part in parts] == [1, 0, 0]


def test_terciles_are_of_all_rooms_even_if_a_parameter_is_invalid_in_some():
    t20 = [0.3, 0.31, 0.6, 0.61, 0.9, 0.91]
    true = [np.nan, np.nan, 0.0, 0.0, 0.0, np.nan]
    parts = score("c50", np.zeros(6), true, t20)["by_tercile"]
    assert [part["rooms"] for part in parts] == [0, 2, 1]
    assert parts[0] == {"t20_range": None, "rooms": 0, "mae": None, "bias": None, "within_jnd": None}
    assert parts[2]["t20_range"] == [0.9, 0.9]


def test_a_room_without_a_valid_t20_is_in_no_tercile_but_is_scored():
    result = score("c50", [1.0, 0, 0, 0], np.zeros(4), [np.nan, 0.3, 0.6, 0.9])
    assert result["mae"] == pytest.approx(0.25)
    assert sum(part["rooms"] for part in result["by_tercile"]) == 3


def test_equal_times_stay_in_one_tercile():
    assert terciles(np.full(5, 0.5)).tolist() == [0] * 5
    assert terciles(np.array([0.1, 0.2, 0.2, 0.2, 0.2, 0.9])).tolist() == [0, 0, 0, 0, 0, 2]
    assert terciles(np.array([np.nan, 3.0, 1.0, 2.0])).tolist() == [-1, 2, 0, 1]
    assert terciles(np.full(3, np.nan)).tolist() == [-1, -1, -1]


def test_more_than_one_per_cent_invalid_predictions_make_every_figure_null():
    predicted = np.full(50, 0.5)
    predicted[7] = np.nan
    result = score("t20", predicted, np.full(50, 0.5))
    assert [result[name] for name in ("mae", "rmse", "r2", *DETAILS)] == [None] * 7
    assert (result["targets"], result["invalid_predictions"]) == (50, 1)


def test_an_invalid_prediction_within_one_per_cent_is_the_median_in_every_figure():
    predicted = np.full(100, 0.5)
    predicted[7] = np.nan
    result = score("t20", predicted, np.full(100, 0.5), medians=lambda: {"t20": 0.9})
    assert result["mae"] == pytest.approx(0.004)
    assert result["bias"] == pytest.approx(0.004)
    assert result["within_jnd"] == pytest.approx(0.99)
    assert result["by_tercile"][0]["within_jnd"] == pytest.approx(0.99)


@pytest.mark.parametrize("medians", [{}, {"t20": np.nan}])
def test_a_median_that_is_not_there_gives_null_never_nan(medians):
    predicted = np.full(100, 0.5)
    predicted[7] = np.nan
    result = score("t20", predicted, np.full(100, 0.5), medians=lambda: medians)
    assert [result[name] for name in ("mae", "rmse", "bias", "p95", "within_jnd")] == [None] * 5
    assert result["by_tercile"][0]["mae"] is None


def test_no_valid_target_gives_null():
    result = score("t30", [0.5, 0.5], [np.nan, np.nan])
    assert result["within_jnd"] is None
    assert result["invalid_targets"] == 2
