"""What TensorBoard reads of a run, by its own reader: losses, HPARAMS with the final metrics, decay curves."""

import glob
import json
import math
import os
import pathlib

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import metadata as hparams_metadata

from decaylab.reports import decay_picture
from decaylab.training import TrainConfig, tensorboard, train
from decaylab.training.process import evaluating
from decaylab.training.tensorboard import FOLDER, final_metrics, hyperparameters, shown_rooms


def logged(directory):
    accumulator = EventAccumulator(os.path.join(directory, FOLDER))
    accumulator.Reload()
    return accumulator


def config(published, folder, **changes):
    return TrainConfig(data=str(published), experiments=str(folder), model="compact", max_epochs=3, **changes)


@pytest.fixture(scope="module")
def run(published, tmp_path_factory):
    """A run whose figures may cost what they like, as its epochs are shorter than any figure."""
    pytest.importorskip("matplotlib")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tensorboard, "LARGEST_SHARE", math.inf)
        return train(config(published, tmp_path_factory.mktemp("tb"), gradient_clip_val=1.0)).directory


def test_the_losses_of_every_epoch_are_there(run):
    assert len(logged(run).Scalars("val_loss")) == 3


def test_hparams_holds_the_settings_and_the_final_metrics(run):
    log = logged(run)
    record = json.loads(pathlib.Path(run, "metadata.json").read_text())
    start = hparams_metadata.parse_session_start_info_plugin_data(
        log.summary_metadata["_hparams_/session_start_info"].plugin_data.content
    )
    found = {name: getattr(value, value.WhichOneof("kind")) for name, value in start.hparams.items()}
    assert found["model"] == "compact"
    assert found["loss_type"] == record["loss_config"]["loss_type"]
    assert found["batch_size"] == record["training_config"]["batch_size"]
    assert found["gradient_clip_val"] == 1.0
    assert found["precision"] == "32"
    experiment = hparams_metadata.parse_experiment_plugin_data(
        log.summary_metadata["_hparams_/experiment"].plugin_data.content
    )
    named = {info.name.tag for info in experiment.metric_infos}
    assert {"final/t20_mae", "final/edc_mae", "final/best_val_loss"} <= named
    for tag in named:
        assert len(log.Scalars(tag)) == 1, "HPARAMS takes a metric from the scalars of the same log"
    (t20,) = log.Scalars("final/t20_mae")
    assert t20.value == pytest.approx(record["metrics"]["t20"]["mae"], rel=1e-6)
    assert t20.step == record["best_epoch"]


def test_each_epoch_and_the_best_weights_have_a_figure(run):
    log = logged(run)
    assert [image.step for image in log.Images("edc")] == [1, 2, 3]
    record = json.loads(pathlib.Path(run, "metadata.json").read_text())
    (best,) = log.Images("edc_best")
    assert best.step == record["best_epoch"]
    assert best.width > best.height > 100
    assert best.encoded_image_string.startswith(b"\x89PNG")
    assert all(0 < share.value < 1 for share in log.Scalars("edc_figure_share"))


def test_figures_that_cost_too_much_are_left_out(published, tmp_path):
    pytest.importorskip("matplotlib")
    log = logged(train(config(published, tmp_path)).directory)
    assert "edc" not in log.Tags()["images"], "epochs of milliseconds pay for no figure"
    assert "edc_best" in log.Tags()["images"]


def test_figures_change_nothing_in_the_training(run, published, tmp_path):
    other = train(config(published, tmp_path, gradient_clip_val=1.0)).directory
    lines = [pathlib.Path(folder, "history.jsonl").read_text().splitlines() for folder in (run, other)]
    losses = [[json.loads(line)["val_loss"] for line in text] for text in lines]
    assert losses[0] == losses[1]


def test_without_matplotlib_there_are_none_and_it_is_said_once(published, tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(tensorboard, "find_spec", lambda name: None)
    outcome = train(config(published, tmp_path))
    assert outcome.status == "completed"
    assert logged(outcome.directory).Tags()["images"] == []
    assert capfd.readouterr().err.count("pip install 'decaylab[plot]'") == 1


def test_a_drawing_that_fails_does_not_end_the_training(published, tmp_path, monkeypatch, capfd):
    def broken(*args):
        raise OSError("no font")

    monkeypatch.setattr(decay_picture, "decay_figure", broken)
    monkeypatch.setattr(tensorboard, "LARGEST_SHARE", math.inf)
    monkeypatch.setattr(tensorboard, "find_spec", lambda name: name)
    outcome = train(config(published, tmp_path))
    assert outcome.status == "completed"
    assert capfd.readouterr().err.count("drawing failed (OSError: no font)") == 1
    assert glob.glob(f"{outcome.directory}/{FOLDER}/events*")


def test_metrics_that_are_null_have_no_value():
    found = final_metrics({"metrics": {"t20": {"mae": 0.01}, "c50": {"mae": None}}}, 0.5)
    assert found == {"final/t20_mae": 0.01, "final/best_val_loss": 0.5}


def test_settings_that_are_null_are_left_out():
    settings = {
        "training_config": {"batch_size": 8, "weight_decay": None},
        "loss_config": {"loss_type": "mse", "scalar_heads": {"names": ["t20"]}},
        "precision_config": {"precision": "bf16"},
        "data_loader_config": {"scaler_type": "minmax"},
        "early_stopping_config": {"patience": None},
        "seed": 0,
        "data_config": {"split": "room", "split_seed": 0, "fold": "1/5", "train_size": 9},
    }
    found = hyperparameters(settings)
    assert found["fold"] == "1/5"
    assert found["precision"] == "bf16"
    assert not {"weight_decay", "scalar_heads", "patience"} & set(found)


def test_the_rooms_shown_decay_fast_middling_and_slowly():
    features = np.tile(np.array([5.0, 4, 3, 1, 1, 1, 2, 2, 2, *[0.3] * 7]), (5, 1))
    features[:, 9:] = np.array([0.5, 0.1, 0.3, 0.9, 0.2])[:, None]
    rows = np.array([0, 1, 2, 3, 4])
    assert shown_rooms(features, rows).tolist() == [3, 2, 1]
    assert shown_rooms(features[:, :3], rows).tolist() == [0, 2, 4]
    assert shown_rooms(features, rows[:1]).tolist() == [0]


def test_evaluating_leaves_every_part_in_its_mode():
    net = torch.nn.Sequential(torch.nn.Dropout(), torch.nn.Dropout())
    net[0].eval()
    with evaluating(net):
        assert not any(part.training for part in net.modules())
        assert not torch.is_grad_enabled()
    assert [part.training for part in net.modules()] == [True, False, True]
