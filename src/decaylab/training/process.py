"""The process that trains: Ctrl-C that ends a fit as it should, and as many threads as help."""

from __future__ import annotations

import logging
import os
import random
import signal
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import lightning as L
import numpy as np
import torch


def random_state() -> dict[str, Any]:
    """What `restore_random_state` takes: PyTorch's generators (CPU, and each GPU that is used), numpy's, Python's."""
    numpy_state: Any = np.random.get_state(legacy=False)
    version, words, gauss = random.getstate()
    return {
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else [],
        "numpy": {
            "key": torch.from_numpy(numpy_state["state"]["key"].astype(np.int64)),
            "pos": int(numpy_state["state"]["pos"]),
            "has_gauss": int(numpy_state["has_gauss"]),
            "gauss": float(numpy_state["gauss"]),
        },
        "python": {"version": version, "words": torch.tensor(words, dtype=torch.int64), "gauss": gauss},
    }


def restore_random_state(state: dict[str, Any]) -> None:
    """Go on drawing where `random_state` was called."""
    torch.set_rng_state(state["torch"])
    if state["cuda"]:
        torch.cuda.set_rng_state_all(state["cuda"])
    stored = state["numpy"]
    np.random.set_state(
        {
            "bit_generator": "MT19937",
            "state": {"key": stored["key"].numpy().astype(np.uint32), "pos": stored["pos"]},
            "has_gauss": stored["has_gauss"],
            "gauss": stored["gauss"],
        }
    )
    own = state["python"]
    random.setstate((own["version"], tuple(own["words"].tolist()), own["gauss"]))


#: Below this number of parameters a training step is done by one thread.
SMALL_MODEL = 1_000_000


@contextmanager
def threads_for(model: torch.nn.Module, threads: int | None = None) -> Iterator[None]:
    """One thread for a small model: its steps are too short to share, and threads would spend them waiting.

    `threads`: as many as a run had that is to be trained in the same way; sums depend on how they are shared.
    """
    before = torch.get_num_threads()
    if threads is not None:
        torch.set_num_threads(threads)
    elif sum(p.numel() for p in model.parameters()) < SMALL_MODEL:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def quiet_lightning() -> None:
    """Lightning's own remarks (tips, cores, missing workers) are not about this run; its errors are raised."""
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module=r"lightning\..*")


class _CtrlC(BaseException):
    """Ctrl-C as Lightning lets it through; of KeyboardInterrupt itself it makes `sys.exit(1)`."""


@contextmanager
def evaluating(module: torch.nn.Module) -> Iterator[None]:
    """In evaluation mode and without gradients; every part is left in the mode that it was in."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for part, mode in modes:
            part.training = mode


class Interrupts(L.Callback):
    """Ctrl-C and SIGTERM, kept until a batch has ended; a second one acts at once.

    Raised wherever Python happens to be, an exception may leave a lock held inside TensorBoard's writer or a loader's
    queue, and the clearing up that follows would wait for it for ever.
    """

    def __init__(self) -> None:
        self._asked: Callable[[], None] | None = None

    def take(self, act: Callable[[], None]) -> None:
        """A signal has come: keep what it does, or do it if one is kept already."""
        if self._asked is not None:
            act()
        self._asked = act

    def heed(self) -> None:
        """Between batches: do what a kept signal asks for."""
        if self._asked is not None:
            self._asked()

    def on_train_batch_end(self, *args: Any, **more: Any) -> None:
        self.heed()

    def on_validation_batch_end(self, *args: Any, **more: Any) -> None:
        self.heed()


@contextmanager
def interruptible(interrupts: Interrupts) -> Iterator[None]:
    """Make Ctrl-C end a fit as KeyboardInterrupt, SIGTERM as before, with Lightning's own clearing up done."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    trainer_process = os.getpid()
    terminate = signal.getsignal(signal.SIGTERM)

    def interrupt() -> None:
        raise _CtrlC

    def on_interrupt(number: int, frame: Any) -> None:
        if os.getpid() != trainer_process:
            raise KeyboardInterrupt  # a forked worker: its own loop knows what to do
        interrupts.take(interrupt)

    def on_terminate(number: int, frame: Any) -> None:
        if callable(terminate):
            if os.getpid() != trainer_process:
                terminate(number, frame)
            interrupts.take(lambda: terminate(number, frame))

    previous = signal.signal(signal.SIGINT, on_interrupt)
    if callable(terminate):  # else nobody has asked for more than SIGTERM's own effect
        signal.signal(signal.SIGTERM, on_terminate)
    try:
        yield
        interrupts.heed()  # one that came after the last batch
    except _CtrlC:
        raise KeyboardInterrupt from None
    except SystemExit:  # Lightning's own answer to SIGTERM, between epochs: an exit without a status
        interrupts.heed()
        raise
    finally:
        signal.signal(signal.SIGINT, previous)
        if callable(terminate):
            signal.signal(signal.SIGTERM, terminate)


@contextmanager
def repeatable(device: str) -> Iterator[None]:
    """On a CPU, have PyTorch take the variant of an operation that gives the same bits each time.

    What has no such variant is used all the same, and PyTorch says so. On a GPU nothing is changed: most variants are
    slower there, and bits would still depend on the card.
    """
    before = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    # That new memory is filled with NaN first is for finding mistakes, and takes time.
    options: Any = torch.utils.deterministic
    filled = options.fill_uninitialized_memory
    if device == "cpu":
        torch.use_deterministic_algorithms(True, warn_only=True)
        options.fill_uninitialized_memory = False
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])
        options.fill_uninitialized_memory = filled
