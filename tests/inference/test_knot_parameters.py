"""The parameters in an ONNX graph's form against the definitions, on drawn curves and on curves sample by sample."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from decaylab.acoustics import onset_index, room_parameters
from decaylab.acoustics.parameters import PARAMETERS
from decaylab.inference.knot_parameters import parameters_of_knots, parameters_of_samples, with_start
from decaylab.models.grid import draw_curve, knot_fractions, knot_positions

NAMES = tuple(name for name in PARAMETERS if name != "curvature")
LIMITS = {"c50": 1e-3, "c80": 1e-3}


def random_curves(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Levels and positions at knots, (count, K): one and two slopes, direct sounds of all strengths, some too slow."""
    random = np.random.default_rng(5)
    arrival = torch.from_numpy(random.uniform(60.0, 900.0, count))
    positions = knot_positions(arrival, knot_fractions())
    time = (positions.numpy() - arrival.numpy()[:, None]).clip(0.0) / 48_000
    fast, slow = random.uniform(3.0, 200.0, (2, count, 1))
    share = random.uniform(0.0, 1.0, (count, 1))
    direct = random.choice([0.02, 0.3, 0.95], (count, 1))
    energy = share * np.exp(-fast * time) + (1 - share) * np.exp(-slow * time)
    energy = np.where(time > 0, (1 - direct) * energy, 1.0)
    level = np.minimum.accumulate(np.maximum(10 * np.log10(np.maximum(energy, 1e-30)), -120.0), axis=1)
    return torch.from_numpy(level).float(), positions.float()


def assert_agree(got: dict[str, torch.Tensor], curves: np.ndarray) -> None:
    expected = room_parameters(curves, names=NAMES)
    np.testing.assert_array_equal(got["onset"].numpy(), onset_index(curves))
    for name in NAMES:
        values = got[name].numpy()
        np.testing.assert_array_equal(np.isfinite(values), np.isfinite(expected[name]), err_msg=name)
        np.testing.assert_allclose(values, expected[name], rtol=0, atol=LIMITS.get(name, 1e-4), err_msg=name)


def test_sums_between_knots_are_the_parameters_of_the_drawn_curve() -> None:
    level, positions = random_curves(60)
    curves = draw_curve(level, positions).numpy()
    expected = room_parameters(curves, names=NAMES)
    assert {name for name in ("edt", "t20", "t30") if np.isnan(expected[name]).any()} == {"edt", "t20", "t30"}
    assert all(np.isfinite(values).sum() > 20 for values in expected.values())
    assert_agree(parameters_of_knots(*with_start(level, positions), 48_000), curves)


def test_every_sample_may_be_a_knot() -> None:
    level, positions = random_curves(8)
    curves = draw_curve(level, positions).numpy()
    curves[1, 2000:2200] *= 1.001  # it rises: no decay curve, but networks predict such
    curves[2, 30_000:] = -0.1  # below zero from somewhere on
    curves[3, 3_000:] = 0.0
    assert_agree(parameters_of_samples(torch.from_numpy(curves), 48_000), curves)


def test_a_curve_that_never_falls_has_no_times() -> None:
    found = parameters_of_knots(torch.zeros(1, 5), torch.tensor([[0.0, 10.0, 20.0, 30.0, 95_999.0]]), 48_000)
    assert all(torch.isnan(found[name]).all() for name in ("edt", "t20", "t30", "c50", "c80"))
    assert found["onset"].item() == 0


def test_at_the_start_of_the_file_the_level_is_zero() -> None:
    level, positions = with_start(torch.tensor([[-1.0, -2.0]]), torch.tensor([[7.0, 9.0]]))
    assert level.tolist() == [[0.0, -1.0, -2.0]]
    assert positions.tolist() == [[0.0, 7.0, 9.0]]


@pytest.mark.parametrize("seconds", [0.5, 1.5, 3.3])
def test_one_slope_has_its_own_time(seconds: float) -> None:
    positions = torch.tensor([[0.0, 499.0, 500.0, 501.0, 95_999.0]]).double()
    level = -60.0 / (seconds * 48_000) * (positions - 500.0).clamp(min=0.0)
    found = parameters_of_knots(level, positions, 48_000)
    assert found["t20"].item() == pytest.approx(seconds, rel=1e-6)
    assert found["edt"].item() == pytest.approx(seconds, rel=1e-6)
    # Of an exponential Ts is 1 / rate, less what the record does not hold; the first sample counts nothing.
    rate = 6 * np.log(10) / seconds
    whole = (1 - np.exp(-rate * 95_500 / 48_000)) / rate
    assert found["ts"].item() == pytest.approx(whole, abs=2e-5)


@pytest.mark.parametrize(("seconds", "valid"), [(3.405, True), (3.42, False)])
def test_what_the_record_holds_is_counted_from_the_onset(seconds: float, valid: bool) -> None:
    """60 / 35 of 95,500 samples are 3.411 s, of all 96,000 3.429 s."""
    positions = torch.tensor([[0.0, 500.0, 95_999.0]]).double()
    level = -60.0 / (seconds * 48_000) * (positions - 500.0).clamp(min=0.0)
    assert torch.isfinite(parameters_of_knots(level, positions, 48_000)["t20"]).item() is valid
