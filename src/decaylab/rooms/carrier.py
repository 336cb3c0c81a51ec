"""The random carrier under a decay: pulses at the arrivals of a Poisson process, drawn as pyroomacoustics draws them.

After D. Schroeder, Physically based real-time auralization of interactive virtual environments, 2011, section 5.3.4.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: Arrivals per second at most; before, their rate follows the room's own.
_MOST_ARRIVALS = 10_000.0


@dataclass(frozen=True)
class Carrier:
    """Of one room.

    Attributes:
        travel: of the direct sound, s.
        density: 4 pi c^3 / V in 1/s^3: image sources arrive at the rate of density x (time since emission)^2.
        samples, rate: of the carrier, rate in Hz.
        half_window: samples before and behind a pulse over which the power around it is taken.
    """

    travel: float
    density: float
    samples: int
    rate: int
    half_window: int

    def draw(self, seed: int) -> NDArray[np.float64]:
        """Pulses of random sign, (samples,), each over the root of the pulses around it per half window."""
        random = np.random.default_rng(seed)
        random.integers(2**64 - 1, dtype=np.uint64)  # with which the library seeds its other generator
        pulses = (self._arrivals(random) * self.rate).astype(np.int64)
        # In the library's order: a first set of signs, of which only the places count; directions; the signs.
        random.choice([1, -1], size=len(pulses))
        random.uniform(size=len(pulses))
        signs = random.choice([1, -1], size=len(pulses))
        # Pulses in one sample count once in the power, and add up in the carrier.
        filled = np.zeros(pulses[-1] + 1)
        filled[pulses] = 1.0
        before = np.concatenate([[0.0], np.cumsum(filled)])
        last, first = np.minimum(pulses + self.half_window, len(filled)), np.maximum(pulses - self.half_window, 0)
        power = (before[last] - before[first]) / 2.0
        return np.asarray(np.bincount(pulses, signs / np.sqrt(power))[: self.samples], dtype=np.float64)

    def _arrivals(self, random: np.random.Generator) -> NDArray[np.float64]:
        """Times in s, from the direct sound's until one lies the carrier's duration later or more.

        As in the library the rate up to an arrival is that at the one before, and its clock counts the direct sound's
        travel twice. One after the other only until the rate is constant: some hundred in a living room.
        """
        time, end = self.travel, self.travel + self.samples / self.rate
        times = [time]
        while time < end and (rate := self.density * (self.travel + time) ** 2) < _MOST_ARRIVALS:
            time += math.log(1.0 / random.uniform()) / rate
            times.append(time)
        if time >= end:
            return np.array(times)
        begin, size = random.bit_generator.state, 64
        while True:
            size += int(1.1 * (end - time) * _MOST_ARRIVALS)
            rest = np.cumsum(np.concatenate([[time], np.log(1.0 / random.uniform(size=size)) / _MOST_ARRIVALS]))[1:]
            random.bit_generator.state = begin
            if rest[-1] >= end:
                used = int(np.searchsorted(rest, end)) + 1
                random.uniform(size=used)  # as if no more had been drawn
                return np.concatenate([times, rest[:used]])
