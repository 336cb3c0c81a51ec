"""The differentiable T20 and C50 against the definitions, on every sample and on the knots of a model."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from decaylab.acoustics import EDC_SAMPLES, SAMPLING_RATE, onset_index, room_parameters
from decaylab.losses import Grid
from decaylab.losses.decay_parameters import differentiable_c50, differentiable_t20
from decaylab.models.grid import draw_curve, knot_fractions, knot_positions

ONSET = 400


def bent_decays(early: list[float], late: list[float], share: float = 0.3) -> Tensor:
    """Sums of two exponentials after a direct sound, (rooms, 96000)."""
    time = (torch.arange(EDC_SAMPLES, dtype=torch.float64) - ONSET).clamp(min=0) / SAMPLING_RATE
    rows = []
    for first, second in zip(early, late, strict=True):
        curve = (1 - share) * 10 ** (-6 * time / first) + share * 10 ** (-6 * time / second)
        curve[ONSET + 1 :] *= 0.9
        rows.append(curve)
    return torch.stack(rows).float()


def sample_grid(curves: Tensor) -> Grid:
    onset = torch.from_numpy(onset_index(curves.numpy())) / SAMPLING_RATE
    return Grid(torch.arange(EDC_SAMPLES) / SAMPLING_RATE, torch.full((EDC_SAMPLES,), 1 / EDC_SAMPLES), onset.float())


@given(st.floats(0.1, 1.0), st.floats(1.0, 1.1))
@settings(max_examples=8, deadline=None)
def test_on_every_sample_they_are_the_definitions(first: float, factor: float) -> None:
    curves = bent_decays([first, 0.3], [first * factor, 0.9])
    grid = sample_grid(curves)
    truth = room_parameters(curves.numpy(), names=("t20", "c50"))
    t20, c50 = differentiable_t20(curves, curves, grid), differentiable_c50(curves, curves, grid)
    assert t20.valid.all()
    assert c50.valid.all()
    np.testing.assert_allclose(t20.prediction.numpy(), truth["t20"], rtol=1e-3)
    np.testing.assert_allclose(c50.prediction.numpy(), truth["c50"], atol=0.01)
    np.testing.assert_allclose(t20.target.numpy(), truth["t20"], rtol=1e-3)


def test_on_knots_they_are_the_definitions_of_the_drawn_curve() -> None:
    curves = bent_decays([0.2, 0.5, 1.0], [0.3, 0.5, 1.3])
    positions = knot_positions(torch.full((3,), ONSET + 4.3), knot_fractions().float())
    values = curves.gather(1, positions.long())
    middle = (positions[:, 1:] + positions[:, :-1]) / 2
    edges = torch.cat([torch.zeros(3, 1), middle, torch.full((3, 1), EDC_SAMPLES - 1.0)], dim=1)
    grid = Grid(
        positions / SAMPLING_RATE, (edges[:, 1:] - edges[:, :-1]) / (EDC_SAMPLES - 1), torch.full((3,), ONSET / 48_000)
    )
    drawn = draw_curve(10 * torch.log10(values), positions).numpy()
    truth = room_parameters(drawn, onset=ONSET, names=("t20", "c50"))
    np.testing.assert_allclose(differentiable_t20(values, values, grid).prediction.numpy(), truth["t20"], rtol=0.01)
    np.testing.assert_allclose(differentiable_c50(values, values, grid).prediction.numpy(), truth["c50"], atol=0.05)


def test_t20_and_c50_of_another_decay_than_the_targets() -> None:
    target, prediction = bent_decays([0.8], [0.8]), bent_decays([0.5], [0.5])
    grid = sample_grid(target)
    truth = room_parameters(prediction.numpy(), onset=ONSET, names=("t20", "c50"))
    assert differentiable_t20(prediction, target, grid).prediction.item() == pytest.approx(truth["t20"][0], rel=1e-3)
    assert differentiable_c50(prediction, target, grid).prediction.item() == pytest.approx(truth["c50"][0], abs=0.01)


def test_a_c50_by_summing_the_curve_would_be_another_number() -> None:
    curves = bent_decays([0.1], [1.5])
    early = curves[0, ONSET : ONSET + 2400].sum()
    by_summing = 10 * torch.log10(early / curves[0, ONSET + 2400 :].sum()).item()
    c50 = differentiable_c50(curves, curves, sample_grid(curves)).prediction.item()
    assert abs(by_summing - c50) > 1.0


def test_invalid_targets_are_invalid_here_too() -> None:
    time = (torch.arange(EDC_SAMPLES) - ONSET).clamp(min=0) / SAMPLING_RATE
    never = torch.ones(EDC_SAMPLES)
    too_long = 10 ** (-6 * time / 4.5)  # a record of 2 s holds a T20 of 3.4 s at most
    cut = torch.where(time < 0.1, 10 ** (-6 * time / 1.0), 0.0)  # falls to nothing at -6 dB
    late = torch.where(torch.arange(EDC_SAMPLES) < EDC_SAMPLES - 1000, 1.0, 0.5)  # 50 ms lie beyond the record
    curves = torch.stack([never, too_long, cut, late]).float()
    grid = sample_grid(curves)
    t20 = differentiable_t20(curves, curves, grid)
    assert t20.valid.tolist() == np.isfinite(room_parameters(curves.numpy(), names=("t20",))["t20"]).tolist()
    assert not t20.valid.any()
    c50 = differentiable_c50(curves, curves, grid)
    assert c50.valid.tolist() == np.isfinite(room_parameters(curves.numpy(), names=("c50",))["c50"]).tolist()


def test_a_prediction_that_is_no_decay_counts_and_stays_bounded() -> None:
    target = bent_decays([0.8], [0.8])
    grid = sample_grid(target)
    for prediction in (target.flip(1), -target, torch.zeros_like(target)):
        estimate = differentiable_t20(prediction, target, grid)
        assert estimate.valid.all()
        assert estimate.prediction.item() == pytest.approx(10.0)
        assert 1.0 < estimate.error().item() < 10.0
