"""The rows themselves: what they name exists, and the class of settings is the dataclass that it says it is."""

from __future__ import annotations

import dataclasses
import pickle
import subprocess
import sys
from importlib import import_module

import pytest

from decaylab.catalogue.fields import ALIASES, FIELDS, TABLE_COLUMNS
from decaylab.catalogue.losses import LOSSES
from decaylab.catalogue.models import MODELS
from decaylab.catalogue.settings import BY_NAME, GENERAL_SETTINGS, OPTIONS, SETTINGS, TrainConfig
from decaylab.errors import InputError


def test_settings_are_a_frozen_dataclass_whose_fields_carry_their_rows() -> None:
    fields = {field.name: field.metadata["row"] for field in dataclasses.fields(TrainConfig)}
    assert all(row.name == name for name, row in fields.items())
    assert fields["batch_size"].option == "--batch-size"
    config = TrainConfig("rooms", batch_size=4)
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.batch_size = 5  # type: ignore[misc]
    assert dataclasses.replace(config, batch_size=5) == config.replaced(batch_size=5) != config
    assert pickle.loads(pickle.dumps(config)) == config
    with pytest.raises(TypeError):
        TrainConfig()  # type: ignore[call-arg]


def test_reading_the_rows_makes_no_dataclass_of_them() -> None:
    code = "import sys\nfrom decaylab.catalogue import fields\nprint('dataclasses' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "False\n", done.stderr


@pytest.mark.parametrize("row", [*MODELS.values(), *LOSSES.values()], ids=lambda row: row.name)
def test_the_class_that_a_row_names_exists(row) -> None:
    module, _, name = row.path.partition(":")
    assert isinstance(getattr(import_module(module), name), type)


def test_rows_name_what_there_is() -> None:
    for model in MODELS.values():
        assert model.loss in LOSSES
        assert set(model.recipe) <= set(GENERAL_SETTINGS)
        assert set(model.takes) <= {setting.name for setting in SETTINGS if setting.of_model}
    for setting in OPTIONS:
        assert not setting.reset_by or setting.reset_by in BY_NAME
        assert not setting.needs or setting.needs in BY_NAME
    assert set(ALIASES.values()) | set(TABLE_COLUMNS) <= set(FIELDS)
    assert len({setting.option for setting in OPTIONS}) == len(OPTIONS)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"batch_size": 0}, "--batch-size is 0: it must be at least 1"),
        ({"num_workers": -1}, "--num-workers is -1: it must be 0 or more"),
        ({"seed": 2**32}, "--seed is 4294967296"),
        ({"learning_rate": 0.0}, "--learning-rate is 0.0"),
        ({"learning_rate": float("nan")}, "--learning-rate is nan"),
        ({"gradient_clip_val": float("inf")}, "--gradient-clip-val is inf"),
        ({"weight_decay": -1.0}, "--weight-decay is -1.0"),
        ({"loss_weights": {"t20_weight": -0.1}}, "--t20-weight is -0.1"),
        ({"train_ratio": 1.0}, "--train-ratio is 1.0: it must be above 0 and below 1"),
        ({"scaler": "max"}, "--scaler 'max' does not exist: choose from minmax, standard, robust"),
        ({"precision": 8}, "--precision 8 does not exist"),
        ({"persistent_workers": True}, "--persistent-workers needs --num-workers"),
        ({"fold": (1, 5)}, "--fold needs --split"),
    ],
)
def test_what_cannot_be_is_refused_by_its_option(values, said) -> None:
    with pytest.raises(InputError) as raised:
        TrainConfig("rooms", **values).check()
    assert str(raised.value).startswith(said)
