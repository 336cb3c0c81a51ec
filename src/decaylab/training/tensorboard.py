"""What TensorBoard shows beside the losses: settings with the final metrics (HPARAMS), a few decay curves (IMAGES).

matplotlib draws the curves. Where it is missing there are none, and that is said once; no training fails for a picture.
"""

from __future__ import annotations

import os
import sys
import time
from importlib.util import find_spec
from typing import Any

import lightning as L
import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.tensorboard import SummaryWriter
from torch.utils.tensorboard.summary import hparams

from decaylab.acoustics.physics import eyring_t60
from decaylab.catalogue.fields import FIELDS
from decaylab.errors import DecaylabError
from decaylab.rooms.features import ABSORPTION, FEATURE_NAMES, SIZE
from decaylab.runlog.reading import at, number
from decaylab.training.module import CurveModule
from decaylab.training.plan import Plan
from decaylab.training.process import evaluating

FOLDER = "tensorboard_logs"
#: Figures take at most this share of the fit's time so far; one that would take more is left out.
LARGEST_SHARE = 0.02
#: Seconds that the first figure is expected to take; after it, as long as the last one took.
_FIRST_SECONDS = 0.5
#: Of the metrics, those that people choose a run by.
FINAL_METRICS = ("edc_mae", "edc_rmse", "edc_r2", "edt_mae", "t20_mae", "c50_mae")

#: What drawing may raise on a machine whose matplotlib, fonts or cache are broken.
_DRAWING_ERRORS = (DecaylabError, ImportError, OSError, RuntimeError, ValueError)


def hyperparameters(settings: dict[str, Any]) -> dict[str, str | float | bool]:
    """The settings of a run (`describe.settings`) that HPARAMS tells apart, by their short names."""
    data, loader = settings["data_config"], settings["data_loader_config"]
    chosen = {
        **settings["training_config"],
        **settings["loss_config"],
        "precision": str(settings["precision_config"]["precision"]),
        "scaler_type": loader["scaler_type"],
        "patience": settings["early_stopping_config"]["patience"],
        "seed": settings["seed"],
        **{name: data[name] for name in ("split", "split_seed", "fold", "train_size")},
    }
    return {name: value for name, value in chosen.items() if isinstance(value, (str, int, float, bool))}


def final_metrics(scores: dict[str, Any], best_val_loss: float) -> dict[str, float]:
    """The metrics of the test rooms as HPARAMS shows them, named as FIELDS; those that are null have no value there."""
    found = {name: number(at(scores, FIELDS[name].path)) for name in FINAL_METRICS}
    found["best_val_loss"] = best_val_loss
    return {f"final/{name}": float(value) for name, value in found.items() if value is not None}


def write_results(
    directory: str, model: str, settings: dict[str, Any], metrics: dict[str, float], best_epoch: int
) -> None:
    """Put settings and final metrics into the run's own log, so that the HPARAMS tab has a row for it.

    Args:
        directory: the run's.
        model: its name.
        settings: of `describe.settings`.
        metrics: of `final_metrics`.
        best_epoch: from 1.
    """
    with SummaryWriter(os.path.join(directory, FOLDER)) as writer:
        for summary in hparams({"model": model, **hyperparameters(settings)}, metrics):
            writer._get_file_writer().add_summary(summary)
        for name, value in metrics.items():
            writer.add_scalar(name, value, best_epoch)


class CurveFigures(L.Callback):
    """A figure of three validation rooms' decay curves after an epoch, if it costs little; one of the best weights.

    Attributes:
        drawn: figures of epochs.
        seconds: spent on them.
        share: of the fit's time so far.
    """

    def __init__(self, plan: Plan, inputs: NDArray[np.float64]) -> None:
        self._rows = shown_rooms(plan.data.features, plan.split.validation)
        self._names = [str(plan.data.ids[row]) for row in self._rows]
        self._inputs = torch.from_numpy(inputs[self._rows]).float()
        self._sampling_rate = plan.data.sampling_rate
        self._targets = plan.data.read(self._rows)
        self._expected = _FIRST_SECONDS
        self._began = 0.0
        self._works = find_spec("matplotlib") is not None
        self.drawn = 0
        self.seconds = 0.0
        self.share = 0.0
        if not self._works:
            self._say("they need matplotlib: pip install 'decaylab[plot]'")

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._began = time.monotonic()

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        began = time.monotonic()
        if not self._works or self.seconds + self._expected > LARGEST_SHARE * (began - self._began):
            return
        writer: Any = trainer.logger.experiment if trainer.logger is not None else None
        if writer is None or not self._draw(writer, pl_module, "edc", trainer.current_epoch + 1):
            return
        now = time.monotonic()
        self.drawn += 1
        self.seconds += now - began
        self.share = self.seconds / (now - self._began)
        writer.add_scalar("edc_figure_share", self.share, trainer.current_epoch + 1)

    def draw_best(self, directory: str, module: CurveModule, epoch: int) -> None:
        """The same rooms by the best weights, once the fit is over, whatever it costs.

        Args:
            directory: the run's.
            module: with the best weights.
            epoch: theirs, from 1.
        """
        if self._works:
            with SummaryWriter(os.path.join(directory, FOLDER)) as writer:
                self._draw(writer, module, "edc_best", epoch)

    def _draw(self, writer: Any, module: Any, tag: str, epoch: int) -> bool:
        try:
            from decaylab.reports.decay_picture import decay_figure

            began = time.monotonic()
            with evaluating(module):
                predicted = module.predict_energy(self._inputs.to(module.device)).float().cpu().numpy()
            figure = decay_figure(self._targets, predicted, self._names, self._sampling_rate)
            writer.add_figure(tag, figure, epoch)
        except _DRAWING_ERRORS as error:
            self._works = False
            self._say(f"drawing failed ({type(error).__name__}: {error}); the training goes on")
            return False
        self._expected = time.monotonic() - began
        return True

    @staticmethod
    def _say(reason: str) -> None:
        print(f"TensorBoard gets no figures of decay curves: {reason}", file=sys.stderr)


def shown_rooms(features: NDArray[np.float64], rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Three of `rows`: shortest, middle and longest reverberation by Eyring; first, middle and last of other features.

    They are the same in every epoch and in every run on the same split.
    """
    order = rows
    if features.shape[1] == len(FEATURE_NAMES):
        room = features[rows]
        order = rows[np.argsort(eyring_t60(room[:, SIZE], room[:, ABSORPTION], None).mean(axis=-1), kind="stable")]
    chosen: NDArray[np.int64] = np.unique(np.array([0, len(order) // 2, len(order) - 1]))
    return order[chosen]
