"""One row a fact: a setting, a model and a loss that exist only here are added to a copy of the source, a row each, and
are then found wherever a user looks for them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import decaylab

SETTING = """
    sparkle: float = row(
        "number", "sparkle of the training", HOW, default=0.5, key="training_config.sparkle", metavar="X",
        bounds=FROM_0, unit="lm", decides=True, short="sparkle", label="sparkle",
    )
"""
MODEL = 'Model("tiny", "decaylab.models.tiny:Tiny", "one layer, made up", "absolute", {"max_epochs": 2}),'
MODEL_FILE = """
from torch import nn


class Tiny(nn.Module):
    inputs, outputs = "scaled", "scaled_curve"

    def __init__(self, input_dim=16, output_length=96000):
        super().__init__()
        self.layer = nn.Linear(input_dim, output_length)

    def forward(self, features):
        return self.layer(features)
"""
LOSS = 'Loss("absolute", "decaylab.losses.absolute:Absolute", "physical", "made up", {"shine_weight": 1.0}),'
LOSS_FILE = """
from decaylab.losses.base import CurveLoss, record_mean


class Absolute(CurveLoss):
    name = "absolute"

    def terms(self, prediction, target, grid):
        error = record_mean((prediction - target).abs(), grid)
        return self.weights["shine_weight"] * error, {"edc": error}
"""


PAGES = str(Path(__file__).parents[2] / "scripts" / "pages.py")


class Copy:
    """The copy of the package, and its commands."""

    def __init__(self, root: Path, data: Path) -> None:
        self.root, self.data = root, data

    def python(self, *words: str) -> str:
        environment = {**os.environ, "PYTHONPATH": str(self.root), "COLUMNS": "200"}
        done = subprocess.run(
            [sys.executable, *words], cwd=self.root, env=environment, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def decaylab(self, *words: str) -> str:
        return self.python("-m", "decaylab.cli.main", *words)


def insert(path: Path, before: str, row: str) -> None:
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, f"{row}\n{before}", 1))


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    root = tmp_path_factory.mktemp("copy")
    shutil.copytree(Path(decaylab.__file__).parent, root / "decaylab", ignore=shutil.ignore_patterns("__pycache__"))
    rows = root / "decaylab" / "catalogue"
    insert(rows / "settings.py", "    experiments: str = row(", SETTING)
    insert(rows / "models.py", '        Model("lstm"', f"        {MODEL}")
    insert(rows / "losses.py", '        Loss("mse"', f"        {LOSS}")
    (root / "decaylab" / "models" / "tiny.py").write_text(MODEL_FILE)
    (root / "decaylab" / "losses" / "absolute.py").write_text(LOSS_FILE)
    return Copy(root, write_rooms(root / "data"))


def write_rooms(folder: Path) -> Path:
    """Twelve rooms in the published layout, each an exponential decay."""
    (folder / "EDC").mkdir(parents=True)
    names = "ID Length Width Height Source_X Source_Y Source_Z Receiver_X Receiver_Y Receiver_Z f1 f2 f3 f4 f5 f6 f7"
    lines = [names.replace(" ", ",")]
    for number in range(12):
        decay = np.exp(-13.8 * np.arange(95_500) / 48_000 / (0.3 + 0.05 * number))
        name = f"RIR_{number:03d}_case0_edc"
        np.save(folder / "EDC" / f"{name}.npy", np.concatenate([np.ones(500), 0.7 * decay]).astype(np.float32))
        lines.append(f"{name},{4 + 0.1 * number:.2f},4,3,1,1,1,3,3,1.5,{','.join(['0.30'] * 7)}")
    (folder / "roomFeaturesDataset.csv").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture(scope="module")
def run(copy: Copy) -> Path:
    words = [
        "train",
        "--data",
        str(copy.data),
        "--model",
        "tiny",
        "--sparkle",
        "0.75",
        "--shine-weight",
        "2",
        "--device",
        "cpu",
    ]
    return Path(copy.root, copy.decaylab(*words, "--no-guard").splitlines()[-1])


def test_the_options_are_in_the_help(copy: Copy) -> None:
    shown = " ".join(copy.decaylab("train", "--help").split())
    assert "--sparkle X sparkle of the training (default: 0.5)" in shown
    assert "--shine-weight W" in shown
    assert " tiny, " in shown.partition("--model NAME train")[2].partition("--loss NAME")[0]
    assert " absolute, " in shown.partition("--loss NAME train")[2].partition("--aux-weight W")[0]


def test_the_record_holds_them_and_the_command_states_them(copy: Copy, run: Path) -> None:
    record = json.loads((run / "metadata.json").read_text())
    assert record["training_config"]["sparkle"] == 0.75
    assert (record["model_name"], record["loss_config"]["loss_type"]) == ("tiny", "absolute")
    assert (record["loss_config"]["shine_weight"], record["training_config"]["max_epochs"]) == (2.0, 2)
    command = copy.decaylab("show", run.name, "--command")
    for words in ("--model tiny", "--loss absolute", "--sparkle 0.75", "--shine-weight 2.0"):
        assert words in command


def test_a_value_out_of_bounds_is_refused(copy: Copy) -> None:
    code = (
        "from decaylab.catalogue.settings import TrainConfig\nfrom decaylab.errors import InputError\n"
        "try:\n    TrainConfig('d', sparkle=-1.0).check()\nexcept InputError as error:\n    print(error)\n"
    )
    assert "--sparkle is -1.0" in copy.python("-c", code)


def test_tables_know_them_as_fields(copy: Copy, run: Path) -> None:
    table = copy.decaylab("compare", "--columns", "model,loss_type,sparkle,loss_config.shine_weight")
    row = next(line for line in table.splitlines() if line.startswith(run.name))
    assert row.split()[1:] == ["tiny", "absolute", "0.75", "2"]
    exported = json.loads(copy.decaylab("compare", "--export", "json", "--output", "-"))
    assert exported[0]["sparkle"] == 0.75


def test_the_next_command_and_from_keep_them(copy: Copy, run: Path) -> None:
    words = ["preflight", "--from", run.name, "--sparkle", "0.25", "--json"]
    assert "findings" in json.loads(copy.decaylab(*words))
    code = (
        "from decaylab.runlog.store import scan\nfrom decaylab.diagnosis.next_run import next_run\n"
        "record, = scan('experiments')\nprint(next_run(record, {'--sparkle': 0.1}, '.').line)\n"
    )
    line = copy.python("-c", code)
    assert "--sparkle 0.1" in line
    assert "--shine-weight 2.0" in line


def test_schema_completion_and_docs_have_them(copy: Copy) -> None:
    schema = json.loads(copy.python(PAGES, "schema"))
    assert schema["properties"]["training_config"]["properties"]["sparkle"]["type"] == ["number", "null"]
    assert schema["properties"]["loss_config"]["properties"]["shine_weight"]["type"] == ["number", "null"]
    script = copy.decaylab("completion", "bash")
    for word in ("--sparkle", "--shine-weight", " tiny ", " absolute "):
        assert word in script
    page = copy.python(PAGES, "keys")
    assert "| `training_config.sparkle` | lm | number or null |" in page
    settings = copy.python(PAGES, "settings")
    for start in ("| `--sparkle` |", "| `--shine-weight` |", "| `tiny` |", "| `absolute` |"):
        assert start in settings
    assert "--sparkle" in copy.python(PAGES, "cli")
