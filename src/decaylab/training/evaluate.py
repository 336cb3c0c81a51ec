"""The test set through the best weights: arrays to the disk and metrics, batch by batch."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, BinaryIO

import numpy as np
import torch
from numpy.typing import NDArray

from decaylab.acoustics import EDC_SAMPLES, SAMPLING_RATE
from decaylab.evaluation import CurveMetrics, Reference, ways
from decaylab.evaluation.errors import ERRORS, room_errors, write_errors
from decaylab.evaluation.noise import recorded_ratio
from decaylab.evaluation.scalar_heads import ScalarHeads
from decaylab.rooms.features import FEATURE_NAMES
from decaylab.rooms.store import DataSet
from decaylab.runlog.files import remove_if_there, sync_directory
from decaylab.runlog.keeping.shared import share_targets
from decaylab.training.module import CurveModule


class ArrayWriter:
    """Writes a float32 .npy file of known shape block by block; it bears its name only once it is complete.

    Ordinary writes, not a memory map: on a full disk a map ends the process, a write raises.
    """

    def __init__(self, path: str, shape: tuple[int, int]) -> None:
        self._path = path
        self._temporary = f"{path}.{os.getpid()}.tmp"
        self._shape = shape
        self._rows = 0
        self._file: BinaryIO = open(self._temporary, "wb")  # noqa: SIM115 - closed in __exit__
        np.lib.format.write_array_header_1_0(self._file, {"descr": "<f4", "fortran_order": False, "shape": shape})

    def add(self, block: NDArray[np.float32]) -> None:
        self._file.write(np.ascontiguousarray(block, dtype="<f4").data)
        self._rows += len(block)

    def __enter__(self) -> ArrayWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
        finally:
            self._file.close()
            if kind is not None or self._rows != self._shape[0]:
                remove_if_there(self._temporary)
        if kind is None and self._rows == self._shape[0]:
            os.replace(self._temporary, self._path)
            sync_directory(os.path.dirname(self._path))


def evaluate_test_rooms(
    module: CurveModule,
    data: DataSet,
    rows: NDArray[np.int64],
    training_rows: NDArray[np.int64],
    inputs: NDArray[np.float64],
    mean_curve: NDArray[np.float32],
    training_medians: Callable[[], dict[str, float]],
    directory: str,
    batch_size: int,
) -> dict[str, Any]:
    """Predict the rooms `rows`, write predictions.npy, targets.npy, errors.csv, and score them beside the baselines.

    Args:
        training_rows: of the data set; the test rooms' materials are compared with those of these rows.
        inputs: (rooms of the data set, 16) as the model takes them.
        mean_curve: (samples,) mean of the training curves, scored as `baselines.mean_curve`.

    Returns:
        `{"metrics": ..., "baselines": {"mean_curve": ..., "physics": ...}}`, each as `CurveMetrics.result` gives it
        (`physics`: box rooms of 2 s at 48 kHz only), and
        `training_medians`, null unless an invalid prediction was scored as one; `label_noise`, null unless the data
        set was measured (`evaluation.noise`); of a model with scalar heads `metrics_scalar_heads`.
    """
    used: dict[str, float] = {}

    def medians() -> dict[str, float]:
        if not used:  # they take a pass over the training curves: at the first need, once
            used.update(training_medians())
        return used

    scores, mean_scores, physics_scores = CurveMetrics(medians), CurveMetrics(medians), CurveMetrics(medians)
    physics = _physics_of(data)
    heads = ScalarHeads(module.model.scalars) if getattr(module.model, "scalars", ()) else None
    shape = (len(rows), data.samples)
    module.eval()
    device = module.device
    with (
        torch.inference_mode(),
        ArrayWriter(os.path.join(directory, "predictions.npy"), shape) as predictions,
        ArrayWriter(os.path.join(directory, "targets.npy"), shape) as targets,
    ):
        for start in range(0, len(rows), batch_size):
            block = rows[start : start + batch_size]
            truth = data.read(block)
            given = torch.from_numpy(inputs[block]).float().to(device)
            energy, scalars = module.predict(given)
            predicted = energy.float().cpu().numpy()
            if heads is not None and scalars is not None:
                heads.add(scalars.float().cpu().numpy())
            predictions.add(predicted)
            targets.add(truth)
            reference = Reference.of(truth, data.sampling_rate)
            scores.add(predicted, reference)
            mean_scores.add(np.broadcast_to(mean_curve, truth.shape), reference)
            if physics is not None:
                physics_scores.add(physics(data.features[block]), reference)
    share_targets(directory)
    ids = [data.ids[row] for row in rows]
    of_rooms = room_errors(rows, ids, data.features[rows], data.features[training_rows], scores)
    write_errors(os.path.join(directory, ERRORS), of_rooms)
    baselines = {"mean_curve": _without_terciles(mean_scores.result())}
    if physics is not None:
        baselines["physics"] = _without_terciles(physics_scores.result())
    noise = recorded_ratio(data, of_rooms, used)
    return {
        "metrics": scores.result(),
        "baselines": baselines,
        "training_medians": used or None,
        "label_noise": noise,
        **({} if heads is None else {"metrics_scalar_heads": heads.result(scores, medians)}),
    }


def _physics_of(data: DataSet) -> Callable[[NDArray[np.float64]], NDArray[np.float32]] | None:
    """Features (n, 16) to the curves (n, samples) that physics alone expects; None where it does not know the rooms."""
    if (data.features.shape[1], data.samples, data.sampling_rate) != (len(FEATURE_NAMES), EDC_SAMPLES, SAMPLING_RATE):
        return None
    return ways.physics


def _without_terciles(metrics: dict[str, Any]) -> dict[str, Any]:
    """A baseline's figures in short: its terciles would make up a third of metadata.json, and nobody asks for them."""
    return {
        name: {key: figure for key, figure in value.items() if key != "by_tercile"}
        if isinstance(value, dict)
        else value
        for name, value in metrics.items()
    }
