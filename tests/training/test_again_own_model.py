"""A run with a model of the user's own, again: the same bits, but never a class that only a record names."""

import json
import os
import shutil

import pytest
from kills import change, check_kills, only_run, record_of, refused

from decaylab.cli.main import main

#: A small network of the kind that the large ones are: batch norm, an LSTM, dropout, every sample of the curve.
NET = """
import pathlib

import torch
from torch import nn

pathlib.Path(__file__).with_name("imported").touch()


class Net(nn.Module):
    default_settings = {"max_epochs": 5, "batch_size": 4, "schedule": "onecycle", "learning_rate": 0.01}

    def __init__(self, input_dim, output_length):
        super().__init__()
        self.lstm = nn.LSTM(input_dim, 8, batch_first=True)
        self.norm = nn.BatchNorm1d(8)
        self.dropout = nn.Dropout(0.3)
        self.last = nn.Linear(8, output_length)

    def forward(self, features):
        hidden, _ = self.lstm(features.unsqueeze(1))
        return self.last(self.dropout(torch.relu(self.norm(hidden.squeeze(1)))))
"""


@pytest.fixture(scope="module")
def net(tmp_path_factory):
    file = tmp_path_factory.mktemp("own") / "net.py"
    file.write_text(NET)
    return file


def test_a_full_curve_model_with_dropout_goes_on_bit_for_bit(published, tmp_path, net):
    """Trained on every sample, in shuffled order, OneCycle; dropout and batch norm have a state of their own."""
    kills = ["middle 1", "kept 2", "writing 4", ("middle 3", "kept 4")]
    check_kills(published, tmp_path, kills, "--model", f"{net}:Net", again=("--model", f"{net}:Net"))
    record = record_of(only_run(tmp_path / "whole"))
    assert (record["training_config"]["schedule"], record["data_config"]["train_size"]) == ("onecycle", 18)


@pytest.fixture(scope="module")
def trained(published, tmp_path_factory, net):
    folder = tmp_path_factory.mktemp("trained") / "experiments"
    words = ["train", "--data", str(published), "--experiments", str(folder), "--model", f"{net}:Net"]
    assert main([*words, "--max-epochs", "2"]) == 0
    return folder


@pytest.fixture
def run(trained, tmp_path):
    shutil.copytree(trained, tmp_path / "experiments")
    return only_run(tmp_path / "experiments")


def test_no_class_is_imported_because_a_record_names_it(run, net, capsys):
    change(run, training_config__input_noise=0.0)
    marker = net.with_name("imported")
    marker.unlink(missing_ok=True)
    for words in (["reproduce", run, "--dry-run"], ["train", "--from", run, "--max-epochs", "1"]):
        said = refused(capsys, *words, "--experiments", run.parent)
        assert f"give it again with --model {net}:Net" in said
    change(run, status="interrupted")
    assert f"--model {net}:Net" in refused(capsys, "resume", run)
    change(run, model_path=None, model_name=f"{net}:Net")  # another place that a record might name it in
    assert "no class is imported" in refused(capsys, "resume", run)
    assert not marker.exists()


@pytest.mark.parametrize("typed", ["compact", "net.py:Other", "net"])
def test_only_the_recorded_class_may_be_named(run, typed, capsys):
    assert "was trained with Net" in refused(capsys, "reproduce", run, "--model", typed, "--dry-run")


def test_a_model_of_ours_takes_no_class(run, net, capsys):
    change(run, model_path=None, model_name="compact")
    assert "was trained with compact" in refused(capsys, "reproduce", run, "--model", f"{net}:Net", "--dry-run")


def test_it_comes_again_and_an_edited_class_is_said(run, net, tmp_path, capsys):
    elsewhere = tmp_path / "moved" / "net.py"
    elsewhere.parent.mkdir()
    shutil.copy(net, elsewhere)
    words = ["reproduce", str(run), "--experiments", str(run.parent), "--model", f"{elsewhere}:Net"]
    assert main(words) == 0
    assert "bit-equal" in capsys.readouterr().out
    assert record_of(run)["environment"]["model_code"] is not None
    elsewhere.write_text(NET.replace("Dropout(0.3)", "Dropout(0.1)"))
    assert main([*words, "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert "environment.model_code" in out
    assert "within the tolerances" in out


def test_train_from_takes_its_settings_under_any_name_of_its_folder(run, net, tmp_path, monkeypatch):
    from decaylab.runlog.store import read_run
    from decaylab.training.recorded import derived

    change(run, training_config__learning_rate=0.5, model_path="net.py:Net")
    fields = json.loads((run / "metadata.json").read_text())["training_config"]
    config = derived(read_run(str(run)), {"model": f"{net}:Net"})
    assert (config.model, config.learning_rate, config.max_epochs) == (f"{net}:Net", 0.5, fields["max_epochs"])
    assert config.input_noise == fields["input_noise"], "not that of another model"
    assert os.path.isabs(config.data)
