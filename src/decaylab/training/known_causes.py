"""Which of the known causes (`runlog.causes`) a training's settings show, before anything is measured."""

from __future__ import annotations

from typing import Any

from decaylab.catalogue.losses import LOSSES
from decaylab.catalogue.models import MODELS
from decaylab.catalogue.settings import BY_NAME, GENERAL_SETTINGS, TrainConfig
from decaylab.diagnosis.causes import (
    CAUSES,
    GOOD_BATCH,
    LOGARITHMIC_LOSSES,
    TINY_BATCH,
    UNBOUNDED_LOSSES,
    WEIGHT_FACTOR,
)
from decaylab.diagnosis.findings import Finding

#: A learning rate this many times the model's own (or the general one) is suspected first.
HIGH_RATE = 10.0


#: Causes that only a machine has, and what it lacks.
OF_MACHINE = {
    "memory": "More memory than is free: the system ends the process, or swaps.",
    "disk": "Predictions, targets and checkpoints would not fit.",
}
#: What the training is refused for where it was measured.
SEVERE = ("learning_rate", "disk")


def finding(code: str, evidence: str, basis: str, change: dict[str, Any], severity: str | None = None) -> Finding:
    """A finding of a known cause.

    Args:
        code: of the cause, in `causes.CAUSES` or `OF_MACHINE`.
        evidence: the numbers that it rests on.
        basis: "this run" or "experience".
        change: option -> value, what to try instead.
        severity: None: the cause's own.
    """
    text = OF_MACHINE[code] if code in OF_MACHINE else CAUSES[code].cause
    return Finding(code, severity or ("severe" if code in SEVERE else "warning"), evidence, basis, text, change)


def likely_cause(config: TrainConfig, loss: str, evidence: str) -> Finding:
    """The setting to change first in a training that was lost: a guess from experience, strongest suspicion first.

    Args:
        config: its settings, completed.
        loss: name of its loss.
        evidence: the numbers that show that it is lost.
    """
    rate = config.learning_rate or GENERAL_SETTINGS["learning_rate"]
    heavy = heavy_weights(config, loss)
    if rate >= HIGH_RATE * GENERAL_SETTINGS["learning_rate"]:
        code, change = "learning_rate", {"--learning-rate": GENERAL_SETTINGS["learning_rate"]}
    elif takes_half_logarithms(config, loss):
        code, change = "half_precision_logs", {"--precision": 32}
    elif lacks_clipping(config, loss):
        code, change = "no_clipping", CAUSES["no_clipping"].change
    elif heavy:
        code, change = "weight_rules", heavy
    elif (config.batch_size or GOOD_BATCH) < TINY_BATCH:
        code, change = "tiny_batch", {"--batch-size": GOOD_BATCH}
    else:
        code, change = "learning_rate", {"--learning-rate": rate / HIGH_RATE}
    return finding(code, evidence, "experience", change, "severe")


def takes_half_logarithms(config: TrainConfig, loss: str) -> bool:
    """16-bit numbers, and a loss or a model that takes logarithms or softmax of them."""
    return config.precision == 16 and (loss in LOGARITHMIC_LOSSES or takes_softmax(config))


def takes_softmax(config: TrainConfig) -> bool:
    """Whether the model takes a softmax of what it computes."""
    return config.model in MODELS and MODELS[config.model].takes_softmax


def lacks_clipping(config: TrainConfig, loss: str) -> bool:
    """A loss whose gradients have no bound, and no limit on them."""
    return loss in UNBOUNDED_LOSSES and config.gradient_clip_val is None


def heavy_weights(config: TrainConfig, loss: str) -> dict[str, Any]:
    """Options of weights far above their defaults, with those defaults."""
    defaults = LOSSES[loss].weights
    return {
        BY_NAME[name].option: defaults[name]
        for name, value in config.loss_weights.items()
        if value >= WEIGHT_FACTOR * defaults[name] > 0
    }
