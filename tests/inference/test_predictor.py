"""`load_model` and what it gives: parameters of its own curves, ranges, intervals, several receivers, refusals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import decaylab
from decaylab import load_model
from decaylab.acoustics import onset_index, room_parameters
from decaylab.errors import DataError
from decaylab.inference import PARAMETERS, UNITS, Predictor, load
from decaylab.inference.drawing import draw_through_knots
from decaylab.models import build_model
from decaylab.models.grid import draw_curve
from decaylab.rooms import RoomTable
from decaylab.rooms.features import FEATURE_NAMES
from decaylab.training.checkpoint import save_checkpoint


@pytest.fixture(scope="module")
def model(checkpoint: Path) -> Predictor:
    return load_model(checkpoint.parent.parent)


def test_the_parameters_are_those_of_its_own_curves(model: Predictor, rooms: np.ndarray) -> None:
    found = model.predict(rooms)
    assert found.curves is not None
    assert (found.curves.shape, found.curves.dtype) == ((10, 96_000), np.float32)
    expected = room_parameters(found.curves, names=PARAMETERS)
    np.testing.assert_array_equal(found.onset, onset_index(found.curves))
    for name in PARAMETERS:
        np.testing.assert_allclose(found.parameters[name], expected[name], rtol=0, atol=1e-4, err_msg=name)
    assert (np.diff(found.curves, axis=1) <= 0).all()
    assert found.units == UNITS
    assert found.sampling_rate == 48_000


def test_the_onset_is_the_direct_arrival(model: Predictor, rooms: np.ndarray) -> None:
    distance = np.linalg.norm(rooms[:, 3:6] - rooms[:, 6:9], axis=1)
    late = distance / 343.0 * 48_000 + 40 - model.predict(rooms, curves=False).onset
    assert (late >= 0).all()
    assert (late < 5).all()


def test_curves_are_the_model_in_pytorch(model: Predictor, checkpoint: Path, rooms: np.ndarray) -> None:
    compact: Any = build_model("compact")
    compact.load_state_dict(torch.load(checkpoint, weights_only=True)["state_dict"])
    compact.eval()
    with torch.inference_mode():
        given = torch.from_numpy(rooms).float()
        expected = compact.render(compact(given), given).numpy()
    got = model.predict(rooms).curves
    assert got is not None
    assert np.abs(10 * np.log10(got / expected))[expected > 1e-6].max() < 1e-3


def test_curves_in_numpy_are_those_of_the_model() -> None:
    """Wherever the first knot lies, the file's first sample included."""
    positions = torch.tensor([[0.0, 1, 2, 500, 95_999], [300.0, 301, 302, 9_000, 95_999]])
    level = torch.tensor([[0.0, -0.5, -0.5, -30, -80], [-0.001, -3, -4, -20, -119]])
    expected = draw_curve(level, positions).numpy()
    np.testing.assert_allclose(draw_through_knots(level.numpy(), positions.numpy(), 96_000), expected, rtol=2e-5)


def test_company_and_blocks_change_nothing(model: Predictor, rooms: np.ndarray) -> None:
    whole = model.predict(rooms, curves=False)
    parts = list(model.blocks(rooms, curves=False, size=3))
    assert [len(part) for part in parts] == [3, 3, 3, 1]
    assert [name for part in parts for name in part.ids] == whole.ids == [f"room_{k:06d}" for k in range(1, 11)]
    assert parts[0].curves is None
    for name in PARAMETERS:
        together = np.concatenate([part.parameters[name] for part in parts])
        np.testing.assert_allclose(together, whole.parameters[name], rtol=1e-5)
    alone = model.predict(rooms[4])
    assert alone.parameters["t20"][0] == pytest.approx(whole.parameters["t20"][4], rel=1e-5)


def test_ranges_are_told_and_what_lies_outside_them(model: Predictor, rooms: np.ndarray) -> None:
    assert model.ranges is not None
    assert tuple(model.ranges) == FEATURE_NAMES
    assert model.ranges["Height"] == (rooms[:, 2].min(), rooms[:, 2].max())
    assert model.outside(rooms) == []
    rooms[3, 0], rooms[7, 15] = 8.0, 0.05
    found = model.outside(rooms)
    assert [(case.row, case.feature, case.value) for case in found] == [(3, "Length", 8.0), (7, "f7", 0.05)]
    assert (found[0].low, found[0].high) == model.ranges["Length"]


def test_intervals_scale_with_times_and_not_with_levels(model: Predictor, rooms: np.ndarray) -> None:
    found = model.predict(rooms, curves=False)
    assert found.level == 0.9
    np.testing.assert_allclose(found.half_width["t20"], 0.05 * found.parameters["t20"])
    assert set(found.half_width["c50"]) == {1.0}
    assert np.isnan(found.half_width["ts"]).all(), "too few rooms: unknown, not 0"


def test_an_old_checkpoint_knows_no_ranges_and_no_intervals(
    checkpoint: Path, tmp_path: Path, rooms: np.ndarray, label_of: Any
) -> None:
    about = label_of()
    del about["ranges"], about["uncertainty"]
    state = torch.load(checkpoint, weights_only=True)["state_dict"]
    save_checkpoint(str(tmp_path / "old.ckpt"), state, about)
    old = load_model(tmp_path / "old.ckpt")
    rooms[0, 0] = 50.0
    assert (old.ranges, old.outside(rooms)) == (None, [])
    found = old.predict(rooms[1], curves=False)
    assert np.isnan(found.level)
    assert np.isnan(found.half_width["t20"][0])
    assert np.isfinite(found.parameters["t20"][0])


def test_several_receivers_share_their_room(model: Predictor, rooms: np.ndarray) -> None:
    room, receivers = rooms[0], rooms[0, 6:9] * np.array([[1.0], [0.9]])
    found = model.predict_receivers(room[:3], room[3:6], receivers, room[9:])
    assert found.ids == ["receiver_1", "receiver_2"]
    assert found.parameters["c50"][0] == pytest.approx(model.predict(room).parameters["c50"][0], rel=1e-5)
    assert found.parameters["c50"][1] != found.parameters["c50"][0]
    with pytest.raises(DataError, match=r"receivers \(m, 3\)"):
        model.predict_receivers(room[:3], room[3:6], [[1.0, 2.0]], room[9:])


def test_rooms_that_cannot_be_are_refused(model: Predictor, rooms: np.ndarray) -> None:
    rooms[2, 6] = 99.0
    with pytest.raises(DataError, match="outside the room"):
        model.predict(rooms)
    with pytest.raises(DataError, match=r"shape \(n, 16\)"):
        model.predict(rooms[:, :9])
    with pytest.raises(DataError, match="no room"):
        model.predict(RoomTable([], np.zeros((0, 16))))


def test_a_model_of_somebodys_own_is_named_again_and_has_the_definitions(
    own: tuple[Path, str], rooms: np.ndarray
) -> None:
    path, name = own
    with pytest.raises(DataError, match="--model"):
        load_model(path)
    model = load_model(path, model=name)
    found = model.predict(rooms)
    assert found.curves is not None
    expected = room_parameters(found.curves, names=PARAMETERS)
    for parameter in PARAMETERS:
        np.testing.assert_array_equal(found.parameters[parameter], expected[parameter])
    assert np.isfinite(found.parameters["t20"]).all()
    assert not model.can_be_heard
    assert found.curves[:, 0] == pytest.approx(1.0, abs=1e-6), "scaled answers brought back to energy"


def test_what_is_no_model_is_refused_by_name(tmp_path: Path, checkpoint: Path, label_of: Any) -> None:
    with pytest.raises(DataError, match="no run and no file"):
        load_model(tmp_path / "missing.ckpt")
    with pytest.raises(DataError, match="neither checkpoints"):
        load_model(tmp_path)
    (tmp_path / "text.ckpt").write_text("weights")
    with pytest.raises(DataError, match=r"text\.ckpt"):
        load_model(tmp_path / "text.ckpt")
    state = torch.load(checkpoint, weights_only=True)["state_dict"]
    save_checkpoint(str(tmp_path / "damaged.ckpt"), state, label_of(ranges={"low": 3}))
    with pytest.raises(DataError, match="ranges or intervals are damaged"):
        load_model(tmp_path / "damaged.ckpt")


def test_without_a_shipped_model_the_message_says_what_to_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "SHIPPED", tmp_path)
    with pytest.raises(DataError, match="no model ships"):
        load_model()


def test_the_shipped_model_is_taken_from_its_folder(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load, "SHIPPED", tmp_path)
    (tmp_path / "compact.ckpt").write_bytes(checkpoint.read_bytes())
    assert load_model().path == str(tmp_path / "compact.ckpt")


def test_the_package_has_nothing_else_of_this_kind() -> None:
    with pytest.raises(AttributeError, match="predict_everything"):
        _ = decaylab.predict_everything
