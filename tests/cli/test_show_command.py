"""`decaylab show --command`: the line that a record gives is, to `decaylab train`, the training that was recorded."""

from __future__ import annotations

import dataclasses
import json
import os
import shlex
from types import SimpleNamespace
from unittest import mock

import numpy as np
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from decaylab.catalogue.losses import LOSSES
from decaylab.catalogue.models import MODELS
from decaylab.catalogue.settings import TrainConfig
from decaylab.cli.main import main
from decaylab.diagnosis import command
from decaylab.losses import build_loss
from decaylab.rooms.splits import split_rows
from decaylab.runlog.document import Document
from decaylab.runlog.record import Folder, Record
from decaylab.training import describe, loop
from decaylab.training.outcome import Outcome
from decaylab.training.plan import Plan, _chosen_rows

ROOMS = 30
#: Options that decide nothing about the run that is trained: where it is kept and what is said of it.


def plan_of(config: TrainConfig) -> Plan:
    """A plan as `prepare` makes it, of rooms and a network that take no time."""
    features = np.random.default_rng(0).uniform(0.1, 0.9, (ROOMS, 16))
    data = SimpleNamespace(
        features=features, samples=96_000, sampling_rate=48_000, digest="d", manifest={}, notes=[],
        ids=[f"room {row}" for row in range(ROOMS)],
    )  # fmt: skip
    rows = _chosen_rows(config, ROOMS)
    parts = split_rows(
        features[rows], config.split, seed=config.split_seed, train_ratio=config.train_ratio,
        val_ratio=config.val_ratio, fold=config.fold,
    )  # fmt: skip
    model = torch.nn.Linear(2, 2)
    model.inputs, model.outputs = "scaled", "scaled_curve"
    config = config.completed({"max_epochs": 250, "input_noise": 0.1})
    loss = build_loss(config.loss or "decay", **config.loss_weights)
    device = "cuda" if config.device == "cuda" else "cpu"
    return Plan(config, device, data, type(parts)(*(rows[part] for part in parts)), model, loss)


def sections_of(plan: Plan) -> dict:
    with mock.patch.object(describe, "_device_name", lambda kind: "cuda (NVIDIA H200)" if kind == "cuda" else "cpu"):
        return describe.settings(plan)


def recorded(plan: Plan) -> Record:
    """The record of a run with this plan, as a reader finds it."""
    document = Document(plan.config.model_name)
    document.update(None, sections_of(plan))
    run_id = "m_20260301_120000"
    document.begin(run_id, "20260301_120000", {}, ["decaylab", "train"], os.getcwd())
    folder = Folder(plan.config.experiments)
    return Record(folder, run_id, f"{folder.path}/{run_id}", json.loads(document.encode()), "documented")


def parsed(line: str) -> TrainConfig:
    """The settings that `decaylab train` begins to train with when this line is typed."""
    with mock.patch.object(loop, "train", return_value=Outcome("x", "x", "completed", None, {}, {}, {})) as begun:
        assert main(shlex.split(line)[1:]) == 0
    return begun.call_args.args[0]


def weights_of(loss: str | None) -> st.SearchStrategy[dict[str, float]]:
    names = LOSSES[loss or "decay"].weights
    return st.fixed_dictionaries({}, optional={name: st.floats(0, 1e6) for name in names})


#: A run refuses texts that stand for numbers in its files, such as "Infinity".
NO_PATHS = ("--", "NaN", "Infinity", "-Infinity")
paths = st.text(st.characters(exclude_categories=("C", "Zl", "Zp")), min_size=1).filter(
    lambda text: text not in NO_PATHS
)
positive = st.floats(0, 1e9, exclude_min=True)
epochs = st.none() | st.integers(1, 10**6)
#: Of each setting, what it may be; those that depend on another one are drawn after it.
MAY_BE = {
    "data": paths,
    "model": st.sampled_from([*MODELS, "nets.mine:Net", "my nets/mine.py:Net"]),
    "loss": st.none() | st.sampled_from(list(LOSSES)),
    "experiments": paths,
    "max_epochs": epochs,
    "batch_size": epochs,
    "eval_batch_size": epochs,
    "learning_rate": st.none() | positive,
    "weight_decay": st.none() | st.floats(0, 10),
    "schedule": st.sampled_from([None, "constant", "onecycle"]),
    "input_noise": st.none() | st.floats(0, 10),
    "scaler": st.sampled_from(["minmax", "standard", "robust"]),
    "precision": st.sampled_from([32, 16, "bf16"]),
    "gradient_clip_val": st.none() | positive,
    "train_ratio": st.floats(0.1, 0.5),
    "val_ratio": st.floats(0.1, 0.4),
    "split_seed": st.integers(0, 2**31),
    "max_samples": st.none() | st.integers(5, 40),
    "pin_memory": st.booleans(),
    "guard": st.booleans(),
    "seed": st.integers(0, 2**31),
    "device": st.sampled_from(["auto", "cpu", "cuda"]),
}
TOGETHER = {"loss_weights", "early_stop", "early_stop_patience", "split", "fold", "num_workers", "persistent_workers"}


@st.composite
def configs(draw: st.DrawFn) -> TrainConfig:
    chosen = {name: draw(values) for name, values in MAY_BE.items()}
    stops = draw(st.booleans())
    split = draw(st.sampled_from(["random", "room", "material"]))
    workers = draw(st.integers(0, 8))
    return TrainConfig(
        **chosen,
        loss_weights=draw(weights_of(chosen["loss"])),
        early_stop=stops,
        early_stop_patience=draw(epochs) if stops else None,
        split=split,
        fold=(draw(st.integers(1, 3)), 3) if split != "random" and draw(st.booleans()) else None,
        num_workers=workers,
        persistent_workers=workers > 0 and draw(st.booleans()),
    )


def test_every_setting_is_varied_here() -> None:
    assert MAY_BE.keys() | TOGETHER | {"note"} == {field.name for field in dataclasses.fields(TrainConfig)}


@given(configs())
@example(TrainConfig("data/rooms"))
@example(TrainConfig("data/rooms", max_samples=40, gradient_clip_val=1.0, weight_decay=0.0))
@example(TrainConfig("data/rooms", max_samples=20, split="room", fold=(2, 3), device="cuda", pin_memory=True))
@example(TrainConfig("-$(touch x)`'\"; \\ \u3000", experiments="-e", early_stop=False, loss="mse"))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_printed_command_is_the_same_training(config: TrainConfig) -> None:
    plan = plan_of(config)
    made = command.command_of(recorded(plan), os.getcwd())
    assert "\n" not in made.line
    assert not made.remarks
    again = parsed(made.line)
    assert sections_of(plan_of(again)) == sections_of(plan)
    assert again == dataclasses.replace(
        plan.config,  # with what was left open filled in as it was on the day
        loss=plan.loss.name,
        loss_weights=plan.loss.weights,
        max_samples=config.max_samples or ROOMS,
        pin_memory=config.pin_memory and plan.device == "cuda",
        device=plan.device,
    )
    assert again.completed(dict.fromkeys(("max_epochs", "schedule", "input_noise"), "another default")) == again


def test_paths_of_another_directory_are_led_back(tmp_path) -> None:
    record = recorded(plan_of(TrainConfig("data/rooms")))
    record.document["working_directory"] = "/home/me/my rooms"
    assert "--data '/home/me/my rooms/data/rooms' " in command.command_of(record, str(tmp_path)).line
    assert "--data data/rooms " in command.command_of(record, "/home/me/my rooms").line


def test_as_a_user_calls_it(write_run, experiments, monkeypatch, capsys) -> None:
    """On stdout one line and nothing else, which a shell runs; what is wrong is one line on stderr."""
    monkeypatch.chdir(experiments.parent)
    path = write_run("compact_20260301_120000")
    (path / "metadata.json").write_text(json.dumps(recorded(plan_of(TrainConfig("data/rooms"))).document))
    assert main(["show", "latest", "--command"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("decaylab train --data data/rooms --model compact --loss decay --max-epochs 250 ")
    assert out.endswith(" --experiments experiments\n")
    assert out.count("\n") == 1
    assert err == ""
    write_run("legacy_20260302_120000", own=False)
    assert main(["show", "legacy", "--command"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    for key in ("data_config.path", "data_config.split_seed", "training_config.schedule", "seed", "environment.device"):
        assert key in err
    assert "batch_size" not in err
