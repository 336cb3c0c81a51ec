"""`decaylab verify`: each check finds its fault, and a sound run has none."""

import json
import os
import pathlib

import numpy as np
import pytest

from decaylab import runlog
from decaylab.cli.main import main
from decaylab.errors import RunLogError
from decaylab.runlog.arrays import read_header
from decaylab.runlog.store import read_run
from decaylab.runlog.verify import verify

TIME = np.arange(9600) / 4800


@pytest.fixture
def run(tmp_path):
    """A sound run: three test rooms of 2 s at 4.8 kHz, metrics computed from its arrays."""
    from decaylab.evaluation.recompute import score_arrays

    with runlog.start("sound", experiments=tmp_path / "experiments", capture_output=False) as run:
        targets = np.exp(-13.8155 * TIME / np.array([[0.4], [0.6], [0.9]])).astype(np.float32)
        predictions = np.exp(-13.8155 * TIME / np.array([[0.42], [0.6], [0.85]])).astype(np.float32)
        np.save(os.path.join(run.directory, "targets.npy"), targets)
        np.save(os.path.join(run.directory, "predictions.npy"), predictions)
        os.mkdir(os.path.join(run.directory, "checkpoints"))
        pathlib.Path(run.directory, "checkpoints", "best_model.ckpt").write_bytes(b"weights")
        for epoch in (1, 2, 3):
            run.log(epoch=epoch, val_loss=1 / epoch)
        sizes = {"num_samples": 15, "train_size": 9, "val_size": 3, "test_size": 3, "output_length": 9600}
        run.update(data_config=sizes | {"sampling_rate": 4800}, metrics_definitions="iso", best_epoch=3)
        run.finish(metrics=score_arrays(predictions, targets, 4800).result())
    return run


def change(run, edit):
    path = pathlib.Path(run.directory, "metadata.json")
    record = json.loads(path.read_text())
    edit(record)
    path.write_text(json.dumps(record))


def faults(run):
    return verify(read_run(run.directory)).faults


def test_a_sound_run_has_no_fault(run, capsys):
    assert main(["verify", run.directory, "--deep"]) == 0
    assert "ok" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda r: r["training_config"].update(training_duration_minutes=99), "durations contradict"),
        (lambda r: r["data_config"].update(num_samples=17639), "num_samples 17639"),
        (lambda r: r["training_config"].update(actual_epochs=121), "actual_epochs 121"),
        (lambda r: r.update(best_epoch=7), "best_epoch 7"),
        (lambda r: r["data_config"].update(output_length=96000), "has the shape"),
        (lambda r: r["training_config"].update(batch_size="8"), "batch_size is string"),
        (lambda r: r.pop("metrics"), "metrics.t20.mae is missing"),
        (lambda r: r.update(run_id="another"), "run_id is 'another'"),
        (lambda r: r.update(status="lost"), "status is 'lost', none of running"),
        (lambda r: r["files"].update({"../../secret": {"bytes": 1, "blake2b": ""}}), "no file of the run"),
    ],
)
def test_a_record_that_contradicts_itself_is_named(run, edit, said, capsys):
    change(run, edit)
    assert any(said in fault for fault in faults(run)), faults(run)
    assert main(["verify", run.directory]) == 1
    assert said in capsys.readouterr().out


def test_files_that_changed_or_went_are_named(run):
    folder = pathlib.Path(run.directory)
    (folder / "checkpoints/best_model.ckpt").write_bytes(b"WEIGHTS")
    assert faults(run) == ["checkpoints/best_model.ckpt differs from what was recorded (digest)"]
    (folder / "checkpoints/best_model.ckpt").unlink()
    assert faults(run) == ["checkpoints/best_model.ckpt was recorded and is no longer in the run"]


def test_a_history_that_is_gone_is_one_fault(run):
    pathlib.Path(run.directory, "history.jsonl").unlink()
    assert faults(run) == ["history.jsonl was recorded and is no longer in the run"]
    change(run, lambda r: r.pop("files"))
    assert faults(run) == ["history.jsonl is missing"]


def test_metrics_that_the_arrays_do_not_give_are_found_only_when_asked_for(run, capsys):
    change(run, lambda r: r["metrics"]["t20"].update(mae=0.5))
    assert faults(run) == []
    assert main(["verify", run.directory, "--deep"]) == 1
    assert "metrics.t20.mae is 0.5 in the record" in capsys.readouterr().out


def test_a_linked_file_is_not_followed(run, tmp_path):
    (tmp_path / "elsewhere").write_bytes(b"weights")
    path = pathlib.Path(run.directory, "checkpoints/best_model.ckpt")
    path.unlink()
    path.symlink_to(tmp_path / "elsewhere")
    assert any("link" in fault for fault in faults(run))


def test_the_documents_example_names_num_samples_and_not_the_duration(tmp_path, capsys):
    # The figures of the run-log document's example; 26,564 minutes agree with 1,593,840 s, however implausible.
    folder = tmp_path / "experiments" / "hybrid_v2_20260122_020157"
    folder.mkdir(parents=True)
    record = {
        "model_name": "hybrid_v2", "timestamp": "20260122_020157",
        "training_config": {"max_epochs": 200, "actual_epochs": 121, "batch_size": 2, "eval_batch_size": 2,
                            "training_duration_seconds": 1593840, "training_duration_minutes": 26564},
        "data_config": {"num_samples": 17639, "train_size": 3600, "val_size": 1200, "test_size": 1200},
        "metrics": {"overall_edc": {"mae": 0.250203, "rmse": 0.896025, "r2": -97.98586}},
    }  # fmt: skip
    (folder / "metadata.json").write_text(json.dumps(record))
    assert verify(read_run(str(folder))).faults == ["num_samples 17639, but train + val + test = 6000"]
    assert main(["verify", str(tmp_path / "experiments")]) == 1
    assert "num_samples 17639" in capsys.readouterr().out


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-4],
        lambda data: data + b"xxxx",
        lambda data: b"not numpy" + data,
        lambda data: data[:8] + b"\xff\xff" + data[10:],
        lambda data: data.replace(b"(2, 3)", b"(9, 9)"),
        lambda data: data.replace(b"<f4", b"|O8"),
        lambda data: data.replace(b"{'descr'", b"__import"),
        lambda data: data[:9],
    ],
)
def test_an_array_header_is_believed_only_as_far_as_the_file_reaches(tmp_path, damage):
    path = tmp_path / "a.npy"
    np.save(path, np.zeros((2, 3), dtype=np.float32))
    assert read_header(str(path)).shape == (2, 3)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(RunLogError, match=r"a\.npy"):
        read_header(str(path))


def test_a_key_twice_in_one_object_is_a_fault(run):
    """Readers of JSON take the last one in silence; a person who edits the file by hand adds a line."""
    path = pathlib.Path(run.directory, "metadata.json")
    text = path.read_text()
    path.write_text(text.replace('"num_samples": 15,', '"num_samples": 16, "num_samples": 15,'))
    assert faults(run) == [
        "metadata.json holds the key 'num_samples' more than once in one object; the last one is read"
    ]
    path.write_text(text)
    assert faults(run) == [], "the same key in several objects is none twice"
