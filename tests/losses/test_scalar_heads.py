"""The loss of scalar heads: its closed form, and rooms without the parameter."""

from __future__ import annotations

import pytest
import torch

from decaylab.losses.scalar_heads import HEAD_WEIGHT, head_config, scalar_head_loss

NAMES = ("t20", "c50")
NAN = float("nan")


def test_a_head_costs_its_squared_error_in_spreads_of_the_training_rooms() -> None:
    prediction = torch.tensor([[0.7, 4.0], [0.5, 9.0]])
    target = torch.tensor([[0.5, 4.0], [0.5, 3.0]])
    total, terms = scalar_head_loss(prediction, target, torch.tensor([0.1, 3.0]), NAMES)
    assert terms["head_t20"] == pytest.approx((2.0**2 + 0) / 2, rel=1e-5)
    assert terms["head_c50"] == pytest.approx((0 + 2.0**2) / 2, rel=1e-5)
    assert total == pytest.approx(HEAD_WEIGHT * 4.0, rel=1e-5)


def test_a_room_without_the_parameter_is_left_out_and_has_no_gradient() -> None:
    prediction = torch.tensor([[0.7, 4.0], [3.5, 9.0]], requires_grad=True)
    target = torch.tensor([[0.5, NAN], [NAN, NAN]])
    total, terms = scalar_head_loss(prediction, target, torch.tensor([0.1, 3.0]), NAMES)
    total.backward()
    assert terms["head_t20"].item() == pytest.approx(4.0, rel=1e-5)
    assert terms["head_c50"] == 0
    assert prediction.grad is not None
    assert prediction.grad.isfinite().all()
    assert (prediction.grad != 0).tolist() == [[True, False], [False, False]]


def test_the_record_says_which_loss_in_which_space_with_which_weight() -> None:
    said = head_config(NAMES)
    assert (said["names"], said["loss"], said["weight"]) == (["t20", "c50"], "mse", HEAD_WEIGHT)
    assert "training rooms" in str(said["space"])
