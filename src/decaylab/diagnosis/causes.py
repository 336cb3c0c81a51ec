"""What is known to make trainings fail, as data: one entry a cause, for preflight before a run and diagnose after it.

What tells that a cause is at work (its test) is the reader's: preflight measures first steps, diagnose reads records.
Thresholds that both go by stand here, so that neither warns of what the other recommends.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from decaylab.catalogue.losses import LOSSES


class Cause(NamedTuple):
    """One known cause.

    Attributes:
        code: its name in findings.
        cause: what happens, in one or two plain sentences; true of every run that has it.
        change: options of `decaylab train` -> values to use, as `Finding.change`; empty where no option mends it. None
            as a value: the option is to be left out.
        known: when it is known to fail, and from where.
        field, value: a FIELD and the value of it, as `COUNTED` names values, that this cause is about.
    """

    code: str
    cause: str
    change: dict[str, Any]
    known: str
    field: str = ""
    value: str = ""


#: Rooms in a training step: below, steps are many and their gradients noisy; the one that good runs had.
TINY_BATCH, GOOD_BATCH = 4, 8
#: The largest norm of the gradient that good runs had.
GOOD_CLIP = 1.0
#: Losses that take parameters of a prediction, in which gradients have no bound.
UNBOUNDED_LOSSES = tuple(loss.name for loss in LOSSES.values() if loss.is_unbounded)
#: Losses that take a logarithm or a softmax of what the network predicts: 16 bit overflow or vanish there.
LOGARITHMIC_LOSSES = tuple(loss.name for loss in LOSSES.values() if loss.takes_logarithms)
#: Losses that act on scaled targets, whose size the scaler decides.
SCALED_LOSSES = tuple(loss.name for loss in LOSSES.values() if loss.space == "scaled")
#: Loss -> the weights that it has, and what they are where nothing is said.
DEFAULT_WEIGHTS = {loss.name: loss.weights for loss in LOSSES.values()}
#: A weight so many times its default, or a share of the loss above this, lets one term rule.
WEIGHT_FACTOR, RULING_SHARE = 20.0, 0.99
#: AdamW takes (rate x decay) of every weight in each step and Adam moves it by about the rate, so that no weight stays
#: above 1 / decay; from here on that is less than a layer of 16 inputs begins with. compact trains with 1.0.
STRONG_DECAY, GOOD_DECAY = 10.0, 0.01
#: Noise on inputs that are normalised to a spread of 1: from here on it is as large as what tells the rooms apart.
LOUD_NOISE, GOOD_NOISE = 1.0, 0.1
#: Learning rates of Adam outside of this range fail far more often than they work; the one of every good run.
LEARNING_RATES, GOOD_LEARNING_RATE = (1e-5, 1e-2), 1e-3
#: Patience above this share of all epochs hardly ever stops a run; below so many epochs it stops on noise.
LONG_PATIENCE, SHORT_PATIENCE, GOOD_PATIENCE_SHARE = 0.5, 5, 0.25
#: Share of a run after its best epoch that counts as wasted.
WASTED = 0.5
#: FIELD -> how its values are counted over many runs: numbers in bands that these edges part, so that 0.001 and 0.0011
#: are not two settings; None: on or off; (): each value by itself.
COUNTED: dict[str, tuple[float, ...] | None] = {
    "model": (),
    "loss_type": (),
    "batch_size": (TINY_BATCH, GOOD_BATCH, 33),
    "learning_rate": (1e-5, 1e-4, 3e-3, LEARNING_RATES[1]),
    "gradient_clip_val": None,
    "precision": (),
    "scaler_type": (),
    "patience": (SHORT_PATIENCE, 51),
    "training_config.schedule": (),
    "num_workers": (1,),
}

CAUSES: dict[str, Cause] = {
    cause.code: cause
    for cause in (
        Cause("learning_rate",
              "The learning rate is too high: each step overshoots, so the loss jumps or grows instead of falling.",
              {"--learning-rate": GOOD_LEARNING_RATE}, "above 0.01 with Adam; every model here was tuned at 0.001",
              "learning_rate", f"{LEARNING_RATES[1]:g} and more"),
        Cause("learning_rate_low",
              "The learning rate is too low: the weights have hardly moved when the epochs are used up.",
              {"--learning-rate": GOOD_LEARNING_RATE}, "below 1e-5 with Adam; every model here was tuned at 0.001"),
        Cause("weight_decay",
              "The weight decay is so strong that no weight can grow past a small fraction: the network hardly "
              "leaves its constant answer, whatever it is shown.", {"--weight-decay": GOOD_DECAY},
              "10 and above with AdamW; a decay of 300 kept a network at the mean that learnt well without"),
        Cause("input_noise",
              "The noise on the inputs drowns what tells the rooms apart: the network can learn only what all "
              "share.", {"--input-noise": GOOD_NOISE},
              "1 and above, the spread of the normalised inputs; compact trains with 0.1"),
        Cause("no_clipping",
              "Gradients are not clipped, and this loss takes T20 and C50 of curves that are no decays yet: "
              "single steps can be so large that they undo the training.", {"--gradient-clip-val": GOOD_CLIP},
              "the auxiliary loss without clipping: a run of 121 epochs ended worse than predicting the mean",
              "gradient_clip_val", "off"),
        Cause("auxiliary_loss",
              "The auxiliary terms are taken of predictions that are no decays and pull against the curve's error.",
              {"--loss": "weighted_edc"},
              "where auxiliary ended worse than the mean, weighted_edc with batch 8 and clipping at 1.0 did well"),
        Cause("tiny_batch",
              "A batch this small makes many steps an epoch, each with a noisy gradient: training is slow and "
              "unsteady.", {"--batch-size": GOOD_BATCH},
              "batch 2 took 1,800 steps an epoch on 3,600 rooms; batch 8 takes 450", "batch_size",
              f"below {TINY_BATCH}"),
        Cause("half_precision_logs",
              "16-bit numbers end at 65,504 and lose all below 6e-8; logarithms and softmax of a decay leave that"
              " range, and gradients explode or vanish.", {"--precision": 32},
              "the auxiliary loss in 16 bit; bf16 has the range of 32 bit, but three digits", "precision", "16"),
        Cause("weight_rules",
              "One term is so heavy that it rules the loss: the others, and what they are there for, are not "
              "learnt.", {}, "weights 20 times their defaults and more, or above 99 % of the loss in one term"),
        Cause("scaler_unfit",
              "The target scaler makes some samples of the curves huge: late samples are almost constant over the"
              " rooms, and a loss on scaled targets then counts little else.", {"--scaler": "standard"},
              "robust: the interquartile range of late samples is nearly 0, and outliers are divided by it",
              "scaler_type", "robust"),
        Cause("patience_too_long",
              "The patience is so long that early stopping cannot end the run before most of it is wasted.", {},
              "patience 50 with the best epoch at the start: two thirds of the hours came after it", "patience",
              "51 and more"),
        Cause("patience_too_short",
              "The patience is shorter than the noise of the validation loss: the run was stopped before it had "
              "learnt.", {"--early-stop-patience": 50}, "patience below 5 epochs"),
        Cause("too_few_epochs", "The training ended while the loss was still falling.", {},
              "the best epoch is the last one"),
        Cause("split_leaks",
              "Test rooms are in the training too: the figures are those of remembered rooms, and of no new one.",
              {"--split": "room"},
              "a random split of rows that share rooms: T20 0.009 s, where unseen rooms had 0.014 s"),
        Cause("workers_cost",
              "Loading processes cost more than they bring: curves are memory-mapped, small sets read at once.",
              {"--num-workers": 0, "--persistent-workers": None},
              "workers on data that one process reads faster than it trains"),
        Cause("data_faults", "The data set has faults; no training mends them.", {},
              "curves that rise, are negative or do not begin at 1"),
        Cause("wrong_join",
              "Features and curves do not belong together: they were joined by position, or with shifted IDs.", {},
              "what physics expects of each room's features is as far from its curve as the mean of all curves"),
        Cause("model_too_large",
              "The model has thousands of times more parameters than there are training rooms: it remembers them.",
              {"--model": "compact"},
              "hybrid_v2 (198 million): T20 0.065 s, where compact (63 thousand) has 0.009 s on the same rooms"),
    )
}  # fmt: skip
