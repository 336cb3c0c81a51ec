"""Training from end to end, as the command line does it."""

import json
import os
import pathlib
import pickle
import random
import runpy
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

from decaylab.catalogue.document import DOCUMENTED
from decaylab.catalogue.settings import TrainConfig
from decaylab.cli.main import main
from decaylab.errors import InputError
from decaylab.rooms.store import open_data
from decaylab.runlog.history import read_history
from decaylab.runlog.store import scan
from decaylab.training.data import at_positions, sample_shares

QUICK = ["--max-epochs", "4", "--batch-size", "8"]


def write_published(folder, count):
    """The small data set of conftest.py, in a folder that a test may spoil."""
    fixtures = runpy.run_path(str(pathlib.Path(__file__).parent / "conftest.py"))
    return fixtures["write_published"](folder, count)


def train(data, folder, *options):
    """Exit status of `decaylab train`, and the run directories in `folder` afterwards."""
    status = main(["train", "--data", str(data), "--experiments", str(folder), *QUICK, *options])
    return status, sorted(p for p in folder.iterdir() if p.is_dir()) if folder.exists() else []


def record_of(run):
    return json.loads((run / "metadata.json").read_text(), parse_constant=pytest.fail)


@pytest.fixture(scope="module")
def compact_run(published, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "experiments"
    status, runs = train(published, folder, "--note", "the first")
    assert status == 0
    return runs[0]


def test_every_documented_file_is_there(compact_run):
    names = {str(p.relative_to(compact_run)) for p in compact_run.rglob("*") if p.is_file()}
    assert names >= {
        "metadata.json", "predictions.npy", "targets.npy", "scaler_X.pkl", "scaler_y.pkl",
        "checkpoints/best_model.ckpt", "history.jsonl", "split.json", "scaler_X.json", "scaler_y.json",
    }  # fmt: skip
    assert any(name.startswith("tensorboard_logs/events") for name in names)


def test_every_documented_key_has_a_value_of_the_documented_type(compact_run):
    record = record_of(compact_run)
    for section, keys in DOCUMENTED.items():
        assert section in record
        if isinstance(keys, dict):
            assert set(keys) <= set(record[section])
    training = record["training_config"]
    assert (training["max_epochs"], training["actual_epochs"], training["batch_size"]) == (4, 4, 8)
    assert training["training_duration_minutes"] == pytest.approx(training["training_duration_seconds"] / 60, abs=1e-6)
    data = record["data_config"]
    assert (data["num_samples"], data["train_size"], data["val_size"], data["test_size"]) == (30, 18, 6, 6)
    assert (data["input_dim"], data["output_length"]) == (16, 96_000)
    assert record["precision_config"] == {"precision": 32, "mixed_precision_enabled": False}
    assert record["loss_config"]["loss_type"] == "decay"
    assert record["status"] == "completed"
    assert record["metrics_definitions"] == "iso"
    assert record["best_model_path"].endswith(f"{compact_run.name}/checkpoints/best_model.ckpt")
    for parameter in ("overall_edc", "edt", "t20", "c50"):
        assert all(isinstance(record["metrics"][parameter][k], float) for k in ("mae", "rmse", "r2")), parameter
    assert record["baselines"]["mean_curve"]["overall_edc"]["mae"] > 0


def test_arrays_are_linear_energy_in_the_order_of_the_test_rows(compact_run, published):
    predictions, targets = (np.load(compact_run / f"{name}.npy") for name in ("predictions", "targets"))
    assert predictions.dtype == targets.dtype == np.float32
    assert predictions.shape == targets.shape == (6, 96_000)
    test = json.loads((compact_run / "split.json").read_text())["test"]
    for row, name in enumerate(test["ids"]):
        assert np.array_equal(targets[row], np.load(published / "EDC" / f"{name}.npy"))
    assert np.all(predictions[:, 0] == 1.0)
    assert np.all(np.diff(predictions, axis=1) <= 0), "a prediction of compact falls by construction"


def test_the_record_agrees_with_its_own_arrays(compact_run, capsys):
    assert main(["verify", str(compact_run), "--deep"]) == 0, capsys.readouterr().out


def test_scalers_are_scikit_learns_own_and_were_fitted_on_the_training_rows(compact_run, published):
    rows = json.loads((compact_run / "split.json").read_text())["train"]["ids"]
    curves = np.stack([np.load(published / "EDC" / f"{name}.npy") for name in rows]).astype(float)
    scaler = pickle.loads((compact_run / "scaler_y.pkl").read_bytes())
    assert type(scaler).__module__.startswith("sklearn.")
    assert scaler.mean_ == pytest.approx(curves.mean(axis=0), abs=1e-6)
    assert pickle.loads((compact_run / "scaler_X.pkl").read_bytes()).n_features_in_ == 16


def test_the_best_checkpoint_is_what_was_evaluated(compact_run, published):
    from decaylab.models import build_model
    from decaylab.training.checkpoint import load_checkpoint

    content = load_checkpoint(str(compact_run / "checkpoints" / "best_model.ckpt"))
    epochs = read_history(str(compact_run / "history.jsonl")).by_epoch()
    best = min(epochs, key=lambda epoch: epochs[epoch]["val_loss"])
    assert content["epoch"] == best == record_of(compact_run)["best_epoch"]
    model = build_model("compact", input_dim=16, output_length=96_000)
    model.load_state_dict(content["state_dict"])
    stored = np.load(compact_run / "predictions.npy")
    rows = json.loads((compact_run / "split.json").read_text())["test"]["rows"]
    features = torch.from_numpy(open_data(published).features[rows])
    with torch.inference_mode():
        again = model.eval().render(model(features.float()), features.float()).numpy()
    assert np.abs(again - stored).max() < 1e-5
    assert content["val_loss"] == pytest.approx(epochs[best]["val_loss"])


def test_the_note_is_in_notes_md_and_in_the_table(compact_run, capsys):
    assert "the first" in (compact_run.parent / "NOTES.md").read_text()
    assert main(["compare", str(compact_run.parent)]) == 0
    assert "the first" in capsys.readouterr().out


def test_the_run_directory_is_the_last_line_on_stdout(published, tmp_path, capsys):
    train(published, tmp_path / "e", "--max-epochs", "1")
    out = capsys.readouterr().out
    assert os.path.isdir(out.splitlines()[-1])


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(published, tmp_path):
    _, runs = train(published, tmp_path / "a", "--max-epochs", "2", "--seed", "5")
    _, again = train(published, tmp_path / "b", "--max-epochs", "2", "--seed", "5")
    _, other = train(published, tmp_path / "c", "--max-epochs", "2", "--seed", "6")
    first, second, third = ((r[0] / "predictions.npy").read_bytes() for r in (runs, again, other))
    assert first == second
    assert first != third
    assert (runs[0] / "targets.npy").read_bytes() == (other[0] / "targets.npy").read_bytes(), "the split stays"


@pytest.mark.parametrize("loss", ["mse", "edc_rir", "weighted_edc", "auxiliary"])
def test_compact_trains_with_every_loss(published, tmp_path, loss):
    status, runs = train(published, tmp_path / "e", "--loss", loss, "--max-epochs", "2")
    assert status == 0
    record = record_of(runs[0])
    assert record["loss_config"]["loss_type"] == loss
    assert record["loss_config"]["space"] == ("scaled" if loss in ("mse", "edc_rir") else "physical")
    losses = [line["val_loss"] for line in read_history(str(runs[0] / "history.jsonl")).lines]
    assert len(losses) == 2
    assert np.all(np.isfinite(losses))


@pytest.mark.parametrize("scaler", ["minmax", "robust"])
def test_every_scaler_trains(published, tmp_path, scaler):
    status, runs = train(published, tmp_path / "e", "--scaler", scaler, "--max-epochs", "1", "--loss", "mse")
    assert status == 0
    assert record_of(runs[0])["data_loader_config"]["scaler_type"] == scaler


def test_bf16_runs_on_a_cpu_and_is_recorded_as_text(published, tmp_path):
    status, runs = train(published, tmp_path / "e", "--precision", "bf16", "--max-epochs", "1")
    assert status == 0
    assert record_of(runs[0])["precision_config"] == {"precision": "bf16", "mixed_precision_enabled": True}


def test_early_stopping_is_recorded_from_epoch_one(published, tmp_path):
    options = ("--early-stop-patience", "2", "--max-epochs", "30", "--learning-rate", "1e-12", "--schedule", "constant")
    _, runs = train(published, tmp_path / "e", *options)
    record = record_of(runs[0])
    stopped = record["early_stopping_config"]
    assert (stopped["enabled"], stopped["patience"]) == (True, 2)
    if stopped["stopped_at_epoch"] is not None:
        assert stopped["stopped_at_epoch"] == record["training_config"]["actual_epochs"] < 30
    _, runs = train(published, tmp_path / "f", "--no-early-stop")
    assert record_of(runs[0])["early_stopping_config"] == {"enabled": False, "patience": None, "stopped_at_epoch": None}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--loss", "mae"], "mae"),
        (["--model", "resnet"], "resnet"),
        (["--precision", "16"], "bf16"),
        (["--precision", "8"], "32, 16, bf16"),
        (["--batch-size", "0"], "--batch-size"),
        (["--learning-rate", "-1"], "--learning-rate"),
        (["--train-ratio", "0.9"], "below 1"),
        (["--scaler", "log"], "minmax"),
        (["--split", "odd"], "material"),
        (["--fold", "2"], "K/N"),
        (["--fold", "1/5"], "--split room"),
        (["--persistent-workers"], "--num-workers"),
        (["--device", "cuda"], "GPU"),
        (["--max-samples", "2"], "3"),
        (["--max-epoch", "2"], "--max-epochs"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(published, tmp_path, capsys, options, said):
    if options == ["--device", "cuda"] and torch.cuda.is_available():
        pytest.skip("there is a GPU")
    if "16" in options:
        options = [*options, "--device", "cpu"]
    status, runs = train(published, tmp_path / "e", *options)
    error = capsys.readouterr().err
    assert status == 2
    assert said in error
    assert error.count("\n") == 1, error
    assert runs == []


def test_curves_that_do_not_join_are_said_and_recorded(tmp_path, capsys):
    data = write_published(tmp_path / "data", 12)
    next((data / "EDC").glob("RIR_000_case1_*")).unlink()
    np.save(data / "EDC" / "RIR_999_case0_edc.npy", np.ones(96_000, dtype=np.float32))
    status, runs = train(data, tmp_path / "e", "--max-epochs", "1")
    assert status == 0
    error = capsys.readouterr().err
    assert "RIR_000_case1_edc" in error
    assert "RIR_999_case0_edc" in error
    assert record_of(runs[0])["data_config"]["num_samples"] == 11
    assert any("RIR_999_case0_edc" in note for note in record_of(runs[0])["data_config"]["notes"])


def test_missing_data_is_one_line(tmp_path, capsys):
    status, runs = train(tmp_path / "nowhere", tmp_path / "e")
    error = capsys.readouterr().err
    assert (status, runs) == (2, [])
    assert "nowhere" in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_training_is_on_record(published, tmp_path, number, status):
    command = [sys.executable, "-m", "decaylab.cli.main", "train", "--data", str(published), "--max-epochs", "100000",
               "--experiments", str(tmp_path / "e")]  # fmt: skip
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 90
    histories: list[pathlib.Path] = []
    while time.monotonic() < deadline and not any(h.stat().st_size for h in histories):
        histories = list((tmp_path / "e").glob("*/history.jsonl"))
        assert child.poll() is None, child.communicate()
        time.sleep(0.05)
    child.send_signal(number)
    _, error = child.communicate(timeout=60)
    assert child.returncode == status, error
    assert "Traceback" not in error
    record = record_of(histories[0].parent)
    assert record["status"] == "interrupted"
    assert record["training_config"]["training_duration_seconds"] > 0
    assert (histories[0].parent / "checkpoints" / "best_model.ckpt").exists()


@pytest.mark.heavy
def test_trainings_killed_at_random_moments_are_on_record_and_lost(published, tmp_path):
    chance = random.Random(3)
    command = [sys.executable, "-m", "decaylab.cli.main", "train", "--data", str(published), "--max-epochs", "40",
               "--experiments", str(tmp_path / "e")]  # fmt: skip
    for _ in range(10):
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        before = len(list(tmp_path.glob("e/*/metadata.json")))
        deadline = time.monotonic() + 60
        while len(list(tmp_path.glob("e/*/metadata.json"))) == before and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(chance.uniform(0, 3))
        child.send_signal(signal.SIGKILL)
        child.wait()
    records = scan(str(tmp_path / "e"))
    assert len(records) == 10
    assert {record.status for record in records} <= {"lost", "completed"}
    assert [record.status for record in records].count("lost") >= 5
    for record in records:
        epochs = [line["epoch"] for line in read_history(os.path.join(record.path, "history.jsonl")).lines]
        assert epochs == list(range(1, len(epochs) + 1))
        assert record.get("batch_size") == 64


def test_a_full_disk_at_the_evaluation_is_recorded_as_a_failure(published, tmp_path, monkeypatch, capsys):
    from decaylab.training import evaluate

    real = evaluate.write_rows

    def full(file, rows):
        if not file.name.startswith(str(tmp_path)):  # where the check before the training tries its arrays
            return real(file, rows)
        raise OSError(28, "No space left on device", "predictions.npy")

    monkeypatch.setattr(evaluate, "write_rows", full)
    status, runs = train(published, tmp_path / "e", "--max-epochs", "1")
    assert status == 2
    assert "No space left on device" in capsys.readouterr().err
    record = record_of(runs[0])
    assert record["status"] == "failed"
    assert record["error"]["type"] == "OSError"
    assert not list(runs[0].glob("*.npy*")), "nothing half-written"
    assert (runs[0] / "checkpoints" / "best_model.ckpt").exists(), "the training is not lost"


def test_a_loss_that_is_never_finite_is_diverged(published, tmp_path):
    options = ["--loss", "mse", "--learning-rate", "1e30", "--schedule", "constant", "--force"]
    _, runs = train(published, tmp_path / "e", *options)
    record = record_of(runs[0])
    if record["status"] == "completed":
        pytest.fail("a learning rate of 1e30 did not diverge")
    assert record["status"] == "diverged"


def test_a_configuration_is_filled_from_the_models_recipe_and_then_from_the_general_settings():
    config = TrainConfig(data="d", batch_size=4).completed({"max_epochs": 7, "batch_size": 64})
    assert (config.max_epochs, config.batch_size, config.learning_rate) == (7, 4, 1e-3)
    assert TrainConfig(data="d", early_stop=False).completed({}).early_stop_patience is None
    with pytest.raises(InputError, match="contradict"):
        TrainConfig(data="d", early_stop=False, early_stop_patience=3).check()


def test_curves_are_read_between_samples_and_the_shares_of_the_points_sum_to_one():
    curves = torch.tensor([[1.0, 0.5, 0.25, 0.0]])
    positions = torch.tensor([[0.0, 0.5, 2.0, 2.5, 9.0]])
    assert at_positions(curves, positions).tolist() == [[1.0, 0.75, 0.25, 0.125, 0.0]]
    shares = sample_shares(torch.tensor([[0.0, 10.0, 20.0, 99.0]]), 100)
    assert shares.sum().item() == pytest.approx(1.0)
    assert shares[0, 0].item() == pytest.approx(5 / 99)


@pytest.mark.parametrize("model", ["compact", "compact_traced"])
def test_physics_refuses_another_sampling_rate(model, tmp_path, capsys):
    from decaylab.rooms import SimulationSettings, draw_rooms, simulate_rooms

    simulate_rooms(tmp_path / "rooms", draw_rooms(4, seed=0), settings=SimulationSettings(rays=100, time_limit=0.2))
    manifest = json.loads((tmp_path / "rooms" / "manifest.json").read_text())
    (tmp_path / "rooms" / "manifest.json").write_text(json.dumps(manifest | {"sampling_rate": 44_100}))
    assert train(tmp_path / "rooms", tmp_path / "experiments", "--model", model) == (2, [])
    assert f"--model {model} knows the physics at 48,000 Hz" in capsys.readouterr().err
