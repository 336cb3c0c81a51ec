"""Rooms from a bathroom to a small hall."""

import numpy as np
import pytest

pytest.importorskip("pyroomacoustics")

from decaylab.rooms import check_rooms, draw_wide_rooms
from decaylab.rooms.draw import estimated_t20
from decaylab.rooms.draw_wide import (
    CLEARANCE,
    LEAST_SIDE,
    LEAST_T20,
    MOST_SIDE,
    MOST_T20,
    SEPARATION,
    VOLUME_RANGE,
)
from decaylab.rooms.materials import material_table


def test_they_are_possible_and_span_what_they_should() -> None:
    table = draw_wide_rooms(150, seed=5)
    check_rooms(table)
    size, source, receiver, absorption = np.split(table.features, (3, 6, 9), axis=1)
    volume = size.prod(axis=1)
    assert volume.min() > VOLUME_RANGE[0] * 0.99
    assert volume.max() < VOLUME_RANGE[1] * 1.01
    assert (volume < 20).mean() > 0.15
    assert (volume > 400).mean() > 0.15
    assert size.min() >= LEAST_SIDE - 1e-3
    assert size.max() <= MOST_SIDE + 1e-3
    assert (size[:, 0] > size[:, 1]).mean() == pytest.approx(0.5, abs=0.15), "either floor side may be the longer"
    for position in (source, receiver):
        gap = np.minimum(position, size - position)
        assert gap.min() >= CLEARANCE - 1e-3
        assert (gap.min(axis=1) < 0.5).mean() > 0.3, "near walls, too"
    assert (np.linalg.norm(source - receiver, axis=1) >= SEPARATION - 2e-3).all()
    t20 = estimated_t20(size, absorption)
    assert (t20 >= LEAST_T20 * 0.97).all()
    assert (t20 <= MOST_T20 * 1.03).all()


def test_a_third_has_one_material_and_the_others_are_mixed() -> None:
    materials = np.array(list(material_table().values()))
    absorption = draw_wide_rooms(60, seed=6).features[:, 9:]
    nearest = np.abs(absorption[:, None] - materials).max(axis=2).min(axis=1)
    assert 0.15 < (nearest < 1e-4).mean() < 0.6
    assert (nearest > 0.01).mean() > 0.3


def test_a_room_depends_on_seed_and_number_not_on_the_count() -> None:
    few, many = draw_wide_rooms(3, seed=0), draw_wide_rooms(6, seed=0)
    assert many.ids[:3] == few.ids == ["wide_s0_000001", "wide_s0_000002", "wide_s0_000003"]
    assert (many.features[:3] == few.features).all()
    assert (draw_wide_rooms(3, seed=1).features != few.features).any(axis=1).all()
