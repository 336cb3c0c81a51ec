"""Before a training: what is found, what is refused, and that the training is the same with and without."""

import json
import os
import pathlib
import random
import shutil

import numpy as np
import pytest
import torch

from decaylab.catalogue.settings import TrainConfig
from decaylab.cli.main import main
from decaylab.rooms import SimulationSettings, draw_rooms, simulate_rooms
from decaylab.rooms.leakage import shared_rows
from decaylab.training import loop, preflight, preflight_findings
from decaylab.training.plan import plan_training
from decaylab.training.preflight import PreflightError, check, refuse
from decaylab.training.preflight_steps import Trial, places

#: 64 numbers joined by straight lines: a small model of every sample.
OWN = """
import torch

class Own(torch.nn.Module):
    inputs, outputs, default_loss, default_settings = "scaled", "scaled_curve", "mse", {}

    def __init__(self, input_dim, output_length):
        super().__init__()
        self.body = torch.nn.Sequential(torch.nn.Linear(input_dim, 64), torch.nn.Dropout(0.2))
        place = torch.linspace(0, 63, output_length) - torch.arange(64)[:, None]
        self.register_buffer("basis", (1 - place.abs()).clamp(min=0), persistent=False)

    def forward(self, features):
        return self.body(features) @ self.basis
"""


@pytest.fixture(autouse=True)
def time_enough(monkeypatch):
    """A loaded machine must not keep anything from being measured."""
    monkeypatch.setattr(preflight, "LEAST_SECONDS", 300.0)


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    file = tmp_path_factory.mktemp("own") / "own_model.py"
    file.write_text(OWN)
    return f"{file}:Own"


def checked(data, **options):
    return check(plan_training(TrainConfig(data=str(data), device="cpu", **options)))


def codes(found):
    return {one.code for one in found.findings}


@pytest.mark.parametrize("model", ["compact", "own"])
def test_a_run_with_and_one_without_are_bit_equal(published, own, tmp_path, model):
    config = TrainConfig(
        data=str(published), model=own if model == "own" else model, max_epochs=2, batch_size=4, device="cpu", seed=3,
        experiments=str(tmp_path),
    )  # fmt: skip
    runs = [loop.train(config).directory, loop.start(plan_training(config)).directory]
    for name in ("predictions.npy", "checkpoints/best_model.ckpt"):
        first, second = (os.path.join(run, name) for run in runs)
        if name.endswith(".npy"):
            assert np.load(first).tobytes() == np.load(second).tobytes()
            continue
        states = [torch.load(path, weights_only=True)["state_dict"] for path in (first, second)]
        assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])
    records = [json.loads(pathlib.Path(run, "metadata.json").read_text()) for run in runs]
    assert "preflight" in records[0]
    assert "preflight" not in records[1]


def test_nothing_is_drawn_and_the_plan_is_as_it_was(published):
    plan = plan_training(TrainConfig(data=str(published), device="cpu"))
    before = {name: value.clone() for name, value in plan.model.state_dict().items()}
    states = torch.get_rng_state(), np.random.get_state()[1].tobytes(), random.getstate()
    check(plan)
    assert torch.equal(states[0], torch.get_rng_state())
    assert (states[1], states[2]) == (np.random.get_state()[1].tobytes(), random.getstate())
    assert all(torch.equal(before[name], value) for name, value in plan.model.state_dict().items())
    assert all(parameter.grad is None for parameter in plan.model.parameters())


def test_the_estimate_adds_up(published):
    found = checked(published, max_epochs=1000, early_stop_patience=99, schedule="constant").estimate
    assert found.total_seconds - found.earliest_seconds == pytest.approx(900 * found.epoch_seconds)
    assert 0 < found.step_seconds < found.epoch_seconds
    assert found.disk_bytes > 2 * 4 * 6 * 96_000
    assert found.memory_bytes > 100e6


def test_good_settings_find_nothing_but_what_the_split_shares(published):
    assert codes(checked(published)) <= {"split_leaks"}


@pytest.mark.parametrize(
    ("options", "near", "code"),
    [
        ({"loss": "auxiliary"}, {"loss": "auxiliary", "gradient_clip_val": 1.0}, "no_clipping"),
        ({"batch_size": 1}, {"batch_size": 4}, "tiny_batch"),
        (
            {"schedule": "constant", "max_epochs": 60, "early_stop_patience": 40},
            {"schedule": "constant", "max_epochs": 200, "early_stop_patience": 40},
            "patience_too_long",
        ),
        (
            {"loss": "weighted_edc", "loss_weights": {"edt_weight": 1e4}},
            {"loss": "weighted_edc", "loss_weights": {"edt_weight": 3.0}},
            "weight_rules",
        ),
        ({"learning_rate": 0.011}, {"learning_rate": 0.01}, "learning_rate"),
        ({"learning_rate": 9e-6}, {"learning_rate": 1e-5}, "learning_rate_low"),
        ({"weight_decay": 10.0}, {"weight_decay": 9.9}, "weight_decay"),
        ({"early_stop_patience": 4}, {"early_stop_patience": 5}, "patience_too_short"),
        ({"model": "compact", "input_noise": 1.0}, {"model": "compact", "input_noise": 0.9}, "input_noise"),
    ],
)
def test_each_cause_and_its_near_miss(published, options, near, code):
    assert code in codes(checked(published, **options))
    assert code not in codes(checked(published, **near))


def test_a_tiny_batch_is_put_beside_eight_measured(published):
    (found,) = (one for one in checked(published, batch_size=1).findings if one.code == "tiny_batch")
    assert "18 steps an epoch" in found.evidence
    assert "batch 8: 3 steps" in found.evidence
    assert (found.basis, found.change) == ("this run", {"--batch-size": 8})


def test_half_precision_is_told_without_a_gpu(published):
    plan = plan_training(TrainConfig(data=str(published), device="cpu", loss="auxiliary", gradient_clip_val=1.0))
    quiet = Trial([1.0], [], 0.1, 0.1, 0.0)
    half = plan._replace(config=TrainConfig(**{**vars(plan.config), "precision": 16}))
    assert [one.code for one in preflight_findings.of_settings(half, quiet, 1.0)] == ["half_precision_logs"]
    assert list(preflight_findings.of_settings(plan, quiet, 1.0)) == []


def test_scaled_targets_that_reach_far_are_told(published, own, monkeypatch):
    assert "scaler_unfit" not in codes(checked(published, model=own, scaler="standard"))
    monkeypatch.setattr(preflight_findings, "LARGEST_SCALED", 2.0)
    assert "scaler_unfit" in codes(checked(published, model=own, scaler="standard"))
    assert "scaler_unfit" not in codes(checked(published, model=own, scaler="minmax"))


def test_workers_that_cost_are_told_and_others_not(published):
    plan = plan_training(TrainConfig(data=str(published), num_workers=2))
    assert preflight_findings.workers_cost(plan, 2.0, 1.0).change == {"--num-workers": 0}
    assert preflight_findings.workers_cost(plan, 1.0, 0.95) is None
    assert preflight_findings.workers_cost(plan, 1.0, None) is None


def test_first_steps_are_refused_only_where_they_fail(published):
    plan = plan_training(TrainConfig(data=str(published)))

    def judged(losses):
        return preflight_findings.failing_steps(plan, Trial(losses, [], 0.1, 0.1, 0.0), 1.0)

    assert judged([1.0, float("nan")]).severity == "severe"
    assert judged([1.0] + [5e3] * 11).severity == "severe"
    assert judged([1.0] + [50.0] * 11).severity == "warning"
    assert judged([1.0] + [5e3] * 6 + [0.5] * 5) is None, "it came back"
    assert judged([1.0, 5e3]) is None, "too few steps to say"


def test_a_diverging_training_is_refused_and_leaves_nothing(published, own, tmp_path, capsys):
    words = [
        "--data",
        str(published),
        "--model",
        own,
        "--learning-rate",
        "1e4",
        "--max-epochs",
        "5",
        "--experiments",
        str(tmp_path / "e"),
    ]
    for command in ("train", "preflight"):
        assert main([command, *words]) == 2
        error = capsys.readouterr().err
        assert "--force" in error
        assert "--learning-rate 0.001" in error
    assert not (tmp_path / "e").exists()
    assert main(["preflight", *words, "--force"]) == 0
    assert main(["train", *words, "--force"]) in (0, 1)
    assert (tmp_path / "e").exists()


def test_a_full_disk_is_refused(published, monkeypatch):
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(preflight.shutil, "disk_usage", lambda path: usage._replace(free=1000))
    found = checked(published)
    assert found.refusal.code == "disk"
    with pytest.raises(PreflightError, match="needed"):
        refuse(found)


def test_curves_that_are_no_numbers_are_refused_and_rising_ones_told(published, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(published, data)
    for path in (data / "EDC").glob("*.npy"):
        curve = np.load(path)
        curve[50_000] = 0.9
        np.save(path, curve)
    found = checked(data)
    (fault,) = (one for one in found.findings if one.code == "data_faults")
    assert (fault.severity, found.refusal) == ("warning", None)
    assert "rising" in fault.evidence
    for path in (data / "EDC").glob("*.npy"):
        curve = np.load(path)
        curve[60_000] = np.nan
        np.save(path, curve)
    assert checked(data).refusal is not None


def test_a_store_that_was_changed_since_it_was_simulated_is_told(tmp_path):
    store, quick = tmp_path / "store", SimulationSettings(rays=200, time_limit=0.3)
    simulate_rooms(store, draw_rooms(12, seed=0), settings=quick)
    assert "data_faults" not in codes(checked(store))
    curves = np.load(store / "curves.npy", mmap_mode="r+")
    curves[:] *= 1 - np.linspace(0, 1e-3, curves.shape[1], dtype=np.float32)  # still decays
    curves.flush()
    (fault,) = (one for one in checked(store).findings if one.code == "data_faults")
    assert "changed since they were written" in fault.evidence
    assert fault.severity == "warning"


def test_a_split_that_shares_most_rooms_is_a_note(published, monkeypatch):
    plan = plan_training(TrainConfig(data=str(published), device="cpu"))
    plan.data.features[:, :3] = plan.data.features[0, :3]
    assert len(shared_rows(plan.data.features, plan.split, "rooms").test) == len(plan.split.test)
    assert "split_leaks" in codes(check(plan))


def test_the_command_prints_and_gives_json(published, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["preflight", "--data", str(published), "--loss", "auxiliary"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "an epoch" in lines[0]
    assert any("--gradient-clip-val 1.0" in line for line in lines[1:])
    assert main(["preflight", "--data", str(published), "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    keys = {"step_seconds", "epoch_seconds", "total_seconds", "earliest_seconds", "memory_bytes", "disk_bytes"}
    assert set(record["estimate"]) == keys
    assert list(tmp_path.iterdir()) == [], "nothing is written"


def test_places_of_source_and_receiver_are_counted_once_whatever_the_walls_absorb():
    rooms = np.arange(48.0).reshape(3, 16)
    rooms[1, :9] = rooms[0, :9]
    assert places(rooms) == 2
