"""The process that trains: Ctrl-C that ends a fit as it should, and as many threads as help."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

#: Below this number of parameters a training step is done by one thread.
SMALL_MODEL = 1_000_000


@contextmanager
def threads_for(model: torch.nn.Module) -> Iterator[None]:
    """One thread for a small model: its steps are too short to share, and threads would spend them waiting."""
    before = torch.get_num_threads()
    if sum(p.numel() for p in model.parameters()) < SMALL_MODEL:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class _CtrlC(BaseException):
    """Ctrl-C as Lightning lets it through; of KeyboardInterrupt itself it makes `sys.exit(1)`."""


@contextmanager
def interruptible() -> Iterator[None]:
    """Make Ctrl-C end a fit as KeyboardInterrupt, with Lightning's own clearing up done."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    trainer_process = os.getpid()

    def interrupt(number: int, frame: Any) -> None:
        if os.getpid() != trainer_process:
            raise KeyboardInterrupt  # a forked worker: its own loop knows what to do
        raise _CtrlC

    previous = signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    except _CtrlC:
        raise KeyboardInterrupt from None
    finally:
        signal.signal(signal.SIGINT, previous)
