"""One room: repeatable bit for bit, and the traps of the simulator."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decaylab.acoustics import EDC_SAMPLES, edc_from_rir, onset_index
from decaylab.acoustics.physics import direct_arrival_index
from decaylab.errors import InputError, SimulationError
from decaylab.rooms import SimulationSettings, simulate_edc
from decaylab.rooms.simulate import room_seed, simulate_rir, simulate_row

pyroomacoustics = pytest.importorskip("pyroomacoustics")

ROOM = np.array([4.0, 5.0, 3.0, 1.0, 1.2, 1.5, 3.0, 4.0, 1.4, 0.29, 0.6, 0.85, 0.83, 0.69, 0.63, 0.3])
OTHER = ROOM + np.eye(16)[0]
QUICK = SimulationSettings(rays=200, time_limit=0.3, samples=14_400)


def test_a_curve_is_a_curve() -> None:
    edc = simulate_edc(ROOM, 0)
    assert edc.shape == (EDC_SAMPLES,)
    assert edc.dtype == np.float32
    assert edc[0] == 1.0
    assert (np.diff(edc) <= 0).all()
    arrival = direct_arrival_index(ROOM[3:6], ROOM[6:9])
    assert 0 <= arrival - onset_index(edc) < 5
    assert edc[int(arrival) - 6] > 0.99


def test_the_same_bits_whatever_went_before() -> None:
    alone = simulate_edc(ROOM, 0, QUICK)
    np.random.seed(1)
    pyroomacoustics.random.seed(7)
    pyroomacoustics.constants.set("num_threads", 2)
    other = simulate_edc(OTHER, 0, QUICK)
    assert simulate_edc(ROOM, 0, QUICK).tobytes() == alone.tobytes()
    assert simulate_edc(OTHER, 0, QUICK).tobytes() == other.tobytes()
    assert simulate_edc(ROOM, 1, QUICK).tobytes() != alone.tobytes()


def test_eight_coefficients_the_last_one_held() -> None:
    """With seven the library extrapolates 0.63, 0.30 at 4 and 8 kHz to 0 at 16 kHz: the decay becomes far too long."""

    def direct(coefficients: list[float], centres: list[float]) -> np.ndarray:
        pyroomacoustics.random.seed(5)
        material = pyroomacoustics.Material({"description": "", "coeffs": coefficients, "center_freqs": centres})
        room = pyroomacoustics.ShoeBox(
            ROOM[:3], fs=48_000, materials=material, max_order=3, air_absorption=True, ray_tracing=True
        )
        room.set_ray_tracing(n_rays=200, time_thres=0.3)
        room.add_source(ROOM[3:6])
        room.add_microphone(ROOM[6:9])
        room.compute_rir()
        return np.asarray(room.rir[0][0])

    seven, centres = ROOM[9:].tolist(), (125 * 2.0 ** np.arange(8)).tolist()
    ours = simulate_rir(ROOM, 5, dataclasses.replace(QUICK, builder="pyroomacoustics"))
    np.testing.assert_array_equal(ours, direct([*seven, 0.3], centres))
    trap = edc_from_rir(direct(seven, centres[:7]), 14_400)
    level, trap_level = (10 * np.log10(edc[2400 + 480]) for edc in (edc_from_rir(ours, 14_400), trap))
    assert trap_level - level > 5


def test_the_response_is_integrated_over_its_first_samples_and_followed_by_zeros(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from decaylab.rooms import simulate

    for length in (400, 900):
        rir = np.random.default_rng(0).normal(size=length)
        monkeypatch.setattr(simulate, "simulate_rirs", lambda *_, rir=rir: iter([rir]))
        edc = simulate_edc(ROOM, 0, SimulationSettings(samples=600))
        kept = np.concatenate([rir, np.zeros(600)])[:600]
        np.testing.assert_allclose(edc, edc_from_rir(kept), rtol=1e-6)
        assert (edc[length:] == 0).all()


@pytest.mark.parametrize(
    ("settings", "rays", "limit"),
    [(SimulationSettings(), 16_000, 2.0), (SimulationSettings.published(), 1113, 10.0), (QUICK, 200, 0.3)],
)
def test_presets_reach_the_library(
    monkeypatch: pytest.MonkeyPatch, settings: SimulationSettings, rays: int, limit: float
) -> None:
    seen: dict[str, Any] = {}

    def look(room: Any) -> None:
        seen.update(room.rt_args, order=room.max_order, air=room.air_absorption, bands=room.walls[0].absorption)
        room.rir = [[np.ones(10)]]

    monkeypatch.setattr(pyroomacoustics.ShoeBox, "compute_rir", look)
    simulate_rir(ROOM, 0, dataclasses.replace(settings, builder="pyroomacoustics"))
    assert seen["n_rays"] == rays  # 20 x V / (pi 0.5^2 c 4 ms) by default: about 800 in the published rooms
    assert seen["time_thres"] == limit
    assert seen["hist_bin_size"] == 0.004
    assert seen["receiver_radius"] == 0.5
    assert seen["energy_thres"] == 1e-7
    assert seen["order"] == 3
    assert seen["air"] is not None
    np.testing.assert_allclose(np.ravel(seen["bands"]), [*ROOM[9:], ROOM[15]], rtol=1e-6)


def test_realisations_average_curves_under_different_seeds() -> None:
    three = SimulationSettings(rays=200, time_limit=0.3, samples=14_400, realisations=3)
    curves = [edc_from_rir(simulate_rir(ROOM, room_seed(4, ROOM, k), QUICK), 14_400) for k in range(3)]
    np.testing.assert_array_equal(simulate_edc(ROOM, 4, three), (sum(curves) / 3).astype(np.float32))
    np.testing.assert_array_equal(simulate_edc(ROOM, 4, QUICK), curves[0].astype(np.float32))
    assert np.abs(curves[0] - curves[1]).max() > 1e-4


@given(st.integers(0, 2**40), st.integers(0, 15), st.floats(1e-9, 1.0))
def test_a_seed_follows_from_seed_features_and_realisation_alone(seed: int, column: int, change: float) -> None:
    changed = ROOM.copy()
    changed[column] += change
    own = room_seed(seed, ROOM)
    assert own == room_seed(seed, ROOM.tolist()) == room_seed(seed, ROOM, 0)
    assert 0 <= own < 2**64
    assert len({own, room_seed(seed + 1, ROOM), room_seed(seed, changed), room_seed(seed, ROOM, 1)}) == 4


def test_seeds_never_change_from_one_version_to_the_next() -> None:
    assert room_seed(0, ROOM) == 200659916972005601
    assert room_seed(0, ROOM * [1, 1, 1, 0, *[1] * 12]) == room_seed(0, ROOM * [1, 1, 1, -0.0, *[1] * 12])


def test_errors_name_the_room() -> None:
    outside = ROOM.copy()
    outside[3] = 9.0
    with pytest.raises(SimulationError, match=r"room lab 7 \(row 4\): pyroomacoustics cannot simulate"):
        simulate_row(3, "lab 7", outside, 0, QUICK)
    with pytest.raises(InputError, match="at least 1"):
        SimulationSettings(rays=0)
    with pytest.raises(InputError, match="at least 1"):
        SimulationSettings(realisations=0)
