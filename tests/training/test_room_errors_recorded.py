"""errors.csv of a real training: its rooms are the recorded test rooms, its errors those of the stored arrays."""

import json

import numpy as np
import pytest

from decaylab.cli.main import main
from decaylab.evaluation.errors import read_errors
from decaylab.evaluation.recompute import score_arrays
from decaylab.rooms.features import ABSORPTION, SIZE
from decaylab.rooms.store import open_data


@pytest.fixture(scope="module")
def run(published, tmp_path_factory):
    folder = tmp_path_factory.mktemp("errors") / "experiments"
    assert main(["train", "--data", str(published), "--experiments", str(folder), "--max-epochs", "2",
                 "--batch-size", "8", "--eval-batch-size", "4", "--split", "material"]) == 0  # fmt: skip
    return next(path for path in folder.iterdir() if path.is_dir())


def test_the_rooms_are_the_recorded_test_rooms(run, published):
    errors, data = read_errors(run / "errors.csv"), open_data(published)
    split = json.loads((run / "split.json").read_text())
    assert errors.rows.tolist() == split["test"]["rows"]
    assert list(errors.rooms) == split["test"]["ids"]
    np.testing.assert_array_equal(errors.sizes, data.features[errors.rows, SIZE])
    training = data.features[split["train"]["rows"], ABSORPTION]
    for row, distance in zip(errors.rows, errors.material_distance, strict=True):
        nearest = min(np.sqrt(np.mean((training - data.features[row, ABSORPTION]) ** 2, axis=1)))
        assert distance == nearest > 0, "no test material of a material split was in the training"


def test_the_errors_are_those_of_the_stored_arrays(run):
    errors = read_errors(run / "errors.csv")
    scores = score_arrays(*(np.load(run / f"{name}.npy") for name in ("predictions", "targets")))
    for name, (predicted, true) in scores.parameters().items():
        np.testing.assert_array_equal(errors.predicted[name], predicted)
        np.testing.assert_array_equal(errors.true[name], true)
    np.testing.assert_array_equal(errors.edc_mae, scores.curves()[0])
    np.testing.assert_array_equal(errors.edc_db_mae, scores.curves()[1])
    record = json.loads((run / "metadata.json").read_text())
    assert record["metrics"]["overall_edc"]["mae"] == pytest.approx(errors.edc_mae.mean(), rel=1e-12)
    assert record["metrics"]["t20"]["bias"] == np.mean(errors.predicted["t20"] - errors.true["t20"])


def test_the_file_is_digested_and_verified(run, capsys):
    assert "errors.csv" in json.loads((run / "metadata.json").read_text())["files"]
    assert main(["verify", str(run), "--deep"]) == 0
    whole = (run / "errors.csv").read_text()
    (run / "errors.csv").write_text(whole.replace("0", "1", 1))
    assert main(["verify", str(run)]) == 1
    assert "errors.csv differs" in capsys.readouterr().out
    (run / "errors.csv").write_text(whole)


def test_show_and_worst_of_a_trained_run(run, capsys):
    assert main(["show", str(run)]) == 0
    out = capsys.readouterr().out
    assert "nearest one of the training" in out
    assert "by T20 of the target" in out
    assert main(["show", str(run), "--worst", "2", "--by", "edt"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 6
