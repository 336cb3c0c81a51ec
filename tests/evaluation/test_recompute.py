"""Metrics computed again: what was recorded must come out, older records are not faulty for what they lack."""

import copy

import numpy as np
import pytest

from decaylab.errors import DataError
from decaylab.evaluation.recompute import differences, score_arrays
from decaylab.evaluation.scores import DETAILS

TIME = np.arange(96_000) / 48_000


def decays(times):
    return np.exp(-13.8155 * TIME / np.asarray(times, dtype=float)[:, None]).astype(np.float32)


@pytest.fixture(scope="module")
def computed():
    times = np.linspace(0.3, 1.0, 8)
    return score_arrays(decays(times * 1.03), decays(times)).result()


def test_the_same_metrics_differ_in_nothing(computed):
    assert differences(copy.deepcopy(computed), computed) == []


def test_a_record_of_before_these_figures_is_not_faulty(computed):
    old = copy.deepcopy(computed)
    del old["ts"]
    for name in ("edt", "t20", "t30", "c50"):
        for key in DETAILS:
            del old[name][key]
    assert differences(old, computed) == []


@pytest.mark.parametrize("key", ["mae", "bias", "p95", "within_jnd"])
def test_a_figure_that_was_changed_is_found(computed, key):
    changed = copy.deepcopy(computed)
    changed["t20"][key] += 0.01
    (line,) = differences(changed, computed)
    assert line.startswith(f"metrics.t20.{key} is ")


def test_a_change_in_a_tercile_is_found_at_its_place(computed):
    changed = copy.deepcopy(computed)
    changed["c50"]["by_tercile"][1]["bias"] += 0.01
    (line,) = differences(changed, computed)
    assert line.startswith("metrics.c50.by_tercile[1].bias is ")
    changed["c50"]["by_tercile"] = []
    assert len(differences(changed, computed)) == 1


@pytest.mark.parametrize("value", [None, "0.01", True, float("nan"), [0.01]])
def test_a_figure_that_is_no_number_any_more_is_found(computed, value):
    changed = copy.deepcopy(computed)
    changed["t20"]["bias"] = value
    assert len(differences(changed, computed)) == 1


def test_medians_of_an_older_record_lack_the_new_parameter():
    target = decays(np.full(100, 0.5))
    prediction = target.copy()
    prediction[0] = np.nan
    medians = {"edt": 0.5, "t20": 0.5, "t30": None, "c50": 3.0}
    result = score_arrays(prediction, target, training_medians=medians).result()
    assert result["t20"]["mae"] == pytest.approx(0, abs=1e-3)
    assert (result["ts"]["mae"], result["t30"]["mae"]) == (None, None)
    with pytest.raises(DataError, match="medians"):
        score_arrays(prediction, target).result()


def test_no_rooms_are_no_curves():
    with pytest.raises(DataError, match="curves"):
        score_arrays(decays([]), decays([])).result()
