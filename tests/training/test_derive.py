"""`decaylab train --from RUN`: that run's settings, except for what is given; the parent is on record."""

import json
import os
import shutil

import pytest
from kills import change, only_run, record_of, refused

from decaylab.cli.main import main
from decaylab.errors import RunLogError
from decaylab.runlog.store import read_run
from decaylab.training.recorded import derived

GIVEN = (
    "--max-epochs", "2", "--batch-size", "8", "--learning-rate", "0.002", "--scaler", "robust", "--loss", "auxiliary",
    "--aux-weight", "0.7", "--gradient-clip-val", "1.5", "--split", "room", "--fold", "1/3", "--split-seed", "3",
    "--seed", "9", "--early-stop-patience", "7", "--input-noise", "0.01", "--weight-decay", "0.1",
    "--max-samples", "25",
)  # fmt: skip


@pytest.fixture(scope="module")
def trained(published, tmp_path_factory):
    folder = tmp_path_factory.mktemp("from") / "experiments"
    assert main(["train", "--data", str(published), "--experiments", str(folder), *GIVEN]) == 0
    return folder


@pytest.fixture
def run(trained, tmp_path):
    shutil.copytree(trained, tmp_path / "experiments")
    return only_run(tmp_path / "experiments")


def settings_of(path):
    """Every setting on record, without what is measured or said."""
    record = record_of(path)
    kept = ("training_config", "loss_config", "precision_config", "data_loader_config", "data_config",
            "early_stopping_config", "seed", "model_name")  # fmt: skip
    results = ("training_duration_seconds", "training_duration_minutes", "actual_epochs", "stopped_at_epoch")
    flat = {}
    for section in kept:
        value = record[section]
        flat |= {f"{section}.{k}": v for k, v in value.items()} if isinstance(value, dict) else {section: value}
    return {key: value for key, value in flat.items() if not key.endswith(results)}


def test_only_what_is_given_differs_and_the_parent_is_shown(run, monkeypatch, tmp_path, capsys):
    from decaylab.catalogue.models import MODELS

    compact = MODELS["compact"]
    recipe = dict.fromkeys(compact.recipe, 1) | {"schedule": "bad"}
    monkeypatch.setitem(MODELS, "compact", compact.replaced(recipe=recipe))
    monkeypatch.chdir(tmp_path)  # not where the parent was trained
    words = ["train", "--from", run.name, "--experiments", str(run.parent), "--batch-size", "4", "--aux-weight", "0.1"]
    assert main(words) == 0
    new = run.parent / os.path.basename(capsys.readouterr().out.splitlines()[-1])
    old, now = settings_of(run), settings_of(new)
    assert {key for key in old if old[key] != now.get(key)} == {"training_config.batch_size", "loss_config.aux_weight"}
    record = record_of(new)
    assert (record["parent"], record["parent_how"]) == (run.name, "from")
    assert "parent" not in record_of(run)
    assert (
        main(["compare", str(run.parent), "--columns", "parent,batch_size", "--export", "json", "--output", "-"]) == 0
    )
    rows = {row["run_id"]: row for row in json.loads(capsys.readouterr().out)}
    assert (rows[new.name]["parent"], rows[run.name]["parent"]) == (run.name, None)
    assert main(["compare", str(run.parent), "--where", f"parent={run.name}"]) == 0
    assert new.name in capsys.readouterr().out
    assert main(["diff", str(run), str(new)]) == 0
    out = capsys.readouterr().out
    assert any(line.split()[0] == "parent" and run.name in line for line in out.splitlines() if line.strip())
    assert main(["verify", str(new)]) == 0


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ({"loss": "decay"}, {"loss": "decay", "loss_weights": {}}),
        (
            {"loss": "auxiliary", "loss_weights": {"t20_weight": 2.0}},
            {"loss_weights": {"aux_weight": 0.7, "t20_weight": 2.0}},
        ),
        ({"split": "random"}, {"split": "random", "fold": None, "split_seed": 3}),
        ({"model": "lstm"}, {"model": "lstm", "input_noise": None, "learning_rate": 0.002}),
        ({"early_stop": False}, {"early_stop": False, "early_stop_patience": None}),
        ({"gradient_clip_val": None}, {"gradient_clip_val": None}),
        ({"seed": 1}, {"seed": 1, "max_samples": 25, "fold": (1, 3), "scaler": "robust"}),
    ],
)  # fmt: skip
def test_what_belongs_to_a_replaced_setting_goes_with_it(trained, typed, expected):
    config = derived(read_run(str(only_run(trained))), typed)
    found = {name: getattr(config, name) for name in expected}
    if "loss_weights" in found:
        found["loss_weights"] = {k: v for k, v in found["loss_weights"].items() if k in expected["loss_weights"]}
        assert bool(config.loss_weights) is bool(expected["loss_weights"])
    assert found == expected


def test_what_the_parent_lacks_is_to_be_given(run, published, tmp_path, capsys):
    change(run, seed=None, data_config__split_seed=None)
    words = ["train", "--from", run, "--experiments", tmp_path / "e"]
    said = refused(capsys, *words)
    assert "--seed" in said
    assert "--split-seed" in said
    assert not (tmp_path / "e").exists()
    assert derived(read_run(str(run)), {"seed": 4, "split_seed": 1}).seed == 4
    with pytest.raises(RunLogError, match="--seed"):
        derived(read_run(str(run)), {"split_seed": 1})


def test_a_run_of_a_loop_of_ones_own_says_what_it_lacks(tmp_path, capsys):
    from decaylab import runlog

    with runlog.start("mine", experiments=tmp_path, config={"batch_size": 8}) as run:
        run.finish(metrics={"t20_mae": 0.1, "edc_mae": 0.2})
    for command in (["train", "--from"], ["reproduce"]):
        said = refused(capsys, *command, run.directory, "--experiments", tmp_path)
        assert "lacks" in said
        assert "learning" in said


def test_a_parent_that_is_severely_wrong_is_said(run, capsys):
    words = ["train", "--from", run.name, "--experiments", str(run.parent), "--max-epochs", "1"]
    assert main(words) == 0
    assert "severely wrong" not in capsys.readouterr().err
    record = record_of(run)
    record["metrics"]["overall_edc"]["r2"] = -0.5
    (run / "metadata.json").write_text(json.dumps(record))
    assert main(words) == 0
    assert f"{run.name} is severely wrong (r2_below_zero), and these" in capsys.readouterr().err


def test_a_parent_that_is_not_there_is_said(tmp_path, capsys):
    assert "nothing" in refused(capsys, "train", "--from", "nothing", "--experiments", tmp_path)
