"""Impulse responses from predictions: their decay is the predicted one, broadband and in octave bands."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from decaylab import load_model
from decaylab.acoustics import EDC_SAMPLES, edc_from_rir, response_parameters, usable_bands
from decaylab.acoustics.onset import response_onset
from decaylab.inference import Predictor
from decaylab.inference.rir import _band_gains, noise_response

#: Absorbing more towards the high bands, as most materials do: T20 from 1.1 s at 125 Hz to 0.3 s.
ROOM = np.array([6.0, 4.5, 3.0, 1.2, 1.4, 1.5, 4.5, 3.2, 1.2, 0.08, 0.1, 0.12, 0.15, 0.18, 0.2, 0.25])

#: So absorbing that the curve falls by 15 dB within milliseconds of the direct sound.
ABSORBING = np.array(
    [9.219, 6.29, 2.394, 5.703, 0.919, 0.395, 4.917, 0.941, 1.6, 0.6, 0.74, 0.88, 0.96, 0.93, 0.85, 0.85]
)


@pytest.fixture(scope="module")
def model(checkpoint: Path) -> Predictor:
    return load_model(checkpoint)


@pytest.fixture(scope="module")
def response(model: Predictor) -> np.ndarray:
    return model.impulse_responses(ROOM, seed=4)[0].astype(np.float64)


def test_the_decay_is_the_predicted_one(model: Predictor, rooms: np.ndarray) -> None:
    rooms = np.concatenate([rooms, ABSORBING[None]])
    responses = model.impulse_responses(rooms)
    curves = model.predict(rooms).curves
    assert curves is not None
    assert responses.shape == curves.shape
    for rir, curve in zip(responses, curves, strict=True):
        level = 10 * np.log10(curve)
        difference = np.abs(10 * np.log10(np.maximum(edc_from_rir(rir), 1e-30)) - level)
        assert difference[level > -35].max() < 0.5


def test_the_octave_bands_decay_as_in_a_simulation(response: np.ndarray) -> None:
    pytest.importorskip("pyroomacoustics")
    from decaylab.rooms.simulate import simulate_rirs

    bands = usable_bands(48_000)[0]
    simulated = [rir[:EDC_SAMPLES] for rir in simulate_rirs(ROOM, range(8))]
    times = [[found.values["t20"] for found in response_parameters(rir, bands=bands)][1:] for rir in simulated]
    expected = np.mean(times, axis=0)
    got = np.array([found.values["t20"] for found in response_parameters(response, bands=bands)])[1:]
    assert expected.max() > 1.5 * expected.min(), "a room whose bands differ"
    assert np.median(np.abs(got / expected - 1.0)) < 0.10
    assert np.abs(got / expected - 1.0)[5:].max() < 0.10


def test_the_direct_sound_comes_first_with_one_over_its_distance(response: np.ndarray) -> None:
    distance = np.linalg.norm(ROOM[3:6] - ROOM[6:9])
    onset, peak = response_onset(response), int(np.abs(response).argmax())
    assert 0 <= distance / 343 * 48_000 + 40 - onset <= 4
    energy = np.sum(response[peak - 10 : peak + 10] ** 2)
    assert energy == pytest.approx(0.92 / distance**2, rel=0.2)  # air takes 8 % at 4 m
    assert np.abs(response[: onset - 40]).max() < 2e-2 * np.abs(response).max()


def test_a_seed_is_a_response_whatever_else_is_asked_for(
    model: Predictor, response: np.ndarray, rooms: np.ndarray
) -> None:
    together = model.impulse_responses(np.concatenate([rooms[:1], ROOM[None]]), seed=4)
    np.testing.assert_allclose(together[1], response, rtol=0, atol=1e-3 * np.abs(response).max())
    other = model.impulse_responses(ROOM, seed=5)[0]
    late = slice(6_000, 40_000)
    assert abs(np.corrcoef(other[late], response[late])[0, 1]) < 0.2
    twin = ROOM.copy()
    twin[7] += 0.3
    assert abs(np.corrcoef(model.impulse_responses(twin, seed=4)[0][late], response[late])[0, 1]) < 0.2


def test_the_bands_add_up_to_everything() -> None:
    gains = _band_gains(8192)
    np.testing.assert_allclose(gains.sum(axis=0), 1.0, atol=1e-12)
    assert gains.min() >= 0.0


def test_a_model_without_bands_gives_noise_under_its_curve(own: tuple[Path, str], rooms: np.ndarray) -> None:
    model = load_model(own[0], model=own[1])
    responses, curves = model.impulse_responses(rooms[:2]), model.predict(rooms[:2]).curves
    assert curves is not None
    for rir, curve in zip(responses, curves, strict=True):
        positive = curve > 0.05  # it ends below zero: a network's curve
        np.testing.assert_allclose(edc_from_rir(rir)[positive], curve[positive], atol=0.02)


def test_noise_follows_any_curve() -> None:
    curve = np.exp(-np.arange(5000) / 500.0)
    curve[1000:1100] = curve[999]
    rir = noise_response(curve, 1)
    falling = np.minimum.accumulate(curve)
    np.testing.assert_allclose(edc_from_rir(rir), falling, atol=1e-9)
    assert set(np.sign(rir[:500])) == {-1.0, 1.0}
