"""Every model with every loss, scaler and precision: it trains to a finite loss, or is refused before a run is made."""

import json

import numpy as np
import pytest

from decaylab.acoustics import room_parameters
from decaylab.catalogue.losses import LOSSES
from decaylab.catalogue.models import MODELS
from decaylab.catalogue.settings import PRECISIONS, SCALER_TYPES, TrainConfig
from decaylab.errors import DecaylabError
from decaylab.models import lstm, multihead, transformer
from decaylab.runlog.history import read_history
from decaylab.training import loop, stages


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """The large models with few units: their outputs keep their 96,000 samples."""
    for place, name, value in [
        (lstm, "TRUNK_WIDTH", 8), (multihead, "TRUNK_WIDTH", 8), (multihead, "CURVE_WIDTH", 8),
        (transformer, "LAYERS", 1),
    ]:  # fmt: skip
        monkeypatch.setattr(place, name, value)


def one_epoch(data, folder, **settings):
    """The record and the history of a training on seven rooms."""
    config = TrainConfig(
        data=str(data), experiments=str(folder), max_epochs=1, batch_size=4, max_samples=12, device="cpu", **settings
    )
    outcome = loop.train(config)
    with open(f"{outcome.directory}/metadata.json") as file:
        record = json.load(file)
    return record, read_history(f"{outcome.directory}/history.jsonl").lines


def why_not(model, loss, scaler, precision):
    """A part of the line that refuses this combination; None for one that must train."""
    return "--precision 16 needs a GPU" if precision == 16 else None


@pytest.mark.heavy
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("model", MODELS)
def test_every_combination_trains_or_is_refused(published, tmp_path, monkeypatch, model, loss):
    scored = {"metrics": {}, "baselines": {}, "training_medians": None, "label_noise": None}
    monkeypatch.setattr(stages, "evaluate_test_rooms", lambda *args: scored)
    monkeypatch.setattr(stages, "evaluate_validation_rooms", lambda *args: {"validation": {}, "uncertainty": None})
    for scaler in SCALER_TYPES:
        for precision in PRECISIONS:
            folder = tmp_path / f"{scaler}_{precision}"
            settings = {"model": model, "loss": loss, "scaler": scaler, "precision": precision}
            refused = why_not(**settings)
            if refused is not None:
                with pytest.raises(DecaylabError, match=refused) as raised:
                    one_epoch(published, folder, **settings)
                assert raised.value.exit_status == 2
                assert "\n" not in str(raised.value)
                assert not folder.exists()
                continue
            record, history = one_epoch(published, folder, **settings)
            assert record["status"] == "completed", settings
            assert record["precision_config"]["precision"] == precision
            assert (record["loss_config"]["loss_type"], record["data_loader_config"]["scaler_type"]) == (loss, scaler)
            assert len(history) == 1
            assert np.isfinite([history[0]["train_loss"], history[0]["val_loss"]]).all(), settings


@pytest.mark.parametrize("model", ["transformer", "multihead"])
def test_the_other_architectures_train_and_are_scored(published, tmp_path, model):
    record, _ = one_epoch(published, tmp_path / "e", model=model)
    assert (record["status"], record["model_name"], record["model_path"]) == ("completed", model, None)
    assert record["loss_config"]["loss_type"] == "mse"
    assert record["metrics"]["overall_edc"]["mae"] > 0
    assert ("metrics_scalar_heads" in record) == ("scalar_heads" in record["loss_config"]) == (model == "multihead")


def test_what_the_heads_answer_is_scored_beside_the_curve(published, tmp_path):
    record, history = one_epoch(published, tmp_path / "e", model="multihead", learning_rate=1e-12)
    assert record["loss_config"]["scalar_heads"] == {
        "names": ["t20", "c50"], "loss": "mse", "space": "standardised by the training rooms", "weight": 0.5,
    }  # fmt: skip
    line = history[0]
    assert line["train_loss"] == pytest.approx(
        line["train_mse"] + 0.5 * (line["train_head_t20"] + line["train_head_c50"]), rel=1e-4
    )
    # Untrained heads answer about the mean of the TRAINING rooms, in seconds and decibels.
    found = record["metrics_scalar_heads"]
    assert list(found) == ["t20", "c50"]
    run = tmp_path / "e" / record["run_id"]
    train_ids = json.loads((run / "split.json").read_text())["train"]["ids"]
    known = room_parameters(np.stack([np.load(published / "EDC" / f"{name}.npy") for name in train_ids]))
    truth = room_parameters(np.load(run / "targets.npy"))
    for name, figures in found.items():
        assert figures.keys() == record["metrics"][name].keys()
        expected = np.abs(known[name].mean() - truth[name]).mean()
        assert figures["mae"] == pytest.approx(expected, abs=0.5 * known[name].std()), name
        assert (figures["targets"], figures["invalid_predictions"]) == (2, 0)
        assert figures["mae"] != record["metrics"][name]["mae"]


def test_heads_learn_the_rooms_they_are_shown(published, tmp_path, monkeypatch):
    monkeypatch.setattr(multihead, "TRUNK_WIDTH", 64)
    config = TrainConfig(
        data=str(published), model="multihead", experiments=str(tmp_path), max_epochs=60, learning_rate=3e-3,
        batch_size=8, device="cpu",
    )  # fmt: skip
    outcome = loop.train(config)
    lines = read_history(f"{outcome.directory}/history.jsonl").lines
    for name in ("train_head_t20", "train_head_c50"):
        assert lines[-1][name] < 0.5 * lines[0][name], name


@pytest.mark.parametrize("model", ["lstm", "transformer"])
def test_noise_on_inputs_is_refused_where_there_is_no_place_for_it(published, tmp_path, model):
    with pytest.raises(DecaylabError, match=f"--input-noise 0.1: {model} .*compact"):
        one_epoch(published, tmp_path / "e", model=model, input_noise=0.1)
    assert not (tmp_path / "e").exists()
