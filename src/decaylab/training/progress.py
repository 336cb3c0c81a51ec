"""What a person sees while a model trains: a bar on a terminal, a line now and then elsewhere. All on stderr."""

from __future__ import annotations

import sys
import time
from typing import Any

import lightning as L

from decaylab.runlog.text import clock
from decaylab.runlog.watching.tail import RECENT, epoch_seconds, seconds_left

#: Seconds between two lines where there is no terminal, and between two states of the bar.
LINE_SECONDS = 10.0
BAR_SECONDS = 0.2
#: Columns that the text leaves for the bar itself.
_LEAST_BAR = 4


class TrainingProgress(L.Callback):
    """One bar for the whole run, in epochs, with the losses, the best epoch and the time left for epoch and run."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._bar: Any = None
        self._best = (float("inf"), 0)
        self._losses: dict[str, float] = {}
        self._last = 0.0
        self._began = 0.0
        self._ends: list[tuple[int, float]] = []

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._began = self._last = time.monotonic()
        self._ends = [(trainer.current_epoch, 0.0)]
        if sys.stderr.isatty():
            from tqdm import tqdm

            self._bar = tqdm(
                total=trainer.max_epochs,
                initial=trainer.current_epoch,
                bar_format="{desc}|{bar}|",
                dynamic_ncols=True,
                file=sys.stderr,
            )

    def on_train_batch_end(self, trainer: L.Trainer, *args: Any, **more: Any) -> None:
        now = time.monotonic()
        if self._bar is None or now - self._last < BAR_SECONDS:
            return
        self._last = now
        done, batches = self._ends[-1][0], trainer.num_training_batches
        part = (trainer.fit_loop.batch_idx + 1) / batches if 0 < batches < float("inf") else 0.0
        self._show(trainer, done, min(part, 1.0), now)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        now = time.monotonic()
        epoch = trainer.current_epoch + 1
        self._ends = [*self._ends[-RECENT:], (epoch, now - self._began)]
        self._losses = {k: float(v) for k, v in trainer.callback_metrics.items() if k in ("train_loss", "val_loss")}
        if self._losses.get("val_loss", float("inf")) < self._best[0]:
            self._best = self._losses["val_loss"], epoch
        if self._bar is not None:
            if now - self._last >= BAR_SECONDS or epoch == trainer.max_epochs:
                self._last = now
                self._show(trainer, epoch, 0.0, now)
        elif now - self._last >= LINE_SECONDS:
            self._last = now
            left = time_left(self._ends, trainer.max_epochs or epoch, 0.0, 0.0)[1]
            said = [f"{name} {value:.5g}" for name, value in self._losses.items()]
            said += [f"best at {self._best[1]}"] if self._best[1] else []
            said += [f"about {clock(left)} left"] if left is not None else []
            print(f"{self._name}: epoch {epoch}/{trainer.max_epochs}, {', '.join(said)}", file=sys.stderr, flush=True)

    def on_fit_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._close()

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        self._close()

    def _show(self, trainer: L.Trainer, done: int, part: float, now: float) -> None:
        """Draw the bar: `done` epochs and `part` of the next one's batches."""
        total = trainer.max_epochs or done
        left = time_left(self._ends, total, part, now - self._began - self._ends[-1][1])
        at = f"{self._name} {min(done + (part > 0), total)}/{total}"
        self._bar.n = min(done + part, total)
        width = self._bar.format_dict["ncols"] or 80
        self._bar.set_description_str(bar_text(at, self._losses, self._best, left, width), refresh=False)
        self._bar.refresh()

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def time_left(
    ends: list[tuple[int, float]], max_epochs: int, part: float, since: float
) -> tuple[float | None, float | None]:
    """Seconds to the end of the epoch and of the run, None where nothing tells.

    Args:
        ends: (epoch, seconds since the start) from the start of the fit on, as `tail.epoch_seconds` takes them.
        max_epochs: of the run.
        part: share of the present epoch's training batches that are done; the pace of the first epoch goes by it,
            and so leaves out its validation.
        since: seconds since the last of `ends`.
    """
    pace = epoch_seconds(ends) if len(ends) > 1 else since / part if part > 0 else None
    if pace is None:
        return None, None
    return max(0.0, pace - since), seconds_left(ends[-1][0], max_epochs, pace, since)


def bar_text(
    at: str,
    losses: dict[str, float],
    best: tuple[float, int],
    left: tuple[float | None, float | None],
    width: int,
) -> str:
    """The text before the bar; where the terminal is narrow, the training loss and then the best epoch give way.

    Args:
        at: model and epoch.
        losses: name -> value of the last epoch.
        best: lowest validation loss and its epoch, 0 before there is one.
        left: seconds of epoch and run, None where nothing tells.
        width: columns of the terminal.
    """
    parts = {name: f"{name.removesuffix('_loss')} {value:.4g}" for name, value in losses.items()}
    if best[1]:
        parts["best"] = f"best at {best[1]}"
    if left[0] is not None and left[1] is not None:
        parts["left"] = f"left epoch {clock(left[0])}, run {clock(left[1])}"
    text = ""
    for given_up in ("", "train_loss", "best"):
        parts.pop(given_up, None)
        text = "  ".join([at, *parts.values(), ""])
        if len(text) + _LEAST_BAR + 2 <= width:
            break
    return text
