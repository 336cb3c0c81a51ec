"""Rays in a box whose six walls are alike and do not scatter, without marching from wall to wall. numpy alone.

Unfolded at the walls, the path of such a ray is a straight line through a lattice of mirrored boxes, each with an image
of the receiver. Energy arrives wherever the line passes an image at less than the receiver's radius, and the walls met
by then are the boxes that the line left. So not every wall that a ray meets is looked at (230 in 2 s of a room of 40
m3), only where it crosses the planes in which images lie, one axis of three, thousands of crossings at a time.

Directions, thresholds and what a passage counts for are those of pyroomacoustics' ray tracing (`libroom_src/room.cpp`),
after D. Schroeder, Physically based real-time auralization of interactive virtual environments, 2011, section 5.4. The
histograms agree but for rays that graze the receiver or an edge of the box, where both are a matter of rounding.

Shapes: m rays, b bands, n passages.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Integers = NDArray[np.int64]

#: What the source sends out, as the library counts it, so that rays and image sources have one scale.
_SOURCE_ENERGY = 2.0

#: Crossings are sieved in single precision, for a receiver this much larger; what passes is computed in double.
_SLACK = 1.001

#: Planes looked at together: arrays of a hundred kilobytes stay in the processor's cache.
_PLANES = 8

#: A passage lies at most this many radii from where the ray crosses the image's plane, along each of the other axes.
_REACH = 2.0**0.5


@dataclass(frozen=True)
class Rays:
    """What is traced, and how far.

    Attributes:
        directions: (m, 3), unit vectors from the source.
        radius: of the receiver, m. bin_length: of the histogram, m.
        distance_limit: a ray is given up at the first wall beyond, m.
        least_walls: passages after fewer walls are left out (image sources take their place).
        most_walls: a ray is given up after so many (`walls_until`).
    """

    directions: Floats
    radius: float
    bin_length: float
    distance_limit: float
    least_walls: int
    most_walls: float


def walls_until(threshold: float, largest: float) -> float:
    """Walls after which a ray holds less than `threshold` of its energy, where a wall sends back at most `largest`."""
    if largest >= 1.0:
        return np.inf
    return float(np.floor(np.log(threshold) / np.log(largest))) if largest > 0 else 0.0


class _Passages(NamedTuple):
    """(n,) each: distance travelled in m, walls met."""

    distance: Floats
    walls: Integers


def can_trace(size: Floats, radius: float) -> bool:
    """Whether the box is large enough for its receiver: a crossing has no images within reach two boxes away."""
    return bool(size.min() > _REACH * radius)


def trace_box(size: Floats, source: Floats, receiver: Floats, reflection: Floats, rays: Rays) -> Floats:
    """Energy at the receiver by band and distance travelled: (b, bins), with as many bins as hold energy.

    Args:
        size, source, receiver: (3,), m; `can_trace(size, rays.radius)`.
        reflection: (b,), share of the energy that a wall sends back, by band.
        rays: what is traced, and how far.
    """
    by_walls = trace_walls(size, source, receiver, rays)
    kept = reflection[:, None] ** np.arange(by_walls.shape[1])
    return np.asarray(np.einsum("tn,bn->bt", by_walls, kept))  # not @: BLAS would start threads


def trace_walls(size: Floats, source: Floats, receiver: Floats, rays: Rays) -> Floats:
    """Energy at the receiver by distance travelled and walls met, as if these took nothing: (bins, walls).

    All walls are alike: what a band keeps is a power of the walls met, so one histogram serves all bands, and all
    materials whose rays live as long.

    Args:
        size, source, receiver: (3,), m; `can_trace(size, rays.radius)`.
        rays: what is traced, and how far.
    """
    steepest = np.abs(rays.directions).argmax(axis=1)
    found = [_Passages(np.zeros(0), np.zeros(0, dtype=np.int64))]
    for axis in range(3):
        group = rays.directions[steepest == axis]
        if len(group):
            axes = np.roll(np.arange(3), -axis)
            found += _Group(size[axes], source[axes], receiver[axes], group[:, axes], rays).passages()
    distance, walls = (np.concatenate(parts) for parts in zip(*found, strict=True))
    # Schroeder 2011, eq. 5.54: over the chance that a ray of that length meets the receiver.
    square = distance**2
    chance = 1.0 - np.sqrt(1.0 - rays.radius**2 / np.maximum(rays.radius**2, square))
    energy = _SOURCE_ENERGY / len(rays.directions) / (square * chance)
    bins = (distance / rays.bin_length).astype(np.int64)
    bin_count, wall_count = int(bins.max(initial=-1)) + 1, int(walls.max(initial=-1)) + 1
    by_walls = np.bincount(bins * wall_count + walls, energy, bin_count * wall_count)
    return np.asarray(by_walls.reshape(bin_count, wall_count), dtype=np.float64)


def ray_directions(count: int) -> Floats:
    """The fixed directions in which the simulator sends its rays, (count, 3): a spiral over the sphere in even steps.

    Those of `pyroomacoustics.doa.fibonacci_spherical_sampling` (R. Marques et al., Spherical Fibonacci point sets for
    illumination integrals, Computer Graphics Forum 32, 2013).
    """
    step = np.arange(count)
    height = step * (2.0 / count) - 1.0 + 1.0 / count
    radius, angle = np.sqrt(1.0 - height**2), step * (np.pi * (3.0 - np.sqrt(5.0)))
    return np.stack([np.cos(angle) * radius, np.sin(angle) * radius, height], axis=1)


def usual_rays(volume: float, radius: float, bin_length: float) -> int:
    """How many rays the simulator traces unless told: 20 hits in a bin of the histogram, on average.

    M. Vorlaender, Auralization, 2008, eq. 11.12. Volume in cubic metres, the other two in metres.

    Args:
        volume: of the room, m^3.
        radius: of the receiver, m.
        bin_length: of the histogram, m.
    """
    return int(20 * (volume / (np.pi * radius**2 * bin_length)))


class _Group:
    """Rays whose steepest axis is the first, mirrored so that they all go upwards; arrays are (3, m) and (m,).

    The first axis counts the planes; along the other two a crossing has the coordinate `start + step x plane`, with one
    start for even planes and one for odd ones, in units of two boxes: after that the images repeat.
    """

    def __init__(self, size: Floats, source: Floats, receiver: Floats, directions: Floats, rays: Rays) -> None:
        self.size, self.rays = size[:, None], rays
        rise = np.maximum(np.abs(directions.T), 1e-12)  # never 0: a ray along an axis stays in its row of boxes
        # Rays that live longest come first, so that those still alive at a plane are the first ones.
        reach = np.minimum(
            rays.distance_limit + np.linalg.norm(size), (rays.most_walls + 4.0) / (rise / self.size).sum(axis=0)
        )
        planes = np.ceil(reach * rise[0] / size[0]).astype(np.int64) + 1
        order = np.argsort(-planes, kind="stable")
        self.planes, self.rise = planes[order], rise[:, order]
        upwards = directions.T[:, order] > 0
        self.source, self.receiver = (
            np.where(upwards, point[:, None], (size - point)[:, None]) for point in (source, receiver)
        )
        self.starts, self.step = self._crossings()
        self.single = [(start.astype(np.float32), self.step.astype(np.float32)) for start in self.starts]
        close = np.minimum(receiver, size - receiver) < _REACH * rays.radius
        # The image of the box that is crossed; where the receiver is close to a wall, those of its neighbours too.
        own = self.receiver / (2.0 * self.size)
        self.offsets = [[own[axis], *([-own[axis], 1.0 - own[axis]] if close[axis] else [])] for axis in range(3)]
        self.single_offsets = [[offset.astype(np.float32) for offset in of_axis] for of_axis in self.offsets]
        self.quadratic = self._quadratic()

    def passages(self) -> Iterator[_Passages]:
        """Every passage within the limits of its ray."""
        for first in range(0, int(self.planes[0]), 2 * _PLANES):
            alive = int(np.searchsorted(-self.planes, -first))
            for parity in (0, 1):
                planes = np.arange(first + parity, first + 2 * _PLANES, 2)
                rests = [self._rest(planes, parity, axis, alive) for axis in (1, 2)]
                for offsets in product(*(range(len(self.offsets[axis])) for axis in (1, 2))):
                    close = np.flatnonzero(self._is_close(rests, offsets))
                    if close.size:
                        row, ray = np.divmod(close, alive)
                        yield self._exact(planes[row], parity, ray, offsets)

    def _crossings(self) -> tuple[list[Floats], Floats]:
        climb = self.rise / (2.0 * self.size) / self.rise[0]
        start = self.source / (2.0 * self.size)
        even = self.receiver[0] - self.source[0]
        odd = self.size[0] - self.receiver[0] - self.source[0]
        return [start + climb * first for first in (even, odd)], climb * self.size[0]

    def _quadratic(self) -> tuple[Singles, Singles, Singles]:
        """Square of the distance between line and image from the offsets y, z in their plane: a y^2 - b y z + c z^2."""
        _, across, up = self.rise
        width, height = 2.0 * self.size[1:]
        a, c = (1.0 - across**2) * width**2, (1.0 - up**2) * height**2
        return a.astype(np.float32), (2.0 * across * up * width * height).astype(np.float32), c.astype(np.float32)

    def _rest(self, planes: Integers, parity: int, axis: int, alive: int) -> Singles:
        """Where crossings lie between the images of two boxes, -0.5..0.5: (planes, alive)."""
        start, step = self.single[parity]
        rest = planes.astype(np.float32)[:, None] * step[axis, :alive]
        rest += start[axis, :alive]
        rest -= np.rint(rest)
        return rest

    def _is_close(self, rests: list[Singles], offsets: tuple[int, ...]) -> NDArray[np.bool_]:
        alive = rests[0].shape[1]
        y, z = (
            rest - np.copysign(np.float32(1), rest) * self.single_offsets[axis][offset][:alive]
            for axis, rest, offset in zip((1, 2), rests, offsets, strict=True)
        )
        a, b, c = (factor[:alive] for factor in self.quadratic)
        square = y * a
        square -= z * b
        square *= y
        z *= z
        z *= c
        square += z
        return np.asarray(square < np.float32((_SLACK * self.rays.radius) ** 2))

    def _exact(self, planes: Integers, parity: int, ray: Integers, offsets: tuple[int, ...]) -> _Passages:
        """Of these crossings the passages that count, in double precision."""
        rays, size = self.rays, self.size
        rise, source, receiver = self.rise[:, ray], self.source[:, ray], self.receiver[0, ray]
        images = np.empty_like(rise)
        images[0] = planes * size[0] + (size[0] - receiver if parity else receiver)
        for axis, offset in zip((1, 2), offsets, strict=True):
            crossing = self.starts[parity][axis, ray] + self.step[axis, ray] * planes
            rest = crossing - np.rint(crossing)
            offset_of_ray = np.copysign(1.0, rest) * self.offsets[axis][offset][ray]
            images[axis] = 2.0 * size[axis] * (crossing - rest + offset_of_ray)
        boxes = np.floor(images / size).astype(np.int64)
        walls = boxes.sum(axis=0)
        way, entry = images - source, boxes * size
        distance = (way * rise).sum(axis=0)
        point = source + rise * distance
        counts = ((way**2).sum(axis=0) - distance**2 < rays.radius**2) & (distance > 0)
        counts &= (walls >= rays.least_walls) & (walls <= rays.most_walls)
        # As the library: the nearest point lies inside the image's own box, which the ray enters within its limit.
        counts &= ((point >= entry) & (point <= entry + size)).all(axis=0)
        counts &= (entry - source <= rays.distance_limit * rise).all(axis=0)
        return _Passages(distance[counts], walls[counts])
