"""Rooms of one's own."""

import numpy as np
import pytest

pytest.importorskip("pyroomacoustics")

from decaylab.acoustics import room_parameters
from decaylab.errors import InputError
from decaylab.rooms import SimulationSettings, check_rooms, draw_rooms, simulate_edc
from decaylab.rooms.draw import LEAST_SEPARATION, LEAST_T20, WALL_CLEARANCE, estimated_t20
from decaylab.rooms.materials import material_absorption, material_table


def test_drawn_rooms_are_possible_real_and_varied() -> None:
    table = draw_rooms(60, seed=3)
    check_rooms(table)
    size, source, receiver, absorption = np.split(table.features, (3, 6, 9), axis=1)
    materials = set(material_table().values())
    assert {tuple(row) for row in absorption.tolist()} <= materials
    assert len(np.unique(absorption, axis=0)) > 20
    assert len(np.unique(size, axis=0)) == 60
    for position in (source, receiver):
        assert (position >= WALL_CLEARANCE - 1e-3).all()
        assert (position <= size - WALL_CLEARANCE + 1e-3).all()
    assert (np.linalg.norm(source - receiver, axis=1) >= LEAST_SEPARATION - 2e-3).all()
    t20 = estimated_t20(size, absorption)
    assert (t20 >= LEAST_T20 * 0.99).all()
    assert (t20 <= 60 / 35 * 2).all()


def test_a_room_depends_on_seed_and_number_not_on_the_count() -> None:
    few, many = draw_rooms(3, seed=0), draw_rooms(8, seed=0)
    assert many.ids[:3] == few.ids
    assert (many.features[:3] == few.features).all()
    assert (draw_rooms(3, seed=1).features != few.features).any(axis=1).all()
    assert draw_rooms(0, seed=0).features.shape == (0, 16)


def test_the_estimate_is_near_the_simulation_and_knows_what_does_not_fit() -> None:
    table = draw_rooms(4, seed=2)
    curves = np.stack([simulate_edc(room, 0, SimulationSettings(rays=2_000)) for room in table.features])
    simulated = room_parameters(curves, names=("t20",))["t20"]
    estimate = estimated_t20(table.features[:, :3], table.features[:, 9:])
    np.testing.assert_allclose(simulated, estimate, rtol=0.35)
    assert np.isnan(estimated_t20(np.array([[90.0, 90.0, 50.0]]), np.full((1, 7), 0.001))[0])


def test_six_coefficients_are_held_and_one_is_left_out() -> None:
    table = material_table()
    assert len(table) == 90
    assert "anechoic" not in table
    assert all(len(values) == 7 for values in table.values())
    assert table["fibre_absorber_2"] == (0.07, 0.07, 0.2, 0.41, 0.75, 0.97, 0.97)
    assert table["wooden_lining"][-1] == 0.06
    assert material_absorption("brickwork") == table["brickwork"]
    with pytest.raises(InputError, match="unknown material 'brikwork': did you mean brickwork"):
        material_absorption("brikwork")
