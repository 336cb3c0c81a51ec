"""No step of a training asks for more curves at once than fit in memory, however many rooms there are."""

import pathlib
import tracemalloc

import numpy as np
import pytest

from decaylab.models import build_model
from decaylab.rooms.dataset import DataSet
from decaylab.rooms.features import RoomTable
from decaylab.rooms.scaling import BLOCK_BYTES, SCALERS, fit_curves
from decaylab.rooms.store import StoredData
from decaylab.training.data import BLOCK_ROWS, CurveRooms, KnotRooms, mean_curve, parameter_medians

ROOMS, SAMPLES = 400, 96_000
ROOM = [4, 5, 3, 1, 1, 1, 3, 4, 2, *[0.3] * 7]


class Counted(DataSet):
    """Rooms that all decay alike, made when they are read; remembers the most bytes that were asked for at once."""

    def __init__(self):
        features = np.array([ROOM] * ROOMS, dtype=float)
        table = RoomTable([str(row) for row in range(ROOMS)], features)
        super().__init__(pathlib.Path(), table, "", {"samples": SAMPLES, "sampling_rate": 48_000})
        self.curve = np.exp(-13.8 * np.arange(SAMPLES, dtype=np.float32) / 48_000)
        self.curve[:600] = 1
        self.most = self.values = 0

    def read(self, rows, columns=slice(None)):
        block = np.tile(self.curve[columns], (len(rows), 1))
        self.most = max(self.most, block.nbytes)
        self.values += block.size
        return block


@pytest.mark.parametrize("kind", SCALERS)
def test_scalers_are_fitted_in_blocks(kind):
    data = Counted()
    tracemalloc.start()
    fit_curves(kind, data, np.arange(ROOMS))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert data.values == ROOMS * SAMPLES
    assert data.most <= BLOCK_BYTES / 2  # float32 here, float64 in the block
    assert peak < 5 * BLOCK_BYTES


@pytest.mark.parametrize("step", ["mean", "medians", "knots"])
def test_what_reads_every_curve_reads_them_in_blocks(step):
    data, rows = Counted(), np.arange(ROOMS)
    if step == "mean":
        np.testing.assert_allclose(mean_curve(data, rows), data.curve, rtol=1e-6)
    elif step == "medians":
        assert parameter_medians(data, rows)["t20"] == pytest.approx(1.0, rel=0.01)
    else:
        model = build_model("compact", input_dim=16, output_length=SAMPLES)
        model.physics = model.knot_index  # of the same shape, and no work
        rooms = KnotRooms(model, data, rows)
        assert sum(tensor.nbytes for tensor in rooms.tensors.values()) < 8_000 * ROOMS  # bytes a room that stay
    assert data.values == ROOMS * SAMPLES
    assert data.most == BLOCK_ROWS * SAMPLES * 4


def test_a_model_of_whole_curves_reads_only_the_batch():
    data = Counted()
    batch = CurveRooms(data, np.arange(ROOMS), data.features).__getitems__([3, 1, 3])
    assert batch["target"].shape == (3, SAMPLES)
    assert data.values == 3 * SAMPLES


def test_curves_of_a_store_are_in_memory_and_nobody_else_s(tmp_path):
    np.save(tmp_path / "curves.npy", np.arange(12, dtype=np.float32).reshape(4, 3))
    table = RoomTable(list("abcd"), np.array([ROOM] * 4, dtype=float))
    data = StoredData(tmp_path, table, "", {"samples": 3, "sampling_rate": 48_000})
    for rows, columns in (([2, 0], slice(None)), (range(4), slice(1, 3)), (1, slice(None))):
        block = data.read(rows, columns)
        assert type(block) is np.ndarray
        block[:] = -1  # neither refused, as in a map that is read only, nor written to the file
    np.testing.assert_array_equal(data.read(range(4)), np.arange(12).reshape(4, 3))
