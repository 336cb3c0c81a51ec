"""What is known to spoil a training, as data, and which of it settings show before anything is measured."""

from __future__ import annotations

from typing import Any, NamedTuple

from decaylab.losses import LOSSES
from decaylab.runlog.findings import Finding
from decaylab.training.config import GENERAL_SETTINGS, TrainConfig

#: Losses that take logarithms of what the model answers.
LOSSES_WITH_LOGARITHMS = ("auxiliary", "decay")
#: A batch of at most this many rooms is tiny; the one that is proposed.
TINY_BATCH, USUAL_BATCH = 2, 8
#: A learning rate this many times the model's own (or the general one) is suspected first.
HIGH_RATE = 10.0
#: A weight this many times its default is suspected.
HIGH_WEIGHT = 10.0
CLIP = 1.0


class Cause(NamedTuple):
    """What happens, in one sentence, and the severity of finding it before a training."""

    text: str
    severity: str = "warning"


CAUSES: dict[str, Cause] = {
    "tiny_batch": Cause("few rooms a step make many steps an epoch, each with a noisy gradient"),
    "no_clipping": Cause(
        "the auxiliary loss takes logarithms and the slope of a fitted line, whose gradients are unbounded where a "
        "prediction is no decay; nothing limits the step that they make"
    ),
    "half_precision_logs": Cause(
        "16-bit numbers have 3 digits and end at 65,504: logarithms and softmax of them lose the tail or overflow"
    ),
    "weight_rules": Cause("one term makes up nearly the whole loss, and the others are not learnt"),
    "patience_too_long": Cause("early stopping hardly can act: most of the time may pass after the best epoch"),
    "scaler_unfit": Cause("scaled targets far from 1: single samples rule a squared error"),
    "split_leaks": Cause("rooms that are tested are trained on, so that the test shows less error than new rooms have"),
    "workers_cost": Cause("starting worker processes and passing curves costs more than reading them"),
    "data_faults": Cause("curves that are no decays teach the model none"),
    "learning_rate": Cause("steps so long that they lead away from the minimum", "severe"),
    "memory": Cause("more memory than is free: the system ends the process, or swaps"),
    "disk": Cause("predictions, targets and checkpoints would not fit", "severe"),
}


def finding(code: str, evidence: str, basis: str, change: dict[str, Any], severity: str | None = None) -> Finding:
    """A finding of a known cause; `severity` is the cause's own unless it is given."""
    cause = CAUSES[code]
    return Finding(code, severity or cause.severity, evidence, basis, cause.text, change)


def likely_cause(config: TrainConfig, loss: str, evidence: str) -> Finding:
    """The setting to change first in a training that was lost: a guess from experience, strongest suspicion first."""
    rate = config.learning_rate or GENERAL_SETTINGS["learning_rate"]
    heavy = heavy_weights(config, loss)
    if rate >= HIGH_RATE * GENERAL_SETTINGS["learning_rate"]:
        code, change = "learning_rate", {"--learning-rate": GENERAL_SETTINGS["learning_rate"]}
    elif takes_half_logarithms(config, loss):
        code, change = "half_precision_logs", {"--precision": 32}
    elif lacks_clipping(config, loss):
        code, change = "no_clipping", {"--gradient-clip-val": CLIP}
    elif heavy:
        code, change = "weight_rules", heavy
    elif (config.batch_size or USUAL_BATCH) <= TINY_BATCH:
        code, change = "tiny_batch", {"--batch-size": USUAL_BATCH}
    else:
        code, change = "learning_rate", {"--learning-rate": rate / HIGH_RATE}
    return finding(code, evidence, "experience", change, "severe")


def takes_half_logarithms(config: TrainConfig, loss: str) -> bool:
    """16-bit numbers, and a loss or a model that takes logarithms or softmax of them."""
    return config.precision == 16 and (loss in LOSSES_WITH_LOGARITHMS or config.model_name == "transformer")


def lacks_clipping(config: TrainConfig, loss: str) -> bool:
    """The auxiliary loss, and no limit on the gradient."""
    return loss == "auxiliary" and config.gradient_clip_val is None


def heavy_weights(config: TrainConfig, loss: str) -> dict[str, Any]:
    """Options of weights far above their defaults, with those defaults."""
    defaults = LOSSES[loss].default_weights
    return {
        "--" + name.replace("_", "-"): defaults[name]
        for name, value in config.loss_weights.items()
        if value >= HIGH_WEIGHT * defaults[name]
    }
