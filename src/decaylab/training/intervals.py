"""The intervals of a trained model: from its errors on the validation rooms, checked on the test rooms."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from decaylab.evaluation.curve_file import CurveFile
from decaylab.evaluation.intervals import Pair, coverage, fit_intervals, parameter_pairs
from decaylab.rooms.splits import Split
from decaylab.rooms.store import DataSet
from decaylab.runlog.curve_files import PAIRS
from decaylab.training.checkpoint import load_checkpoint, save_checkpoint
from decaylab.training.data import blocks
from decaylab.training.module import CurveModule


def record_intervals(
    module: CurveModule, data: DataSet, split: Split, inputs: NDArray[np.float64], directory: str, checkpoint: str
) -> dict[str, Any]:
    """Fit the intervals, store them in the checkpoint, and return them with their `coverage` for the record.

    The validation rooms chose the best epoch, so the intervals lean a little to the narrow side; `coverage` is measured
    on the test rooms, from the `predictions.npy` and `targets.npy` that lie in `directory`.
    """
    intervals = fit_intervals(*parameter_pairs(_validation(module, data, split.validation, inputs), data.sampling_rate))
    content = load_checkpoint(checkpoint)
    about = {name: value for name, value in content.items() if name not in ("format", "version", "state_dict")}
    save_checkpoint(checkpoint, content["state_dict"], {**about, "uncertainty": intervals})
    tested = parameter_pairs(_stored(directory), data.sampling_rate)
    return {**intervals, "coverage": coverage(intervals, *tested)}


def _validation(
    module: CurveModule, data: DataSet, rows: NDArray[np.int64], inputs: NDArray[np.float64]
) -> Iterator[Pair]:
    module.eval()
    with torch.inference_mode():
        for block in blocks(rows):
            given = torch.from_numpy(inputs[block]).float().to(module.device)
            yield module.predict_energy(given).float().cpu().numpy(), data.read(block)


def _stored(directory: str) -> Iterator[Pair]:
    predictions, targets = (CurveFile(os.path.join(directory, name)) for name in PAIRS[0])
    for rows in blocks(np.arange(len(predictions))):
        block = slice(int(rows[0]), int(rows[-1]) + 1)
        yield predictions[block], targets[block]
