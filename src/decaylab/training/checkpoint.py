"""Checkpoints: weights, the model's name and its scalers. Readable with weights only; no pickle is ever run.

This module owns the format: `format` and `version` stand in every file, the reader refuses what it does not know.
"""

from __future__ import annotations

import os
import pickle
import time
from typing import Any

import torch

from decaylab.errors import DataError
from decaylab.runlog.files import remove_if_there, sync_directory

FORMAT = "decaylab checkpoint"
VERSION = 1


def save_checkpoint(path: str, state_dict: dict[str, torch.Tensor], about: dict[str, Any]) -> None:
    """Write a checkpoint as a whole or not at all: temporary file, fsync, rename, fsync of the folder.

    `about` holds plain values and tensors only (model name, settings, scalers, epoch).

    Raises:
        OSError: the disk is full or read-only; the checkpoint that was there is left.
    """
    folder, name = os.path.split(path)
    os.makedirs(folder, exist_ok=True)
    temporary = os.path.join(folder, f".{name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            torch.save({"format": FORMAT, "version": VERSION, "state_dict": state_dict, **about}, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        remove_if_there(temporary)
        raise
    sync_directory(folder)


def load_checkpoint(path: str) -> dict[str, Any]:
    """Content of a checkpoint, tensors on the CPU.

    Raises:
        DataError: no such file, a damaged one, one that holds more than weights, or an unknown version.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise DataError(f"there is no checkpoint {path}") from error
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError) as error:
        raise DataError(f"{path} is no checkpoint that can be read with weights only: {_first_line(error)}") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise DataError(f"{path} is no checkpoint of decaylab")
    if content.get("version") != VERSION:
        raise DataError(
            f"{path} is a checkpoint of version {content.get('version')!r}; this decaylab reads version {VERSION}"
        )
    return content


class BestWeights:
    """The weights with the lowest validation loss, on disk as often as that stays cheap.

    A small model may improve every epoch; writing each time would cost more than training. So the best weights
    are kept in memory and written when the last write is twenty times its own duration ago, and at the end.
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

    def offer(self, epoch: int, loss: float, model: torch.nn.Module) -> bool:
        """Keep the weights if `loss` is the lowest so far; epochs count from 1."""
        if not loss < self.loss:
            return False
        self.epoch, self.loss = epoch, loss
        if time.monotonic() - self._last_write >= 20 * self._cost:
            self._state = {name: tensor.detach().cpu() for name, tensor in model.state_dict().items()}
            self.write()
        else:
            self._state = {name: tensor.detach().cpu().clone() for name, tensor in model.state_dict().items()}
        return True

    def write(self) -> None:
        """Bring the best weights to the disk, if they are not there yet; harmless without any."""
        if self._state is None or self._written_epoch == self.epoch:
            return
        begin = time.monotonic()
        save_checkpoint(self.path, self._state, {**self._about, "epoch": self.epoch, "val_loss": self.loss})
        self._last_write = time.monotonic()
        self._cost = self._last_write - begin
        self._written_epoch = self.epoch
        self._state = None


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
