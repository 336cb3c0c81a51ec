"""Writing checkpoints. The format and its reader are `models.checkpoint`: whoever uses a model needs no training."""

from __future__ import annotations

import os
import sys
import time
from typing import Any

import lightning as L
import torch

from decaylab.models.checkpoint import FORMAT, VERSION, load_checkpoint
from decaylab.rooms.files import whole_file
from decaylab.runlog.files import sync_directory

__all__ = ["FORMAT", "VERSION", "BestWeights", "load_checkpoint", "save_checkpoint", "tell_unwritten", "write_whole"]


def save_checkpoint(path: str, state_dict: dict[str, torch.Tensor], about: dict[str, Any]) -> None:
    """Write a checkpoint as a whole or not at all.

    Args:
        path: of the file; its folder is made if need be.
        state_dict: the weights.
        about: plain values and tensors only (model name, settings, scalers, epoch).

    Raises:
        OSError: the disk is full or read-only; the checkpoint that was there is left.
    """
    write_whole(path, {"format": FORMAT, "version": VERSION, "state_dict": state_dict, **about})


def write_whole(path: str, content: dict[str, Any]) -> None:
    """Write tensors and plain values, `content`, as the file `path`; raises OSError as `save_checkpoint` does."""
    folder = os.path.dirname(path)
    os.makedirs(folder, exist_ok=True)
    try:
        with whole_file(path) as file:
            torch.save(content, file)
    except RuntimeError as error:
        # PyTorch's writer closes its archive after a write that failed, and complains of that instead.
        raise error.__context__ or error from None
    sync_directory(folder)


def tell_unwritten(path: str, error: OSError, consequence: str) -> None:
    """Say on stderr that a checkpoint could not be written, while the training goes on.

    Args:
        path: of the checkpoint.
        error: why.
        consequence: what it means for the training, the end of the line.
    """
    print(
        f"{os.path.basename(path)} could not be written ({error.strerror or error}); the one before is kept, and the "
        f"training goes on: {consequence}",
        file=sys.stderr,
    )


class BestWeights(L.Callback):
    """The weights with the lowest validation loss, on disk as often as that stays cheap.

    A small model may improve every epoch; writing each time would cost more than training. So the best weights
    are kept in memory and written when the last write is twenty times its own duration ago, and at the end. A full disk
    on the way ends no training: it is said, and the next best weights are tried again. At the end it raises OSError.

    Args:
        path: of best_model.ckpt.
        about: what it says of itself, see `save_checkpoint`.

    Attributes:
        epoch: of the best weights, from 1; None before there are any.
        loss: theirs on the validation rooms.
    """

    def __init__(self, path: str, about: dict[str, Any]) -> None:
        self.path = path
        self.epoch: int | None = None
        self.loss = float("inf")
        self._about = about
        self._state: dict[str, torch.Tensor] | None = None
        self._written_epoch: int | None = None
        self._cost = 0.0
        self._last_write = float("-inf")
        self._has_failed = False

    def offer(self, epoch: int, loss: float, model: torch.nn.Module) -> bool:
        """Keep the weights if their loss is the lowest so far, and say whether it is.

        Args:
            epoch: from 1.
            loss: of the validation rooms.
            model: with the weights of that epoch.
        """
        if not loss < self.loss:
            return False
        self.epoch, self.loss = epoch, loss
        self._state = {name: tensor.detach().cpu().clone() for name, tensor in model.state_dict().items()}
        if time.monotonic() - self._last_write >= 20 * self._cost:
            self.try_to_write()
        return True

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.offer(trainer.current_epoch + 1, float(trainer.callback_metrics["val_loss"]), pl_module.model)

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        self.try_to_write()

    def try_to_write(self) -> None:
        """`write`, but what the disk refuses is said once, and the training goes on."""
        begin = time.monotonic()
        try:
            self.write()
        except OSError as error:
            self._last_write = time.monotonic()
            self._cost = self._last_write - begin
            if not self._has_failed:
                self._has_failed = True
                tell_unwritten(self.path, error, "the best weights are in memory, and written when there is room")

    def state(self, epoch: int) -> dict[str, Any]:
        """What `go_on` takes, for a checkpoint that holds the weights of `epoch` anyway: those are left out."""
        return {"epoch": self.epoch, "loss": self.loss, "state": None if self.epoch == epoch else self._state}

    def go_on(self, epoch: int | None, loss: float, state: dict[str, torch.Tensor]) -> None:
        """Take the best weights of a training that goes on. What lies on the disk may be of a later epoch of it.

        Args:
            epoch: of these weights; None: there are none yet.
            loss: theirs.
            state: the state dict of the model.
        """
        self.epoch, self.loss = epoch, loss
        self._state = {name: tensor.clone() for name, tensor in state.items()} if epoch is not None else None

    def write(self) -> None:
        """Bring the best weights to the disk, if they are not there yet; harmless without any."""
        if self._state is None or self._written_epoch == self.epoch:
            return
        begin = time.monotonic()
        save_checkpoint(self.path, self._state, {**self._about, "epoch": self.epoch, "val_loss": self.loss})
        self._last_write = time.monotonic()
        self._cost = self._last_write - begin
        self._written_epoch = self.epoch
