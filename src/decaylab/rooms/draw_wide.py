"""Rooms much wider than the published grid: from a bathroom to a small hall, of any shape, source and receiver."""

from __future__ import annotations

import numpy as np

from decaylab.rooms.draw import Floats, drawn_table, estimated_t20, placed
from decaylab.rooms.features import RoomTable

#: Volume in m^3, ratio of the floor's sides and height in m, each uniform in its logarithm; shortest and longest side.
VOLUME_RANGE = (4.0, 2000.0)
ASPECT_RANGE = (1.0, 8.0)
HEIGHT_RANGE = (2.0, 12.0)
LEAST_SIDE, MOST_SIDE = 1.0, 40.0
#: Source and receiver keep this far from every wall and from each other, in metres.
CLEARANCE, SEPARATION = 0.1, 0.3
#: At most so many materials are mixed.
MOST_MATERIALS = 3
#: Rooms are drawn again unless their estimated T20 in seconds lies between: below, nothing but the direct sound is
#: heard; above, near the 3.43 s that a record of 2 s can hold, a parameter turns invalid by chance.
LEAST_T20, MOST_T20 = 0.08, 3.0

#: Changes when the same seed draws other rooms; data sets of different versions are not continued.
WIDE_VERSION = 1


def draw_wide_rooms(count: int, seed: int) -> RoomTable:
    """`count` random rooms, (count, 16); room i depends on the seed and i only, never on the count.

    Volumes are uniform in their logarithm, and so are heights and the ratio of length and width. The six walls are of
    one to three materials of the library's table, mixed by random shares of their surface: a room has one absorption,
    the mean over its surface. Source and receiver stand anywhere. A surface is drawn again until the decay fits the
    record of 2 s.

    Args:
        count: how many.
        seed: of the drawing, 0 or more.

    Raises:
        MissingExtraError: pyroomacoustics, whose table it is, is not installed.
    """
    return drawn_table("wide", count, seed, _draw)


def _draw(materials: Floats, rng: np.random.Generator) -> Floats:
    size, surface = _size(rng), _surface(materials, rng)
    # A hall of marble never fits: after some surfaces another room is drawn, too.
    tries = 0
    while not LEAST_T20 <= estimated_t20(size[None], surface[None])[0] <= MOST_T20:
        tries += 1
        size = size if tries % 50 else _size(rng)
        surface = _surface(materials, rng)
    # To a ten-thousandth, so that the table is readable and reads back as the same numbers.
    return np.concatenate([placed(size, CLEARANCE, SEPARATION, rng), np.round(surface, 4)])


def _size(rng: np.random.Generator) -> Floats:
    """Length, width and height in metres, (3,), either floor side the longer."""
    volume = _log_uniform(rng, VOLUME_RANGE)
    while True:
        height, aspect = _log_uniform(rng, HEIGHT_RANGE), _log_uniform(rng, ASPECT_RANGE)
        width = (volume / height / aspect) ** 0.5
        if width >= LEAST_SIDE and aspect * width <= MOST_SIDE:
            break
    sides = [aspect * width, width] if rng.random() < 0.5 else [width, aspect * width]
    return np.array([*sides, height])


def _surface(materials: Floats, rng: np.random.Generator) -> Floats:
    """Absorption of a random mixture of materials, (7,)."""
    count = int(rng.integers(1, MOST_MATERIALS + 1))
    return np.asarray(rng.dirichlet(np.ones(count)) @ materials[rng.integers(len(materials), size=count)])


def _log_uniform(rng: np.random.Generator, limits: tuple[float, float]) -> float:
    return float(np.exp(rng.uniform(*np.log(limits))))
