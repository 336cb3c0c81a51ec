"""The time knots of `compact`: where they lie in a room's record, and a curve drawn through them.

Shapes: B rooms, K knots. Positions are sample indices from the start of the file.
"""

from __future__ import annotations

import torch
from torch import Tensor

from decaylab.acoustics import EDC_SAMPLES

#: Knots one sample apart around the direct arrival, in samples relative to it: the onset rule needs them.
FIRST, LAST_DENSE = -4, 24
#: Ratio of neighbouring knots' times after the direct arrival, once that is more than a sample.
GROWTH = 1.04

_LAST = EDC_SAMPLES - 1
#: Room for the knots after the arrival that is always kept: 1 s. A direct arrival later than that (343 m) is no room's.
_LATEST_ARRIVAL = EDC_SAMPLES // 2


def knot_fractions() -> Tensor:
    """Where the sparse knots lie between the last dense one (0) and the record's end (1), geometric in time; float64.

    Spacing is more than one sample even for the latest arrival, so that positions rounded to samples all differ.
    """
    span = float(_LAST - LAST_DENSE)
    offsets: list[float] = []
    offset = float(LAST_DENSE)
    while offset < _LAST:
        offset = max(offset * GROWTH, offset + span / (_LAST - LAST_DENSE - _LATEST_ARRIVAL) + 1e-3)
        offsets.append(offset)
    return (torch.tensor(offsets, dtype=torch.float64) - LAST_DENSE) / (offsets[-1] - LAST_DENSE)


def knot_positions(arrival: Tensor, fractions: Tensor) -> Tensor:
    """Whole sample positions of the knots, (B, K), strictly rising, the last one the record's last sample.

    Args:
        arrival: (B,), sample at which the direct sound arrives, not rounded.
        fractions: `knot_fractions`, of any floating dtype.
    """
    start = arrival.clamp(-FIRST, _LATEST_ARRIVAL).floor().unsqueeze(1)
    dense = start + torch.arange(FIRST, LAST_DENSE + 1, device=arrival.device, dtype=arrival.dtype)
    sparse = start + LAST_DENSE + (_LAST - LAST_DENSE - start) * fractions.to(arrival.dtype)
    return torch.cat([dense, sparse.round()], dim=1)


def draw_curve(level_db: Tensor, positions: Tensor) -> Tensor:
    """Linear energy at every sample, (B, 96000): straight lines in dB between knots, and from 0 dB at the file's start.

    Args:
        level_db: (B, K), dB re 1.
        positions: (B, K), from `knot_positions`: whole numbers, rising, the last one the last sample.
    """
    # Number of knots at or before each sample, by a running sum over marks: exports, unlike a search.
    index = positions.long()
    marks = torch.zeros(level_db.shape[0], EDC_SAMPLES, dtype=level_db.dtype, device=level_db.device)
    passed = marks.scatter(1, index, 1.0).cumsum(dim=1).long()
    slope = (level_db[:, 1:] - level_db[:, :-1]) / (positions[:, 1:] - positions[:, :-1]).to(level_db.dtype)
    first = level_db[:, :1] / positions[:, :1].to(level_db.dtype).clamp(min=1.0)
    slope = torch.cat([first, slope, torch.zeros_like(first)], dim=1)  # the last one: after the last knot
    left = torch.nn.functional.pad(level_db, (1, 0))
    # Level at sample s: left + slope x (s - position) = (left - slope x position) + slope x s would lose digits.
    samples = torch.arange(EDC_SAMPLES, dtype=level_db.dtype, device=level_db.device)
    start = torch.nn.functional.pad(positions.to(level_db.dtype), (1, 0))
    level = left.gather(1, passed) + slope.gather(1, passed) * (samples - start.gather(1, passed))
    return torch.pow(10.0, level / 10.0)
