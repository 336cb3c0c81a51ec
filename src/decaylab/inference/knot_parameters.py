"""The parameters in the form of an ONNX GRAPH: closed sums over straight lines. `acoustics` has the definitions.

Shapes: B rooms, K knots. A curve that is straight in dB between knots needs none of its 96,000 samples for a parameter:
sums over the samples between two knots are closed. The rules, and the samples that belong to a fit, are those of
`acoustics.room_parameters`, which a test compares: they agree within 1e-4 s and 1e-3 dB, mostly 1e-6. Only
operators that ONNX has; NaN where invalid. Arithmetic in float64: the sums of a line through 96,000 samples need it.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from decaylab.acoustics.onset import ONSET_RANGE_DB
from decaylab.acoustics.parameters import DIRECT_SOUND_SECONDS, RANGES

#: Energies of zero or less are taken for this level; a range that ends there is invalid.
LEAST_DB = -300.0


class Curve:
    """A curve by its knots, with its onset found: the first knot from which it falls as the onset's rule says.

    Args:
        level_db: (B, K), dB re 1.
        positions: (B, K), whole sample positions, rising; from the record's first sample to its last.
    """

    def __init__(self, level_db: Tensor, positions: Tensor) -> None:
        level, self.position = level_db.double(), positions.double()
        end = self.position[:, -1:] + 1.0
        #: Knot k stands for the samples from its position up to the one before `stop`.
        self.stop = torch.cat([self.position[:, 1:], end], dim=1)
        fall = (level[:, 1:] - level[:, :-1]) / (self.position[:, 1:] - self.position[:, :-1]).clamp(min=1.0)
        self.slope = torch.nn.functional.pad(fall, (0, 1))  # dB per sample
        # The largest drop between two samples of a straight line in dB is its first, at the knot itself.
        drop = torch.pow(10.0, level / 10.0) * (1.0 - torch.pow(10.0, self.slope / 10.0))
        largest = drop.amax(dim=1, keepdim=True)
        begins = (drop >= largest * 10.0 ** (-ONSET_RANGE_DB / 10.0)) & (largest > 0)
        self.start = begins.to(torch.int32).argmax(dim=1, keepdim=True)  # the first of equals
        self.onset = self.position.gather(1, self.start)  # (B, 1)
        self.relative = level - level.gather(1, self.start)
        self.dead = level <= LEAST_DB
        self.after = self.position >= self.onset
        self.samples = end - self.onset  # from the onset to the record's end

    def crossing(self, limit: float) -> tuple[Tensor, Tensor]:
        """First sample from the onset on at or below `limit` dB, and whether there is one that still has energy."""
        if limit >= 0:
            return self.onset, torch.ones_like(self.onset, dtype=torch.bool)
        below = (self.relative[:, 1:] <= limit) & self.after[:, :-1]
        knot = below.to(torch.int32).argmax(dim=1, keepdim=True)
        level, slope = self.relative.gather(1, knot), self.slope.gather(1, knot)
        steps = torch.ceil((limit - level) / torch.where(slope < 0, slope, -torch.ones_like(slope)))
        place, length = self.position.gather(1, knot), (self.stop - self.position).gather(1, knot)
        steps = torch.minimum(steps.clamp(min=1.0), length)
        alive = ~self.dead.gather(1, knot + 1)
        return place + steps, below.any(dim=1, keepdim=True) & alive

    def slope_between(self, first: Tensor, last: Tensor) -> Tensor:
        """Slope in dB per sample of the least-squares line through the samples first .. last, (B, 1)."""
        a = torch.maximum(self.position, first)
        b = torch.minimum(self.stop - 1.0, last)
        count = (b - a + 1.0).clamp(min=0.0)
        middle = 0.5 * (a + b)
        level = self.relative + self.slope * (middle - self.position)
        moment = count * (middle - 0.5 * (first + last)) * level + self.slope * _squares(count)
        return moment.sum(dim=1, keepdim=True) / _squares((last - first + 1.0).clamp(min=2.0))

    def level_after(self, samples: float) -> tuple[Tensor, Tensor]:
        """Level re the onset so many samples after it, and whether the record reaches so far; (B, 1)."""
        at = self.onset + samples
        knot = ((self.position <= at).to(torch.int64).sum(dim=1, keepdim=True) - 1).clamp(min=0)
        level = self.relative.gather(1, knot) + self.slope.gather(1, knot) * (at - self.position.gather(1, knot))
        return level, (samples < self.samples) & (level > LEAST_DB)

    def energy_after_onset(self) -> Tensor:
        """Sum of E / E(onset) over the samples behind the onset, (B, 1): geometric series."""
        rate = self.slope * (math.log(10.0) / 10.0)
        count = self.stop - self.position
        flat = rate.abs() < 1e-9
        safe = torch.where(flat, torch.ones_like(rate), rate)
        series = torch.where(flat, count, (1.0 - torch.exp(safe * count)) / (1.0 - torch.exp(safe)))
        each = torch.pow(10.0, self.relative / 10.0) * series
        return torch.where(self.after, each, torch.zeros_like(each)).sum(dim=1, keepdim=True) - 1.0


def with_start(level_db: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]:
    """Knots (B, K) with one more at the file's start, at 0 dB, as `models.grid.draw_curve` draws them: (B, K + 1)."""
    return tuple(torch.nn.functional.pad(values, (1, 0)) for values in (level_db, positions))  # type: ignore[return-value]


def parameters_of_knots(level_db: Tensor, positions: Tensor, sampling_rate: float) -> dict[str, Tensor]:
    """EDT, T20, T30, Ts in s, C50, C80 in dB, D50 as a ratio, `onset` in samples; float64, (B,) each, NaN if invalid.

    Args:
        level_db, positions: (B, K), see `Curve`.
        sampling_rate: in Hz.
    """
    curve = Curve(level_db, positions)
    found: dict[str, Tensor] = {name: _decay_time(curve, name, sampling_rate) for name in ("edt", "t20", "t30")}
    for name in ("c50", "c80"):
        level, valid = curve.level_after(round(sampling_rate * int(name[1:]) / 1000))
        late = torch.pow(10.0, level / 10.0)
        early = (1.0 - late).clamp(min=1e-12)
        found[name] = _where(valid & (late < 1.0), 10.0 * torch.log10(early / late))
        if name == "c50":
            found["d50"] = _where((curve.samples > round(sampling_rate * 0.050)) & (late <= 1.0), 1.0 - late)
    found["ts"] = curve.energy_after_onset() / sampling_rate
    found["onset"] = curve.onset
    return {name: value[:, 0] for name, value in found.items()}


def parameters_of_samples(curve: Tensor, sampling_rate: float) -> dict[str, Tensor]:
    """The same of curves (B, S) that a network answers sample by sample: they may rise, or end below 0."""
    energy = curve.double()
    level = 10.0 * torch.log10(energy.clamp(min=10.0 ** (LEAST_DB / 10.0)))
    samples = torch.arange(curve.shape[1], dtype=torch.float64, device=curve.device)
    found = parameters_of_knots(level, samples.expand_as(level), sampling_rate)
    onset = found["onset"][:, None]
    start = energy.gather(1, onset.long())
    # Sums and differences of energies, which may be 0 or less where levels may not.
    after = torch.where(samples > onset, energy, torch.zeros_like(energy)).sum(dim=1, keepdim=True)
    split = onset + round(sampling_rate * 0.050)
    late = energy.gather(1, split.clamp(max=curve.shape[1] - 1.0).long())
    inside = (split < curve.shape[1]) & (late >= 0) & (late <= start)
    found["ts"] = _where(start > 0, after / (start * sampling_rate))[:, 0]
    found["d50"] = _where(inside & (start > 0), (start - late) / start)[:, 0]
    return found


def _decay_time(curve: Curve, name: str, sampling_rate: float) -> Tensor:
    upper, lower, headroom = RANGES[name]
    (first, begins), (last, ends) = curve.crossing(upper), curve.crossing(lower)
    slope = curve.slope_between(first, last)
    falls = slope < 0
    seconds = -60.0 / (torch.where(falls, slope, -torch.ones_like(slope)) * sampling_rate)
    valid = begins & ends & (last > first) & falls & (seconds <= 60.0 / headroom * curve.samples / sampling_rate)
    if name == "edt":
        valid = valid & (last - curve.onset > DIRECT_SOUND_SECONDS * sampling_rate)
    return _where(valid, seconds)


def _squares(count: Tensor) -> Tensor:
    """Sum of squared distances of `count` neighbouring samples from their middle."""
    return count * (count * count - 1.0) / 12.0


def _where(valid: Tensor, value: Tensor) -> Tensor:
    return torch.where(valid, value, torch.full_like(value, float("nan")))
