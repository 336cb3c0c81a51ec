"""`checkpoints/last.ckpt`: the state of a training at the end of an epoch, from which `decaylab resume` goes on.

Readable with weights only. It is complete in itself: the best weights so far are in it, whatever lies beside it.

| key | |
|---|---|
| `format`, `version` | what this is |
| `epoch` | epochs completed |
| `module`, `optimizers`, `schedulers`, `precision` | their state dicts |
| `progress` | Lightning's counters of steps |
| `stopper` | early stopping: epochs without improvement, lowest loss, why it stopped |
| `best` | `epoch`, `loss` and `state` of the best weights; `state` null where they are those of `module` |
| `random` | `random_state.random_state()` at that moment: noise, dropout and the order of the rooms go on from it |
"""

from __future__ import annotations

import os
import pickle
import time
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import Checkpoint, EarlyStopping
from lightning.pytorch.callbacks.early_stopping import EarlyStoppingReason

from decaylab.errors import DataError, RunLogError
from decaylab.runlog.files import open_regular, remove_if_there
from decaylab.training.checkpoint import BestWeights, tell_unwritten, write_whole
from decaylab.training.process import random_state, restore_random_state

FORMAT = "decaylab training state"
VERSION = 1
#: What the state holds, see above.
_KINDS: dict[str, type] = {
    "epoch": int, "module": dict, "optimizers": list, "schedulers": list, "precision": dict, "progress": dict,
    "stopper": dict, "best": dict, "random": dict,
}  # fmt: skip
_ADVICE = "remove it, and the run is resumed from epoch 1"
#: The largest share of the time of a fit that writing last.ckpt may take.
SHARE = 0.05
#: What the first write is expected to cost, before one has been measured: a start, and a slow disk.
FIRST_SECONDS, FIRST_BYTES_PER_SECOND = 0.05, 200e6


def load_last(path: str, model: torch.nn.Module) -> dict[str, Any] | None:
    """The state in last.ckpt, tensors on the CPU; None if there is no such file.

    Raises:
        DataError: it is damaged, holds more than weights, has another format, or is of another model than `model`.
    """
    try:
        with os.fdopen(open_regular(path), "rb") as file:
            state = torch.load(file, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        return None
    except RunLogError as error:
        raise DataError(f"{path} cannot be read: {error}: {_ADVICE}") from error
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read with weights only ({type(error).__name__}): {_ADVICE}") from error
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise DataError(f"{path} is no training state of decaylab: {_ADVICE}")
    if state.get("version") != VERSION:
        raise DataError(f"{path} has version {state.get('version')!r}, this decaylab reads {VERSION}: {_ADVICE}")
    strange = [key for key, kind in _KINDS.items() if not isinstance(state.get(key), kind)]
    if strange or state["epoch"] < 1:
        raise DataError(f"{path} is damaged ({', '.join(strange) or 'epoch'}): {_ADVICE}")
    stored = _of_model(state["module"])
    # Not the buffers: what is fitted to the training rooms may get its shape there.
    for name, parameter in model.named_parameters():
        if getattr(stored.get(name), "shape", None) != parameter.shape:
            raise DataError(f"{path} holds the weights of another model ({name} is not the same): {_ADVICE}")
    return state


def has_stopped(state: dict[str, Any]) -> bool:
    """Whether early stopping ended the fit with the epoch of this state: what follows it is left, and no epoch."""
    return state["stopper"].get("stopping_reason", 0) != EarlyStoppingReason.NOT_STOPPED.value


class KeepLast(Checkpoint):
    """Writes last.ckpt at the ends of epochs, as often as `SHARE` allows; goes on from `state` if there is one.

    A Lightning `Checkpoint`, because these are called last: after early stopping has judged the epoch.
    """

    def __init__(self, path: str, best: BestWeights, stopper: EarlyStopping, state: dict[str, Any] | None) -> None:
        self.path = path
        self._best = best
        self._stopper = stopper
        self._state = state
        self._random: dict[str, Any] | None = None
        self._began = 0.0
        self._spent = 0.0
        self._next: float | None = None
        self._has_failed = False

    def on_fit_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._began = time.monotonic()
        if self._state is None:
            return
        state, self._state = self._state, None
        try:
            self._go_on(trainer, pl_module, state)
        except (RuntimeError, ValueError, LookupError, TypeError, AttributeError) as error:
            reason = " ".join(str(error).split())[:300]
            raise DataError(
                f"{self.path} does not fit this training ({type(error).__name__}: {reason}): {_ADVICE}"
            ) from error

    def _go_on(self, trainer: L.Trainer, module: L.LightningModule, state: dict[str, Any]) -> None:
        module.load_state_dict(state["module"])
        for optimizer, stored in zip(trainer.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(stored)
        for config, stored in zip(trainer.lr_scheduler_configs, state["schedulers"], strict=True):
            config.scheduler.load_state_dict(stored)
        trainer.precision_plugin.load_state_dict(state["precision"])
        _set_progress(trainer, state["epoch"], state["progress"])
        self._stopper.load_state_dict(state["stopper"])
        best = state["best"]
        weights = best["state"] if best["state"] is not None else _of_model(state["module"])
        self._best.go_on(best["epoch"], best["loss"], weights)
        self._random = state["random"]

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if self._random is None:
            return
        if self._stopper.stopping_reason != EarlyStoppingReason.NOT_STOPPED:
            trainer.should_stop = True
        loader: Any = trainer.val_dataloaders
        if getattr(loader, "persistent_workers", False):
            iter(loader)  # made once, with one random number, in epoch 1: not again after the state is set

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        # Between here and this hook of the epoch that was interrupted nothing draws; before here Lightning does.
        if self._random is not None:
            restore_random_state(self._random)
            self._random = None

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        begin = time.monotonic()
        if self._next is None:
            self._next = FIRST_SECONDS + 4 * _bytes(pl_module) / FIRST_BYTES_PER_SECOND
        if self._spent + self._next > SHARE * (begin - self._began):
            return
        try:
            write_whole(self.path, self._content(trainer, pl_module))
        except OSError as error:  # a full disk does not end a training
            if not self._has_failed:
                self._has_failed = True
                tell_unwritten(self.path, error, "killed now, it would be resumed from there")
        self._next = time.monotonic() - begin
        self._spent += self._next

    def remove(self) -> None:
        """The run is over: nobody goes on from here."""
        remove_if_there(self.path)

    def _content(self, trainer: L.Trainer, module: L.LightningModule) -> dict[str, Any]:
        epoch = trainer.current_epoch + 1
        loops = trainer.fit_loop.epoch_loop
        return {
            "format": FORMAT,
            "version": VERSION,
            "epoch": epoch,
            "module": module.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in trainer.optimizers],
            "schedulers": [config.scheduler.state_dict() for config in trainer.lr_scheduler_configs],
            "precision": trainer.precision_plugin.state_dict(),
            "progress": {
                "steps": loops.on_save_checkpoint(),
                "optimizer": loops.automatic_optimization.optim_progress.state_dict(),
            },
            "stopper": self._stopper.state_dict(),
            "best": self._best.state(epoch),
            "random": random_state(),
        }


def _set_progress(trainer: L.Trainer, epoch: int, progress: dict[str, Any]) -> None:
    """Tell Lightning which epochs are done. Its own way, loops restored from their state, repeats an epoch's end."""
    loop = trainer.fit_loop
    for counts in (loop.epoch_progress.current, loop.epoch_progress.total):
        counts.ready = counts.started = counts.processed = counts.completed = epoch
    loop.epoch_loop.on_load_checkpoint(progress["steps"])
    loop.epoch_loop.automatic_optimization.optim_progress.load_state_dict(progress["optimizer"])


def _of_model(module: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The weights of `CurveModule.model` among those of the module."""
    return {name.removeprefix("model."): value for name, value in module.items() if name.startswith("model.")}


def _bytes(module: torch.nn.Module) -> int:
    return sum(tensor.nbytes for tensor in module.state_dict().values())
