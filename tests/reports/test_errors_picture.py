"""The bins of the histogram of errors."""

from __future__ import annotations

import numpy as np
import pytest

from decaylab.reports.errors_picture import _edges


def test_a_good_run_keeps_bins_of_its_own_beside_a_bad_one() -> None:
    draw = np.random.default_rng(0)
    good, bad = draw.normal(0.0, 0.01, 400), draw.normal(0.1, 0.1, 400)
    edges = _edges([good, bad])
    inside = edges[(edges > good.min()) & (edges < good.max())]
    assert 7 <= len(inside) <= 14
    assert 0.0 in edges


def test_bins_are_no_more_than_can_be_seen() -> None:
    draw = np.random.default_rng(0)
    edges = _edges([draw.normal(0.0, 1e-5, 400), draw.normal(0.0, 1.0, 400)])
    assert 100 < len(edges) <= 163


@pytest.mark.parametrize("errors", [[0.0, 0.0, 0.0], [0.2]])
def test_errors_that_are_all_the_same_have_bins(errors: list[float]) -> None:
    edges = _edges([np.array(errors)])
    assert len(edges) > 1
    assert np.isfinite(edges).all()
    assert edges[0] <= errors[0] <= edges[-1] + 1e-9
