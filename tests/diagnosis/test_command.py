"""The command out of a record: what it refuses, and what it says of runs of other programs."""

from __future__ import annotations

import copy
import shlex
from typing import Any

import pytest

from decaylab.diagnosis.command import command_of
from decaylab.errors import RunLogError
from decaylab.runlog.record import Folder, Record
from decaylab.runlog.store import scan

#: What `decaylab train` records of its settings.
DOCUMENT: dict[str, Any] = {
    "model_name": "compact",
    "schema_version": 1,
    "training_config": {
        "max_epochs": 250, "batch_size": 64, "eval_batch_size": 64, "learning_rate": 0.001, "weight_decay": 1.0,
        "schedule": "onecycle", "input_noise": 0.1,
    },
    "loss_config": {"loss_type": "decay", "space": "physical", "gradient_clip_val": None, "aux_weight": None},
    "precision_config": {"precision": 32},
    "data_loader_config": {
        "num_workers": 0, "pin_memory": False, "persistent_workers": False, "scaler_type": "standard",
    },
    "data_config": {
        "num_samples": 600, "num_samples_requested": None, "train_ratio": 0.6, "val_ratio": 0.2, "split": "random",
        "split_seed": 0, "fold": None, "path": "data/rooms",
    },
    "early_stopping_config": {"enabled": True, "patience": 250},
    "guard": {"enabled": True, "state": "quiet"},
    "metrics": {"overall_edc": {}},
    "seed": 0,
    "environment": {"device": "cpu"},
    "command": ["/home/me/venv/bin/decaylab", "train", "--data", "data/rooms"],
    "working_directory": "/home/me",
}  # fmt: skip
_GONE = object()


def record(changes: dict[str, Any] | None = None, document: dict[str, Any] = DOCUMENT) -> Record:
    document = copy.deepcopy(document)
    for path, value in (changes or {}).items():
        *parents, last = path.split(".")
        place = document
        for parent in parents:
            place = place[parent]
        if value is _GONE:
            del place[last]
        else:
            place[last] = value
    return Record(Folder("experiments"), "m_20260301_120000", "experiments/m_20260301_120000", document, "documented")


def line(changes: dict[str, Any] | None = None) -> str:
    return command_of(record(changes), "/home/me").line


def test_the_line() -> None:
    assert line() == (
        "decaylab train --data data/rooms --model compact --loss decay --max-epochs 250 --batch-size 64 "
        "--eval-batch-size 64 --learning-rate 0.001 --weight-decay 1.0 --schedule onecycle --input-noise 0.1 "
        "--precision 32 --scaler standard --early-stop-patience 250 --split random --split-seed 0 --train-ratio 0.6 "
        "--val-ratio 0.2 --max-samples 600 --num-workers 0 --seed 0 --device cpu --experiments experiments"
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"data_config.num_samples_requested": 1000}, "--max-samples 1000"),
        ({"early_stopping_config": {"enabled": False, "patience": None}}, "--no-early-stop"),
        ({"guard.enabled": False}, "--no-guard"),
        ({"guard": _GONE}, "--no-guard"),  # recorded before there was a guard: none may stop it today
        ({"loss_config.gradient_clip_val": 1}, "--gradient-clip-val 1"),
        ({"loss_config.t20_weight": 0.5}, "--t20-weight 0.5"),
        ({"data_config.fold": "2/5"}, "--fold 2/5"),
        ({"data_loader_config.pin_memory": True}, "--pin-memory"),
        ({"environment.device": "cuda (NVIDIA H200)"}, "--device cuda"),
        ({"precision_config.precision": "bf16"}, "--precision bf16"),
        ({"data_config.path": "it's; rm -rf $HOME"}, """--data 'it'"'"'s; rm -rf $HOME'"""),
        ({"data_config.path": "-rooms"}, "--data=-rooms"),
        ({"training_config.learning_rate": 1e-300}, "--learning-rate 1e-300"),
    ],
)
def test_each_setting_has_its_words(changes: dict[str, Any], words: str) -> None:
    assert f" {words} " in line(changes)


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("training_config.schedule", _GONE, "training_config.schedule"),
        ("training_config.schedule", "", "training_config.schedule (cannot be used)"),
        ("training_config.batch_size", None, "training_config.batch_size"),
        ("training_config.batch_size", "64", "training_config.batch_size (cannot be used)"),
        ("training_config.batch_size", True, "training_config.batch_size (cannot be used)"),
        ("training_config.learning_rate", "NaN", "training_config.learning_rate (cannot be used)"),
        ("training_config.learning_rate", float("inf"), "training_config.learning_rate (cannot be used)"),
        ("data_config", [1], "data_config.path"),
        ("data_config.num_samples", None, "data_config.num_samples"),
        ("data_config.fold", _GONE, "data_config.fold"),
        ("early_stopping_config.patience", None, "early_stopping_config.patience"),
        ("early_stopping_config.enabled", None, "early_stopping_config.enabled"),
        ("guard.enabled", None, "guard.enabled"),
        ("environment.device", "mps", "environment.device (cannot be used)"),
        ("environment", None, "environment.device"),
        ("loss_config.edc_weight", 1.0, "loss_config.edc_weight (train has no such option)"),
    ],
)
def test_what_is_lacking_is_listed_and_never_filled_in(path: str, value: Any, said: str) -> None:
    with pytest.raises(RunLogError, match="lacks what decides it") as error:
        line({path: value})
    assert said in str(error.value)


@pytest.mark.parametrize("char", ["\n", "\x1b", "\x00", "\x9b", "\u202e", "\u2028", "\udce9"])
@pytest.mark.parametrize("key", ["data_config.path", "model_name", "loss_config.loss_type", "data_config.fold"])
def test_control_characters_are_refused_by_the_name_of_the_key(char: str, key: str) -> None:
    with pytest.raises(RunLogError, match=f"{key} holds control characters") as error:
        line({key: f"a{char}b"})
    assert str(error.value).isprintable()


class TestOtherPrograms:
    """Runs that `runlog.start` recorded for somebody's own training loop."""

    DOCUMENT: dict[str, Any] = {  # noqa: RUF012
        "model_name": "mine", "schema_version": 1, "training_config": {"batch_size": 8},
        "working_directory": "/home/me",
    }  # fmt: skip

    def made(self, argv: Any) -> Any:
        return command_of(record({"command": argv}, self.DOCUMENT), "/home/you")

    def test_the_command_line_that_started_it(self) -> None:
        made = self.made(["train.py", "--name", "it's", "--lr=1e-3"])
        assert shlex.split(made.line) == ["python", "train.py", "--name", "it's", "--lr=1e-3"]
        assert made.remarks == (
            "m_20260301_120000 is no run of `decaylab train`: this is the command line that started it in /home/me",
        )
        assert self.made(["/opt/bin/fit", "8"]).line == "/opt/bin/fit 8"

    def test_blanked_secrets_are_said(self) -> None:
        made = self.made(["train.py", "--api-key", "***", "--token=***", "--lr", "1"])
        assert made.line == "python train.py --api-key '***' '--token=***' --lr 1"
        assert "not recorded; fill in the *** of --api-key, --token" in made.remarks[1]

    @pytest.mark.parametrize("argv", [["-c"], [""], ["-m", "x"], ["/usr/lib/ipykernel_launcher.py", "-f", "k.json"]])
    def test_what_cannot_be_started_again(self, argv: list[str]) -> None:
        with pytest.raises(RunLogError, match=r"which no command repeats.*data_config\.path"):
            self.made(argv)

    @pytest.mark.parametrize("argv", [None, [], "train.py", ["train.py", 1], {"a": 1}])
    def test_no_command_line(self, argv: Any) -> None:
        with pytest.raises(RunLogError, match=r"lacks what the command needs: .*data_config\.path"):
            self.made(argv)

    def test_control_characters(self) -> None:
        with pytest.raises(RunLogError, match=r"command\[1\] holds control characters"):
            self.made(["train.py", "a\nb"])


def test_runs_of_every_legacy_shape_say_what_they_lack(legacy_folder) -> None:
    for found in scan(str(legacy_folder)):
        with pytest.raises(RunLogError, match=r"lacks what the command needs: .*data_config\.path"):
            command_of(found, "/home/me")
