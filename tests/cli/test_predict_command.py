"""`decaylab predict`: rooms from options and tables, what it says of them, what it writes, what it refuses."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from decaylab import load_model
from decaylab.cli.main import main
from decaylab.models import build_model
from decaylab.responses import read_records
from decaylab.rooms import RoomTable, write_rooms_csv
from decaylab.training.checkpoint import save_checkpoint

ROOM = ["--room", "5,4,3", "--source", "1,2,1.5", "--receiver", "4,3,1.2"]
ABSORPTION = ["--absorption", "0.1,0.15,0.2,0.2,0.25,0.3,0.3"]
FEATURES = np.array([5, 4, 3, 1, 2, 1.5, 4, 3, 1.2, 0.1, 0.15, 0.2, 0.2, 0.25, 0.3, 0.3])


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained `compact`, with the ranges of rooms of 3 to 6 m and intervals."""
    path = tmp_path_factory.mktemp("predict") / "experiments" / "compact_20260301_120000" / "checkpoints"
    torch.manual_seed(0)
    widths = {"edt": 0.1, "t20": 0.05, "t30": 0.06, "c50": 1.0, "c80": 0.9, "d50": 0.01, "ts": None}
    about: dict[str, Any] = {
        "model_name": "compact", "model_path": None, "input_dim": 16, "output_length": 96_000, "sampling_rate": 48_000,
        "scaler_X": None, "scaler_y": None,
        "ranges": {"low": torch.tensor([3.0, 3, 2.5] + [0.5] * 6 + [0.05] * 7).double(),
                   "high": torch.tensor([6.0, 5, 4.0] + [5.0] * 6 + [0.6] * 7).double()},
        "uncertainty": {"level": 0.9, "rooms": 60, "relative": ["t20"], "half_width": widths},
    }  # fmt: skip
    save_checkpoint(str(path / "best_model.ckpt"), build_model("compact").state_dict(), about)
    return path / "best_model.ckpt"


@pytest.fixture
def call(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """`decaylab predict MODEL ...` in an empty folder: status, stdout, stderr."""
    monkeypatch.chdir(tmp_path)

    def called(*argv: str, model: str | None = str(checkpoint)) -> tuple[int, str, str]:
        capsys.readouterr()
        status = main(["predict", *([] if model is None else [model]), *argv])
        return status, *capsys.readouterr()

    return called


def test_the_table_has_a_line_for_each_receiver(call: Any, checkpoint: Path) -> None:
    status, out, err = call(*ROOM, "--receiver", "2,1,1.2", *ABSORPTION)
    assert (status, err) == (0, "")
    assert "broadband (48 kHz, white source)" in out
    lines = [line for line in out.splitlines() if line.startswith(("4,3,1.2", "2,1,1.2"))]
    assert len(lines) == 2
    found = load_model(checkpoint).predict(FEATURES, curves=False)
    t20 = found.parameters["t20"][0]
    assert f"{t20:.3f} ±{0.05 * t20:.3f}" in lines[0]
    assert f"{found.parameters['c50'][0]:.2f} ±1.00" in lines[0]
    assert str(found.onset[0]) in lines[0].split()
    assert lines[0].split()[-1] == f"{found.parameters['ts'][0]:.4f}", "an interval that is not known is not shown"
    assert "90%" in out
    assert "too few" in out


def test_a_run_is_found_by_name(call: Any, checkpoint: Path) -> None:
    folder = str(checkpoint.parents[2])
    status, out, err = call(*ROOM, *ABSORPTION, model=str(checkpoint.parents[1]))
    assert status == 0
    assert "4,3,1.2" in out
    again = call(*ROOM, *ABSORPTION, "--experiments", folder, model="compact_2026030")
    assert again[1].splitlines()[1:] == out.splitlines()[1:]
    status, out, err = call(*ROOM, *ABSORPTION, "--experiments", folder, model="lstm")
    assert (status, out) == (2, "")
    assert "no run 'lstm'" in err


def test_a_material_is_seven_numbers(call: Any) -> None:
    from decaylab.rooms.materials import material_absorption

    numbers = ",".join(str(value) for value in material_absorption("curtains_velvet"))
    by_name = call(*ROOM, "--material", "curtains_velvet")
    assert by_name == call(*ROOM, "--absorption", numbers)
    status, _, err = call(*ROOM, "--material", "curtain_velvet")
    assert status == 2
    assert "did you mean curtains_velvet" in err


def test_inputs_outside_the_training_are_said_one_by_one(call: Any) -> None:
    status, out, err = call("--room", "9,4,3", *ROOM[2:], "--absorption", "0.1,0.15,0.2,0.2,0.25,0.3,0.9")
    assert status == 0
    assert "Length = 9 m; the training rooms have 3 to 6 m" in err
    assert "f7 = 0.9; the training rooms have 0.05 to 0.6" in err
    assert err.count("outside the training") == 2
    assert "intervals do not hold" in err
    assert "4,3,1.2" in out


def test_unknown_ranges_are_said(call: Any, checkpoint: Path, tmp_path: Path) -> None:
    content = torch.load(checkpoint, weights_only=True)
    about = {
        key: value
        for key, value in content.items()
        if key not in ("format", "version", "state_dict", "ranges", "uncertainty")
    }
    save_checkpoint(str(tmp_path / "old.ckpt"), content["state_dict"], about)
    status, out, err = call(*ROOM, *ABSORPTION, model="old.ckpt")
    assert status == 0
    assert "ranges unknown" in err
    assert "no intervals" in out
    assert "±" not in out


def test_without_any_interval_nothing_is_said_of_what_they_hold(call: Any, checkpoint: Path, tmp_path: Path) -> None:
    content = torch.load(checkpoint, weights_only=True)
    state, widths = content.pop("state_dict"), content["uncertainty"]["half_width"]
    content["uncertainty"] |= {"rooms": 6, "half_width": dict.fromkeys(widths)}
    save_checkpoint(str(tmp_path / "few.ckpt"), state, content)
    status, out, _ = call(*ROOM, *ABSORPTION, model=str(tmp_path / "few.ckpt"))
    assert status == 0
    assert "no intervals: 6 validation rooms are too few to tell" in out
    assert "±" not in out


def test_impulse_responses_have_a_channel_for_each_receiver(call: Any, checkpoint: Path, tmp_path: Path) -> None:
    pytest.importorskip("soundfile")
    status, _, err = call(*ROOM, "--receiver", "2,1,1.2", *ABSORPTION, "--rir", "r.wav", "--seed", "3")
    assert status == 0
    assert "seed 3" in err
    assert "auralisation" not in err
    records = list(read_records("r.wav").records)
    assert [record.channel for record in records] == [0, 1]
    assert records[0].sampling_rate == 48_000
    expected = load_model(checkpoint).impulse_responses(FEATURES, seed=3)[0]
    np.testing.assert_allclose(records[0].samples, expected, atol=1e-4 * np.abs(expected).max())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r.wav"]


def test_a_picture_and_files_beside_the_table(call: Any, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    status, out, _ = call(*ROOM, *ABSORPTION, "--plot", "p.png", "--out", "p.npz")
    assert status == 0
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")
    with np.load(tmp_path / "p.npz") as stored:
        assert stored["curves"].shape == (1, 96_000)
        assert stored["ids"].tolist() == ["receiver_1"]
    assert "4,3,1.2" in out


def test_csv_on_stdout_leaves_the_picture_its_file(call: Any, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    status, out, err = call(*ROOM, *ABSORPTION, "--out", "-", "--plot", "p.svg")
    assert status == 0
    assert out.startswith("ID,outside,onset,edt,")
    assert len(out.splitlines()) == 2
    assert (tmp_path / "p.svg").is_file()
    assert "p.svg" in err


def test_a_table_of_rooms(call: Any, tmp_path: Path, checkpoint: Path) -> None:
    rooms = np.tile(FEATURES, (3, 1))
    rooms[1, 0] = 9.0
    with open(tmp_path / "rooms.csv", "w") as file:
        write_rooms_csv(RoomTable(["a", "b", "c"], rooms), file)
    status, out, err = call("--rooms", "rooms.csv", "--out", "out.csv")
    assert (status, out) == (0, "")
    assert "Length = 9 m in 1 of 3 rooms" in err
    with open(tmp_path / "out.csv", newline="") as file:
        lines = list(csv.DictReader(file))
    expected = load_model(checkpoint).predict(rooms, curves=False).parameters["edt"]
    assert [(line["ID"], line["outside"]) for line in lines] == [("a", "0"), ("b", "1"), ("c", "0")]
    np.testing.assert_allclose([float(line["edt"]) for line in lines], expected)
    status, out, _ = call("--rooms", "rooms.csv", "--out", "-")
    assert out == (tmp_path / "out.csv").read_text()


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ([], "needs --room, --source, --receiver, --absorption or --material"),
        ([*ROOM], "--absorption or --material"),
        ([*ROOM, *ABSORPTION, "--material", "brickwork"], "give one of them"),
        (["--room", "5,4", *ROOM[2:], *ABSORPTION], "--room: 5,4: expected 3 numbers"),
        ([*ROOM, "--absorption", "0.1"], "expected 7 numbers"),
        (["--room", "5,4,3", "--source", "1,2,9", *ROOM[4:], *ABSORPTION], "outside the room"),
        (["--room", "nan,4,3", *ROOM[2:], *ABSORPTION], "not a finite number"),
        ([*ROOM, *ABSORPTION, "--rir", "r.mp3"], "must end in .wav"),
        ([*ROOM, *ABSORPTION, "--out", "there/p.csv"], "no folder there"),
        ([*ROOM, *ABSORPTION, "--seed", "-1"], "--seed"),
        (["--rooms", "rooms.csv"], "--rooms needs --out"),
        (["--rooms", "rooms.csv", "--out", "p.csv", "--room", "1,2,3"], "leave out --room"),
        (["--rooms", "rooms.csv", "--out", "p.csv"], "no file rooms.csv"),
    ],
)
def test_what_cannot_be_predicted_is_one_line(call: Any, tmp_path: Path, argv: list[str], said: str) -> None:
    status, out, err = call(*argv)
    assert (status, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_not_there_is_named(call: Any) -> None:
    assert call(*ROOM, *ABSORPTION, model="none.onnx")[2] == "decaylab: error: there is no file none.onnx\n"
