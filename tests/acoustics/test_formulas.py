"""Curves by Sabine's and Eyring's formulas: against their own sums at single samples, and where they end."""

from __future__ import annotations

import math

import numpy as np
import pytest

from decaylab.acoustics import room_parameters
from decaylab.acoustics.formulas import FORMULAS, formula_edc
from decaylab.acoustics.physics import AIR_ABSORPTION, BAND_SHARES, eyring_t60, hold_last_band, sabine_t60

SIZE, SOURCE, RECEIVER = np.array([[7.0, 5.0, 3.0]]), np.array([[1.0, 2.0, 1.5]]), np.array([[5.0, 3.0, 1.2]])
ABSORPTION = np.array([[0.3, 0.25, 0.2, 0.15, 0.1, 0.12, 0.2]])


def curve(name: str, absorption: np.ndarray = ABSORPTION) -> np.ndarray:
    return formula_edc(name, SIZE, SOURCE, RECEIVER, absorption)[0].astype(np.float64)


@pytest.mark.parametrize("name", FORMULAS)
def test_the_curve_is_direct_sound_and_a_diffuse_field_in_every_band(name: str) -> None:
    t60 = {"sabine": sabine_t60, "eyring": eyring_t60}[name](SIZE, hold_last_band(ABSORPTION))[0]
    distance, volume = math.sqrt(16 + 1 + 0.09), 105.0
    arrival = distance / 343 * 48_000 + 40

    def energy(sample: int) -> float:
        total = 0.0
        for share, air, time in zip(BAND_SHARES, AIR_ABSORPTION, t60, strict=True):
            k = 6 * math.log(10) / time
            travelled = distance / 343 + (sample - arrival) / 48_000
            until = distance / 343 + (96_000 - arrival) / 48_000
            total += share * 343 / volume * (math.exp(-k * travelled) - math.exp(-k * until)) / k
            if sample <= arrival:
                total += share * math.exp(-air * distance) / (4 * math.pi * distance**2)
        return total

    got, first = curve(name), math.ceil(arrival)
    assert (got[: first + 1] == 1.0).all()
    whole = energy(first) + energy(math.floor(arrival)) - energy(math.floor(arrival) + 1)  # with the direct sound
    for sample in (first + 1, first + 500, 10_000, 30_000, 90_000):
        assert got[sample] == pytest.approx(energy(sample) / whole, rel=2e-3)
    assert (np.diff(got) <= 0).all()


def test_even_walls_decay_with_the_formulas_time() -> None:
    """No band differs but by air: T20 lies between the times of 125 Hz and of 16 kHz."""
    even = np.full((1, 7), 0.3)
    for name, formula in FORMULAS.items():
        t20 = room_parameters(curve(name, even))["t20"]
        times = formula(SIZE, hold_last_band(even))[0]
        assert times.min() < t20 < times.max()


def test_eyring_falls_faster_and_a_perfect_absorber_leaves_the_direct_sound() -> None:
    assert curve("eyring")[20_000] < curve("sabine")[20_000]
    dead = curve("eyring", np.ones((1, 7)))
    assert dead[0] == 1.0
    assert dead[5_000] < 1e-9
