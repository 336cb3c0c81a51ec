"""The late part of a box room's decay on the rays that a simulator really traces, instead of in expectation.

Shapes: B rooms, K points in time, N = 8 bands, T bins of 4 ms, P = 6,000 points of 16 samples. SI units.

The simulator sends its rays into fixed directions, whatever the seed. What 16,000 of them miss of a room (the
library's own 400 to 1,800 far more) is the same in every simulation of it, and so part of what its labels are on
average. Here the same rays are traced; all else is as in `specular`. A geometry is traced once: walls are alike, so
that one histogram by time and walls met serves every material.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from decaylab.acoustics import EDC_SAMPLES, SAMPLING_RATE
from decaylab.acoustics.physics import SIMULATOR_DELAY, SPEED_OF_SOUND
from decaylab.models.images import LEAST_DISTANCE
from decaylab.models.specular import BIN, FIRST_TRACED, RADIUS, LateEnergy, carrier_gain
from decaylab.rooms.simulate import DEFAULT_RAYS
from decaylab.rooms.tracing import Rays, can_trace, ray_directions, trace_walls, usual_rays, walls_until

#: Share of its energy below which a ray is given up.
ENERGY_THRESHOLD = 1e-7
#: Samples between the points at which energy is summed: the carrier's gain bends within some milliseconds.
_STEP = 16
#: Geometries whose histograms are kept: some tens of megabytes.
_KEPT = 256
_BIN_LENGTH = SPEED_OF_SOUND * BIN / SAMPLING_RATE
_METRES_PER_SAMPLE = SPEED_OF_SOUND / SAMPLING_RATE


class Histogram(NamedTuple):
    """Energy (n,) by bin of time and walls met, for rays that are given up after `most_walls`."""

    bins: Tensor
    walls: Tensor
    energy: Tensor
    most_walls: float


class TracedEnergy(LateEnergy):
    """Energy that arrives after each point in time on the simulator's own rays; boxes of less than 0.71 m in any
    direction, which its tracer is not asked to trace, in expectation.

    Attributes:
        rays: how many are traced; 0: as many as the library traces unless told (`rooms.tracing.usual_rays`).
    """

    rays: Tensor
    middle: Tensor

    def __init__(self, rays: int | None = DEFAULT_RAYS) -> None:
        super().__init__()
        self.register_buffer("rays", torch.tensor(rays or 0))  # part of what a checkpoint holds
        points = torch.arange(EDC_SAMPLES // _STEP) * float(_STEP) + _STEP / 2
        self.register_buffer("middle", points, persistent=False)
        self._kept: OrderedDict[tuple[float, ...], Histogram] = OrderedDict()

    def forward(self, size: Tensor, source: Tensor, receiver: Tensor, log_reflection: Tensor, knots: Tensor) -> Tensor:
        """Energy from each knot to the last one, (B, K), in units of 1 / R^2; arguments as in `LateEnergy`.

        Args:
            size, source, receiver: (B, 3), metres.
            log_reflection: (B, N), ln of the share of energy that a wall reflects.
            knots: (B, K), sample positions, rising.
        """
        given = (size, source, receiver, log_reflection, knots)
        can = torch.tensor([can_trace(room.numpy(force=True), RADIUS) for room in size], device=size.device)
        if can.all():
            return self._traced(*given)
        after = super().forward(*given)
        return after.index_put((can,), self._traced(*(values[can] for values in given))) if can.any() else after

    def _traced(self, size: Tensor, source: Tensor, receiver: Tensor, log_reflection: Tensor, knots: Tensor) -> Tensor:
        geometry = torch.cat([size, source, receiver], dim=1).double()
        pairs = zip(geometry, log_reflection, strict=True)
        density = torch.stack([self._density(*pair) for pair in pairs])
        travelled = (self.middle * _METRES_PER_SAMPLE)[None].expand(len(size), -1)
        air = torch.exp(-0.5 * self.air[:, None] * travelled[0])
        away = (source - receiver).square().sum(dim=1, keepdim=True).clamp(min=LEAST_DISTANCE**2).sqrt()
        gain = carrier_gain(size.prod(dim=1, keepdim=True), away, travelled) * (travelled >= away)
        energy = self.join(self._drawn(density).sqrt() * air) * gain * _STEP  # (B, P)
        after = torch.nn.functional.pad(energy.flip(1).cumsum(dim=1).flip(1), (0, 1))  # at the points' left edges
        place = ((knots - SIMULATOR_DELAY) / _STEP).clamp(0.0, len(self.middle) - 1e-3)
        left = place.floor().long()
        at_left = after.gather(1, left)
        at_knots = at_left + (after.gather(1, left + 1) - at_left) * (place - left)
        return at_knots - at_knots[:, -1:]  # from each knot to the last one

    def _density(self, geometry: Tensor, log_share: Tensor) -> Tensor:
        """Energy per sample in the tracer's bins, (N, T), before air; of a geometry (9,)."""
        most = walls_until(ENERGY_THRESHOLD, math.exp(float(log_share.max())))
        found = self._histogram(geometry, most)
        used = found.walls <= most
        walls, bins, energy = found.walls[used], found.bins[used], found.energy[used]
        kept = energy * torch.exp(walls * log_share.cpu()[:, None])
        density = torch.zeros(len(log_share), EDC_SAMPLES // BIN + 1).index_add(1, bins, kept)
        return (density / BIN).to(log_share)

    def _drawn(self, density: Tensor) -> Tensor:
        """Straight lines between the centres of bins (B, N, T), at the points: (B, N, P)."""
        place = (self.middle / BIN - 0.5).clamp(min=0.0)
        left = place.floor().long()
        share = place - left
        return density[..., left] * (1.0 - share) + density[..., left + 1] * share

    def _histogram(self, geometry: Tensor, most: float) -> Histogram:
        """What was kept of this geometry, or traced now if its rays were given up too early for these walls."""
        key = (int(self.rays), *geometry.tolist())
        found = self._kept.pop(key, None)
        if found is None or found.most_walls < most:
            found = self._trace(geometry.numpy(force=True), _rounded_up(most))
        self._kept[key] = found
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return found

    def _trace(self, geometry: NDArray[np.float64], most_walls: float) -> Histogram:
        size, source, receiver = geometry.reshape(3, 3)
        count = int(self.rays) or usual_rays(float(size.prod()), RADIUS, _BIN_LENGTH)
        rays = Rays(
            directions=ray_directions(count),
            radius=RADIUS,
            bin_length=_BIN_LENGTH,
            distance_limit=EDC_SAMPLES * _METRES_PER_SAMPLE,
            least_walls=FIRST_TRACED,
            most_walls=most_walls,
        )
        by_walls = trace_walls(size, source, receiver, rays)[: EDC_SAMPLES // BIN + 1]
        bins, walls = np.nonzero(by_walls)
        return Histogram(
            torch.from_numpy(bins), torch.from_numpy(walls).float(), torch.from_numpy(by_walls[bins, walls]).float(),
            most_walls,
        )  # fmt: skip


def _rounded_up(walls: float) -> float:
    """To a power of two, so that a table of many materials traces each room a few times at most."""
    return walls if np.isinf(walls) else 2.0 ** np.ceil(np.log2(max(walls, 1.0)))
