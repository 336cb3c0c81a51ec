"""What a training's settings, and a few of its steps, show of the causes that are known (`known_causes`)."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median
from typing import Any

import numpy as np

from decaylab.catalogue.losses import LOSSES
from decaylab.catalogue.models import MODELS
from decaylab.catalogue.settings import BY_NAME, GENERAL_SETTINGS, TrainConfig
from decaylab.diagnosis import causes
from decaylab.diagnosis.findings import Finding
from decaylab.rooms.check import check_sample
from decaylab.rooms.findings import FAULT
from decaylab.rooms.leakage import shared_rows
from decaylab.runlog.text import about
from decaylab.training.plan import Plan
from decaylab.training.preflight_steps import LEAST_STEPS, Sample, Trial
from decaylab.training.process import evaluating

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
    text = OF_MACHINE[code] if code in OF_MACHINE else causes.CAUSES[code].cause
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
        code, change = "no_clipping", causes.CAUSES["no_clipping"].change
    elif heavy:
        code, change = "weight_rules", heavy
    elif (config.batch_size or causes.GOOD_BATCH) < causes.TINY_BATCH:
        code, change = "tiny_batch", {"--batch-size": causes.GOOD_BATCH}
    else:
        code, change = "learning_rate", {"--learning-rate": rate / HIGH_RATE}
    return finding(code, evidence, "experience", change, "severe")


def takes_half_logarithms(config: TrainConfig, loss: str) -> bool:
    """16-bit numbers, and a loss or a model that takes logarithms or softmax of them."""
    return config.precision == 16 and (loss in causes.LOGARITHMIC_LOSSES or takes_softmax(config))


def takes_softmax(config: TrainConfig) -> bool:
    """Whether the model takes a softmax of what it computes."""
    return config.model in MODELS and MODELS[config.model].takes_softmax


def lacks_clipping(config: TrainConfig, loss: str) -> bool:
    """A loss whose gradients have no bound, and no limit on them."""
    return loss in causes.UNBOUNDED_LOSSES and config.gradient_clip_val is None


def heavy_weights(config: TrainConfig, loss: str) -> dict[str, Any]:
    """Options of weights far above their defaults, with those defaults."""
    defaults = LOSSES[loss].weights
    return {
        BY_NAME[name].option: defaults[name]
        for name, value in config.loss_weights.items()
        if value >= causes.WEIGHT_FACTOR * defaults[name] > 0
    }


#: A batch of 8 must take less than this share of the time of an epoch for a tiny batch to be worth a word.
WORTH = 0.67
#: One term rules from this share of the loss on, if its weight is above the default.
RULES = 0.9
#: In fewer epochs patience is no matter; waste below these seconds is only a note.
LONG_EPOCHS, SHORT_SECONDS = 20, 600.0
#: Largest scaled target that a squared error can work with. Standard deviations give at most sqrt(rooms).
LARGEST_SCALED = 100.0
#: Share of the test rows in rooms that are trained on, from which a random split says little of new rooms.
LEAKS = 0.5
#: Workers cost if an epoch takes this many times as long as without.
COSTS = 1.1
#: Gradients differ much if the largest norm is this many times the median.
NORM_SPREAD = 10.0
#: Diverging: every loss of the last third of the steps is this many times that of the first step and of the mean curve.
#: Adam's first steps may raise a loss tenfold, of which there is a warning; from a thousandfold none has come back.
DIVERGED, RAISED = 1e3, 10.0


def of_settings(plan: Plan, trial: Trial, epoch_seconds: float) -> Iterator[Finding]:
    """What the settings show, with the numbers of this training.

    Args:
        plan: of the training.
        trial: its first steps.
        epoch_seconds: that an epoch is expected to take.
    """
    config, loss = plan.config, plan.loss.name
    yield from _far_off(plan)
    if lacks_clipping(config, loss):
        yield _no_clipping(trial)
    if takes_half_logarithms(config, loss):
        what = f"loss {loss}, and the softmax of {config.model}" if takes_softmax(config) else f"loss {loss}"
        yield finding("half_precision_logs", f"precision 16 with {what}", "experience", {"--precision": 32})
    patience, longest = config.early_stop_patience, config.max_epochs or 0
    if patience is None or config.schedule == "onecycle" or patience < max(LONG_EPOCHS, causes.LONG_PATIENCE * longest):
        return
    if longest > LONG_EPOCHS:
        wasted = min(patience, longest) * epoch_seconds
        evidence = (
            f"patience {patience} of at most {longest} epochs: {about(wasted)} after the best epoch before it stops"
        )
        severity = "note" if wasted < SHORT_SECONDS else None
        change = {"--early-stop-patience": max(10, round(causes.GOOD_PATIENCE_SHARE * longest))}
        yield finding("patience_too_long", evidence, "this run", change, severity)


def of_data(plan: Plan, sample: Sample) -> Iterator[Finding]:
    """What a few rooms, and the split of all, show."""
    data, rows = plan.data, sample.rows
    faults = [found for found in check_sample(data, rows) if found.severity == FAULT]
    if faults:
        # A digest that fails is said in words; the other codes are words.
        names = {"digests": "changed since they were written, so that the digest on record is not theirs"}
        kinds = ", ".join(
            f"{found.count} {names.get(found.code, found.code.replace('_', ' '))} ({found.examples[0]})"
            for found in faults
        )
        evidence = f"of {len(rows)} training rooms that were looked at: {kinds}; decaylab data check says all"
        ruins = any(found.code == "non_finite" for found in faults)  # a loss over such a curve is no number
        yield finding("data_faults", evidence, "this run", {}, "severe" if ruins else None)
    shared = len(shared_rows(data.features, plan.split, "rooms").test)
    if shared >= LEAKS * len(plan.split.test):
        evidence = f"{shared:,} of {len(plan.split.test):,} test rows are in rooms that are also trained on"
        yield finding("split_leaks", evidence, "this run", {"--split": "room"}, "note")
    if plan.loss.space == "scaled" and (largest := _largest_scaled(plan, sample)) > LARGEST_SCALED:
        evidence = f"scaler {plan.config.scaler}: scaled training targets reach {largest:.0f} (standard: below 10)"
        yield finding("scaler_unfit", evidence, "this run", {"--scaler": "standard"})


def ruling_weights(plan: Plan, sample: Sample) -> Iterator[Finding]:
    """Weights above their defaults whose terms are nearly the whole loss, on a batch of an untrained model."""
    module, loss = sample.module, plan.loss
    raised = {name: value for name, value in loss.weights.items() if value > loss.default_weights[name]}
    if not raised:
        return
    batch = sample.validation.__getitems__(list(range(len(sample.validation))))
    whole = _loss_without(module, batch, None)
    for name, value in raised.items():
        share = 1 - _loss_without(module, batch, name) / whole
        if share > RULES:
            option = BY_NAME[name].option
            default = loss.default_weights[name]
            evidence = f"{option} {value:g} (default {default:g}) makes {100 * share:.1f} % of the first loss"
            yield finding("weight_rules", evidence, "this run", {option: default})


def tiny_batch(plan: Plan, epoch_seconds: float, with_usual: float | None) -> Finding | None:
    """A tiny batch whose epoch takes much longer than one with batches of 8; None if it does not.

    Args:
        plan: of the training.
        epoch_seconds: that an epoch is expected to take.
        with_usual: seconds of an epoch with batches of 8; None: not measured.
    """
    rooms, size = len(plan.split.train), plan.config.batch_size or causes.GOOD_BATCH
    if size >= causes.TINY_BATCH or with_usual is None or with_usual > WORTH * epoch_seconds:
        return None
    evidence = (
        f"batch {size}: {-(-rooms // size):,} steps an epoch, {about(epoch_seconds)}; measured with batch "
        f"{causes.GOOD_BATCH}: {-(-rooms // causes.GOOD_BATCH):,} steps, {about(with_usual)}"
    )
    return finding("tiny_batch", evidence, "this run", {"--batch-size": causes.GOOD_BATCH})


def workers_cost(plan: Plan, epoch_seconds: float, without: float | None) -> Finding | None:
    """Workers that make an epoch longer; None if they do not.

    Args:
        plan: of the training.
        epoch_seconds: that an epoch is expected to take.
        without: seconds of an epoch without workers; None: not measured.
    """
    if without is None or epoch_seconds <= COSTS * without:
        return None
    workers = plan.config.num_workers
    evidence = f"an epoch takes {about(epoch_seconds)} with {workers} workers and {about(without)} without"
    return finding("workers_cost", evidence, "this run", {"--num-workers": 0})


def failing_steps(plan: Plan, trial: Trial, mean_loss: float) -> Finding | None:
    """First steps that are not finite or diverge already (severe), or that lead away (a warning).

    Args:
        plan: of the training.
        trial: its first steps.
        mean_loss: of the mean curve, by the loss that is trained with.
    """
    losses = trial.losses
    for number, loss in enumerate(losses, 1):
        if not np.isfinite(loss):
            return likely_cause(plan.config, plan.loss.name, f"the loss of step {number} is {loss}")._replace(
                basis="this run"
            )
    if len(losses) < LEAST_STEPS:
        return None
    last, usual = losses[-(len(losses) // 3) :], max(losses[0], mean_loss)
    evidence = (
        f"the loss goes from {losses[0]:.3g} to {losses[-1]:.3g} in {len(losses)} steps; "
        f"the mean curve has {mean_loss:.3g}"
    )
    cause = likely_cause(plan.config, plan.loss.name, evidence)._replace(basis="this run")
    if min(last) > DIVERGED * usual:
        return cause
    return cause._replace(severity="warning") if median(last) > RAISED * usual else None


def _far_off(plan: Plan) -> Iterator[Finding]:
    """Numbers that only experience speaks against: a rate, a decay or a patience outside of what works."""
    config, longest = plan.config, plan.config.max_epochs or 0
    rate, decay, patience = config.learning_rate or 0.0, config.weight_decay or 0.0, config.early_stop_patience
    if rate > causes.LEARNING_RATES[1]:
        evidence = f"learning rate {rate:g}, {rate / causes.GOOD_LEARNING_RATE:.3g} times what the models train with"
        yield finding(
            "learning_rate", evidence, "experience", {"--learning-rate": causes.GOOD_LEARNING_RATE}, "warning"
        )
    elif 0 < rate < causes.LEARNING_RATES[0]:
        evidence = f"learning rate {rate:g}, a {causes.GOOD_LEARNING_RATE / rate:.3g}th of what the models train with"
        yield finding("learning_rate_low", evidence, "experience", causes.CAUSES["learning_rate_low"].change)
    if decay >= causes.STRONG_DECAY:
        evidence = f"weight decay {decay:g}: no weight stays above about {1 / decay:.3g}"
        yield finding("weight_decay", evidence, "experience", causes.CAUSES["weight_decay"].change)
    if (noise := config.input_noise or 0.0) >= causes.LOUD_NOISE:
        evidence = f"input noise {noise:g}: {noise:g} times the spread of the normalised inputs over rooms"
        yield finding("input_noise", evidence, "experience", causes.CAUSES["input_noise"].change)
    if patience is not None and patience < min(causes.SHORT_PATIENCE, longest):
        evidence = f"patience {patience}: that many epochs without a lower validation loss end the run"
        change = {"--early-stop-patience": max(2 * causes.SHORT_PATIENCE, round(causes.GOOD_PATIENCE_SHARE * longest))}
        yield finding("patience_too_short", evidence, "experience", change)


def _no_clipping(trial: Trial) -> Finding:
    """Whether the gradients of the first steps show it, or only experience says so."""
    norms = trial.norms
    evidence, basis = "loss auxiliary without gradient clipping", "experience"
    if norms:
        evidence += f"; gradient norms of {len(norms)} steps: median {median(norms):.3g}, largest {max(norms):.3g}"
        basis = "this run" if max(norms) > NORM_SPREAD * median(norms) else basis
    return finding("no_clipping", evidence, basis, causes.CAUSES["no_clipping"].change)


def _largest_scaled(plan: Plan, sample: Sample) -> float:
    """Largest scaled target of the sampled training rooms, by the scaler that was fitted to them."""
    curves = plan.data.read(sample.rows)
    scaled = (curves - sample.module.center.cpu().numpy()) / sample.module.scale.cpu().numpy()
    return float(np.abs(scaled).max())


def _loss_without(module: Any, batch: Any, weight: str | None) -> float:
    """The loss of an untrained model on a batch, with one weight at 0."""
    weights = dict(module.loss.weights)
    if weight is not None:
        module.loss.weights[weight] = 0.0
    with evaluating(module):
        total = float(module.loss_of(batch)[0])
    module.loss.weights.update(weights)
    return total
