"""Paired differences: known differences, intervals against scipy's and the normal one, clusters that widen them."""

import numpy as np
import pytest

from decaylab.errors import DataError
from decaylab.evaluation.errors import RoomErrors
from decaylab.evaluation.paired import PAIRED, paired_differences

NAMES = ("edt", "t20", "t30", "c50", "ts")


def errors_of(t20_errors, sizes=None, **changes):
    """Rooms whose T20 is wrong by `t20_errors`, everything else right; one geometry each unless `sizes` says other."""
    error = np.asarray(t20_errors, dtype=float)
    count = len(error)
    true = {name: np.linspace(0.4, 1.0, count) for name in NAMES}
    predicted = {name: values.copy() for name, values in true.items()}
    predicted["t20"] = true["t20"] + error
    fields = {
        "rows": np.arange(count),
        "rooms": [f"room {n}" for n in range(count)],
        "sizes": np.stack([np.arange(count) + 3.0, np.full(count, 4.0), np.full(count, 3.0)], axis=1)
        if sizes is None
        else sizes,
        "material_distance": np.zeros(count),
        "edc_mae": np.full(count, 1e-3),
        "edc_db_mae": np.full(count, 0.5),
        "true": true,
        "predicted": predicted,
    }
    return RoomErrors(**{**fields, **changes})


def t20_of(a, b):
    return next(pair for pair in paired_differences(a, b) if pair.metric == "t20")


def test_a_constant_difference_is_found_with_an_interval_of_no_width():
    pair = t20_of(errors_of(np.full(40, 0.03)), errors_of(np.full(40, -0.01)))
    assert (pair.mean_a, pair.mean_b) == (pytest.approx(0.03), pytest.approx(0.01))
    assert pair.difference == pytest.approx((-0.02, -0.02, -0.02))
    assert pair.verdict == "B better"
    assert (pair.rooms, pair.clusters, pair.targets) == (40, 40, 40)


def test_exchanging_the_runs_exchanges_the_answer():
    rng = np.random.default_rng(1)
    a, b = errors_of(rng.normal(0, 0.02, 60)), errors_of(rng.normal(0, 0.005, 60))
    there, back = t20_of(a, b), t20_of(b, a)
    assert there.difference.value == pytest.approx(-back.difference.value)
    assert (there.difference.low, there.difference.high) == pytest.approx((-back.difference.high, -back.difference.low))
    assert (there.verdict, back.verdict) == ("B better", "A better")


def test_equal_runs_differ_in_nothing():
    a = errors_of(np.random.default_rng(2).normal(0, 0.01, 30))
    assert [pair.metric for pair in paired_differences(a, a)] == list(PAIRED)
    assert {pair.verdict for pair in paired_differences(a, a)} == {"no clear difference"}


def test_pairing_sees_what_the_means_alone_would_not():
    hard = np.abs(np.random.default_rng(3).normal(0, 1.0, 100)) + 0.1
    pair = t20_of(errors_of(hard), errors_of(hard - 0.02))
    assert pair.verdict == "B better"
    assert hard.std() / 10 > 0.02, "the rooms scatter more than the runs differ"


def test_on_single_rooms_the_interval_is_that_of_scipy_and_of_the_normal_distribution():
    stats = pytest.importorskip("scipy.stats")
    rng = np.random.default_rng(4)
    a, b = np.abs(rng.normal(0.05, 0.01, 400)), np.abs(rng.normal(0.051, 0.01, 400))
    found = t20_of(errors_of(a), errors_of(b)).difference
    theirs = stats.bootstrap(
        (b - a,), np.mean, method="percentile", n_resamples=4000, rng=np.random.default_rng(0)
    ).confidence_interval  # fmt: skip
    deviation = (b - a).std() / np.sqrt(400)
    assert (found.low, found.high) == pytest.approx(tuple(theirs), abs=0.15 * deviation)
    assert found.high - found.low == pytest.approx(2 * 1.96 * deviation, rel=0.08)


def test_rooms_of_one_geometry_are_no_independent_evidence():
    rng = np.random.default_rng(5)
    difference = np.repeat(rng.normal(0, 0.01, 30), 30)
    a = np.full(900, 0.1)
    sizes = np.repeat(np.stack([np.arange(30) + 3.0, np.full(30, 4.0), np.full(30, 3.0)], axis=1), 30, axis=0)
    alone = t20_of(errors_of(a), errors_of(a + difference)).difference
    together = t20_of(errors_of(a, sizes), errors_of(a + difference, sizes)).difference
    assert (together.high - together.low) / (alone.high - alone.low) == pytest.approx(np.sqrt(30), rel=0.15)
    assert together.value == pytest.approx(alone.value)


def test_the_same_rooms_give_the_same_interval():
    rng = np.random.default_rng(6)
    a, b = errors_of(rng.normal(0, 0.01, 50)), errors_of(rng.normal(0, 0.01, 50))
    assert paired_differences(a, b) == paired_differences(a, b)


def test_pairs_count_where_both_are_valid_and_too_many_invalid_ones_decide_nothing():
    a, b = errors_of(np.full(200, 0.03)), errors_of(np.full(200, 0.01))
    a.true["t20"][:20] = b.true["t20"][:20] = np.nan
    b.predicted["t20"][20] = np.nan
    pair = t20_of(a, b)
    assert (pair.targets, pair.rooms, pair.invalid_a, pair.invalid_b) == (180, 179, 0, 1)
    assert pair.verdict == "B better"
    b.predicted["t20"][20:30] = np.nan
    assert t20_of(a, b).verdict == "B: 10 of 180 predictions invalid"


def test_few_geometries_decide_nothing():
    pair = t20_of(errors_of(np.full(9, 0.03)), errors_of(np.full(9, 0.01)))
    assert pair.verdict == "too few geometries to tell"


def test_without_any_valid_pair_there_is_no_figure():
    a = errors_of(np.full(12, 0.03))
    a.true["t20"][:] = np.nan
    pair = t20_of(a, a)
    assert pair.rooms == 0
    assert np.isnan(pair.mean_a)
    assert np.isnan(pair.difference.value)
    assert pair.verdict == "too few geometries to tell"


def test_other_rooms_or_targets_are_refused():
    a = errors_of(np.zeros(12))
    with pytest.raises(DataError, match="12 test rooms in one run, 11 in the other"):
        paired_differences(a, errors_of(np.zeros(11)))
    with pytest.raises(DataError, match="other rooms"):
        paired_differences(a, errors_of(np.zeros(12), rows=np.arange(12) + 1))
    with pytest.raises(DataError, match="other rooms"):
        paired_differences(a, errors_of(np.zeros(12), rooms=["x"] * 12))
    other = errors_of(np.zeros(12))
    other.true["c50"][3] += 0.5
    with pytest.raises(DataError, match="c50 differs in 1 of 12"):
        paired_differences(a, other)
