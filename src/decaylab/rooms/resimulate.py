"""Rooms of a data set simulated once more, under another seed and the data set's own settings.

What two simulations of one room differ by is the noise of the labels (`decaylab.evaluation.noise`).
"""

from __future__ import annotations

from dataclasses import fields
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from decaylab.errors import DataError, InputError
from decaylab.rooms.dataset import DataSet
from decaylab.rooms.simulate import FORMER_SETTINGS, SimulationSettings, simulator_versions
from decaylab.rooms.store import FORMAT, other_settings
from decaylab.rooms.tables import room_key

#: Keys of a manifest's settings that are none of a single room's simulation.
_OF_THE_SET = ("simulator", "seed", "rooms", "builder_version")


class Recorded(NamedTuple):
    """How a data set was simulated: its seed, and everything else that decides a curve."""

    seed: int
    settings: SimulationSettings


def recorded_simulation(data: DataSet) -> Recorded:
    """Seed and settings that a data set was simulated with, for the simulator that is installed.

    Raises:
        DataError: it was not simulated here, its settings are not known, or the simulator was another version, whose
            curves differ by more than noise does.
        MissingExtraError: the simulator is not installed.
    """
    recorded = data.manifest.get("settings")
    if data.manifest.get("format") != FORMAT or not isinstance(recorded, dict):
        raise DataError(
            f"{data.path} was not simulated by decaylab: its settings are not known, so its rooms cannot be simulated "
            "again. Measure a data set of decaylab simulate with the same rooms instead"
        )
    recorded = {**FORMER_SETTINGS, **recorded}
    installed = f"pyroomacoustics {simulator_versions()['pyroomacoustics']}"
    if recorded.get("simulator") != installed:
        raise DataError(
            f"{data.path} was simulated with {recorded.get('simulator')}, {installed} is installed: two versions "
            "differ by more than two simulations do. Install the one that made it"
        )
    known = {field.name: recorded[field.name] for field in fields(SimulationSettings) if field.name in recorded}
    try:
        settings = SimulationSettings(**known)
    except (InputError, TypeError) as error:
        raise DataError(f"the manifest of {data.path} holds settings that cannot be: {error}") from None
    here = {**settings.to_json(), **{key: recorded.get(key) for key in _OF_THE_SET}}
    differing = other_settings(recorded, here)
    if not isinstance(recorded.get("seed"), int):
        differing = differing or f"seed is {recorded.get('seed')!r}"
    if differing:
        raise DataError(
            f"the rooms of {data.path} cannot be simulated again as they were: "
            f"{differing}. Use the version of decaylab that made it"
        )
    return Recorded(recorded["seed"], settings)


def fresh_seed(recorded: Recorded, seed: int | None = None) -> int:
    """The seed to simulate again under: one above the data set's own, unless it is given.

    Raises:
        InputError: negative, or the data set's own, which would give the same curves.
    """
    if seed is None:
        return recorded.seed + 1
    if seed < 0:
        raise InputError(f"the seed must be 0 or more, not {seed}")
    if seed == recorded.seed:
        raise InputError(f"the data set itself was simulated with seed {seed}: give another one, or none")
    return seed


def first_rows(data: DataSet, rows: NDArray[np.int64], count: int | None) -> NDArray[np.int64]:
    """`count` of `rows`, mixed, ascending: the first by a hash of the room, so that more rooms include fewer ones.

    Args:
        data: the data set.
        rows: (n,) rows of it.
        count: how many; None: all.
    """
    if count is None or count >= len(rows):
        return np.sort(rows)
    order = sorted(rows.tolist(), key=lambda row: room_key(data.features[row]))
    return np.sort(np.array(order[:count], dtype=np.int64))
