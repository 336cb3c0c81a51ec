"""The worst rooms, and errors by the distance to the nearest training material."""

import numpy as np
import pytest

from decaylab.errors import InputError
from decaylab.evaluation.errors import RoomErrors
from decaylab.evaluation.worst import ERROR_FIELDS, errors_by_distance, worst_rooms

NAMES = ("edt", "t20", "t30", "c50", "ts")


def errors_of(t20_errors, distance=None):
    error = np.asarray(t20_errors, dtype=float)
    count = len(error)
    true = {name: np.ones(count) for name in NAMES}
    return RoomErrors(
        rows=np.arange(count),
        rooms=[f"room {n}" for n in range(count)],
        sizes=np.full((count, 3), 4.0),
        material_distance=np.zeros(count) if distance is None else np.asarray(distance, dtype=float),
        edc_mae=np.arange(count) * 1e-3,
        edc_db_mae=np.arange(count)[::-1] * 0.1,
        true=true,
        predicted={**{name: np.ones(count) for name in NAMES}, "t20": true["t20"] + error},
    )


def test_the_largest_error_of_either_sign_comes_first():
    errors = errors_of([0.1, -0.4, 0.2, 0.0])
    assert worst_rooms(errors, "t20", 3).tolist() == [1, 2, 0]
    assert worst_rooms(errors, "edc_mae", 2).tolist() == [3, 2]
    assert worst_rooms(errors, "edc_db_mae", 2).tolist() == [0, 1]
    assert worst_rooms(errors, "t20", 99).tolist() == [1, 2, 0, 3]


def test_a_prediction_without_a_value_is_worst_and_a_room_without_a_target_is_none():
    errors = errors_of([0.1, 5.0, np.nan, 0.3])
    errors.true["t20"][1] = np.nan
    assert worst_rooms(errors, "t20", 4).tolist() == [2, 3, 0]


def test_every_field_is_known_and_another_is_refused():
    assert all(len(worst_rooms(errors_of([0.1, 0.2]), name, 2)) == 2 for name in ERROR_FIELDS)
    with pytest.raises(InputError, match="edc_mae, edc_db_mae, edt"):
        worst_rooms(errors_of([0.1]), "d50", 1)


def test_errors_in_thirds_of_the_distance():
    errors = errors_of([0.1, -0.2, 0.3, 0.1, -0.2, np.nan], [0.0, 0.2, 0.4, 0.01, 0.21, 0.41])
    parts = errors_by_distance(errors)
    assert [(part.low, part.high, part.rooms) for part in parts] == [(0.0, 0.01, 2), (0.2, 0.21, 2), (0.4, 0.41, 2)]
    assert [part.errors["t20"] for part in parts] == pytest.approx([0.1, 0.2, 0.3])


def test_materials_at_one_distance_stay_together():
    parts = errors_by_distance(errors_of(np.zeros(9), [0.1] * 6 + [0.3] * 3))
    assert [(part.low, part.high, part.rooms) for part in parts] == [(0.1, 0.1, 6), (0.3, 0.3, 3)]
    assert errors_by_distance(errors_of(np.zeros(2), [np.nan, np.nan])) == []
