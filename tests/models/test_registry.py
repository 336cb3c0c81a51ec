"""Every model by its name: sizes, shapes, what it says of itself. Large ones on the meta device: no memory, no time."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from decaylab.errors import ModelError
from decaylab.losses import LOSSES
from decaylab.models import MODELS, build_model
from decaylab.training.config import GENERAL_SETTINGS


def parameters(model: torch.nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


def test_hybrid_v2_has_exactly_the_users_number_of_parameters() -> None:
    with torch.device("meta"):
        assert parameters(build_model("hybrid_v2")) == 197_885_568


@pytest.mark.parametrize(
    ("name", "trunk"),
    [
        ("lstm", 74_752),
        ("hybrid_v1", (96 + 32) + 64 + (64 * 32 * 3 + 64) + 128 + 4 * 128 * (64 + 128 + 2)),
        ("hybrid_v3", 32 * (3 + 5 + 7 + 3) + 3 * 64 + 4 * 128 * (96 + 128 + 2)),
    ],
)
def test_its_siblings_have_the_layers_that_are_written_down(name: str, trunk: int) -> None:
    with torch.device("meta"):
        model = build_model(name)
    assert parameters(model) == trunk + (128 * 2048 + 2048) + (2048 * 96_000 + 96_000)


@pytest.mark.parametrize("name", ["lstm", "hybrid_v1", "hybrid_v2", "hybrid_v3"])
def test_scaled_features_become_scaled_curves_of_any_length(name: str) -> None:
    model: Any = build_model(name, input_dim=7, output_length=50)
    curves = model(torch.randn(4, 7))
    assert curves.shape == (4, 50)
    curves.sum().backward()
    assert all(p.grad is not None for p in model.parameters())
    assert (model.inputs, model.outputs, model.default_loss) == ("scaled", "scaled_curve", "mse")
    assert model(10 + torch.randn(4, 7)).min() < 0  # the output is not confined: targets are scaled


@pytest.mark.parametrize("name", ["lstm", "hybrid_v1", "hybrid_v2", "hybrid_v3"])
def test_each_room_is_predicted_by_itself(name: str) -> None:
    model = build_model(name, output_length=20).eval()
    rooms = torch.randn(5, 16)
    torch.testing.assert_close(model(rooms)[3:4], model(rooms[3:4]))
    changed = rooms.clone()
    changed[3, 15] += 1.0  # every feature counts, the last one too
    assert (model(changed)[3] != model(rooms)[3]).any()


def test_the_forward_pass_at_full_size_keeps_its_shape() -> None:
    with torch.device("meta"):
        assert build_model("hybrid_v2")(torch.zeros(8, 16)).shape == (8, 96_000)


@pytest.mark.parametrize("name", MODELS)
def test_what_a_model_says_of_itself_exists(name: str) -> None:
    with torch.device("meta"):
        factory: Any = MODELS[name]
    assert factory.inputs in ("scaled", "physical")
    assert factory.outputs in ("scaled_curve", "knots")
    assert factory.default_loss in LOSSES
    # A recipe of its own, or none: then the general settings of training hold. Nothing that training does not know.
    assert set(factory.default_settings) <= set(GENERAL_SETTINGS)
    assert not factory.default_settings or name == "compact"


def test_what_does_not_exist_is_refused_by_name() -> None:
    with pytest.raises(ModelError, match=r"unknown model 'hybrid_v4'.*compact, lstm, hybrid_v1"):
        build_model("hybrid_v4")
    with pytest.raises(ModelError, match=r"compact knows the physics of 16 features.*not of 12"):
        build_model("compact", input_dim=12)
    with pytest.raises(ModelError, match="96000 samples"):
        build_model("compact", output_length=48_000)
