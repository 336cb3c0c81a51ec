"""Where a model goes wrong: its worst rooms, and its errors against the distance to the nearest training material."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from decaylab.errors import InputError
from decaylab.evaluation.errors import RoomErrors
from decaylab.evaluation.metrics import SCORED_PARAMETERS
from decaylab.evaluation.scores import terciles

#: What rooms can be ranked by.
ERROR_FIELDS = ("edc_mae", "edc_db_mae", *SCORED_PARAMETERS)


class DistancePart(NamedTuple):
    """A third of the rooms by `material_distance`.

    `low`, `high`: least and greatest distance; `errors`: name -> mean |error| over the valid ones, NaN without any.
    """

    low: float
    high: float
    rooms: int
    errors: dict[str, float]


def worst_rooms(errors: RoomErrors, by: str, count: int) -> NDArray[np.int64]:
    """The `count` rooms with the largest |error|, worst first, as positions in `errors`.

    A prediction without a valid value where the target has one is worse than any error. Rooms without a valid target
    are left out.

    Args:
        errors: of the rooms.
        by: one of `ERROR_FIELDS`.
        count: how many, at most.

    Raises:
        InputError: another name.
    """
    if by not in ERROR_FIELDS:
        raise InputError(f"rooms cannot be ranked by '{by}': choose from {', '.join(ERROR_FIELDS)}")
    size = errors.absolute(by)
    order = np.argsort(-np.where(np.isfinite(size), size, np.inf), kind="stable")
    return order[errors.has_target(by)[order]][:count]


def errors_by_distance(errors: RoomErrors, names: tuple[str, ...] = ERROR_FIELDS) -> list[DistancePart]:
    """The rooms in thirds by their material's distance to the nearest of the training, nearest first.

    Rooms at the same distance stay together: of few materials the thirds are unequal, and an empty one is left out.
    """
    part_of = terciles(errors.material_distance)
    found = []
    for part in range(3):
        chosen = part_of == part
        if not chosen.any():
            continue
        distance = errors.material_distance[chosen]
        means = {name: _mean(errors.absolute(name)[chosen]) for name in names}
        found.append(DistancePart(float(distance.min()), float(distance.max()), int(chosen.sum()), means))
    return found


def _mean(values: NDArray[np.float64]) -> float:
    valid = values[np.isfinite(values)]
    return float(valid.mean()) if valid.size else float("nan")
