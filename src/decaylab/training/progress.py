"""What a person sees while a model trains: a bar on a terminal, a line now and then elsewhere. All on stderr."""

from __future__ import annotations

import sys
import time
from typing import Any

import lightning as L

#: Seconds between two lines where there is no terminal.
LINE_SECONDS = 10.0


class TrainingProgress(L.Callback):
    """One bar for the whole run, in epochs, with the losses, the best epoch and the time left."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._bar: Any = None
        self._best = (float("inf"), 0)
        self._last_line = 0.0
        self._began = 0.0
        self._done_before = 0

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._began = self._last_line = time.monotonic()
        self._done_before = trainer.current_epoch
        if sys.stderr.isatty():
            from tqdm import tqdm

            self._bar = tqdm(
                total=trainer.max_epochs,
                initial=self._done_before,
                desc=self._name,
                unit="epoch",
                file=sys.stderr,
            )

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        epoch = trainer.current_epoch + 1
        values = {k: float(v) for k, v in trainer.callback_metrics.items() if k in ("train_loss", "val_loss")}
        if values.get("val_loss", float("inf")) < self._best[0]:
            self._best = values["val_loss"], epoch
        text = ", ".join([f"{k} {v:.5g}" for k, v in values.items()] + [f"best at {self._best[1]}"])
        if self._bar is not None:
            self._bar.set_postfix_str(text, refresh=False)
            self._bar.update()
        elif time.monotonic() - self._last_line >= LINE_SECONDS:
            self._last_line = time.monotonic()
            spent = self._last_line - self._began
            left = spent / (epoch - self._done_before) * ((trainer.max_epochs or epoch) - epoch)
            print(
                f"{self._name}: epoch {epoch}/{trainer.max_epochs}, {text}, about {left:.0f} s left",
                file=sys.stderr,
                flush=True,
            )

    def on_fit_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._close()

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        self._close()

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None
