"""Intervals over clusters: against the normal one, and where rooms of one cluster are no independent evidence."""

import numpy as np
import pytest

from decaylab.evaluation import bootstrap
from decaylab.evaluation.bootstrap import (
    bootstrap_mean,
    bootstrap_ratio,
    bootstrap_ratio_crossed,
    cluster_sums,
    resampled_sums,
)


def test_sums_of_clusters_are_exact():
    sizes = np.array([[3, 4, 2.5], [5, 4, 2.5], [3, 4, 2.5]])
    sums = cluster_sums([[1.0, 10.0], [2.0, 20.0], [4.0, 40.0]], sizes)
    assert sorted(map(tuple, sums)) == [(2.0, 20.0), (5.0, 50.0)]
    assert cluster_sums([], np.zeros((0, 3))).shape == (0, 1)


def test_the_interval_of_a_mean_is_the_normal_one_where_each_room_is_a_cluster():
    values = np.random.default_rng(0).normal(2.0, 1.0, 900)
    found = bootstrap_mean(values, np.arange(900)[:, None])
    half = 1.96 * values.std() / 30
    assert found.value == pytest.approx(values.mean(), rel=1e-12)
    assert found.high - found.value == pytest.approx(half, rel=0.1)
    assert found.value - found.low == pytest.approx(half, rel=0.1)


def test_rooms_of_one_cluster_are_no_independent_evidence():
    rng = np.random.default_rng(1)
    of_cluster = rng.normal(0, 1, 40)
    values, clusters = np.repeat(of_cluster, 25), np.repeat(np.arange(40), 25)
    over_clusters = bootstrap_mean(values, clusters[:, None])
    over_rooms = bootstrap_mean(values, np.arange(1000)[:, None])
    width = over_clusters.high - over_clusters.low
    assert width == pytest.approx(2 * 1.96 * of_cluster.std() / np.sqrt(40), rel=0.15)
    assert width > 4 * (over_rooms.high - over_rooms.low)


def test_a_ratio_is_paired():
    rng = np.random.default_rng(2)
    hardness = rng.lognormal(0, 1, 300)
    own, other = 1.1 * hardness, hardness
    paired = bootstrap_ratio(own, other, np.arange(300)[:, None])
    assert paired == pytest.approx((1.1, 1.1, 1.1))
    shuffled = bootstrap_ratio(rng.permutation(own), other, np.arange(300)[:, None])
    assert shuffled.high - shuffled.low > 0.1


def test_it_is_the_same_each_time_and_whatever_the_blocks(monkeypatch):
    rng = np.random.default_rng(3)
    values, clusters = rng.normal(0, 1, 200), rng.integers(0, 50, (200, 1))
    first = bootstrap_mean(values, clusters)
    assert bootstrap_mean(values, clusters) == first
    monkeypatch.setattr(bootstrap, "_BLOCK", 500)
    assert bootstrap_mean(values, clusters) == pytest.approx(first, rel=1e-12)
    assert bootstrap_mean(values, clusters, seed=1).low != first.low


def test_a_resample_draws_as_many_clusters_as_there_are():
    sums = np.ones((17, 1))
    assert (resampled_sums(sums, resamples=40) == 17).all()


def test_too_few_clusters_give_a_value_without_an_interval():
    one = bootstrap_mean([1.0, 3.0], [[3, 4, 2], [3, 4, 2]])
    assert one.value == 2.0
    assert np.isnan([one.low, one.high]).all()
    assert np.isnan(bootstrap_mean([], np.zeros((0, 3)))).all()
    assert np.isnan(bootstrap_ratio([1.0, 2.0], [0.0, 0.0], [[1], [2]])).all()


def test_a_grid_of_two_shared_causes_is_drawn_both_ways():
    rng = np.random.default_rng(3)
    sizes, materials = np.divmod(np.arange(40 * 25), 25)
    of_size, of_material = rng.normal(0, 1, 40), rng.normal(0, 1, 25)
    values = 5 + of_size[sizes] + of_material[materials]
    ones = np.ones(1000)
    both = bootstrap_ratio_crossed(values, ones, sizes[:, None], materials[:, None])
    assert both.value == pytest.approx(values.mean())
    expected = 2 * 1.96 * np.sqrt(of_size.var() / 40 + of_material.var() / 25)
    assert both.high - both.low == pytest.approx(expected, rel=0.1)
    one = bootstrap_ratio(values, ones, sizes[:, None])
    assert both.high - both.low > 1.3 * (one.high - one.low)
    assert bootstrap_ratio_crossed(values, values, sizes[:, None], materials[:, None]) == pytest.approx((1.0, 1.0, 1.0))


def test_a_grid_with_one_row_or_none_has_no_interval():
    found = bootstrap_ratio_crossed([1.0, 3.0], [1.0, 1.0], [[1], [1]], [[1], [2]])
    assert found.value == 2.0
    assert np.isnan([found.low, found.high]).all()
    assert np.isnan(bootstrap_ratio_crossed([], [], np.zeros((0, 3)), np.zeros((0, 7)))).all()
