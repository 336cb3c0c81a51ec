"""Every model by its name: sizes, shapes, what it says of itself. Large ones on the meta device: no memory, no time."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from decaylab.catalogue.losses import LOSSES
from decaylab.catalogue.models import MODELS
from decaylab.catalogue.settings import GENERAL_SETTINGS, SETTINGS
from decaylab.errors import ModelError
from decaylab.models import build_model

#: The models of the users' code: scaled features to a value per sample.
LARGE = ["lstm", "hybrid_v1", "hybrid_v2", "hybrid_v3", "transformer", "multihead"]


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


@pytest.mark.parametrize("name", LARGE)
def test_scaled_features_become_scaled_curves_of_any_length(name: str) -> None:
    model: Any = build_model(name, input_dim=7, output_length=50)
    curves = model(torch.randn(4, 7))
    assert curves.shape == (4, 50)
    curves.sum().backward()
    assert all(p.grad is not None for key, p in model.named_parameters() if not key.startswith("heads."))
    assert (model.inputs, model.outputs, model.default_loss) == ("scaled", "scaled_curve", "mse")
    assert model(10 + torch.randn(4, 7)).min() < 0  # the output is not confined: targets are scaled


@pytest.mark.parametrize("name", LARGE)
def test_each_room_is_predicted_by_itself(name: str) -> None:
    model = build_model(name, output_length=20).eval()
    rooms = torch.randn(5, 16)
    torch.testing.assert_close(model(rooms)[3:4], model(rooms[3:4]))
    changed = rooms.clone()
    changed[3, 15] += 1.0  # every feature counts, the last one too
    assert (model(changed)[3] != model(rooms)[3]).any()


@pytest.mark.parametrize("name", LARGE)
def test_the_forward_pass_at_full_size_keeps_its_shape(name: str) -> None:
    with torch.device("meta"):
        assert build_model(name)(torch.zeros(8, 16)).shape == (8, 96_000)


def test_the_transformer_is_the_one_that_is_written_down() -> None:
    """Embed 256, 8 heads, 4 layers, feed-forward 1024, over the 16 features as tokens."""
    with torch.device("meta"):
        model: Any = build_model("transformer")
    tokens = 16 * (256 + 256)
    attention = (3 * 256 * 256 + 3 * 256) + (256 * 256 + 256)
    feed_forward = (256 * 1024 + 1024) + (1024 * 256 + 256)
    encoder = 4 * (attention + feed_forward + 2 * 2 * 256) + 2 * 256
    head = (256 * 2048 + 2048) + (2048 * 96_000 + 96_000)
    assert parameters(model) == tokens + encoder + head == 200_398_080
    assert {layer.self_attn.num_heads for layer in model.encoder.layers} == {8}


def test_the_transformer_knows_which_feature_is_which() -> None:
    model = build_model("transformer", output_length=20).eval()
    room = torch.randn(1, 16)
    swapped = room.clone()
    swapped[0, [3, 7]] = room[0, [7, 3]]
    assert (model(swapped) - model(room)).abs().max() > 1e-4


def test_multihead_is_a_hybrid_trunk_of_about_103_million_parameters_with_three_heads() -> None:
    with torch.device("meta"):
        model: Any = build_model("multihead")
        trunk = parameters(build_model("hybrid_v2")) - parameters(build_model("hybrid_v2").head)
        curve, scalars = model.forward_with_scalars(torch.zeros(3, 16))
    head = (512 * 2048 + 2048) + (2048 * 1024 + 1024) + (1024 * 96_000 + 96_000)
    scalar = (2048 * 256 + 256) + (256 + 1)
    assert parameters(model) == trunk + head + 2 * scalar == 102_729_346
    assert (curve.shape, scalars.shape, model.scalars) == ((3, 96_000), (3, 2), ("t20", "c50"))


def test_the_heads_answer_in_seconds_and_decibels_of_the_training_rooms() -> None:
    torch.manual_seed(0)
    model: Any = build_model("multihead", output_length=20).eval()
    rooms = torch.randn(50, 16)
    curve, before = model.forward_with_scalars(rooms)
    torch.testing.assert_close(curve, model(rooms))
    t20, c50 = torch.tensor([0.4, 0.8, float("nan"), 0.6]), torch.tensor([3.0, float("nan"), 5.0, 10.0])
    model.fit_scalars(torch.stack([t20, c50], dim=1))
    after = model.forward_with_scalars(rooms)[1]
    torch.testing.assert_close(after[:, 0], before[:, 0] * 0.2 + 0.6)
    torch.testing.assert_close(after[:, 1], before[:, 1] * torch.tensor([3.0, 5.0, 10.0]).std() + 6.0)
    other: Any = build_model("multihead", output_length=20).eval()
    other.load_state_dict(model.state_dict())  # the units travel with the weights
    torch.testing.assert_close(other.forward_with_scalars(rooms)[1], after)


@pytest.mark.parametrize("values", [[[0.5, 1.0]], [[0.5, 1.0]] * 3, [[float("nan")] * 2] * 3])
def test_rooms_without_a_spread_leave_the_heads_as_they_are(values: list[list[float]]) -> None:
    model: Any = build_model("multihead", output_length=4)
    model.fit_scalars(torch.tensor(values))
    assert model.scalar_center.tolist() == [0, 0]
    assert model.scalar_scale.tolist() == [1, 1]


@pytest.mark.parametrize("name", MODELS)
def test_what_a_model_says_of_itself_exists(name: str) -> None:
    row = MODELS[name]
    with torch.device("meta"):
        model: Any = build_model(name)
    assert (type(model).__module__, type(model).__name__) == tuple(row.path.split(":"))
    assert model.inputs in ("scaled", "physical")
    assert model.outputs in ("scaled_curve", "knots")
    assert row.loss in LOSSES
    # A recipe of its own, or none: then the general settings of training hold. Nothing that training does not know.
    assert set(row.recipe) <= set(GENERAL_SETTINGS)
    assert {setting.name for setting in SETTINGS if setting.of_model and hasattr(model, setting.name)} == set(row.takes)


def test_what_does_not_exist_is_refused_by_name() -> None:
    with pytest.raises(ModelError, match=r"unknown model 'hybrid_v4'.*compact, compact_traced, lstm, hybrid_v1"):
        build_model("hybrid_v4")
    with pytest.raises(ModelError, match=r"compact and compact_traced know the physics of 16 features.*not of 12"):
        build_model("compact", input_dim=12)
    with pytest.raises(ModelError, match="96000 samples"):
        build_model("compact", output_length=48_000)
