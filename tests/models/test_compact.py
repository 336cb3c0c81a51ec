"""`compact`: what it promises of every curve, its caches, its training behaviour, and that it exports."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from decaylab.acoustics import EDC_SAMPLES, onset_index, room_parameters
from decaylab.acoustics.physics import volume_and_surface
from decaylab.losses import Grid, build_loss
from decaylab.models.baseline import PhysicalBaseline
from decaylab.models.compact import Compact
from decaylab.models.grid import FIRST
from decaylab.rooms import draw_rooms


@pytest.fixture(scope="module")
def features() -> torch.Tensor:
    """24 rooms of real materials, (24, 16), in physical units."""
    return torch.from_numpy(draw_rooms(24, seed=3).features).float()


def with_any_weights(seed: int, size: float) -> Compact:
    """A model whose networks answer anything, up to absurdity."""
    torch.manual_seed(seed)
    model = Compact().eval()
    for network in model.networks:
        torch.nn.init.normal_(network[-2].weight, std=size)
        torch.nn.init.normal_(network[-2].bias, std=size)
    return model


def test_an_untrained_model_is_the_physical_baseline(features: torch.Tensor) -> None:
    model = Compact()
    baseline = PhysicalBaseline()(features)
    model.fit_inputs(features)
    for mode in (True, False):
        assert torch.equal(model.train(mode)(features), baseline)


def test_it_is_small() -> None:
    assert sum(p.numel() for p in Compact().parameters()) < 200_000


@given(seed=st.integers(0, 2**31), size=st.sampled_from([0.1, 1.0, 100.0]))
@settings(max_examples=8, deadline=None)
def test_no_impossible_prediction_exists(features: torch.Tensor, seed: int, size: float) -> None:
    model = with_any_weights(seed, size)
    some = features[:3]
    level = model(some)
    curve = model.render(level, some)
    assert (level[:, 0] <= 0).all()
    assert (level.diff(dim=1) <= 0).all()
    assert curve.shape == (3, EDC_SAMPLES)
    assert curve.dtype == torch.float32
    assert curve.isfinite().all()
    assert (curve >= 0).all()
    assert (curve.diff(dim=1) <= 1e-6).all()
    assert (curve[:, 0] == 1.0).all()


def test_forward_alone_is_forward_with_cached_physics(features: torch.Tensor) -> None:
    model = with_any_weights(1, 1.0)
    model.fit_inputs(features)
    cached = model.physics(features)
    torch.testing.assert_close(model(features), model(features, cached))
    torch.testing.assert_close(model(features)[5:6], model(features[5:6]))


def test_mixed_precision_leaves_the_physics_alone(features: torch.Tensor) -> None:
    model = with_any_weights(7, 0.01)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rounded, physics = model(features[:3]), model.physics(features[:3])
    assert rounded.dtype == torch.float32
    assert torch.equal(physics, model.physics(features[:3]))
    torch.testing.assert_close(rounded, model(features[:3]), rtol=0.01, atol=0.0)


def test_the_onset_of_a_predicted_curve_is_the_direct_arrival(features: torch.Tensor) -> None:
    model = Compact().eval()
    with torch.no_grad():
        curves = model.render(model(features), features).numpy()
    arrival = model.knot_index(features)[:, -FIRST].numpy()
    early = arrival - onset_index(curves)
    assert early.min() >= -1
    assert early.max() <= 4
    assert np.isfinite(room_parameters(curves, names=("edt", "c50"))["c50"]).all()


def test_the_networks_see_what_physics_knows(features: torch.Tensor) -> None:
    model = Compact()
    physics = model.physics(features)
    inputs = model._inputs(features, physics).double().numpy()
    room = features.double().numpy()
    volume, surface = volume_and_surface(room[:, :3])
    distance = np.linalg.norm(room[:, 3:6] - room[:, 6:9], axis=1)
    np.testing.assert_allclose(inputs[:, :16], room)
    np.testing.assert_allclose(np.exp(inputs[:, 16:19]), np.stack([volume, surface, distance], axis=1), rtol=1e-5)
    assert inputs.shape[1] == 16 + 3 + 28
    assert {tuple(column) for column in inputs[:, 19:].T} <= {tuple(c) for c in physics.double().numpy().T}
    assert (np.diff(inputs[:, 19:]) <= 0).all()


def test_a_prediction_is_the_mean_of_the_networks(features: torch.Tensor) -> None:
    model = with_any_weights(6, 0.1)
    physics = model.physics(features)
    inputs = model._inputs(features, physics)
    z = torch.stack([network(inputs) for network in model.networks])
    assert (z[0] != z[1]).any()
    expected = physics * torch.exp(0.2 * 10 * torch.tanh(z.mean(dim=0) / 10))
    torch.testing.assert_close(model(features), expected.cummin(dim=1).values)


def test_inputs_are_normalised_by_the_training_rows(features: torch.Tensor) -> None:
    model = Compact()
    model.fit_inputs(features)
    inputs = (model._inputs(features, model.physics(features)) - model.input_mean) / model.input_scale
    assert inputs.mean(dim=0).abs().max() < 1e-3
    assert inputs.std(dim=0, correction=0).max() < 1.001
    saved = model.state_dict()
    other = Compact()
    other.load_state_dict(saved)
    assert torch.equal(other.input_mean, model.input_mean)
    assert torch.equal(other.input_scale, model.input_scale)


def test_rooms_that_all_are_alike_do_not_blow_up_any_other(features: torch.Tensor) -> None:
    model = with_any_weights(2, 0.1)
    model.fit_inputs(features[:1].repeat(5, 1))
    assert (model.input_scale > 0).all()
    assert model(features).isfinite().all()


def test_noise_and_the_share_of_each_network_are_for_training_alone(features: torch.Tensor) -> None:
    model = with_any_weights(4, 1.0)
    model.fit_inputs(features)
    assert torch.equal(model(features), model(features))
    model.train()
    assert not torch.equal(model(features), model(features))
    model.input_noise = 0.0
    half = len(features) // len(model.networks)
    alone = copy.deepcopy(model).eval()
    alone.networks = torch.nn.ModuleList([model.networks[0]])
    torch.testing.assert_close(model(features)[:half], alone(features[:half]))


@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_smallest_batches_train_every_network_in_turn(features: torch.Tensor, count: int) -> None:
    model = Compact().train()
    level = model(features[:count])
    assert level.shape[0] == count
    level.sum().backward()


def test_training_learns_what_the_baseline_leaves_over(features: torch.Tensor) -> None:
    torch.manual_seed(0)
    model = Compact()
    physics = model.physics(features)
    target = torch.pow(10.0, 1.1 * physics / 10.0)  # every room decays 10 % faster than the physics says
    model.fit_inputs(features, physics)
    knots = model.knot_index(features)
    grid = Grid(knots / 48_000, torch.full_like(knots, 1 / knots.shape[1]), knots[:, 0] / 48_000)
    loss = build_loss("decay")
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3)
    steps = []
    for _ in range(60):
        optimiser.zero_grad()
        total, _ = loss(torch.pow(10.0, model(features, physics) / 10.0), target, grid)
        total.backward()
        optimiser.step()
        steps.append(total.item())
    assert steps[-1] < 0.25 * steps[0]


def test_the_whole_computation_exports_with_any_number_of_rooms(features: torch.Tensor) -> None:
    class Curves(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = with_any_weights(5, 0.3)

        def forward(self, features: torch.Tensor) -> torch.Tensor:
            return self.model.render(self.model(features), features)

    curves = Curves().eval()
    batch = torch.export.Dim("batch", min=1, max=1024)
    program = torch.export.export(curves, (features[:3],), dynamic_shapes=({0: batch},), strict=False)
    used = {str(node.target) for node in program.graph.nodes if node.op == "call_function"}
    assert not {name for name in used if "cummin" in name or "searchsorted" in name}
    torch.testing.assert_close(program.module()(features[3:9]), curves(features[3:9]))
