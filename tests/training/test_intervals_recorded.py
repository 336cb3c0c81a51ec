"""Ranges and intervals of a real training: in its checkpoint, in its record, and what `load_model` makes of them."""

import json

import numpy as np
import pytest

from decaylab import load_model
from decaylab.acoustics import room_parameters
from decaylab.cli.main import main
from decaylab.evaluation.intervals import INTERVAL_PARAMETERS
from decaylab.models.checkpoint import load_checkpoint
from decaylab.rooms.store import open_data


@pytest.fixture(scope="module")
def run(published, tmp_path_factory):
    folder = tmp_path_factory.mktemp("intervals") / "experiments"
    assert main(["train", "--data", str(published), "--experiments", str(folder), "--max-epochs", "2",
                 "--train-ratio", "0.3", "--val-ratio", "0.4"]) == 0  # fmt: skip
    return next(path for path in folder.iterdir() if path.is_dir())


def test_the_ranges_are_those_of_the_training_rooms(run, published):
    data, split = open_data(published), json.loads((run / "split.json").read_text())
    training = data.features[split["train"]["rows"]]
    model = load_model(run)
    assert [model.ranges[name] for name in model.ranges] == list(
        zip(training.min(axis=0), training.max(axis=0), strict=True)
    )
    beyond = (data.features < training.min(axis=0)) | (data.features > training.max(axis=0))
    assert {case.row for case in model.outside(data.features)} == set(np.flatnonzero(beyond.any(axis=1)).tolist())


def test_the_intervals_come_from_the_validation_rooms(run, published):
    data, split = open_data(published), json.loads((run / "split.json").read_text())
    rows = split["validation"]["rows"]
    stored = load_checkpoint(str(run / "checkpoints" / "best_model.ckpt"))["uncertainty"]
    assert (stored["rooms"], stored["level"]) == (len(rows), 0.9)
    predicted = load_model(run).predict(data.features[rows])
    true = room_parameters(data.read(np.array(rows)), names=("t20", "c50"))
    for name, scale in (("t20", predicted.parameters["t20"]), ("c50", 1.0)):
        error = np.sort(np.abs(predicted.parameters[name] - true[name]) / scale)
        rank = int(np.ceil((len(rows) + 1) * 0.9))
        assert stored["half_width"][name] == pytest.approx(error[rank - 1], rel=1e-3)
    assert predicted.half_width["c50"][0] == pytest.approx(stored["half_width"]["c50"])


def test_the_record_says_how_often_they_held_on_the_test_rooms(run):
    metadata = json.loads((run / "metadata.json").read_text())
    stored = load_checkpoint(str(run / "checkpoints" / "best_model.ckpt"))["uncertainty"]
    recorded = metadata["uncertainty"]
    assert {name: recorded[name] for name in stored} == stored
    assert recorded["coverage"]["rooms"] == metadata["data_config"]["test_size"]
    predictions, targets = (np.load(run / f"{name}.npy") for name in ("predictions", "targets"))
    got, true = (room_parameters(curves, names=("c50",))["c50"] for curves in (predictions, targets))
    assert recorded["coverage"]["c50"] == np.mean(np.abs(got - true) <= stored["half_width"]["c50"])
    assert set(recorded["coverage"]) == {"rooms", *INTERVAL_PARAMETERS}
    assert main(["verify", str(run)]) == 0
