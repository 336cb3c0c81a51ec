"""Anything that gives curves, held against a data set's: figures known beforehand."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

from decaylab.rooms.dataset import DataSet
from decaylab.rooms.features import RoomTable

sys.path.append(str(Path(__file__).parents[1] / "benchmarks"))
from against import PEERS, error_figures, other_simulation, score_against

TIME = np.arange(96_000) / 48_000
#: Reverberation times of ten rooms; Height carries them, so that a "model" can read them from the features.
TIMES = np.linspace(0.5, 1.4, 10)


def decay(times: NDArray[np.float64]) -> NDArray[np.float32]:
    return np.exp(-6 * np.log(10) * TIME / times[:, None]).astype(np.float32)


class Exponentials(DataSet):
    def __init__(self, times: NDArray[np.float64]) -> None:
        features = np.tile([5.0, 4, 3, 1, 1, 1, 3, 3, 2, *[0.3] * 7], (len(times), 1))
        features[:, 2] = 2.0 + TIMES[: len(times)]
        super().__init__(Path("none"), RoomTable([f"r{k}" for k in range(len(times))], features), "", {})
        self.curves = decay(times)

    def read(self, rows: ArrayLike, columns: slice = slice(None)) -> NDArray[np.float32]:
        return np.asarray(self.curves[np.asarray(rows), columns])


def test_errors_are_in_units_and_in_just_noticeable_differences() -> None:
    data = Exponentials(TIMES)
    ways: dict[str, Any] = {
        "longer": lambda rooms: decay((rooms[:, 2] - 2.0) * 1.1),
        "right": lambda rooms: decay(rooms[:, 2] - 2.0),
    }
    scores = score_against(data, np.arange(3, 10), ways)
    found = error_figures(scores["longer"])
    assert found["t20"]["mae"] == pytest.approx(0.1 * TIMES[3:].mean(), rel=1e-3)
    assert found["t20"]["bias"] == pytest.approx(found["t20"]["mae"])
    assert found["t20"]["jnd"] == pytest.approx([2.0, 2.0, 2.0], rel=1e-3), "10 % are two of 5 %"
    assert found["t20"]["within_jnd"] == 0.0
    assert (found["t20"]["rooms"], found["t20"]["invalid"]) == (7, 0)
    exact = error_figures(scores["right"])
    assert exact["c50"]["mae"] == pytest.approx(0.0, abs=1e-6)
    assert (exact["edt"]["within_jnd"], exact["edc"]["db_mae"]) == (1.0, 0.0)


def test_predictions_that_are_not_valid_are_counted() -> None:
    flat = {"flat": lambda rooms: np.ones((len(rooms), 96_000), dtype=np.float32), "right": lambda rooms: decay(TIMES)}
    found = error_figures(score_against(Exponentials(TIMES), np.arange(10), flat)["flat"])
    assert (found["t20"]["rooms"], found["t20"]["invalid"], found["t20"]["mae"]) == (0, 10, None)


def test_another_simulation_is_found_by_its_rooms_not_by_its_order() -> None:
    data, again = Exponentials(TIMES), Exponentials(TIMES[::-1].copy())
    again.features = data.features[::-1].copy()
    found = error_figures(score_against(data, np.arange(10), {"again": other_simulation(again)})["again"])
    assert found["t20"]["mae"] == 0.0


def test_physics_and_formulas_give_curves() -> None:
    features = Exponentials(TIMES).features[:2]
    for curves in PEERS.values():
        found = curves(features)
        assert (found.shape, found.dtype) == ((2, 96_000), np.float32)
        assert (found[:, 0] == 1.0).all()
