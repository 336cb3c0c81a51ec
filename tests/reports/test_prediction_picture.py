"""The picture of `decaylab predict --plot`: levels over time, one line a receiver."""

from __future__ import annotations

import numpy as np

from decaylab.inference import Prediction
from decaylab.reports.decay_picture import prediction_picture
from decaylab.rooms.features import RECEIVER, RoomTable

RATE = 48_000


def test_each_receiver_has_its_decay_its_place_and_its_t20() -> None:
    times = np.arange(RATE) / RATE
    curves = np.stack([np.exp(-6 * np.log(10) * times / t20) for t20 in (0.5, 1.0)]).astype(np.float32)
    features = np.zeros((2, 16))
    features[:, RECEIVER] = [[4, 3, 1.2], [3, 1, 1.25]]
    t20 = np.array([0.5, np.nan])
    prediction = Prediction(["a", "b"], {"t20": t20}, np.array([0, 0]), {}, np.nan, curves, RATE)
    (panel,) = prediction_picture(RoomTable(["a", "b"], features), prediction).panels
    assert [mark.label for mark in panel.marks] == ["4,3,1.2: T20 0.500 s", "3,1,1.25: T20 invalid"]
    for mark, decay in zip(panel.marks, (0.5, 1.0), strict=True):
        np.testing.assert_allclose(np.interp(0.1, mark.x, mark.y), -60 * 0.1 / decay, atol=0.05)
