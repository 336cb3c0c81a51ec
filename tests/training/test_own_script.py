"""`train` called from somebody's own script: its keywords, what it returns, and the metrics of the validation rooms."""

import json

import lightning as L
import numpy as np
import pytest

from decaylab import RunLogError, TrainConfig, load_model, open_data, train
from decaylab.acoustics import onset_index, room_parameters
from decaylab.runlog import runs
from decaylab.runlog.tables.diff import kind_of

RUN_ID = "compact_20260301_120000"


class Ends(L.Callback):
    """A search that has seen enough after the second epoch."""

    def __init__(self):
        self.losses = []

    def on_train_epoch_end(self, trainer, pl_module):
        self.losses.append(float(trainer.callback_metrics["val_loss"]))
        trainer.should_stop = len(self.losses) == 2


@pytest.fixture(scope="module")
def trained(published, tmp_path_factory):
    folder = tmp_path_factory.mktemp("script") / "experiments"
    config = TrainConfig(data=str(published), experiments=str(folder), max_epochs=5, train_ratio=0.4, val_ratio=0.4)
    ends = Ends()
    return train(config, callbacks=[ends], tags=("mine", "second"), run_id=RUN_ID), ends, config


def record_of(outcome):
    with open(f"{outcome.directory}/metadata.json") as file:
        return json.load(file)


def test_the_run_has_the_id_the_tags_and_the_epochs_that_were_asked_for(trained):
    outcome, ends, config = trained
    record = record_of(outcome)
    assert outcome.run_id == record["run_id"] == RUN_ID
    assert record["timestamp"] == "20260301_120000"
    (run,) = runs(config.experiments)
    assert run.tags == ["mine", "second"]
    assert (outcome.status, record["training_config"]["actual_epochs"]) == ("completed", 2)
    assert outcome.best_val_loss == record["best_val_loss"] == min(ends.losses)


@pytest.mark.parametrize(
    "run_id",
    [RUN_ID, "lstm_20260301_120000", "compact_today", "compact_20260301_120000_2", "../compact_20260301_120000"],
)
def test_an_id_that_is_taken_or_is_of_another_form_is_refused(trained, tmp_path, run_id):
    _, _, config = trained
    with pytest.raises(RunLogError, match=RUN_ID if run_id == RUN_ID else "run id"):
        train(config, run_id=run_id)
    assert len(runs(config.experiments)) == 1


def test_the_outcome_is_what_is_on_record(trained):
    outcome, _, _ = trained
    record = record_of(outcome)
    assert outcome.validation == record["validation"]
    assert outcome.metrics == record["metrics"]
    assert outcome.baselines == record["baselines"]


def test_the_validation_metrics_are_those_of_the_validation_rooms_by_the_best_weights(trained, published):
    outcome, _, _ = trained
    found = outcome.validation
    assert list(found) == list(outcome.metrics)
    assert all(found[name].keys() == outcome.metrics[name].keys() for name in ("overall_edc", "t20", "c50"))
    with open(f"{outcome.directory}/split.json") as file:
        rows = json.load(file)["validation"]["rows"]
    data = open_data(published)
    predicted, true = load_model(outcome.directory).predict(data.features[rows]), data.read(rows)
    assert found["overall_edc"]["mae"] == pytest.approx(np.abs(predicted.curves - true).mean(), rel=1e-4)
    assert found["t20"]["targets"] == len(rows) != outcome.metrics["t20"]["targets"]
    onset = onset_index(true)  # the target's serves both
    got, wanted = (room_parameters(curves, onset=onset, names=("t20",))["t20"] for curves in (predicted.curves, true))
    assert found["t20"]["mae"] == pytest.approx(np.abs(got - wanted).mean(), rel=1e-3)


def test_validation_is_a_result_of_which_less_is_better(trained):
    _, _, config = trained
    assert kind_of("validation.t20.mae") == "results"
    (run,) = runs(config.experiments).sort("validation.t20.mae")
    assert run["validation.t20.mae"] > 0
