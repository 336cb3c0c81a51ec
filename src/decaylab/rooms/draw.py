"""Rooms of one's own: random boxes with real materials, whose decay fits the record."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from decaylab.acoustics import EDC_SAMPLES, SAMPLING_RATE, room_parameters
from decaylab.acoustics.physics import hold_last_band, specular_decay
from decaylab.rooms.features import RoomTable
from decaylab.rooms.materials import material_table

Floats = NDArray[np.float64]
Draw = Callable[[Floats, np.random.Generator], Floats]

#: Length and width, then height, in metres: the published grid's 3..4 x 3..6 x 2.5..4 m, a little wider and continuous.
FLOOR_RANGE = (2.8, 6.2)
HEIGHT_RANGE = (2.4, 4.2)

#: Source and receiver keep this far from every wall, and from each other, in metres (the published rooms: 1 m both).
WALL_CLEARANCE = 0.8
LEAST_SEPARATION = 1.0

#: Rooms whose estimated T20 in seconds is shorter are not drawn: their curve is the direct sound and little else. Nor
#: those where it is longer than in any published room: near the 3.43 s that a record of 2 s can hold, a parameter
#: turns invalid by chance, and the labels of so live rooms are several times as noisy.
LEAST_T20, MOST_T20 = 0.20, 2.5

#: Points of the estimated curve: coarse, since a decay of 0.2 s still has 13 of them in its T20.
_ESTIMATE_RATE = 200

#: Changes when the same seed draws other rooms; data sets of different versions are not continued.
DRAW_VERSION = 1


def draw_rooms(count: int, seed: int) -> RoomTable:
    """`count` random rooms, (count, 16); room i depends on the seed and i only, never on the count.

    Length, width and height are uniform over ranges like the published ones, all six walls are of one material of the
    library's table, and source and receiver stand anywhere `WALL_CLEARANCE` from the walls. A material is drawn again
    until the room's estimated T20 lies between `LEAST_T20` and `MOST_T20`. It is an estimate: a few rooms in a hundred
    turn out to have an invalid EDT.

    Args:
        count: how many.
        seed: of the drawing, 0 or more.

    Raises:
        MissingExtraError: pyroomacoustics, whose table it is, is not installed.
    """
    return drawn_table("drawn", count, seed, _draw)


def drawn_table(name: str, count: int, seed: int, draw: Draw) -> RoomTable:
    """`count` rooms called `<name>_s<seed>_000001` ..., each from a generator of its own.

    Args:
        name: the rooms' names begin with it.
        count: how many.
        seed: of the generators; room i has that of (seed, i).
        draw: materials (m, 7) and a generator to the features of one room, (16,).
    """
    materials = np.array(list(material_table().values()))
    features = np.array([draw(materials, np.random.default_rng([seed, index])) for index in range(count)])
    return RoomTable([f"{name}_s{seed}_{index:06d}" for index in range(1, count + 1)], features.reshape(count, 16))


def placed(size: Floats, clearance: float, separation: float, rng: np.random.Generator) -> Floats:
    """Size, source and receiver, (9,), the latter two anywhere in the room; to the millimetre, so that it reads back.

    Args:
        size: (3,) in metres.
        clearance: least distance from every wall in metres.
        separation: least distance from each other in metres.
        rng: draws until both hold.
    """
    while True:
        source, receiver = rng.uniform(clearance, size - clearance, (2, 3))
        if np.linalg.norm(source - receiver) >= separation:
            return np.round(np.concatenate([size, source, receiver]), 3)


def estimated_t20(size: Floats, absorption: Floats) -> Floats:
    """Broadband T20 in seconds, (n,), of rooms (n, 3) with absorption (n, 7); NaN where 2 s cannot hold it.

    From the energy that `specular_decay` expects, integrated over the record as a response is; direct sound left out.
    """
    time = np.arange(EDC_SAMPLES * _ESTIMATE_RATE // SAMPLING_RATE) / _ESTIMATE_RATE
    energy = specular_decay(size, hold_last_band(absorption), time)
    curves = np.cumsum(energy[:, ::-1], axis=1)[:, ::-1]
    return room_parameters(curves, sampling_rate=_ESTIMATE_RATE, onset=0, names=("t20",))["t20"]


def _draw(materials: Floats, rng: np.random.Generator) -> Floats:
    size = np.array([rng.uniform(*FLOOR_RANGE), rng.uniform(*FLOOR_RANGE), rng.uniform(*HEIGHT_RANGE)])
    while True:
        material = materials[rng.integers(len(materials))]
        if LEAST_T20 <= estimated_t20(size[None], material[None])[0] <= MOST_T20:
            return np.concatenate([placed(size, WALL_CLEARANCE, LEAST_SEPARATION, rng), material])
