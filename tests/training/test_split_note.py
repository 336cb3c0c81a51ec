"""A training says once what its random split shares, and records it."""

import json

import numpy as np

from decaylab.cli.main import main

QUICK = ["--max-epochs", "1", "--batch-size", "8"]


def grid(folder, published):
    """The small data set again, its 30 rooms with one of five materials each."""
    lines = (published / "roomFeaturesDataset.csv").read_text().splitlines()
    rows = [line.split(",") for line in lines[1:]]
    folder.mkdir()
    (folder / "EDC").symlink_to(published / "EDC")
    for row, cells in enumerate(rows):
        cells[10:] = [f"{0.3 + 0.05 * (row % 5):.2f}"] * 7
    (folder / "roomFeaturesDataset.csv").write_text("\n".join([lines[0], *(",".join(cells) for cells in rows)]) + "\n")
    return folder


def train(data, experiments, *options):
    assert main(["train", "--data", str(data), "--experiments", str(experiments), *QUICK, *options]) == 0
    (run,) = (path for path in experiments.iterdir() if path.is_dir())
    return json.loads((run / "metadata.json").read_text())["data_config"]["notes"]


def test_what_a_random_split_shares_is_said_once_and_recorded(published, tmp_path, capfd):
    data = grid(tmp_path / "grid", published)
    notes = train(data, tmp_path / "random")
    assert len(notes) == 1
    assert notes[0].startswith("the random split shares materials: 6 of 6 test rows have a material")
    assert capfd.readouterr().err.count("the random split shares") == 1


def test_a_split_that_keeps_groups_apart_says_nothing(published, tmp_path, capfd):
    data = grid(tmp_path / "grid", published)
    assert train(data, tmp_path / "material", "--split", "material") == []
    assert "shares" not in capfd.readouterr().err


def test_the_small_data_set_shares_what_its_table_shares(published, tmp_path):
    table = np.loadtxt(published / "roomFeaturesDataset.csv", delimiter=",", skiprows=1, usecols=range(1, 17))
    assert len(np.unique(table[:, :3], axis=0)) == 30, "no room twice: only materials can be shared"
