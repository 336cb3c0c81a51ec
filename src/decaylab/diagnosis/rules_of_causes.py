"""Rules that find the settings which explain a bad result, each next to its near misses in the tests.

Their order is that of the ranking among equals: what leaves the clearest trace in a record comes first.
"""

from __future__ import annotations

import math

from decaylab.catalogue.settings import BY_NAME, SETTINGS
from decaylab.diagnosis import causes
from decaylab.diagnosis.facts import Facts
from decaylab.diagnosis.rules import COMPARABLE, EXPERIENCE, THIS_RUN, Found, Rule, figure

#: A training loss that many times its former lowest is a jump that no noise of batches makes.
_JUMP = 10.0
#: Scaled targets have a variance of about 1, so the mean has an MSE of about 1; the loss may be off by this factor.
_SCALED_LOSS = 20.0
#: Early stopping before this share of the epochs, by a patience of few, ended a run that had barely begun.
_BARELY = 0.3
#: Share by which the loss still fell over the last fifth of the epochs.
_STILL_FALLING = 0.05


def _learning_rate(facts: Facts) -> Found | None:
    rate, losses = facts.number("learning_rate"), facts.losses
    if rate is None or rate <= causes.GOOD_LEARNING_RATE * 2:
        return None
    is_beyond = rate > causes.LEARNING_RATES[1]
    never_fell = losses.fell is not None and losses.fell > 0.99 and facts.outcome != "sound"
    jump = losses.jump if losses.jump is not None and losses.jump[1] >= _JUMP else None
    if not (is_beyond or never_fell or (jump and facts.outcome != "sound")):
        return None
    said = [
        f"learning rate {figure(rate)}, {figure(rate / causes.GOOD_LEARNING_RATE)} times what the models train with"
    ]
    if losses.not_finite is not None:
        said.append(f"the loss is not finite from epoch {losses.not_finite}")
    if jump:
        said.append(f"in epoch {jump[0]} the training loss was {figure(jump[1])} times the lowest before it")
    if never_fell and losses.best:
        said.append(f"the validation loss fell in no epoch: first {figure(losses.validation[0][1])}")
    has_trace = bool(jump or never_fell or losses.not_finite is not None)
    return Found("; ".join(said), THIS_RUN if has_trace else EXPERIENCE, blames=("learning_rate",))


def _learning_rate_low(facts: Facts) -> Found | None:
    rate, fell = facts.number("learning_rate"), facts.losses.fell
    if rate is None or rate >= causes.GOOD_LEARNING_RATE / 10:
        return None
    is_still = fell is not None and fell > 0.9
    if not is_still and rate >= causes.LEARNING_RATES[0]:
        return None
    said = f"learning rate {rate:g}, a {figure(causes.GOOD_LEARNING_RATE / rate)}th of what the models train with"
    if is_still and fell is not None:
        said += (
            f"; over {len(facts.losses.validation)} epochs the validation loss fell by {100 * (1 - fell):.1f} % only"
        )
    return Found(said, THIS_RUN if is_still else EXPERIENCE, blames=("learning_rate",))


def _weight_decay(facts: Facts) -> Found | None:
    """A decay that keeps all weights small; a network that begins as a good answer (compact) may do well with it."""
    decay, losses = facts.number("training_config.weight_decay"), facts.losses
    if decay is None or decay < causes.STRONG_DECAY:
        return None
    said = f"weight decay {figure(decay)}: no weight stays above about {figure(1 / decay)}"
    is_still = losses.fell is not None and losses.fell > 0.9
    if is_still and losses.fell is not None:
        said += (
            f"; over {len(losses.validation)} epochs the validation loss fell by {100 * (1 - losses.fell):.1f} % only"
        )
    return Found(said, THIS_RUN if is_still else EXPERIENCE, blames=("training_config.weight_decay",))


def _input_noise(facts: Facts) -> Found | None:
    noise = facts.number("training_config.input_noise")
    if noise is None or noise < causes.LOUD_NOISE:
        return None
    said = f"input noise {figure(noise)}: {figure(noise)} times the spread of the normalised inputs over rooms"
    return Found(said, EXPERIENCE, blames=("training_config.input_noise",))


def _weight_rules(facts: Facts) -> Found | None:
    if facts.loss is None or not facts.weights:
        return None
    heavy = {
        name: weight
        for name, weight in facts.weights.items()
        if weight >= causes.WEIGHT_FACTOR * causes.DEFAULT_WEIGHTS[facts.loss][name]
    }
    if not heavy:
        return None
    defaults = causes.DEFAULT_WEIGHTS[facts.loss]
    said = ", ".join(f"{name} is {figure(weight)} (default {defaults[name]:g})" for name, weight in heavy.items())
    shares = _shares(facts)
    basis = EXPERIENCE
    if shares:
        ruling = [name for name in shares if name != "edc" and ("aux_weight" in heavy or f"{name}_weight" in heavy)]
        share = sum(shares[name] for name in ruling)
        said += f"; in the last epoch {100 * share:.1f} % of the loss was {' and '.join(ruling)}"
        basis = THIS_RUN if share >= causes.RULING_SHARE else EXPERIENCE
    change = {BY_NAME[name].option: defaults[name] for name in heavy}
    return Found(said, basis, change=change, blames=tuple(BY_NAME[name].field for name in heavy))


def _shares(facts: Facts) -> dict[str, float]:
    """Term -> its share of the training loss in the last epoch, weights applied; empty where terms are not logged."""
    last = {name: series[-1][1] for name, series in facts.losses.terms.items() if series}
    weights = facts.weights
    outer = weights.get("aux_weight", 1.0)
    parts = {
        name: value * (outer * weights[f"{name}_weight"] if f"{name}_weight" in weights else 1.0)
        for name, value in last.items()
        if name == "edc" or f"{name}_weight" in weights
    }
    total = sum(parts.values())
    return {name: part / total for name, part in parts.items()} if total > 0 and math.isfinite(total) else {}


def _scaler_unfit(facts: Facts) -> Found | None:
    scaler, best = facts.text("scaler_type"), facts.losses.best
    is_scaled = facts.loss in causes.SCALED_LOSSES or facts.text("loss_config.space") == "scaled"
    if is_scaled and best is not None and best[1] >= _SCALED_LOSS:
        said = f"loss {facts.loss} on targets scaled by {scaler or 'an unknown scaler'}: its lowest value is "
        said += f"{figure(best[1])}, where predicting the mean of well-scaled targets costs about 1"
        change = {"--scaler": "standard"} if scaler != "standard" else {"--loss": "weighted_edc"}
        return Found(said, change=change, blames=("scaler_type",))
    if is_scaled and scaler == "robust":
        return Found(f"loss {facts.loss} on targets scaled by robust", EXPERIENCE, blames=("scaler_type",))
    logs_scaled = facts.loss in causes.LOGARITHMIC_LOSSES and facts.text("loss_config.space") == "scaled"
    if logs_scaled and scaler == "standard":
        said = f"loss {facts.loss} takes logarithms of targets scaled by standard, half of which are negative"
        return Found(said, EXPERIENCE, change={"--scaler": "minmax"}, blames=("scaler_type",))
    return None


def _no_clipping(facts: Facts) -> Found | None:
    clip = "gradient_clip_val"
    is_off = facts.states(clip) and facts.number(clip) is None
    if not is_off or facts.loss not in causes.UNBOUNDED_LOSSES:
        return None
    said, basis = f"loss {facts.loss}, {clip} null", EXPERIENCE
    losses = facts.losses
    if losses.not_finite is not None:
        said, basis = f"{said}; the loss is not finite from epoch {losses.not_finite}", THIS_RUN
    elif (losses.rise or 0) >= 2 and losses.best is not None:
        epoch, value = losses.best
        said += (
            f"; the validation loss rose from {figure(value)} at epoch {epoch} to {figure(losses.validation[-1][1])}"
        )
        basis = THIS_RUN
    elif losses.jump is not None and losses.jump[1] >= _JUMP:
        epoch, times = losses.jump
        said, basis = (
            f"{said}; the training loss of epoch {epoch} is {figure(times)} times the lowest before it",
            THIS_RUN,
        )
    return Found(said, basis, blames=(clip,))


def _half_precision(facts: Facts) -> Found | None:
    precision = facts.record.get("precision")
    if precision not in (16, "16", "16-mixed") or facts.loss not in causes.LOGARITHMIC_LOSSES:
        return None
    return Found(f"precision {precision} with loss {facts.loss}", EXPERIENCE, blames=("precision",))


def _auxiliary_loss(facts: Facts) -> Found | None:
    """A loss that takes parameters of predictions, where those turned out to be none."""
    if facts.loss != "auxiliary" or facts.outcome != "severe":
        return None
    missing = [name for name in ("edt", "t20", "c50") if facts.number(f"{name}_mae") is None]
    said = f"loss auxiliary, aux_weight {figure(facts.weights['aux_weight'])}, in a run with bad results"
    if missing and facts.number("edc_mae") is not None:
        said += f"; {', '.join(missing)} could not be computed of its predictions"
    return Found(said, EXPERIENCE, blames=("loss_type",))


def _tiny_batch(facts: Facts) -> Found | None:
    batch, steps, rooms = facts.number("batch_size"), facts.steps_per_epoch, facts.number("train_size")
    if batch is None or batch >= causes.TINY_BATCH:
        return None
    said = f"batch size {batch:g}"
    if steps and rooms:
        fewer = math.ceil(rooms / causes.GOOD_BATCH)
        said += f": {steps:,} steps an epoch on {rooms:,.0f} rooms; batch {causes.GOOD_BATCH} takes {fewer:,}"
    if facts.step_seconds and steps and facts.epochs:
        said += f"; {figure(facts.epochs * steps)} steps in all"
    return Found(said, EXPERIENCE, blames=("batch_size",))


def _patience_too_short(facts: Facts) -> Found | None:
    patience, stopped = facts.number("patience"), facts.number("stopped_at_epoch")
    limit = facts.number("max_epochs")
    if (
        patience is None
        or stopped is None
        or limit is None
        or facts.record.get("early_stopping_config.enabled") is False
    ):
        return None
    if patience >= causes.SHORT_PATIENCE or stopped > _BARELY * limit:
        return None
    said = f"patience {patience:g}: stopped at epoch {stopped:g} of {limit:g}"
    good = max(causes.SHORT_PATIENCE * 2, round(causes.GOOD_PATIENCE_SHARE * limit))
    return Found(said, change={"--early-stop-patience": good}, blames=("patience",))


def _too_few_epochs(facts: Facts) -> Found | None:
    """Ended while the loss still fell; a schedule that ends at zero has nothing left to give."""
    fell, limit = facts.losses.still_falling, facts.number("max_epochs")
    if facts.number("stopped_at_epoch") is not None or facts.text("training_config.schedule") == "onecycle":
        return None
    if fell is None or fell < _STILL_FALLING or limit is None or facts.losses.best is None:
        return None
    said = f"the best epoch is {facts.losses.best[0]} of {limit:g}, and over the last fifth of them "
    said += f"the validation loss still fell by {100 * fell:.0f} %"
    return Found(said, change={"--max-epochs": int(2 * limit)}, blames=("max_epochs",))


def _model_too_large(facts: Facts) -> Found | None:
    parameters, rooms = facts.number("parameters"), facts.number("train_size")
    if facts.outcome == "sound" or parameters is None or not rooms or parameters < 10_000 * rooms:
        return None
    said = f"{parameters:,.0f} parameters, {rooms:,.0f} training rooms: {parameters / rooms:,.0f} for each"
    return Found(said, EXPERIENCE, severity="note", blames=("model",))


#: Setting that a better run has otherwise -> the option that sets it.
_OPTIONS = {setting.field: setting.option for setting in SETTINGS if setting.decides and setting.kind != "off"}
#: How a run ends that has no result to compare.
_WITHOUT_RESULT = ("running", "lost", "interrupted", "failed")


def _differs_from_better(facts: Facts) -> Found | None:
    """Few settings differ from a clearly better run on the same rows: one of them, or all, must be why."""
    found = facts.contrast
    if found is None or len(found.settings) > 3 or facts.record.status in _WITHOUT_RESULT:
        return None
    mae = found.run.get("edc_mae")
    own = facts.number("edc_mae")
    differs = ", ".join(f"{_short(name)} {here}, there {there}" for name, (here, there) in found.settings.items())
    said = f"run {found.run.run_id} ({facts.comparable_how}) has EDC MAE {figure(mae)}"
    said += f" where this has {figure(own)}" if own is not None else " where this has none"
    said += f", and differs only in {differs}"
    change = {_OPTIONS[name]: there for name, (_, there) in found.settings.items() if name in _OPTIONS}
    many = " or several" if len(found.settings) > 1 else ""
    one = "what differs" if len(found.settings) == 1 else f"one{many} of the settings that differ"
    cause = f"Nothing else that decides a training differs, so the cause is {one} (or the seed)."
    return Found(said, COMPARABLE, change=change, cause=cause, blames=tuple(found.settings))


def _short(name: str) -> str:
    return name.rpartition(".")[2]


CAUSE_RULES = (
    Rule("weight_decay", "cause", "warning", _weight_decay),
    Rule("learning_rate", "cause", "warning", _learning_rate),
    Rule("input_noise", "cause", "note", _input_noise),
    Rule("weight_rules", "cause", "warning", _weight_rules),
    Rule("scaler_unfit", "cause", "warning", _scaler_unfit),
    Rule("no_clipping", "cause", "note", _no_clipping),
    Rule("half_precision_logs", "cause", "note", _half_precision),
    Rule("auxiliary_loss", "cause", "note", _auxiliary_loss),
    Rule("tiny_batch", "cause", "note", _tiny_batch),
    Rule("patience_too_short", "cause", "warning", _patience_too_short),
    Rule("learning_rate_low", "cause", "warning", _learning_rate_low),
    Rule("too_few_epochs", "cause", "note", _too_few_epochs),
    Rule("differs_from_better", "cause", "note", _differs_from_better),
    Rule("model_too_large", "cause", "note", _model_too_large),
)
