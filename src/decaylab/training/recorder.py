"""`RunRecorder`: a callback that puts any Lightning training on record.

with runlog.start("my_model", config={"batch_size": 32}) as run:
    trainer = lightning.Trainer(max_epochs=20, callbacks=[RunRecorder(run)])
    trainer.fit(module)
"""

from __future__ import annotations

import time
from typing import Any

import lightning as L

from decaylab.runlog import Run


class RunRecorder(L.Callback):
    """Logs every epoch's metrics to the run: one line after the training and validation of an epoch.

    What the module logged with `self.log` stands in the line under its name, with the epoch (from 1), the learning
    rate of the first optimiser and the seconds since the fit began. When the fit ends, its duration and the number of
    epochs are recorded; finishing the run is left to the caller, who may have metrics to add.

    Args:
        run: a recorder that is open, of `runlog.start`.
        seconds_before: that a fit took before, if it goes on; they are in the seconds and the duration.
    """

    def __init__(self, run: Run, seconds_before: float = 0.0) -> None:
        self.run = run
        self._before = seconds_before
        self._began = 0.0

    def on_fit_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._began = time.monotonic() - self._before
        parameters = list(pl_module.parameters())
        self.run.update(
            model_parameters={
                "total": sum(p.numel() for p in parameters),
                "trainable": sum(p.numel() for p in parameters if p.requires_grad),
            },
            training_config={"max_epochs": trainer.max_epochs},
        )

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        # Runs after the epoch's validation. Metrics of single steps would only repeat those of the epoch.
        metrics = {k: v.item() for k, v in trainer.callback_metrics.items() if not k.endswith("_step")}
        self.run.log(epoch=trainer.current_epoch + 1, **metrics, **self._progress(trainer))

    def on_fit_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._record_duration(trainer)

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        self._record_duration(trainer)

    def _record_duration(self, trainer: L.Trainer) -> None:
        self.run.update(
            training_config={
                "actual_epochs": trainer.current_epoch,
                "training_duration_seconds": round(time.monotonic() - self._began, 3),
            }
        )

    def _progress(self, trainer: L.Trainer) -> dict[str, Any]:
        rates = [group["lr"] for optimizer in trainer.optimizers for group in optimizer.param_groups][:1]
        values: dict[str, Any] = {"seconds": round(time.monotonic() - self._began, 3)}
        if rates:
            values["learning_rate"] = float(rates[0])
        return values
