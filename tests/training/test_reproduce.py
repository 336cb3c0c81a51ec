"""`decaylab reproduce`: the same bits from the record alone, or a table of what does not agree."""

import json
import os
import shutil

import numpy as np
import pytest
import torch

from decaylab.cli.main import main
from decaylab.runlog.store import read_run
from decaylab.training import same
from decaylab.training.verdict import compare

QUICK = ["--max-epochs", "3", "--batch-size", "8", "--seed", "5", "--scaler", "minmax", "--loss", "auxiliary"]
#: What the record of another program lacks, as a person states it.
ASSUMED = {
    "split": "random", "split_seed": 0, "fold": None, "seed": 0, "schedule": "constant", "weight_decay": 0.0,
    "input_noise": 0.0, "device": "cpu", "t20_weight": 1.0, "c50_weight": 0.05,
}  # fmt: skip

ASSUMED_DEVICE = ("--assume", "device=cpu")


@pytest.fixture(scope="module")
def trained(published, tmp_path_factory):
    """An experiments folder with one run."""
    folder = tmp_path_factory.mktemp("trained") / "experiments"
    assert main(["train", "--data", str(published), "--experiments", str(folder), *QUICK]) == 0
    return folder


@pytest.fixture
def run(trained, tmp_path):
    """A copy of that run, to be changed."""
    shutil.copytree(trained, tmp_path / "experiments")
    (found,) = [path for path in (tmp_path / "experiments").iterdir() if path.is_dir()]
    return found


def record_of(path):
    return json.loads((path / "metadata.json").read_text())


def change(path, **changes):
    record = record_of(path)
    for key, value in changes.items():
        *folders, last = key.split("__")
        place = record
        for folder in folders:
            place = place[folder]
        place[last] = value
    (path / "metadata.json").write_text(json.dumps(record))


def reproduce(path, *options):
    """Exit status, and the new run's directory if there is one."""
    before = set(path.parent.iterdir())
    status = main(["reproduce", str(path), "--experiments", str(path.parent), *map(str, options)])
    made = [new for new in set(path.parent.iterdir()) - before if new.is_dir() and not new.name.startswith(".")]
    return status, made[0] if made else None


def refused(capsys, path, *options):
    status, made = reproduce(path, *options)
    error = capsys.readouterr().err
    assert (status, made) == (2, None)
    assert error.count("\n") == 1, error
    return error


def test_other_defaults_than_on_the_day_change_no_bit(run, monkeypatch, capsys):
    from decaylab.catalogue import settings
    from decaylab.catalogue.models import MODELS
    from decaylab.losses.auxiliary import Auxiliary

    compact = MODELS["compact"]
    other = dict.fromkeys(compact.recipe, 1) | {"schedule": "constant", "input_noise": 0.5}
    monkeypatch.setitem(MODELS, "compact", compact.replaced(recipe=other, loss="mse"))
    monkeypatch.setattr(Auxiliary, "default_weights", {"aux_weight": 9.0, "t20_weight": 9.0, "c50_weight": 9.0})
    monkeypatch.setattr(settings, "GENERAL_SETTINGS", dict.fromkeys(settings.GENERAL_SETTINGS, 7))
    before = (run / "metadata.json").read_bytes()
    status, made = reproduce(run)
    out = capsys.readouterr().out
    assert status == 0, out
    assert "bit-equal" in out
    assert out.splitlines()[-1] == str(made)
    assert (made / "predictions.npy").read_bytes() == (run / "predictions.npy").read_bytes()
    new, old = record_of(made), record_of(run)
    assert new["metrics"] == old["metrics"]
    assert (new["parent"], new["parent_how"]) == (run.name, "reproduce")
    for section in ("training_config", "loss_config", "data_config"):
        differing = {key for key, value in old[section].items() if new[section][key] != value}
        assert differing <= {"training_duration_seconds", "training_duration_minutes"}
    assert (run / "metadata.json").read_bytes() == before, "the verdict lies beside it"
    name = f"reproduction_{made.name}.json"
    kept = json.loads((run / name).read_text())
    assert kept == json.loads((made / name).read_text())
    assert (kept["run"], kept["reproduction"]) == (run.name, made.name)
    assert (kept["agrees"], kept["verdict"], kept["expected"], kept["because"]) == (True, "bit-equal", "bit-equal", [])
    assert main(["verify", str(run)]) == main(["verify", str(made)]) == 0


def test_a_dry_run_lists_what_differs_and_trains_nothing(run, capsys):
    assert reproduce(run, "--dry-run") == (0, None)
    assert "nothing that the bits depend on differs" in capsys.readouterr().out
    change(
        run,
        environment__packages={"torch": "1.0", "lightning": record_of(run)["environment"]["packages"]["lightning"]},
        process__host="far",
        training_config__optimizer="SGD",
        git={"commit": "0123abc"},
    )
    assert reproduce(run, "--dry-run") == (0, None)
    out = capsys.readouterr().out
    for words in (("environment.packages.torch", "1.0", torch.__version__), ("process.host", "far"),
                  ("training_config.optimizer", "SGD", "AdamW"), ("git.commit", "0123abc")):  # fmt: skip
        assert any(all(word in line for word in words) for line in out.splitlines()), words
    assert "lightning" not in out
    assert "within the tolerances" in out


def test_a_figure_of_the_record_that_does_not_come_again_is_a_failure_with_a_table(run, capsys):
    change(run, metrics__t20__mae=record_of(run)["metrics"]["t20"]["mae"] * (1 + 1e-9))
    status, made = reproduce(run)
    out = capsys.readouterr().out
    assert status == 1, "nothing around it differs: the same bits are expected"
    assert "within tolerance" in out.splitlines()[0]
    assert any(line.startswith("T20 MAE") and "agrees" in line for line in out.splitlines())
    kept = json.loads((run / f"reproduction_{made.name}.json").read_text())
    assert (kept["agrees"], kept["verdict"], kept["expected"]) == (False, "within tolerance", "bit-equal")


def figures(path, **factors):
    """The run's record with its surroundings changed and its metrics multiplied: as if from another machine."""
    change(path, process__host="far")
    for name, factor in factors.items():
        parameter, statistic = name.split("__")
        value = record_of(path)["metrics"][parameter][statistic]
        change(path, **{f"metrics__{name}": value * factor})
    return read_run(str(path))


@pytest.mark.parametrize(
    ("factors", "found"),
    [({}, "bit-equal"), ({"t20__mae": 1.02, "overall_edc__rmse": 0.98}, "within tolerance"),
     ({"t20__mae": 1.5}, "differs"), ({"overall_edc__rmse": 0.5}, "differs")],
)  # fmt: skip
def test_figures_of_another_machine_may_differ_within_the_tolerances(run, trained, factors, found):
    (whole,) = [path for path in trained.iterdir() if path.is_dir()]
    because = [same.Difference("process.host", "far", "here")]
    verdict = compare(figures(run, **factors), read_run(str(whole)), because)
    assert verdict.verdict == found
    assert verdict.agrees is (found != "differs")
    assert not compare(read_run(str(run)), read_run(str(whole)), []).agrees or not factors


def test_curves_are_compared_too(run, trained):
    (whole,) = [path for path in trained.iterdir() if path.is_dir()]
    because = [same.Difference("process.host", "far", "here")]
    curves = np.load(run / "predictions.npy")
    np.save(run / "predictions.npy", curves * np.float32(1 + 1e-6))
    verdict = compare(read_run(str(run)), read_run(str(whole)), because)
    assert (verdict.verdict, verdict.rows[-1].agrees) == ("within tolerance", True)
    np.save(run / "predictions.npy", curves * np.float32(0.5))
    assert compare(read_run(str(run)), read_run(str(whole)), because).verdict == "differs"
    np.save(run / "predictions.npy", curves[:3])
    verdict = compare(read_run(str(run)), read_run(str(whole)), because)
    assert verdict.verdict == "differs"
    assert "(3, 96000)" in verdict.rows[-1].remark
    (run / "predictions.npy").unlink()
    verdict = compare(read_run(str(run)), read_run(str(whole)), because)
    assert verdict.verdict == "bit-equal"
    assert "not compared" in verdict.rows[-1].remark


def test_the_metrics_of_the_validation_rooms_are_compared_where_both_have_them(run, trained):
    (whole,) = [path for path in trained.iterdir() if path.is_dir()]
    change(run, validation__t20__mae=1.0)
    assert compare(read_run(str(run)), read_run(str(whole)), []).verdict == "within tolerance"
    record = record_of(run)
    del record["validation"]  # as of before it was recorded
    (run / "metadata.json").write_text(json.dumps(record))
    assert compare(read_run(str(run)), read_run(str(whole)), []).verdict == "bit-equal"


def test_a_gpu_is_not_expected_to_give_the_same_bits(run, trained):
    (whole,) = [path for path in trained.iterdir() if path.is_dir()]
    change(run, metrics__t20__mae=record_of(run)["metrics"]["t20"]["mae"] * (1 + 1e-9))
    found = compare(read_run(str(run)), read_run(str(whole)), [], on_gpu=True)
    assert (found.verdict, found.expected, found.agrees) == ("within tolerance", "within tolerance", True)
    assert found.to_json()["on_gpu"] is True
    assert not compare(read_run(str(run)), read_run(str(whole)), []).agrees


def test_a_commit_changes_no_bit_where_the_code_is_the_same(run):
    from decaylab.training.reproduce import plan_again

    change(run, git={"commit": "0123abc"})
    (run / "git.diff").write_bytes(b"+ x")
    again = plan_again(read_run(str(run)), str(run.parent))
    assert {found.key for found in again.differences} == {"git.commit", "git.diff"}
    assert again.because == []
    change(run, environment__code="of another day")
    again = plan_again(read_run(str(run)), str(run.parent))
    assert {found.key for found in again.because} == {"git.commit", "git.diff", "environment.code"}


@pytest.mark.parametrize("kind", ["damaged", "link", "pipe"])
def test_predictions_that_cannot_be_read_are_said_before_anything_is_trained(run, kind, capsys):
    file = run / "predictions.npy"
    content = file.read_bytes()
    file.unlink()
    if kind == "damaged":
        file.write_bytes(content[: len(content) // 2])
    elif kind == "link":
        file.symlink_to("/etc/hostname")
    else:
        os.mkfifo(file)
    said = refused(capsys, run)
    assert "predictions.npy cannot be compared with" in said
    file.unlink()
    assert reproduce(run, "--dry-run") == (0, None)


def test_curves_of_the_multihead_program_are_found_under_their_name(run, trained):
    (whole,) = [path for path in trained.iterdir() if path.is_dir()]
    (run / "predictions.npy").rename(run / "edc_predictions.npy")
    verdict = compare(read_run(str(run)), read_run(str(whole)), [])
    assert (verdict.verdict, verdict.rows[-1].again) == ("bit-equal", 0.0)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"seed": -1}, "--seed is -1"),
        ({"seed": 2**32}, "--seed is"),
        ({"data_config__split_seed": -1}, "--split-seed is -1"),
        ({"model_name": "/tmp/evil.py:Net"}, "no class is imported"),
        ({"model_path": "evil:Net"}, "give it again with --model evil:Net"),
        ({"loss_config__loss_type": "\x1b[31m"}, "\\x1b[31m"),
    ],
)
def test_an_edited_record_is_answered_in_one_line(run, changes, said, capsys):
    change(run, **changes)
    assert said in refused(capsys, run)


@pytest.mark.parametrize("value", [None, "x", ["x"], 1, {"packages": ["x"], "torch_threads": 10**9}])
def test_surroundings_that_are_no_object_are_unknown(run, value, capsys):
    change(run, environment=value if not isinstance(value, dict) else record_of(run)["environment"] | value)
    status, made = reproduce(run, "--dry-run", "--device", "cpu", *(() if isinstance(value, dict) else ASSUMED_DEVICE))
    assert (status, made) == (0, None)
    assert "environment.packages" in capsys.readouterr().out


def test_metrics_by_other_definitions_are_shown_and_not_compared(run, trained):
    (whole,) = [path for path in trained.iterdir() if path.is_dir()]
    figures(run, edt__mae=6.0)
    change(run, metrics_definitions="predecessor")
    verdict = compare(read_run(str(run)), read_run(str(whole)), [same.Difference("process.host", "far", "here")])
    remarks = {row.name: row.remark for row in verdict.rows}
    assert "other definitions" in remarks["EDT MAE"]
    assert remarks["EDC MAE"] == ""
    assert verdict.verdict == "within tolerance"


def test_other_data_are_refused_before_anything_is_trained(run, published, tmp_path, capsys):
    change(run, data_config__path=str(tmp_path / "gone"))
    assert "--data" in refused(capsys, run)
    change(run, data_config__digest="sha256:other", data_config__test_digest="0f")
    said = refused(capsys, run, "--data", published)
    assert "data_config.digest was sha256:other" in said
    assert "data_config.test_digest was 0f" in said
    assert reproduce(run, "--data", published, "--dry-run") == (0, None)
    assert "refused" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"seed": None, "data_config__digest": None, "data_config__split": None},
            "data_config.split, seed, data_config.digest",
        ),
        ({"loss_config__t20_weight": None}, "loss_config.t20_weight"),
        ({"metrics__overall_edc__mae": None}, "no metrics to compare with"),
        ({"status": "interrupted", "metrics": {}}, "interrupted"),
        ({"environment__device": "cuda (NVIDIA H200)"}, "finds no GPU"),
    ],
)  # fmt: skip
def test_what_a_record_lacks_is_listed(run, changes, said, capsys):
    if "cuda" in str(changes) and torch.cuda.is_available():
        pytest.skip("there is a GPU")
    change(run, **changes)
    assert said in refused(capsys, run)


def test_what_was_assumed_is_recorded_and_nothing_on_record_is_overruled(run, published, capsys):
    digest = record_of(run)["data_config"]["digest"]
    change(run, seed=None, data_config__digest=None, environment__device="cuda (NVIDIA H200)")
    assert "stays" in refused(capsys, run, "--assume", "seed=5", "--assume", "scaler=standard")
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    status, made = reproduce(run, "--assume", "seed=5", "--assume", f"digest={digest}", "--device", "cpu")
    assert status == 0, capsys.readouterr().out
    assert record_of(made)["assumed"] == {"seed": 5, "data_config.digest": digest}
    kept = json.loads((run / f"reproduction_{made.name}.json").read_text())
    assert [found["key"] for found in kept["because"]] == ["environment.device"]


def test_a_record_of_another_program_is_trained_again_from_what_is_stated(
    write_run, experiments, published, trained, capsys
):
    (whole,) = [path for path in trained.iterdir() if path.is_dir()]
    digest = record_of(whole)["data_config"]["digest"]
    path = write_run(
        "compact_20260301_120000",
        {"training_config.max_epochs": 1, "training_config.batch_size": 8, "precision_config.precision": 32,
         "data_loader_config.num_workers": 0, "data_loader_config.pin_memory": False,
         "data_loader_config.persistent_workers": False, "data_config.num_samples": 30,
         "data_config.train_size": 18, "data_config.val_size": 6, "data_config.test_size": 6},
        own=False,
    )  # fmt: skip
    before = (path / "metadata.json").read_bytes()
    said = refused(capsys, path, "--data", published)
    for key in ("seed", "data_config.digest", "data_config.split", "data_config.fold", "loss_config.t20_weight"):
        assert key in said
    words = [word for key, value in (ASSUMED | {"digest": digest}).items()
             for word in ("--assume", f"{key}={json.dumps(value) if value is None else value}")]  # fmt: skip
    status, made = reproduce(path, "--data", published, *words)
    out = capsys.readouterr().out
    assert status == 1, "its figures were of other rooms"
    assert "by other definitions" in out
    assert (path / "metadata.json").read_bytes() == before
    assert (path / f"reproduction_{made.name}.json").exists()
    assert record_of(made)["assumed"]["training_config.schedule"] == "constant"


#: How far each older shape can be trained again, once what it lacks has been assumed (tests/conftest.py writes them).
SHAPES = {
    "documented_20260122_020157": "precision 16, which needs a GPU",
    "flat_20260101_000001": "precision 16, which needs a GPU",
    "early_20260101_000003": None,
    "multihead_20260101_000004": "no such setting",  # the weights of its heads are no option of ours
    "2025-06-01/12-30-05": None,
    "killed_20260101_000005": "no metrics to compare with",
    "arrays_20260101_000006": "no metrics to compare with",
    "truncated_20260101_000008": "it is unreadable",
}
ANY = {
    "loss_type": "mse", "max_epochs": 2, "batch_size": 8, "eval_batch_size": 8, "learning_rate": 0.001,
    "gradient_clip_val": None, "precision": 32, "scaler_type": "standard", "patience": 5, "enabled": True,
    "train_ratio": 0.6, "val_ratio": 0.2, "num_samples": 30, "num_workers": 0, "pin_memory": False,
    "persistent_workers": False, "model_name": "compact", "aux_weight": 0.3, "edt_weight": 1.0,
}  # fmt: skip


@pytest.mark.parametrize(("name", "reason"), SHAPES.items())
def test_every_older_shape_is_planned_as_far_as_its_record_allows(
    name, reason, legacy_folder, published, monkeypatch, capsys
):
    from decaylab.catalogue.models import MODELS

    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    monkeypatch.setitem(MODELS, "hybrid_v2", MODELS["compact"])  # 198 million parameters are not to be built for this
    words = ["reproduce", legacy_folder / name, "--data", published, "--experiments", legacy_folder, "--dry-run"]
    said = refused_words(capsys, words)
    if "lacks what decides the training" in said and "cannot be reproduced" not in said:
        keys = said.split("the training: ")[1].split("; state")[0].split(", ")
        known = {**ANY, **ASSUMED, "digest": said.split(" is sha256:")[1].rstrip(")\n")}
        for key in (key.split(" or ")[-1] for key in keys):
            value = known.get(key.rpartition(".")[2])
            words += [
                "--assume",
                f"{key}={json.dumps(value)}" if key != "data_config.digest" else f"{key}=sha256:{value}",
            ]
        if reason is None:
            assert main([str(word) for word in words]) == 0
            assert "environment.code" in capsys.readouterr().out
            return
        said = refused_words(capsys, words)
    assert reason is not None
    assert reason in said


def refused_words(capsys, words):
    assert main([str(word) for word in words]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1, error
    return error


def test_as_many_threads_as_on_record(run, capsys):
    change(run, environment__torch_threads=2)
    before = torch.get_num_threads()
    _, made = reproduce(run)
    assert record_of(made)["environment"]["torch_threads"] == 2
    assert torch.get_num_threads() == before


def test_nothing_is_written_through_a_link(run, tmp_path, capsys):
    (tmp_path / "others").mkdir()
    link = tmp_path / "others" / run.name
    link.symlink_to(run)
    before = sorted(os.listdir(run))
    status, made = reproduce(link)
    assert status == 0
    assert sorted(os.listdir(run)) == before
    assert (made / f"reproduction_{made.name}.json").exists()
    assert "is linked" in capsys.readouterr().err


def test_a_verdict_that_cannot_be_kept_is_said(run, trained, tmp_path):
    from decaylab.training.verdict import keep

    found = compare(read_run(str(run)), read_run(str(run)), [])
    (said,) = keep(found, [str(run), str(tmp_path / "gone")])
    assert "gone" in said


def test_the_same_code_has_the_same_digest_and_other_code_another(tmp_path, monkeypatch):
    from decaylab.training import describe

    package = tmp_path / "decaylab"
    (package / "training").mkdir(parents=True)
    for name in ("a.py", "training/describe.py"):
        (package / name).write_text("x = 1\n")
    monkeypatch.setattr(describe, "__file__", str(package / "training" / "describe.py"))
    first = describe.code_digest.__wrapped__()
    assert describe.code_digest.__wrapped__() == first
    (package / "a.py").write_text("x = 2\n")
    assert describe.code_digest.__wrapped__() != first
