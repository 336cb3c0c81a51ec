"""A run whose data set was measured has its errors over the label noise on record."""

import json
import pathlib
import runpy

import numpy as np
import pytest

from decaylab.cli.main import main
from decaylab.evaluation.errors import ERRORS, RoomErrors, read_errors
from decaylab.evaluation.noise_file import NOISE, write_noise
from decaylab.rooms.store import open_data


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Sixty rooms, so that half of them are the test rooms."""
    fixtures = runpy.run_path(str(pathlib.Path(__file__).parent / "conftest.py"))
    return fixtures["write_published"](tmp_path_factory.mktemp("measured"), 60)


def train(data, folder):
    options = ["--max-epochs", "1", "--train-ratio", "0.3", "--val-ratio", "0.2"]
    assert main(["train", "--data", str(data), "--experiments", str(folder), *options]) == 0
    (directory,) = folder.iterdir()
    return directory, json.loads((directory / "metadata.json").read_text())


def test_the_ratio_is_on_record_after_the_training(data, tmp_path):
    directory, metadata = train(data, tmp_path / "before")
    assert metadata["label_noise"] is None
    errors = read_errors(directory / ERRORS)
    opened = open_data(data)
    order = np.argsort(errors.rows)
    names = errors.true
    noise = RoomErrors(
        errors.rows[order],
        [opened.ids[row] for row in errors.rows[order]],
        opened.features[errors.rows[order], :3],
        np.full(len(order), np.nan),
        errors.edc_mae[order] * np.sqrt(2),
        errors.edc_db_mae[order],
        {name: errors.true[name][order] for name in names},
        {name: errors.true[name][order] + 0.01 * np.sqrt(2) for name in names},
    )
    try:
        write_noise(data, noise)
        _, metadata = train(data, tmp_path / "after")
    finally:
        (data / NOISE).unlink()
    found = metadata["label_noise"]
    assert found["rooms"] == len(errors)
    assert found["metrics"]["edc"]["ratio"] == pytest.approx(1.0, rel=1e-3)  # trained alike, measured as its own error
    assert found["metrics"]["t20"]["noise"] == pytest.approx(0.01)
    assert found["metrics"]["t20"]["ratio"] == pytest.approx(metadata["metrics"]["t20"]["mae"] / 0.01)
