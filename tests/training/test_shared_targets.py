"""Two trainings on the same data and split keep one copy of the targets; each run stays complete in itself."""

import shutil

import numpy as np

from decaylab.catalogue.settings import TrainConfig
from decaylab.cli.main import main
from decaylab.runlog.store import scan
from decaylab.training.loop import train


def test_runs_on_the_same_split_share_their_targets(published, tmp_path):
    experiments = tmp_path / "experiments"

    def targets(**settings):
        config = TrainConfig(data=str(published), experiments=str(experiments), max_epochs=1, batch_size=8, **settings)
        return f"{train(config).directory}/targets.npy"

    first, second = targets(seed=1), targets(seed=2)
    other = targets(split_seed=1)
    assert first != second
    assert scan(str(experiments))[0].get("size") > 0
    inodes = [(experiments.parent / path).stat().st_ino for path in (first, second, other)]
    assert inodes[0] == inodes[1] != inodes[2]
    assert not np.array_equal(np.load(second), np.load(other))
    assert main(["verify", str(experiments), "--deep"]) == 0
    copy = tmp_path / "elsewhere" / "copied_20260101_000000"
    shutil.copytree(first.removesuffix("/targets.npy"), copy)
    assert (copy / "targets.npy").stat().st_nlink == 1
    np.testing.assert_array_equal(np.load(copy / "targets.npy"), np.load(first))
