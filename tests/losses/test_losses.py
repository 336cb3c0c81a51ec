"""Every loss: its closed form, its space, its record, and no NaN whatever it is given."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from decaylab.catalogue.losses import LOSSES
from decaylab.errors import ModelError
from decaylab.losses import CurveLoss, Grid, build_loss

RATE = 4_800
SAMPLES = 9_600
ONSET = 96


def sample_grid(rooms: int = 1) -> Grid:
    """2 s at 4.8 kHz: every sample a point."""
    return Grid(torch.arange(SAMPLES) / RATE, torch.full((SAMPLES,), 1 / SAMPLES), torch.full((rooms,), ONSET / RATE))


def decay(*seconds: float) -> Tensor:
    """Exponential decays from the onset on, (rooms, samples), with these T60."""
    time = (torch.arange(SAMPLES) - ONSET).clamp(min=0) / RATE
    return torch.stack([torch.pow(10.0, -6.0 * time / t60) for t60 in seconds])


@pytest.mark.parametrize("name", LOSSES)
def test_a_perfect_prediction_costs_nothing_and_any_other_something(name: str) -> None:
    loss, target, grid = build_loss(name), decay(0.4, 1.1), sample_grid(2)
    total, terms = loss(target.clone(), target, grid)
    assert total == 0
    assert all(value == 0 for value in terms.values())
    total, terms = loss(decay(0.5, 1.0), target, grid)
    assert total > 1e-4
    assert all(value > 0 for value in terms.values())


@pytest.mark.parametrize("name", LOSSES)
def test_gradient_steps_come_nearer_to_the_target(name: str) -> None:
    loss, target, grid = build_loss(name), decay(0.6), sample_grid()
    slope = torch.tensor(1.5, requires_grad=True)
    optimiser = torch.optim.Adam([slope], lr=0.02)
    before = abs(slope.item() - 1)
    for _ in range(15):
        optimiser.zero_grad()
        loss(target**slope, target, grid)[0].backward()
        optimiser.step()
    assert abs(slope.item() - 1) < before - 0.1


@pytest.mark.parametrize("name", LOSSES)
@given(seed=st.integers(0, 2**31), kind=st.sampled_from(["noise", "rising", "negative", "zero", "one", "huge"]))
@settings(max_examples=12, deadline=None)
def test_no_prediction_makes_a_loss_or_gradient_that_is_not_finite(name: str, seed: int, kind: str) -> None:
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(2, SAMPLES, generator=generator)
    prediction = {
        "noise": noise,
        "rising": torch.linspace(0, 1, SAMPLES).expand(2, -1) + 0.01 * noise,
        "negative": -noise.abs(),
        "zero": torch.zeros(2, SAMPLES),
        "one": torch.ones(2, SAMPLES),
        "huge": 1e12 * noise,
    }[kind].clone()
    prediction.requires_grad_()
    target = decay(0.3, 1.9)
    target[0, 4000:] = 0  # responses end before the record does
    total, terms = build_loss(name)(prediction, target, sample_grid(2))
    total.backward()
    assert total.isfinite()
    assert all(value.isfinite() for value in terms.values())
    assert prediction.grad is not None
    assert prediction.grad.isfinite().all()


def test_mse_is_the_mean_square_over_rooms_and_samples() -> None:
    prediction, target = torch.randn(3, SAMPLES), torch.randn(3, SAMPLES)
    total, _ = build_loss("mse")(prediction, target, sample_grid(3))
    assert total == pytest.approx(torch.nn.functional.mse_loss(prediction, target).item(), rel=1e-5)


def test_a_knot_counts_for_the_samples_around_it() -> None:
    grid = Grid(torch.tensor([0.0, 0.1, 2.0]), torch.tensor([0.1, 0.2, 0.7]), torch.zeros(1))
    total, _ = build_loss("mse")(torch.tensor([[1.0, 2.0, 3.0]]), torch.zeros(1, 3), grid)
    assert total == pytest.approx(0.1 * 1 + 0.2 * 4 + 0.7 * 9)


def test_edc_rir_adds_half_the_square_of_the_differences() -> None:
    grid = Grid(torch.tensor([0.0, 1.0, 2.0]), torch.full((3,), 1 / 3), torch.zeros(1))
    total, terms = build_loss("edc_rir")(torch.tensor([[1.0, 3.0, 3.0]]), torch.zeros(1, 3), grid)
    assert terms["edc"] == pytest.approx(19 / 3)
    assert terms["rir"] == pytest.approx(2.0)  # differences 2 and 0
    assert total == pytest.approx(19 / 3 + 0.5 * 2.0)


def test_decay_counts_decibels_less_in_the_tail_and_energy_twentyfold() -> None:
    grid = Grid(torch.tensor([0.0, 1.0]), torch.tensor([0.99, 0.01]), torch.zeros(1))
    target = torch.tensor([[10.0**-1, 10.0**-5]])
    prediction = torch.tensor([[10.0**-1.2, 10.0**-5.3]])  # 2 dB and 3 dB too low
    total, terms = build_loss("decay")(prediction, target, grid)
    assert terms["decibels"] == pytest.approx((2.0 + 0.15 * 3.0) / 2, rel=1e-4)  # knots weigh the same, not samples
    energy = (10.0**-1 - 10.0**-1.2) / 2
    assert terms["energy"] == pytest.approx(energy, rel=1e-3)
    assert total == pytest.approx((2.0 + 0.45) / 2 + 20 * energy, rel=1e-3)


def test_decay_takes_no_level_from_where_nothing_is_left() -> None:
    grid = Grid(torch.tensor([0.0, 1.0]), torch.tensor([0.5, 0.5]), torch.zeros(1))
    total, _ = build_loss("decay")(torch.tensor([[1.0, 1e-11]]), torch.tensor([[1.0, 0.0]]), grid)
    assert total == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize(("name", "first_db", "last_db"), [("edt", 0.0, -10.0), ("t20", -5.0, -25.0)])
def test_weighted_edc_counts_a_region_of_the_target(name: str, first_db: float, last_db: float) -> None:
    target, grid = decay(1.0), sample_grid()
    first, last = (ONSET + math.ceil(-level / 60 * RATE) for level in (first_db, last_db))
    weights = dict.fromkeys(("edt_weight", "t20_weight", "c50_weight"), 0.0) | {f"{name}_weight": 3.0}
    loss = build_loss("weighted_edc", **weights)
    inside, outside = torch.zeros(1, SAMPLES), torch.zeros(1, SAMPLES)
    inside[0, first + 2 : last - 2] = 0.01
    outside[0, last + 3 :] = 0.01
    total, terms = loss(target + inside, target, grid)
    assert terms[name] == pytest.approx(0.01, rel=0.02)
    assert total == pytest.approx(terms["edc"].item() + 3.0 * terms[name].item(), rel=1e-5)
    assert loss(target + outside, target, grid)[1][name] == 0


def test_weighted_edc_counts_the_first_50_ms_from_the_onset() -> None:
    target, grid = decay(1.0), sample_grid()
    error = torch.zeros(1, SAMPLES)
    error[0, ONSET : ONSET + RATE // 20 + 1] = 0.01
    _, terms = build_loss("weighted_edc")(target + error, target, grid)
    assert terms["c50"] == pytest.approx(0.01, rel=1e-3)
    assert terms["edc"] == pytest.approx(0.01 * (RATE // 20 + 1) / SAMPLES, rel=1e-3)
    before, after = torch.zeros(1, SAMPLES), torch.zeros(1, SAMPLES)
    before[0, :ONSET] = 0.01
    after[0, ONSET + RATE // 20 + 1 :] = 0.01
    for elsewhere in (before, after):
        assert build_loss("weighted_edc")(target + elsewhere, target, grid)[1]["c50"] == 0


def test_weighted_edc_leaves_out_a_room_without_the_region() -> None:
    falls, never = decay(1.0), torch.ones(1, SAMPLES)
    loss = build_loss("weighted_edc")
    alone = loss(falls + 0.01, falls, sample_grid(1))[1]["t20"]
    both = torch.cat([falls, never])
    assert loss(both + 0.01, both, sample_grid(2))[1]["t20"] == pytest.approx(alone.item())


def test_auxiliary_is_the_sum_that_its_weights_say() -> None:
    prediction, target, grid = decay(0.5, 0.9), decay(0.6, 0.8), sample_grid(2)
    loss = build_loss("auxiliary", aux_weight=0.5, t20_weight=2.0, c50_weight=0.1)
    total, terms = loss(prediction, target, grid)
    assert terms["edc"] == pytest.approx((prediction - target).abs().mean().item(), rel=1e-4)
    assert terms["t20"] == pytest.approx(0.1, rel=1e-3)
    expected = terms["edc"] + 0.5 * (2.0 * terms["t20"] + 0.1 * terms["c50"])
    assert total == pytest.approx(expected.item(), rel=1e-6)


def test_rooms_whose_target_has_no_t20_are_left_out_of_that_term() -> None:
    target = torch.cat([decay(0.6), torch.ones(1, SAMPLES)])  # the second room never decays
    prediction = decay(0.7, 0.7)
    _, terms = build_loss("auxiliary")(prediction, target, sample_grid(2))
    assert terms["t20"] == pytest.approx(0.1, rel=1e-3)
    never = torch.ones(1, SAMPLES)
    _, terms = build_loss("auxiliary")(decay(0.7), never, sample_grid(1))
    assert terms["t20"] == 0
    assert terms["c50"] == 0


@pytest.mark.parametrize("name", LOSSES)
def test_the_record_of_a_loss(name: str) -> None:
    loss = build_loss(name)
    expected_space = "scaled" if name in ("mse", "edc_rir") else "physical"
    assert loss.config() == {"loss_type": name, "space": expected_space, **loss.default_weights}
    assert isinstance(loss, CurveLoss)


def test_weights_that_are_given_are_used_and_recorded() -> None:
    assert build_loss("auxiliary", aux_weight=0.7).config()["aux_weight"] == 0.7
    assert build_loss("auxiliary", aux_weight=0.7).config()["t20_weight"] == 1.0


def test_what_does_not_exist_is_refused_by_name() -> None:
    with pytest.raises(ModelError, match=r"unknown loss 'huber'.*mse"):
        build_loss("huber")
    with pytest.raises(ModelError, match=r"'mse' has no aux_weight: it has no weights"):
        build_loss("mse", aux_weight=0.3)
    with pytest.raises(ModelError, match=r"'auxiliary' has no edt_weight: it has aux_weight, t20_weight, c50_weight"):
        build_loss("auxiliary", edt_weight=0.3)
    with pytest.raises(ModelError, match="finite"):
        build_loss("auxiliary", aux_weight=math.inf)
    with pytest.raises(ModelError, match="differ in shape"):
        build_loss("mse")(torch.zeros(2, 5), torch.zeros(2, 1), sample_grid(2))
