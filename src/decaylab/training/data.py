"""Rooms and curves in the form a model trains on.

A model whose output lies on time knots never touches 96,000 samples: its targets are read once, at its knots. A
model that predicts every sample reads its curves from the data set batch by batch.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset

from decaylab.acoustics import onset_index, room_parameters
from decaylab.catalogue.settings import SETTINGS, TrainConfig
from decaylab.evaluation import SCORED_PARAMETERS
from decaylab.rooms.scaling import Scaler
from decaylab.rooms.store import DataSet

#: Curves held at once while data are prepared: 64 x 96,000 float32 = 25 MB.
BLOCK_ROWS = 64

Batch = dict[str, torch.Tensor]


def blocks(rows: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Rows in pieces that fit in memory, in their order."""
    for start in range(0, len(rows), BLOCK_ROWS):
        yield rows[start : start + BLOCK_ROWS]


def mean_curve(data: DataSet, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Mean of the curves of `rows`, (samples,): what a model that knows nothing of the room would predict."""
    total = np.zeros(data.samples)
    for block in blocks(rows):
        total += data.read(block).sum(axis=0, dtype=np.float64)
    return (total / len(rows)).astype(np.float32)


def parameters_of(data: DataSet, rows: NDArray[np.int64], names: tuple[str, ...]) -> dict[str, NDArray[np.float64]]:
    """Parameters of the curves of `data` in these `rows`: each of `names` -> (n,), NaN where invalid."""
    parts = [room_parameters(data.read(block), sampling_rate=data.sampling_rate, names=names) for block in blocks(rows)]
    return {name: np.concatenate([part[name] for part in parts]) for name in names}


def parameter_medians(data: DataSet, rows: NDArray[np.int64]) -> dict[str, float]:
    """Median of each scored parameter over the valid ones of `rows`; NaN where none is valid."""
    found = parameters_of(data, rows, SCORED_PARAMETERS)
    return {name: float(np.median(v)) if (v := x[np.isfinite(x)]).size else np.nan for name, x in found.items()}


class KnotRooms(Dataset[Batch]):
    """Rooms with their curves at a model's knots, all in memory: (n, K) values instead of (n, 96,000)."""

    def __init__(self, model: Any, data: DataSet, rows: NDArray[np.int64]) -> None:
        parts: dict[str, list[torch.Tensor]] = {}
        with torch.no_grad():
            for block in blocks(rows):
                curves = torch.from_numpy(data.read(block))
                features = torch.from_numpy(data.features[block]).float()
                index = model.knot_index(features)
                values = {
                    "features": features,
                    "physics": model.physics(features),
                    "index": index,
                    "target": at_positions(curves, index),
                    "time": index / data.sampling_rate,
                    "weight": sample_shares(index, data.samples),
                    "onset": torch.from_numpy(onset_index(curves.numpy())) / data.sampling_rate,
                }
                for name, value in values.items():
                    parts.setdefault(name, []).append(value.float())
        #: "features", "physics", "target", ...: each (n, ...), in the order of `rows`.
        self.tensors = {name: torch.cat(values) for name, values in parts.items()}
        self._count = len(rows)

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, row: int) -> Batch:
        return {name: tensor[row] for name, tensor in self.tensors.items()}

    def __getitems__(self, rows: list[int]) -> Batch:
        chosen = torch.as_tensor(rows)
        return {name: tensor[chosen] for name, tensor in self.tensors.items()}


class CurveRooms(Dataset[Batch]):
    """Rooms with their whole curves, read from the data set when a batch asks for them.

    Attributes:
        scalars: (n, S), the parameters that a model's scalar heads learn, NaN where invalid; None for any other model.
    """

    def __init__(
        self,
        data: DataSet,
        rows: NDArray[np.int64],
        inputs: NDArray[np.float64],
        scalars: tuple[str, ...] = (),
    ) -> None:
        self._data = data
        self._rows = rows
        self._inputs = torch.from_numpy(inputs[rows]).float()
        self.scalars: torch.Tensor | None = None
        if scalars:
            found = parameters_of(data, rows, scalars)
            self.scalars = torch.from_numpy(np.stack([found[name] for name in scalars], axis=1)).float()

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, row: int) -> Batch:
        return {name: value[0] for name, value in self.__getitems__([row]).items()}

    def __getitems__(self, rows: list[int]) -> Batch:
        curves = self._data.read(self._rows[rows])
        onset = torch.from_numpy(onset_index(curves)) / self._data.sampling_rate
        batch = {"features": self._inputs[rows], "target": torch.from_numpy(curves), "onset": onset.float()}
        if self.scalars is not None:
            batch["scalars"] = self.scalars[rows]
        return batch


def rooms_for(
    model: Any, data: DataSet, rows: NDArray[np.int64], inputs: NDArray[np.float64]
) -> KnotRooms | CurveRooms:
    """Rooms in the form that a model trains on: their curves at its knots, or whole.

    Args:
        model: see `models/registry.py` for what it says of itself.
        data: the data set.
        rows: of the rooms in it.
        inputs: (rooms of the data set, F), as the model takes them.
    """
    if model.outputs == "knots":
        return KnotRooms(model, data, rows)
    return CurveRooms(data, rows, inputs, getattr(model, "scalars", ()))


def fit_model(model: Any, rooms: KnotRooms | CurveRooms, config: TrainConfig) -> None:
    """Give a model what it takes from its training rooms before any step.

    Args:
        model: whose inputs or scalars are scaled by these rooms.
        rooms: those of the training.
        config: with the noise on its inputs, of a model that has some.
    """
    for setting in SETTINGS:
        if setting.of_model and hasattr(model, setting.name):
            setattr(model, setting.name, config.value(setting))
    if isinstance(rooms, KnotRooms):
        model.fit_inputs(rooms.tensors["features"], rooms.tensors["physics"])
    elif rooms.scalars is not None:
        model.fit_scalars(rooms.scalars)


def inputs_for(model: Any, features: NDArray[np.float64], scaler: Scaler) -> NDArray[np.float64]:
    """The `features` (n, 16) as the `model` takes them: scaled by `scaler`, or in physical units."""
    return scaler.transform(features) if model.inputs == "scaled" else features


def loaders(
    config: TrainConfig, device: str, training: Dataset[Batch], validation: Dataset[Batch]
) -> tuple[DataLoader[Batch], DataLoader[Batch]]:
    """Batches of whole tensors, which the rooms themselves collate (`__getitems__`).

    Args:
        config: sizes of batches, and how they are loaded.
        device: "cpu" or "cuda".
        training: rooms that are shuffled.
        validation: rooms that come in their order.
    """
    common: dict[str, Any] = {
        "num_workers": config.num_workers,
        "pin_memory": config.pin_memory and device == "cuda",
        "persistent_workers": config.persistent_workers and config.num_workers > 0,
        "collate_fn": _as_is,
    }
    return (
        DataLoader(training, config.batch_size or 1, shuffle=True, **common),
        DataLoader(validation, config.eval_batch_size or 1, shuffle=False, **common),
    )


def at_positions(curves: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
    """Values of `curves` (n, samples) at fractional sample positions (n, K), by straight lines between samples."""
    last = curves.shape[-1] - 1
    positions = positions.clamp(0, last)
    lower = positions.floor().long().clamp(max=last - 1)
    fraction = positions - lower
    left, right = curves.gather(1, lower), curves.gather(1, lower + 1)
    return left + (right - left) * fraction


def sample_shares(positions: torch.Tensor, samples: int) -> torch.Tensor:
    """Share of the record that each of the positions (n, K) stands for (trapezoidal rule); sums to 1 in each row."""
    inside = positions.clamp(0, samples - 1)
    middle = (inside[:, 1:] + inside[:, :-1]) / 2
    start = torch.zeros_like(inside[:, :1])
    edges = torch.cat([start, middle, torch.full_like(start, samples - 1)], dim=1)
    return (edges[:, 1:] - edges[:, :-1]) / (samples - 1)


def _as_is(batch: Any) -> Any:
    return batch
