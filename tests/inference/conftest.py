"""Checkpoints without a training: `compact` with weights at random, and somebody's own small network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from decaylab.models import build_model
from decaylab.training.checkpoint import save_checkpoint

#: Ten rooms, (10, 16): sizes, places and materials of all kinds.
_RANDOM = np.random.default_rng(3)
_SIZE = _RANDOM.uniform([3.0, 3.0, 2.5], [6.0, 5.0, 4.0], (10, 3))
ROOMS = np.concatenate(
    [_SIZE, 0.3 * _SIZE, _RANDOM.uniform(0.5, 0.8, (10, 3)) * _SIZE, _RANDOM.uniform(0.1, 0.7, (10, 7))], axis=1
)

INTERVALS: dict[str, Any] = {
    "level": 0.9,
    "rooms": 60,
    "relative": ["edt", "t20", "t30", "ts"],
    "half_width": {"edt": 0.1, "t20": 0.05, "t30": 0.06, "c50": 1.0, "c80": 0.9, "d50": 0.01, "ts": None},
}

OWN = """
import torch
from torch import nn

class Own(nn.Module):
    inputs = "scaled"

    def __init__(self, input_dim, output_length):
        super().__init__()
        self.layer = nn.Linear(input_dim, 1)
        self.register_buffer("time", torch.arange(output_length) / 48000)

    def forward(self, features):
        rate = 30.0 + 10.0 * torch.tanh(self.layer(features))
        return torch.exp(-rate * self.time) - 0.5
"""


@pytest.fixture(autouse=True, scope="package")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def label(**changes: Any) -> dict[str, Any]:
    """What a checkpoint of `compact` says of itself."""
    scaler = {"kind": "standard", "center": torch.zeros(16).double(), "scale": torch.ones(16).double()}
    low, high = torch.from_numpy(ROOMS.min(axis=0)), torch.from_numpy(ROOMS.max(axis=0))
    return {
        "model_name": "compact", "model_path": None, "input_dim": 16, "output_length": 96_000, "sampling_rate": 48_000,
        "scaler_X": scaler, "scaler_y": None, "ranges": {"low": low, "high": high}, "uncertainty": INTERVALS,
    } | changes  # fmt: skip


@pytest.fixture
def rooms() -> np.ndarray:
    return ROOMS.copy()


@pytest.fixture(scope="session")
def label_of() -> Callable[..., dict[str, Any]]:
    return label


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run's directory with a `compact` that departs from its baseline."""
    run = tmp_path_factory.mktemp("run") / "compact_20260301_120000"
    torch.manual_seed(0)
    model: Any = build_model("compact")
    for network in model.networks:
        torch.nn.init.normal_(network[4].weight, std=0.005)
    path = run / "checkpoints" / "best_model.ckpt"
    save_checkpoint(str(path), model.state_dict(), label())
    return path


@pytest.fixture(scope="session")
def own(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A checkpoint of somebody's own model, and its class by path; curves of 24,000 samples."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "nets.py").write_text(OWN)
    path = f"{folder / 'nets.py'}:Own"
    torch.manual_seed(1)
    model: Any = build_model(path, input_dim=16, output_length=24_000)
    curves = {"kind": "standard", "center": torch.full((24_000,), 0.5).double(), "scale": torch.ones(24_000).double()}
    about = label(model_name="Own", model_path=path, output_length=24_000, scaler_y=curves)
    del about["ranges"], about["uncertainty"]
    save_checkpoint(str(folder / "own.ckpt"), model.state_dict(), about)
    return folder / "own.ckpt", path
