"""`compact_traced`: the rays that a simulator traces, against its own simulations and against their expectation."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from decaylab.acoustics import SAMPLING_RATE
from decaylab.acoustics.physics import SPEED_OF_SOUND
from decaylab.models import build_model
from decaylab.models.baseline import PhysicalBaseline
from decaylab.models.traced import TracedEnergy
from decaylab.rooms import SimulationSettings, simulate_edc
from decaylab.rooms.tracing import usual_rays

ROOM = [6.0, 4.0, 3.0, 1.3, 1.1, 1.2, 4.6, 2.9, 1.7]


def rooms(*absorptions: float, geometry: list[float] | None = None) -> torch.Tensor:
    return torch.tensor([[*(geometry or ROOM), *[absorption] * 7] for absorption in absorptions])


def levels(rays: int | None, features: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        return PhysicalBaseline(TracedEnergy(rays))(features)


def heard(features: torch.Tensor) -> torch.Tensor:
    """Knots down to -35 dB, and past 20 ms: there late energy counts."""
    baseline = PhysicalBaseline()
    with torch.inference_mode():
        return (baseline(features) > -35) & (baseline.knots(features) > 0.02 * SAMPLING_RATE)


def test_many_rays_are_their_expectation() -> None:
    features = rooms(0.1, 0.5)
    with torch.inference_mode():
        expected = PhysicalBaseline()(features)
    apart = (levels(100_000, features) - expected).abs()[heard(features)]
    assert apart.max() < 0.15
    few = (levels(300, features) - expected).abs()[heard(features)]
    assert few.max() > 0.5  # and few are not


def test_few_rays_are_those_of_the_simulation() -> None:
    """The mean of 24 simulations with 300 rays: nearer to these rays than to the expectation."""
    features = rooms(0.15)
    settings = SimulationSettings(rays=300, realisations=24)
    mean = simulate_edc(features[0].double().numpy(), 7, settings)
    with torch.inference_mode():
        baseline = PhysicalBaseline()
        knots = baseline.knots(features)[0].long()
        simulated = 10 * torch.log10(torch.from_numpy(mean)[knots].clamp(min=1e-9))
        off_expected = (baseline(features)[0] - simulated).abs()[heard(features)[0]].mean()
    off_traced = (levels(300, features)[0] - simulated).abs()[heard(features)[0]].mean()
    assert off_traced < 0.5 * off_expected


def test_a_geometry_is_traced_once_for_every_material(monkeypatch: pytest.MonkeyPatch) -> None:
    late, traced = TracedEnergy(200), []
    real = TracedEnergy._trace
    monkeypatch.setattr(TracedEnergy, "_trace", lambda self, *given: traced.append(1) or real(self, *given))
    baseline = PhysicalBaseline(late)
    with torch.inference_mode():
        together = baseline(rooms(0.02, 0.3, 0.6))
        assert len(traced) == 1
        # A kept histogram of rays that live longer answers as one of its own.
        assert torch.equal(together[2:], PhysicalBaseline(TracedEnergy(200))(rooms(0.6)))


def test_the_number_of_rays_is_that_of_the_data_and_stays_with_the_weights() -> None:
    model = build_model("compact_traced")
    assert model.know_simulation({"rays": 500}) == "traces 500 rays, as the data set's simulation"
    other = build_model("compact_traced")
    other.load_state_dict(model.state_dict())
    assert int(other.baseline.late.rays) == 500
    features = rooms(0.2)
    assert torch.equal(other.eval()(features), model.eval()(features))
    assert "by the room's volume" in model.know_simulation({})
    usual = usual_rays(72.0, 0.5, SPEED_OF_SOUND * 0.004)
    assert torch.equal(model.physics(features), levels(usual, features))


def test_a_box_too_small_to_trace_is_expected_and_its_neighbours_are_not() -> None:
    small = rooms(0.2, geometry=[0.6, 0.6, 0.6, 0.1, 0.1, 0.1, 0.5, 0.4, 0.3])
    both = torch.cat([small, rooms(0.2)])
    found = levels(200, both)
    with torch.inference_mode():
        np.testing.assert_array_equal(found[0], PhysicalBaseline()(small)[0])
    np.testing.assert_array_equal(found[1], levels(200, rooms(0.2))[0])
