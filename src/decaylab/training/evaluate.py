"""The test set through the best weights: arrays to the disk and metrics, batch by batch."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from decaylab.acoustics import EDC_SAMPLES, SAMPLING_RATE
from decaylab.evaluation import CurveMetrics, Reference
from decaylab.evaluation.curve_file import begin_rows, write_rows
from decaylab.evaluation.errors import ERRORS, room_errors, write_errors
from decaylab.evaluation.noise import recorded_ratio
from decaylab.evaluation.physics import physics as physics_alone
from decaylab.evaluation.scalar_heads import ScalarHeads
from decaylab.rooms.features import FEATURE_NAMES
from decaylab.rooms.files import whole_file
from decaylab.rooms.splits import Split
from decaylab.rooms.store import DataSet
from decaylab.runlog.files import sync_directory
from decaylab.runlog.keeping.shared import share_targets
from decaylab.training.module import CurveModule


class Predicted(NamedTuple):
    """A block of rooms: linear energy of the data set and of the model, (n, samples) each, and what the model's scalar
    heads answer, (n, S); None if it has none."""

    rows: NDArray[np.int64]
    true: NDArray[np.float32]
    energy: NDArray[np.float32]
    scalars: NDArray[np.float32] | None


class TrainedModel(NamedTuple):
    """A model with its weights, and what it takes to score it.

    Attributes:
        module: the model, in whose mode and on whose device it is used.
        data: the data set.
        split: rows of the data set; the materials of the test rooms are compared with those of the training rooms.
        inputs: (rooms of the data set, F), as the model takes them.
        mean_curve: (samples,) mean of the training curves, scored as `baselines.mean_curve`.
        medians: gives the median of each parameter over the training rooms; it is asked only when an invalid prediction
            has to be scored as one.
        directory: the run's.
        batch_size: test rooms at once.
    """

    module: CurveModule
    data: DataSet
    split: Split
    inputs: NDArray[np.float64]
    mean_curve: NDArray[np.float32]
    medians: Callable[[], dict[str, float]]
    directory: str
    batch_size: int

    def predict(self, rows: NDArray[np.int64], size: int) -> Iterator[Predicted]:
        """The rooms `rows`, `size` of them at a time."""
        self.module.eval()
        for start in range(0, len(rows), size):
            block = rows[start : start + size]
            with torch.inference_mode():
                given = torch.from_numpy(self.inputs[block]).float().to(self.module.device)
                energy, scalars = self.module.predict(given)
            answers = None if scalars is None else scalars.float().cpu().numpy()
            yield Predicted(block, self.data.read(block), energy.float().cpu().numpy(), answers)


def evaluate_test_rooms(trained: TrainedModel) -> dict[str, Any]:
    """Predict the test rooms, write predictions.npy, targets.npy, errors.csv, and score them beside the baselines.

    Returns:
        `{"metrics": ..., "baselines": {"mean_curve": ..., "physics": ...}}`, each as `CurveMetrics.result` gives it
        (`physics`: box rooms of 2 s at 48 kHz only), and
        `training_medians`, null unless an invalid prediction was scored as one; `label_noise`, null unless the data
        set was measured (`evaluation.noise`); of a model with scalar heads `metrics_scalar_heads`.
    """
    data, rows = trained.data, trained.split.test
    used: dict[str, float] = {}

    def medians() -> dict[str, float]:
        used.update(trained.medians())
        return used

    scores, mean_scores, physics_scores = CurveMetrics(medians), CurveMetrics(medians), CurveMetrics(medians)
    physics = _physics_of(data)
    scalars = getattr(trained.module.model, "scalars", ())
    heads = ScalarHeads(scalars) if scalars else None
    with (
        whole_file(os.path.join(trained.directory, "predictions.npy")) as predictions,
        whole_file(os.path.join(trained.directory, "targets.npy")) as targets,
    ):
        for file in (predictions, targets):
            begin_rows(file, (len(rows), data.samples))
        for block in trained.predict(rows, trained.batch_size):
            if heads is not None and block.scalars is not None:
                heads.add(block.scalars)
            write_rows(predictions, block.energy)
            write_rows(targets, block.true)
            reference = Reference.of(block.true, data.sampling_rate)
            scores.add(block.energy, reference)
            mean_scores.add(np.broadcast_to(trained.mean_curve, block.true.shape), reference)
            if physics is not None:
                physics_scores.add(physics(data.features[block.rows]), reference)
    sync_directory(trained.directory)
    share_targets(trained.directory)
    ids = [data.ids[row] for row in rows]
    of_rooms = room_errors(rows, ids, data.features[rows], data.features[trained.split.train], scores)
    write_errors(os.path.join(trained.directory, ERRORS), of_rooms)
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
    return physics_alone


def _without_terciles(metrics: dict[str, Any]) -> dict[str, Any]:
    """A baseline's figures in short: its terciles would make up a third of metadata.json, and nobody asks for them."""
    return {
        name: {key: figure for key, figure in value.items() if key != "by_tercile"}
        if isinstance(value, dict)
        else value
        for name, value in metrics.items()
    }
