"""What docs/ says of the format is what the code writes."""

import json
import pathlib
import subprocess
import sys

import pytest

from decaylab import runlog
from decaylab.catalogue.keys import KEYS
from decaylab.runlog import keys

DOCS = pathlib.Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize(
    ("name", "page"), [("schema", "metadata.schema.json"), ("settings", "settings.md"), ("keys", "run-log.md")]
)
def test_the_pages_are_made_of_the_code(name, page):
    made = subprocess.run([sys.executable, DOCS.parent / "scripts" / "pages.py", name], capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    there = (DOCS / page).read_text()
    assert made.stdout in there if name == "keys" else made.stdout == there, "make pages"


def test_what_the_recorder_writes_is_explained_and_has_the_types_that_it_says(tmp_path):
    with runlog.start("m", experiments=tmp_path, config={"batch_size": 8}) as run:
        run.finish(metrics={"t20_mae": float("nan")})
    record = json.loads(pathlib.Path(run.directory, "metadata.json").read_text())
    assert keys.type_faults(record) == []
    explained = {key.path.split(".")[0] for key in KEYS}
    assert set(record) <= explained


def test_wrong_types_and_missing_keys_are_named():
    faults = keys.type_faults({"model_name": 3, "training_config": {"batch_size": True, "learning_rate": "0.1"}})
    assert "model_name is a number, not string" in faults
    assert "training_config.batch_size is boolean, not integer or null" in faults
    assert "training_config.learning_rate is string, not number or null" in faults
    assert "timestamp is missing" in faults
    assert "metrics.t20.mae is missing" in faults
    assert not any("best_epoch" in fault for fault in faults), "keys of our own may be absent"
