"""Where the knots lie, and the curve drawn through them."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from decaylab.acoustics import EDC_SAMPLES
from decaylab.models.baseline import running_minimum
from decaylab.models.grid import FIRST, LAST_DENSE, draw_curve, knot_fractions, knot_positions


@given(st.floats(0, 60_000, width=32))
@settings(max_examples=60, deadline=None)
def test_knots_are_whole_samples_that_rise_to_the_end_of_the_record(arrival: float) -> None:
    positions = knot_positions(torch.tensor([arrival]), knot_fractions().float())[0]
    assert (positions == positions.floor()).all()
    assert positions.min() >= 0
    assert positions[-1] == EDC_SAMPLES - 1
    assert (positions.diff() >= 1).all()


def test_around_the_direct_arrival_knots_lie_one_sample_apart() -> None:
    positions = knot_positions(torch.tensor([500.7]), knot_fractions().float())[0].tolist()
    assert positions[: LAST_DENSE - FIRST + 1] == list(range(496, 525))
    assert FIRST <= -4
    assert LAST_DENSE >= 6
    gaps = np.diff(positions) / (np.array(positions[1:]) - 500.7)
    assert gaps[60:].max() < 0.045  # 4 % of the time since the arrival, rounded to samples
    assert len(positions) < 260


@given(st.integers(0, 2**31), st.floats(40, 24_000, width=32))
@settings(max_examples=20, deadline=None)
def test_the_curve_is_straight_in_decibels_between_knots_and_one_before_them(seed: int, arrival: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    positions = knot_positions(torch.tensor([arrival]), knot_fractions().float())
    level = -torch.rand(positions.shape, generator=generator).cumsum(dim=1)
    level = level - level[:, :1]
    curve = draw_curve(level, positions)[0].double().numpy()
    expected = np.interp(np.arange(EDC_SAMPLES), positions[0].numpy(), level[0].double().numpy())
    first = int(positions[0, 0])
    assert (curve[: first + 1] == 1.0).all()
    np.testing.assert_allclose(10 * np.log10(curve), expected, atol=2e-4)


def test_a_level_of_nothing_is_drawn_as_nothing() -> None:
    positions = knot_positions(torch.tensor([100.0]), knot_fractions().float())
    level = torch.full(positions.shape, -900.0)
    level[:, :10] = 0.0
    curve = draw_curve(level, positions)
    assert curve.isfinite().all()
    assert curve[0, -1] == 0.0


@given(st.lists(st.floats(-100, 100, width=32), min_size=1, max_size=300))
def test_running_minimum_is_cummin(values: list[float]) -> None:
    tensor = torch.tensor([values])
    assert torch.equal(running_minimum(tensor), tensor.cummin(dim=1).values)
