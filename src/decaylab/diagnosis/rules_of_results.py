"""Rules over what came out of a run: its end, its data, its figures beside those of others, its losses."""

from __future__ import annotations

import re

from decaylab.catalogue.fields import FIELDS
from decaylab.diagnosis import causes, comparables, severe
from decaylab.diagnosis.facts import CAME_APART, FAR_WORSE, SPOILT_PHYSICS, Facts
from decaylab.diagnosis.rules import COMPARABLE, EXPERIENCE, THIS_RUN, Found, Rule, figure
from decaylab.runlog.reading import number, section
from decaylab.runlog.schema import HEARTBEAT
from decaylab.runlog.text import counted

#: EDC MAE that runs of this kind reach on the published rooms, for a run that has nothing beside it.
_EXPECTED_MAE = 0.002
#: A training loss that fell by this share while the validation loss rose is learnt by heart.
_BY_HEART, _ROSE = 0.8, 1.25
_MEMORY = re.compile(r"out of memory|MemoryError|cannot allocate", re.IGNORECASE)
_DISK = re.compile(r"No space left|Disk quota", re.IGNORECASE)


def _unreadable(facts: Facts) -> Found | None:
    if facts.record.status != "unreadable":
        return None
    return Found("; ".join(facts.record.problems) or "the record cannot be read")


def _lost(facts: Facts) -> Found | None:
    record = facts.record
    if record.status != "lost":
        return None
    reached = facts.losses.last_epoch if record.raw == "documented" else None
    said = f"recorded as running, and its process is gone; {reached or 'no'} epochs in its history"
    if record.raw != "documented":
        said = f"no metadata: its folder tells model {record.model} and start {record.timestamp}"
    if facts.has(HEARTBEAT):
        said += "; it did not end by itself"
    if facts.can_resume:
        said += "; checkpoints/last.ckpt is there, so it can go on"
    elif facts.has_best:
        said += "; checkpoints/best_model.ckpt is there, but nothing to go on from"
    return Found(said)


def _interrupted(facts: Facts) -> Found | None:
    if facts.record.status != "interrupted":
        return None
    reached = facts.losses.last_epoch or 0
    limit = facts.number("max_epochs")
    said = f"interrupted after epoch {reached}" + (f" of {limit:g}" if limit else "")
    return Found(said + ("; checkpoints/last.ckpt is there" if facts.can_resume else "; no checkpoint to go on from"))


def _failed(facts: Facts) -> Found | None:
    if facts.record.status != "failed":
        return None
    error = facts.record.get("error")
    parts = [error.get("type"), error.get("message")] if isinstance(error, dict) else [error]
    said = ": ".join(str(part) for part in parts if part) or "no error recorded"
    change: dict[str, object] = {}
    cause = "The program ended in an error of its own; the record holds its traceback (error.traceback)."
    batch = facts.number("batch_size")
    if _MEMORY.search(said):
        cause = "The memory did not suffice for a step of this size."
        change = {"--batch-size": int(batch // 2)} if batch and batch >= 2 * causes.TINY_BATCH else {}
    elif _DISK.search(said):
        cause = "The disk was full."
    return Found(said, change=change, cause=cause)


def _diverged(facts: Facts) -> Found | None:
    if facts.record.status != "diverged" and facts.losses.not_finite is None:
        return None
    message = facts.text("guard.message")
    if facts.losses.not_finite is not None:
        message = message or f"the loss is not finite from epoch {facts.losses.not_finite}"
    return Found(message or str(facts.record.get("error.message") or "status diverged"))


def _wrong_join(facts: Facts) -> Found | None:
    share = severe.foreign_features(facts.record)
    if share is None:
        return None
    said = f"what physics expects of the test rooms' features has {share:.2f} times the error of the mean curve; "
    return Found(said + "with features and curves that belong together it has a few hundredths")


def _data_notes(facts: Facts) -> Found | None:
    """What the data set said of itself when it was opened: rooms without a curve, curves without a room."""
    notes = facts.record.get("data_config.notes")
    found = [note for note in notes if isinstance(note, str) and "left out" in note] if isinstance(notes, list) else []
    if not found:
        return None
    cause = "Rooms and curves that did not join were left out; look at them with `decaylab data check`."
    return Found("; ".join(found), cause=cause)


def _split_leaks(facts: Facts) -> Found | None:
    notes = facts.record.get("data_config.notes")
    if not isinstance(notes, list) or not notes:
        return None
    from decaylab.rooms.leakage import shared_in  # numpy, of which no other rule has need

    for note in notes:
        if isinstance(note, str) and (found := shared_in(note)):
            shared, tests = found
            is_much = shared >= 0.5 * tests
            said = f"{shared:,} of {tests:,} test rows are in rooms (length, width, height) that are also trained on"
            return Found(said, severity="warning" if is_much else "note")
    return None


def _r2(facts: Facts) -> Found | None:
    value = severe.r2_below_zero(facts.record)
    return None if value is None else Found(f"R2 of the EDC is {figure(value)}")


def _worse_than_mean(facts: Facts) -> Found | None:
    times = severe.times_the_mean(facts.record)
    if times is None:
        return None
    mean = facts.number("baselines.mean_curve.overall_edc.mae") or 0
    return Found(f"EDC MAE {figure(facts.number('edc_mae') or 0)}, that of the mean training curve {figure(mean)}")


def _not_finite(facts: Facts) -> Found | None:
    wild = severe.not_finite(facts.record)
    return Found(f"figures that are not finite: {wild}") if wild else None


def _worse_than_physics(facts: Facts) -> Found | None:
    times = facts.times_physics
    if times is None or times < SPOILT_PHYSICS:
        return None
    physics = facts.number("baselines.physics.overall_edc.mae") or 0
    said = f"EDC MAE {figure(facts.number('edc_mae') or 0)}, {figure(times)} times that of physics alone "
    said += f"({figure(physics)}, nothing trained)"
    if facts.record.model != "compact":
        return Found(said)
    cause = "compact begins as its physical baseline: the training made it worse than it was."
    return Found(said, severity="severe" if times >= 2 * SPOILT_PHYSICS else "warning", cause=cause)


def _degraded(facts: Facts) -> Found | None:
    own, best = facts.number("edc_mae"), facts.best_run
    if own is None:
        return None
    if best is None:
        if severe.r2_below_zero(facts.record) is None or own < 2 * _EXPECTED_MAE:
            return None
        said = f"EDC MAE {figure(own)} against about {_EXPECTED_MAE:g}, which networks of this kind reach on the "
        said += "published 6,000 rooms (no other run on this data set to compare with)"
        return Found(said, EXPERIENCE, severity="severe")
    times = facts.times_best or 0
    if times < comparables.CLEARLY:
        return None
    said = f"EDC MAE {figure(own)} against {figure(comparables.mae_of(best) or 0)} of run {best.run_id}, the best of "
    said += f"{counted(len(facts.comparable), 'run')} ({facts.comparable_how}): "
    said += f"{figure(times)} times as much"
    same_model = best.model == facts.record.model
    return Found(said, COMPARABLE, severity="severe" if same_model and times >= FAR_WORSE else "warning")


def _null_parameter(facts: Facts) -> Found | None:
    record = facts.record
    if facts.number("edc_mae") is None:
        return None
    missing = [name for name in severe.PARAMETERS if facts.number(f"{name}_mae") is None]
    if not missing:
        return None
    said, is_known = [], True
    for name in missing:
        invalid, targets = (facts.number(f"metrics.{name}.{key}") for key in ("invalid_predictions", "targets"))
        raw = section(record.metadata, "metrics_raw")
        was = raw.get(f"{name}.mae", raw.get(f"{name}_mae"))
        label = FIELDS[f"{name}_mae"].label.removesuffix(" MAE")
        if invalid is not None and targets:
            said.append(
                f"{label} is null: {invalid:g} of the predictions for {targets:g} valid targets have no valid {label}"
            )
        elif was is not None:
            said.append(f"{label} was {was}")
        else:
            said.append(f"{label} is null, and the record does not say why")
            is_known = False
    much = bool(severe.unscored(record))
    return Found("; ".join(said), THIS_RUN if is_known else EXPERIENCE, severity="severe" if much else "warning")


def _bad_targets(facts: Facts) -> Found | None:
    """Many test rooms without a valid parameter of their own: not the model's fault."""
    said = []
    for name in severe.PARAMETERS:
        invalid, targets = (facts.number(f"metrics.{name}.{key}") for key in ("invalid_targets", "targets"))
        rooms = (invalid or 0) + (targets or 0)
        if invalid is not None and rooms and invalid >= max(severe.INVALID_COUNT, 0.25 * rooms):
            said.append(f"{invalid:g} of {rooms:g} test rooms have no valid {name.upper()} of their own")
    cause = (
        "The curves of the data set do not decay as far as the parameter needs, or have faults: `decaylab data check`."
    )
    return Found("; ".join(said), cause=cause) if said else None


def _faults_before(facts: Facts) -> Found | None:
    """Faults of the data for which preflight refused the training, and that was forced."""
    for entry in facts.preflight:
        if entry.get("code") == "data_faults" and entry.get("severity") == "severe":
            return Found(f"found before the training, which was forced: {entry.get('evidence')}")
    return None


def _overfitting(facts: Facts) -> Found | None:
    losses, best = facts.losses, facts.losses.best
    rise = losses.rise
    if best is None or rise is None or rise < _ROSE or not losses.training:
        return None
    at_best = losses.training_at(best[0])
    last = losses.training[-1]
    if at_best is None or at_best <= 0 or last[1] > _BY_HEART * at_best:
        return None
    said = (
        f"from epoch {best[0]} to {last[0]} the training loss fell from {figure(at_best)} to {figure(last[1])} while "
    )
    said += f"the validation loss rose from {figure(best[1])} to {figure(losses.validation[-1][1])}"
    return Found(said, severity="note" if rise < CAME_APART and facts.outcome == "sound" else None)


def _loss_rises(facts: Facts) -> Found | None:
    losses, best = facts.losses, facts.losses.best
    if best is None or losses.rise is None or losses.rise < CAME_APART or _overfitting(facts):
        return None
    last = losses.validation[-1]
    return Found(
        f"the validation loss was {figure(best[1])} at epoch {best[0]} and {figure(last[1])} at epoch {last[0]}"
    )


def _loss_bought_nothing(facts: Facts) -> Found | None:
    """A lower validation loss, and no better T20 for it: here against the mean curve, or against comparable runs."""
    own, loss = facts.number("t20_mae"), facts.number("best_val_loss")
    if own is None or loss is None:
        return None
    for run in facts.comparable:
        there, t20 = number(run.get("best_val_loss")), number(run.get("t20_mae"))
        is_same = run.get("loss_type") == facts.loss and run.get("aux_weight") == facts.record.get("aux_weight")
        if is_same and there is not None and t20 is not None and there > 1.1 * loss and 0 < t20 * 1.25 < own:
            said = (
                f"validation loss {figure(loss)} and T20 MAE {figure(own)} s; run {run.run_id} has {figure(there)} and "
            )
            return Found(said + f"{figure(t20)} s with the same loss", COMPARABLE)
    mean_t20, over_mean = facts.number("baselines.mean_curve.t20.mae"), number(facts.record.get("edc_vs_mean"))
    if mean_t20 is not None and over_mean is not None and over_mean < 0.5 and own >= mean_t20:
        said = f"EDC MAE is {over_mean:.2f} times that of the mean curve, but T20 MAE {figure(own)} s is not below "
        return Found(said + f"the mean curve's {figure(mean_t20)} s")
    return None


RESULT_RULES = (
    Rule("unreadable", "end", "severe", _unreadable, "The record is damaged; nothing else can be said of the run."),
    Rule("lost", "end", "severe", _lost, "The run was killed: out of memory, out of time, or the machine went down."),
    Rule("failed", "end", "severe", _failed),
    Rule("interrupted", "end", "warning", _interrupted, "Somebody, or the queue, stopped it."),
    Rule("wrong_join", "data", "severe", _wrong_join),
    Rule("data_faults", "data", "warning", _bad_targets),
    Rule("data_faults", "data", "warning", _faults_before),
    Rule("data_left_out", "data", "note", _data_notes),
    Rule("diverged", "symptom", "severe", _diverged, "The training came apart; the causes named here say why."),
    Rule("not_finite", "symptom", "severe", _not_finite, "The predictions hold values that are no numbers."),
    Rule("r2_below_zero", "symptom", "severe", _r2, "Predicting the mean of all curves would have been better."),
    Rule("worse_than_mean", "symptom", "severe", _worse_than_mean, "The network knows less than the mean curve does."),
    Rule("degraded", "symptom", "warning", _degraded, "Its settings, not the data, keep it from what others reached."),
    Rule(
        "null_parameter", "symptom", "warning", _null_parameter,
        "A parameter cannot be computed of predictions that are no decays.",
    ),
    Rule(
        "worse_than_physics", "symptom", "note", _worse_than_physics,
        "Physics alone, with nothing trained, does better on these rooms; compact begins from it.",
    ),
    Rule("loss_rises", "symptom", "warning", _loss_rises, "The training came apart after its best epoch."),
    Rule("overfitting", "symptom", "warning", _overfitting, "The network learns the training rooms by heart."),
    Rule(
        "loss_bought_nothing", "symptom", "note", _loss_bought_nothing,
        "What the loss counts is not what T20 needs; weighted_edc and decay count where parameters are read.",
    ),
    Rule("split_leaks", "symptom", "warning", _split_leaks),
)  # fmt: skip
