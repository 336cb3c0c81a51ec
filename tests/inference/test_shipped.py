"""The model that ships: there, small, silent on the machine, as good as its card says, found without a name."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from decaylab import load_model
from decaylab.cli.main import main
from decaylab.inference import PARAMETERS
from decaylab.inference.load import SHIPPED

ROOT = Path(__file__).parents[2]
ROOM = np.array([5, 4, 3, 1, 2, 1.5, 4, 3, 1.2, 0.1, 0.15, 0.2, 0.2, 0.25, 0.3, 0.3])
#: The run log's targets: T20 and EDT in s, C50 in dB.
TARGETS = {"t20": 0.020, "edt": 0.020, "c50": 0.90}


@pytest.fixture(scope="module")
def figures() -> dict:
    return json.loads((SHIPPED / "figures.json").read_text())


def test_it_takes_less_than_five_megabytes() -> None:
    names = {file.name for file in SHIPPED.iterdir()}
    assert {"compact.ckpt", "metadata.json", "figures.json", "MODEL_CARD.md"} <= names
    assert sum(file.stat().st_size for file in SHIPPED.iterdir()) < 5_000_000


def test_its_record_tells_of_the_training_and_nothing_of_the_machine() -> None:
    metadata = json.loads((SHIPPED / "metadata.json").read_text())
    assert metadata["status"] == "completed"
    assert metadata["data_config"]["simulation"]["rooms"].startswith("drawn wide")
    assert metadata["data_config"]["digest"].startswith("sha256:")
    for file in ("metadata.json", "figures.json", "MODEL_CARD.md"):
        text = (SHIPPED / file).read_text()
        assert not re.search(r"((?<![\w./)\]])/\w[\w.-]*/|/root|[A-Z]:\\)", text), file
        assert "hostname" not in text


def test_its_card_says_what_was_measured(figures: dict) -> None:
    card = (SHIPPED / "MODEL_CARD.md").read_text()
    assert "broadband (48 kHz, white source)" in card
    for found in figures.values():
        for name, digits in (("t20", 4), ("edt", 4), ("c50", 3)):
            for way in ("shipped", "sabine", "eyring"):
                assert f"{found['ways'][way][name]['mae']:.{digits}f}" in card
    assert "MISSED" not in card


def test_it_meets_the_targets_on_rooms_of_another_table(figures: dict) -> None:
    for name, target in TARGETS.items():
        assert figures["published"]["ways"]["shipped"][name]["mae"] <= target
        for formula in ("sabine", "eyring"):
            theirs = figures["inside"]["ways"][formula][name]["jnd"][0]
            assert figures["inside"]["ways"]["shipped"][name]["jnd"][0] < theirs


def test_it_is_loaded_without_a_name_and_knows_ranges_and_intervals() -> None:
    model = load_model()
    assert Path(model.path).parent == SHIPPED
    assert model.ranges is not None
    low, high = model.ranges["Height"]
    assert low < 2.2
    assert high > 9.0
    found = model.predict(ROOM)
    assert found.curves is not None
    assert all(np.isfinite(found.half_width[name]).all() for name in PARAMETERS)
    assert model.can_be_heard
    assert model.outside(ROOM) == []


def test_checkpoint_and_onnx_file_say_the_same() -> None:
    if not (SHIPPED / "compact.onnx").is_file() or find_spec("onnxruntime") is None:
        pytest.skip("no ONNX file, or nothing to run it")
    torch_says, file_says = (load_model(SHIPPED / name).predict(ROOM) for name in ("compact.ckpt", "compact.onnx"))
    for name in PARAMETERS:
        assert file_says.parameters[name][0] == pytest.approx(torch_says.parameters[name][0], abs=1e-3)


def test_predict_takes_it_without_a_run(capsys: pytest.CaptureFixture[str]) -> None:
    argv = ["predict", "--room", "5,4,3", "--source", "1,2,1.5", "--receiver", "4,3,1.2"]
    assert main([*argv, "--absorption", "0.1,0.15,0.2,0.2,0.25,0.3,0.3"]) == 0
    printed = capsys.readouterr()
    assert "compact (ships with decaylab, " in printed.out
    assert printed.err == ""


@pytest.mark.heavy
def test_one_command_builds_it(tmp_path: Path) -> None:
    """Small: two dozen rooms, two epochs. Files, card and a data set that is gone on with."""
    command = [sys.executable, str(ROOT / "scripts" / "build_shipped_model.py"), "--dir", str(tmp_path / "build")]
    command += ["--count", "24", "--rays", "200", "--jobs", "1", "--max-epochs", "2", "--out", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr
    assert "NO --rooms" in done.stderr
    assert {"compact.ckpt", "compact.onnx", "metadata.json", "figures.json", "MODEL_CARD.md"} == {
        file.name for file in (tmp_path / "out").iterdir()
    }
    card = (tmp_path / "out" / "MODEL_CARD.md").read_text()
    assert "Not measured: the build had no published table" in card
    assert str(tmp_path) not in (tmp_path / "out" / "metadata.json").read_text()
