"""Predictions of tables of rooms: CSV and NPZ, in blocks, whole or not at all."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from decaylab import load_model
from decaylab.errors import DataError, InputError
from decaylab.inference import PARAMETERS, Predictor
from decaylab.inference.predictor import room_table
from decaylab.inference.tables import COLUMNS, write_predictions
from decaylab.rooms import RoomTable


@pytest.fixture(scope="module")
def model(checkpoint: Path) -> Predictor:
    return load_model(checkpoint)


@pytest.fixture
def table(rooms: np.ndarray) -> RoomTable:
    rooms[2, 0] = 7.5  # outside
    rooms[5, 9:] = 0.01  # so live that 2 s do not hold its T20
    return RoomTable([f"a,{k}" for k in range(10)], rooms)


def test_a_csv_line_for_each_room(model: Predictor, table: RoomTable, tmp_path: Path) -> None:
    done: list[int] = []
    write_predictions(str(tmp_path / "p.csv"), model, table, done.append)
    with open(tmp_path / "p.csv", newline="") as file:
        lines = list(csv.DictReader(file))
    assert tuple(lines[0]) == COLUMNS
    found = model.predict(table, curves=False)
    assert [line["ID"] for line in lines] == table.ids
    assert [line["onset"] for line in lines] == [str(value) for value in found.onset]
    assert [float(line["c50"]) for line in lines] == found.parameters["c50"].tolist()
    assert lines[5]["t20"] == lines[5]["t20_half_width"] == ""
    assert [line["outside"] for line in lines] == ["0", "0", "1", "0", "0", "7", "0", "0", "0", "0"]
    assert done[-1] == 10


def test_an_npz_holds_the_curves_too(model: Predictor, table: RoomTable, tmp_path: Path) -> None:
    write_predictions(str(tmp_path / "p.npz"), model, table)
    found = model.predict(table)
    with np.load(tmp_path / "p.npz", allow_pickle=False) as stored:
        np.testing.assert_array_equal(stored["curves"], found.curves)
        assert stored["ids"].tolist() == table.ids
        np.testing.assert_array_equal(stored["features"], table.features)
        for name in PARAMETERS:
            np.testing.assert_array_equal(stored[name], found.parameters[name])
            np.testing.assert_array_equal(stored[f"{name}_half_width"], found.half_width[name])
        assert (stored["sampling_rate"], stored["level"]) == (48_000, 0.9)
        assert "broadband" in str(stored["band"])


def test_only_a_block_of_curves_is_held(
    model: Predictor, table: RoomTable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    real = model._engine.run
    monkeypatch.setattr(
        model._engine, "run", lambda features, curves: sizes.append(len(features)) or real(features, curves)
    )
    many = RoomTable([f"r{k}" for k in range(70)], np.tile(table.features, (7, 1)))
    write_predictions(str(tmp_path / "p.npz"), model, many)
    assert sizes == [64, 6]


@pytest.mark.heavy
@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_memory_does_not_grow_with_the_table(checkpoint: Path, table: RoomTable, tmp_path: Path) -> None:
    """600 rooms are 230 MB of curves, 100 are 38 MB; the process may hold a block more, not the difference."""
    program = (
        "import sys, numpy as np; from decaylab import load_model; from decaylab.inference.tables import *\n"
        "from decaylab.rooms import RoomTable; rooms = np.load(sys.argv[2]); count = int(sys.argv[4])\n"
        "table = RoomTable([str(k) for k in range(count)], np.tile(rooms, (count // 10, 1)))\n"
        "write_predictions(sys.argv[3], load_model(sys.argv[1]), table)\n"
        "print([line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')][0])\n"
    )
    np.save(tmp_path / "rooms.npy", table.features)
    peaks = []
    for count in (100, 600):
        given = [str(checkpoint), str(tmp_path / "rooms.npy"), str(tmp_path / "p.npz"), str(count)]
        done = subprocess.run([sys.executable, "-c", program, *given], capture_output=True, text=True, timeout=200)
        assert done.returncode == 0, done.stderr
        peaks.append(int(done.stdout) / 1024)  # MB
    assert peaks[1] - peaks[0] < 80


@pytest.mark.parametrize("name", ["p.csv", "p.npz"])
def test_an_interrupted_file_leaves_what_was_there(
    model: Predictor, table: RoomTable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / name).write_text("before")

    def stop(done: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_predictions(str(tmp_path / name), model, table, stop)
    assert (tmp_path / name).read_text() == "before"
    assert os.listdir(tmp_path) == [name]


def test_bad_rooms_and_other_suffixes_write_nothing(model: Predictor, table: RoomTable, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"\.csv holds the parameters"):
        write_predictions(str(tmp_path / "p.txt"), model, table)
    table.features[0, 3] = -1.0
    with pytest.raises(DataError, match="Source_X"):
        write_predictions(str(tmp_path / "p.csv"), model, table)
    assert os.listdir(tmp_path) == []
    with pytest.raises(DataError, match="no room"):
        room_table(np.zeros((0, 16)))
