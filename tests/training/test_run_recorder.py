"""The callback that anyone can add to a Lightning trainer of their own."""

import json
import os
import pathlib

import lightning
import pytest
import torch

from decaylab import runlog
from decaylab.runlog.history import read_history
from decaylab.training import RunRecorder


class Line(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(2, 1)

    def training_step(self, batch, index):
        x, y = batch
        loss = torch.nn.functional.mse_loss(self.layer(x), y)
        self.log("train_loss", loss, on_step=True, on_epoch=True)
        return loss

    def validation_step(self, batch, index):
        x, y = batch
        self.log("val_loss", torch.nn.functional.mse_loss(self.layer(x), y))

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


def trainer(run, epochs, **options):
    return lightning.Trainer(
        max_epochs=epochs, callbacks=[RunRecorder(run)], logger=False, enable_checkpointing=False, accelerator="cpu",
        enable_progress_bar=False, enable_model_summary=False, default_root_dir=run.directory, **options,
    )  # fmt: skip


def batches():
    x = torch.randn(32, 2)
    return torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, x.sum(1, keepdim=True)), batch_size=8)


def test_every_epoch_is_a_line_and_the_fit_is_timed(tmp_path):
    with runlog.start("line", config={"batch_size": 8}, experiments=tmp_path) as run:
        trainer(run, 3).fit(Line(), batches(), batches())
    history = read_history(os.path.join(run.directory, "history.jsonl"))
    assert [line["epoch"] for line in history.lines] == [1, 2, 3]
    assert all(line["val_loss"] > 0 and line["learning_rate"] == 0.1 for line in history.lines)
    assert not any(key.endswith("_step") for line in history.lines for key in line)
    record = json.loads(pathlib.Path(run.directory, "metadata.json").read_text())
    assert record["status"] == "completed"
    assert record["model_parameters"] == {"total": 3, "trainable": 3}
    training = record["training_config"]
    assert (training["max_epochs"], training["actual_epochs"], training["batch_size"]) == (3, 3, 8)
    assert 0 < training["training_duration_seconds"] <= record["total_duration_seconds"]


def test_a_crash_in_the_training_is_on_record_with_the_epochs_before_it(tmp_path):
    class Crash(Line):
        def training_step(self, batch, index):
            if self.current_epoch == 1:
                raise RuntimeError("shapes do not fit")
            return super().training_step(batch, index)

    with pytest.raises(RuntimeError), runlog.start("line", experiments=tmp_path) as run:
        trainer(run, 3).fit(Crash(), batches(), batches())
    record = json.loads(pathlib.Path(run.directory, "metadata.json").read_text())
    assert record["status"] == "failed"
    assert record["error"]["message"] == "shapes do not fit"
    assert record["training_config"]["actual_epochs"] == 1
