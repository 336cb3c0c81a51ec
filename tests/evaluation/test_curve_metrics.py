"""Metrics: exact on cases that can be computed by hand, and never kinder to curves that cannot be scored."""

import numpy as np
import pytest

from decaylab.errors import DataError
from decaylab.evaluation import CurveMetrics, Reference

RATE = 48_000
SAMPLES = 96_000
TIME = np.arange(SAMPLES) / RATE


def decays(times):
    """One exponential per reverberation time in seconds: (n, 96,000)."""
    return np.exp(-13.8155 * TIME / np.asarray(times, dtype=float)[:, None]).astype(np.float32)


def no_medians():
    pytest.fail("the training medians are asked for although every prediction is valid")


def score(prediction, target, medians=no_medians, block=None):
    metrics = CurveMetrics(medians)
    for start in range(0, len(target), block or len(target)):
        part = slice(start, start + (block or len(target)))
        metrics.add(prediction[part], Reference.of(target[part], RATE))
    return metrics.result()


def test_a_perfect_prediction():
    target = decays([0.4, 0.8, 1.1])
    result = score(target, target)
    assert result["overall_edc"] == {"mae": 0.0, "rmse": 0.0, "r2": 1.0}
    assert result["t20"]["mae"] == 0.0
    assert result["t20"]["r2"] == 1.0
    assert result["edc_db_mae"] == 0.0


def test_known_differences_come_out_in_their_units():
    result = score(decays([0.50, 1.02]), decays([0.40, 1.00]))
    for name in ("edt", "t20", "t30"):
        assert result[name]["mae"] == pytest.approx(0.06, abs=1e-4)
        assert result[name]["rmse"] == pytest.approx(np.sqrt((0.1**2 + 0.02**2) / 2), abs=1e-4)
        assert result[name]["r2"] == pytest.approx(1 - (0.1**2 + 0.02**2) / (2 * 0.3**2), abs=2e-3)

    def c50(t):
        return 10 * np.log10(10 ** (0.3 / t) - 1)

    expected = np.mean([abs(c50(0.5) - c50(0.4)), abs(c50(1.02) - c50(1.0))])
    assert result["c50"]["mae"] == pytest.approx(expected, abs=2e-3)


def test_edc_metrics_are_over_all_samples_with_one_mean():
    rng = np.random.default_rng(0)
    target = decays([0.3, 0.6, 0.9])
    prediction = (target + rng.normal(0, 0.01, target.shape)).astype(np.float32)
    error = prediction.astype(float) - target
    result = score(prediction, target, medians=lambda: dict.fromkeys(("edt", "t20", "t30", "c50"), 0.5))["overall_edc"]
    assert result["mae"] == pytest.approx(np.abs(error).mean(), rel=1e-9)
    assert result["rmse"] == pytest.approx(np.sqrt((error**2).mean()), rel=1e-9)
    truth = target.astype(float)
    assert result["r2"] == pytest.approx(1 - (error**2).sum() / ((truth - truth.mean()) ** 2).sum(), rel=1e-9)


def test_blocks_change_nothing():
    times = np.linspace(0.3, 1.2, 7)
    whole = score(decays(times * 1.05), decays(times))
    pieces = score(decays(times * 1.05), decays(times), block=2)
    assert pieces["t20"] == whole["t20"]
    assert pieces["overall_edc"]["mae"] == pytest.approx(whole["overall_edc"]["mae"], rel=1e-12)


def test_invalid_targets_are_left_out_and_counted():
    target = decays([0.5, 7.0])  # a 7 s decay does not fit into 2 s
    result = score(target, target)
    assert result["t20"]["targets"] == 1
    assert result["t20"]["invalid_targets"] == 1


def test_more_than_one_per_cent_invalid_predictions_make_a_metric_null():
    target = decays(np.linspace(0.3, 1.0, 50))
    prediction = target.copy()
    prediction[0] = 1.0  # never decays
    result = score(prediction, target)
    assert result["t20"]["mae"] is None
    assert result["t20"]["r2"] is None
    assert result["t20"]["invalid_predictions"] == 1
    assert result["overall_edc"]["mae"] is not None


def test_an_invalid_prediction_within_one_per_cent_counts_as_the_training_median():
    target = decays(np.full(100, 0.5))
    prediction = target.copy()
    prediction[0] = 1.0
    result = score(prediction, target, medians=lambda: {"edt": 0.6, "t20": 0.9, "t30": 0.5, "c50": 0.0})
    assert result["t20"]["mae"] == pytest.approx((0.9 - 0.5) / 100, abs=1e-5)
    assert result["t20"]["invalid_predictions"] == 1


def test_nan_predictions_give_null_never_nan():
    target = decays([0.4, 0.8])
    result = score(np.full_like(target, np.nan), target)
    assert result["overall_edc"] == {"mae": None, "rmse": None, "r2": None}
    assert result["t20"]["mae"] is None
    assert result["edc_db_mae"] is None


def test_the_onset_of_the_target_serves_the_prediction():
    # Both hold the same decay; the prediction's own steepest drop lies elsewhere and must not matter.
    target = np.ones((1, SAMPLES), dtype=np.float32)
    target[0, 480:] = 0.5 * decays([0.5])[0, : SAMPLES - 480]
    prediction = target.copy()
    prediction[0, :100] = 1.5
    result = score(prediction, target)
    assert result["t20"]["mae"] == pytest.approx(0.0, abs=1e-9)
    assert result["c50"]["mae"] == pytest.approx(0.0, abs=1e-9)


def test_edc_db_mae_is_in_decibels_down_to_minus_35():
    target = decays([0.5])
    prediction = target * np.float32(10**0.1)
    late = target < 10**-3.5
    prediction[late] = 1.0  # below -35 dB of the target nothing counts
    assert score(prediction, target)["edc_db_mae"] == pytest.approx(1.0, abs=1e-3)


def test_shapes_that_differ_are_refused():
    with pytest.raises(DataError, match="different shapes"):
        score(decays([0.5]), decays([0.5, 0.6]))
