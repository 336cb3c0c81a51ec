"""The validation rooms through the best weights: their metrics, and the intervals that their errors give."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import numpy as np

from decaylab.evaluation import CurveMetrics, Reference
from decaylab.evaluation.curve_file import CurveFile
from decaylab.evaluation.intervals import Pair, coverage, fit_intervals, parameter_pairs
from decaylab.runlog.arrays import PAIRS
from decaylab.training.checkpoint import load_checkpoint, save_checkpoint
from decaylab.training.data import BLOCK_ROWS, blocks
from decaylab.training.evaluate import TrainedModel


def evaluate_validation_rooms(trained: TrainedModel, checkpoint: str) -> dict[str, Any]:
    """Score the validation rooms, and fit the intervals to their errors, which go into the checkpoint, too.

    The validation rooms chose the best epoch, so their metrics are a little too good and the intervals a little too
    narrow; `coverage` is measured on the test rooms, from the predictions.npy and targets.npy of the run.

    Args:
        trained: with the weights of the checkpoint, its test rooms already evaluated.
        checkpoint: path of best_model.ckpt, which is written again.

    Returns:
        For the record: `validation`, metrics as `CurveMetrics.result` gives them, and `uncertainty`.
    """
    scores, rate = CurveMetrics(trained.medians), trained.data.sampling_rate
    intervals = fit_intervals(*parameter_pairs(_validation(trained, scores), rate))
    content = load_checkpoint(checkpoint)
    about = {name: value for name, value in content.items() if name not in ("format", "version", "state_dict")}
    save_checkpoint(checkpoint, content["state_dict"], {**about, "uncertainty": intervals})
    tested = parameter_pairs(_stored(trained.directory), rate)
    return {"validation": scores.result(), "uncertainty": {**intervals, "coverage": coverage(intervals, *tested)}}


def _validation(trained: TrainedModel, scores: CurveMetrics) -> Iterator[Pair]:
    """Predicted and true curves, each block scored on its way."""
    for block in trained.predict(trained.split.validation, BLOCK_ROWS):
        scores.add(block.energy, Reference.of(block.true, trained.data.sampling_rate))
        yield block.energy, block.true


def _stored(directory: str) -> Iterator[Pair]:
    predictions, targets = (CurveFile(os.path.join(directory, name)) for name in PAIRS[0])
    for rows in blocks(np.arange(len(predictions))):
        block = slice(int(rows[0]), int(rows[-1]) + 1)
        yield predictions[block], targets[block]
