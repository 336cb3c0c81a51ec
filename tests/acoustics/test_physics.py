"""Sabine, Eyring, air, the direct arrival."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decaylab.acoustics.physics import (
    AIR_ABSORPTION,
    BAND_CENTRES,
    BAND_SHARES,
    direct_arrival_index,
    eyring_t60,
    hold_last_band,
    sabine_t60,
    specular_decay,
    volume_and_surface,
)


def test_sabine_by_hand() -> None:
    # V = 60 m3, S = 94 m2: 55.26 V / (c S a), with air + 4 m V.
    assert sabine_t60([[5, 4, 3]], [[0.2]], air=None)[0, 0] == pytest.approx(55.262 * 60 / (343 * 94 * 0.2), rel=1e-4)
    with_air = sabine_t60([[5, 4, 3]], [[0.2]], air=[0.0348])[0, 0]
    assert with_air == pytest.approx(55.262 * 60 / (343 * (94 * 0.2 + 4 * 0.0348 * 60)), rel=1e-4)


def test_eyring_by_hand_and_its_limits() -> None:
    expected = 55.262 * 60 / (343 * 94 * -np.log(1 - 0.2))
    assert eyring_t60([[5, 4, 3]], [[0.2]], air=None)[0, 0] == pytest.approx(expected, rel=1e-4)
    assert eyring_t60([[5, 4, 3]], [[1.0]])[0, 0] == 0.0
    assert np.isinf(sabine_t60([[5, 4, 3]], [[0.0]], air=None)[0, 0])


@given(st.floats(0.01, 0.99), st.floats(2, 20), st.floats(2, 20), st.floats(2, 10))
def test_eyring_is_shorter_than_sabine_and_air_shortens(absorption: float, x: float, y: float, z: float) -> None:
    size, bands = [[x, y, z]], [[absorption] * 8]
    assert (eyring_t60(size, bands) < sabine_t60(size, bands)).all()
    assert (sabine_t60(size, bands) < sabine_t60(size, bands, air=None)).all()


def test_specular_decay_begins_as_eyring_says_and_ends_more_slowly() -> None:
    size, absorption = [[6.0, 4.0, 3.0]], [[0.3] * 8]
    time = np.array([0.0, 1e-5, 0.2, 0.2 + 1e-5])
    energy = specular_decay(size, absorption, time)[0]
    rate = 6 * np.log(10) / eyring_t60(size, absorption)[0] @ np.array(BAND_SHARES)
    assert energy[0] == pytest.approx(1.0)
    assert -np.log(energy[1]) / 1e-5 == pytest.approx(rate, rel=0.01)
    assert np.log(energy[2] / energy[3]) / 1e-5 < 0.9 * rate
    assert np.isfinite(specular_decay(size, [[1.0] * 8], time)).all()


def test_the_eighth_band_is_held_and_not_extrapolated() -> None:
    assert hold_last_band([[0.5, 0.5, 0.5, 0.5, 0.6, 0.63, 0.30]])[0].tolist()[-3:] == [0.63, 0.30, 0.30]


def test_bands_cover_the_spectrum() -> None:
    assert len(BAND_CENTRES) == len(AIR_ABSORPTION) == len(BAND_SHARES) == 8
    assert sum(BAND_SHARES) == pytest.approx(1.0)
    assert BAND_SHARES[-1] > 0.5


def test_direct_arrival_with_the_simulators_delay() -> None:
    assert direct_arrival_index([[0, 0, 0]], [[3.43, 0, 0]])[0] == pytest.approx(480 + 40)
    assert direct_arrival_index([[0, 0, 0]], [[0, 3.43, 0]], sampling_rate=8_000, delay=0)[0] == pytest.approx(80)


def test_volume_and_surface() -> None:
    volume, surface = volume_and_surface([[2, 3, 4], [1, 1, 1]])
    assert volume.tolist() == [24, 1]
    assert surface.tolist() == [52, 6]


def test_the_air_is_the_simulators() -> None:
    pyroomacoustics = pytest.importorskip("pyroomacoustics")
    room = pyroomacoustics.ShoeBox([3, 3, 3], fs=48_000, air_absorption=True)
    np.testing.assert_allclose(room.air_absorption, AIR_ABSORPTION, rtol=1e-9)
    np.testing.assert_allclose(room.octave_bands.centers, BAND_CENTRES)
    assert room.c == 343.0
