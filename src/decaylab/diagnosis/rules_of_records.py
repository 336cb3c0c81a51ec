"""Rules over the record itself: durations and sizes that cannot be, early stopping, what was evaluated, what lacks."""

from __future__ import annotations

import os
import re
import statistics
from typing import Any

from decaylab.diagnosis import causes
from decaylab.diagnosis.facts import Facts
from decaylab.diagnosis.rules import COMPARABLE, EXPERIENCE, Found, Rule, figure
from decaylab.errors import RunLogError
from decaylab.runlog.faults import contradictions
from decaylab.runlog.reading import number
from decaylab.runlog.record import Record
from decaylab.runlog.schema import HISTORY
from decaylab.runlog.split import ids_of, read_split
from decaylab.runlog.text import in_one_unit

#: Seconds a step beyond which even the largest model is not computing: on a GPU a second, and one for each 200 million
#: parameters; twenty times that on processors (198 million parameters took 5.8 s a step on two cores).
_GPU_STEP, _PARAMETERS, _CPU_FACTOR = 1.0, 2e8, 20.0
#: So many times the step of comparable runs, a duration is not believed.
_PACE = 10.0
_STEPS = re.compile(r"([\d,]+)\s*(?:batches|steps)\s*(?:/|per|an)\s*epoch", re.IGNORECASE)


def _duration(facts: Facts) -> Found | None:
    seconds, step = facts.seconds, facts.step_seconds
    if seconds is None or step is None or facts.epochs is None:
        return None
    usual, others = _usual_step(facts)
    if usual is not None:
        is_wrong = step > _PACE * usual or step < usual / _PACE / 10
        said = f"comparable runs took {figure(usual)} s a step"
    else:
        is_wrong, said = (
            step > _longest_step(facts),
            f"a step of this model takes less than {figure(_longest_step(facts))} s",
        )
    if not is_wrong:
        return None
    steps = (facts.steps_per_epoch or 0) * facts.epochs
    text = f"{figure(seconds / 60)} minutes ({seconds / 86400:.1f} days) for {facts.epochs:g} epochs of "
    text += f"{facts.steps_per_epoch:,} steps are {step:.1f} s a step; {said}"
    if step > 1:
        text += f". Plausible if the field in minutes holds seconds: then {seconds / 3600:.1f} min, "
        text += f"{step / 60:.3f} s a step ({figure(steps)} steps)"
    return Found(text, COMPARABLE if others else EXPERIENCE)


def _usual_step(facts: Facts) -> tuple[float | None, list[Record]]:
    """The median step of the comparable runs of the same model, and those runs."""
    found, runs = [], []
    for run in facts.comparable:
        if run.model == facts.record.model and (step := Facts(run).step_seconds) is not None:
            found.append(step)
            runs.append(run)
    return (statistics.median(found), runs) if found else (None, [])


def _longest_step(facts: Facts) -> float:
    on_gpu = (
        facts.record.get("data_loader_config.pin_memory") is True
        or facts.record.get("precision") == 16
        or str(facts.record.get("environment.device")).startswith("cuda")
    )
    size = _GPU_STEP * (1 + (facts.number("parameters") or 0) / _PARAMETERS)
    return size if on_gpu else _CPU_FACTOR * size


def _duration_beyond_run(facts: Facts) -> Found | None:
    """A fit that took longer than the whole run around it."""
    total = facts.number("total_duration_seconds")
    resumed = facts.record.get("resumes")
    if facts.seconds is None or total is None or resumed or facts.seconds <= 1.01 * total + 1:
        return None
    return Found(f"the training is said to have taken {facts.seconds:g} s, the whole run {total:g} s")


def _contradictions(facts: Facts) -> Found | None:
    found = contradictions(facts.record.metadata)
    data = facts.record
    sizes = [facts.number(name) for name in ("train_size", "val_size", "test_size")]
    ratio, used = facts.number("data_config.train_ratio"), sum(size or 0 for size in sizes)
    is_whole = None not in sizes and sizes[0] is not None and data.get("split") in (None, "random")
    if is_whole and ratio is not None and abs((sizes[0] or 0) - ratio * used) > max(2, 0.02 * used):
        found.append(f"train_ratio {ratio:g} of {used:g} rooms is not the {sizes[0]:g} of train_size")
    found += _said_steps(facts)
    return Found("; ".join(found)) if found else None


def _said_steps(facts: Facts) -> list[str]:
    """Steps an epoch that a note or a key of the user's own states, where they are not rooms over batch."""
    steps, rooms, batch = facts.steps_per_epoch, facts.number("train_size"), facts.number("batch_size")
    if steps is None or rooms is None or batch is None:
        return []
    said: list[tuple[str, float]] = []
    for key in ("batches_per_epoch", "steps_per_epoch"):
        for place in ("", "training_config.", "config."):
            if (value := facts.number(place + key)) is not None:
                said.append((place + key, value))
    note = facts.record.get("note")
    if isinstance(note, str) and (match := _STEPS.search(note)):
        said.append(("the note", float(match[1].replace(",", ""))))
    return [
        f"{where} says {value:,.0f} batches an epoch, which at batch {batch:g} needs {value * batch:,.0f} rooms; "
        f"{rooms:,.0f} training rooms make {steps:,}"
        for where, value in said
        if abs(value - steps) > 1
    ]


def _patience(facts: Facts) -> Found | None:
    """Early stopping that could not end the run, or let most of it pass after the best epoch."""
    patience, limit = facts.number("patience"), facts.number("max_epochs")
    is_on = facts.record.get("early_stopping_config.enabled") is not False
    # A schedule that ends at zero is meant to be gone through; compact's own recipe never stops early.
    is_whole = facts.text("training_config.schedule") == "onecycle"
    could_not = is_on and patience is not None and limit is not None and patience >= limit and not is_whole
    best, last = facts.best_epoch, facts.epochs
    wasted = (last - best[0]) / last if best is not None and last and best[0] <= last else 0.0
    said = []
    if could_not:
        said.append(f"patience {patience:g} of {limit:g} epochs: early stopping could not trigger")
    is_meant = is_whole and facts.outcome == "sound"
    if best is not None and last and wasted >= causes.WASTED and last >= 10 and not is_meant:
        text = f"the best epoch was {best[0]:g} of {last:g} ({best[1]}): {100 * wasted:.0f} % of the run came after it"
        if facts.seconds:
            text += f", {in_one_unit(wasted * facts.seconds, figure)}"
        said.append(text)
    if not said:
        return None
    few = max(2 * causes.SHORT_PATIENCE, round(causes.GOOD_PATIENCE_SHARE * (limit or 0)))
    is_longer = is_on and patience is not None and patience > few and (limit is None or few < limit)
    change: dict[str, Any] = {"--early-stop-patience": few} if is_longer else {}
    much = wasted >= causes.WASTED and facts.outcome != "sound"
    return Found("; ".join(said), change=change, severity="warning" if much or (could_not and said[1:]) else "note")


def _other_weights(facts: Facts) -> Found | None:
    """Evaluated on other weights than the best: recorded so, or as programs of before did."""
    best = facts.best_epoch
    for key in ("evaluated_epoch", "config.evaluated_epoch"):
        epoch = facts.number(key)
        if epoch is not None and best is not None and epoch != best[0]:
            said = f"evaluated were the weights of epoch {epoch:g}; the best are those of epoch {best[0]:g} ({best[1]})"
            return Found(said, severity="warning")
    if facts.record.get("config.evaluated_weights") in ("last", "final"):
        return Found("the record says that the last weights were evaluated", severity="warning")
    is_old = "schema_version" not in facts.record.metadata and facts.number("edc_mae") is not None
    if is_old and best is not None and facts.epochs and best[0] < facts.epochs:
        said = f"the record does not say which weights were evaluated; the best are those of epoch {best[0]:g} "
        said += f"of {facts.epochs:g} ({best[1]}), and programs of this format evaluated the last ones"
        return Found(said, EXPERIENCE)
    return None


def _not_reproducible(facts: Facts) -> Found | None:
    record, said = facts.record, []
    if "schema_version" not in record.metadata and record.raw == "documented":
        said.append("no version of the format")
    git = record.get("git")
    if isinstance(git, dict) and git.get("dirty") is True:
        kept = os.path.isfile(os.path.join(record.path, "git.diff"))
        said.append("the working tree had changes" + (", kept in git.diff" if kept else " that were not kept"))
    if facts.number("seed") is None:
        said.append("no seed")
    if facts.text("data_config.digest") is None:
        said.append("no digest of the data set: whether it has changed since cannot be told")
    dirty = any("were not kept" in text for text in said)
    return Found(", ".join(said), severity="warning" if dirty else None) if said else None


def _history_missing(facts: Facts) -> Found | None:
    """A record by this format had a history from its first second."""
    if "schema_version" not in facts.record.metadata or facts.has(HISTORY):
        return None
    return Found(f"{HISTORY} is missing: what was logged in each epoch cannot be looked at")


def _data_changed(facts: Facts) -> Found | None:
    """Another run on the same folder found other data there."""
    path, digest = facts.text("data_config.path"), facts.text("data_config.digest")
    if path is None or digest is None:
        return None
    for run in facts.others:
        there = run.get("data_digest")
        if isinstance(there, str) and there != digest and run.get("data_config.path") == path:
            said = f"data set {digest.rpartition(':')[2][:12]} at {path}, where run {run.run_id} found "
            return Found(said + f"{there.rpartition(':')[2][:12]}: the folder's content has changed", COMPARABLE)
    return None


def _workers(facts: Facts) -> Found | None:
    workers, cores = facts.number("num_workers"), facts.number("environment.cpu_count")
    if not workers:
        return None
    if cores is not None and workers > cores:
        return Found(f"{workers:g} loading processes on {cores:g} cores")
    step = facts.step_seconds
    for run in facts.comparable:
        there = Facts(run).step_seconds
        same = run.model == facts.record.model and run.get("batch_size") == facts.record.get("batch_size")
        if same and step and there and number(run.get("num_workers")) == 0 and step > 1.25 * there:
            said = (
                f"{figure(step)} s a step with {workers:g} loading processes; run {run.run_id} took {figure(there)} s "
            )
            return Found(said + "without", COMPARABLE)
    return None


def _overlap(facts: Facts) -> Found | None:
    """Ids that stand in two parts of split.json."""
    try:
        split = read_split(facts.record.path)
    except (FileNotFoundError, RunLogError):
        return None
    train, test = (set(ids_of(split, part) or ()) for part in ("train", "test"))
    shared = train & test
    if not shared:
        return None
    return Found(f"{len(shared)} of {len(test)} test rooms of split.json are in its training part", severity="severe")


def _preflight(facts: Facts) -> Found | None:
    """What was found before the run began, in one line: the warnings that were passed over."""
    found = [
        f"{entry.get('code')} ({entry.get('evidence')})" for entry in facts.preflight if entry.get("severity") != "note"
    ]
    return Found("; ".join(found)) if found else None


RECORD_RULES = (
    Rule("split_leaks", "data", "severe", _overlap),
    Rule(
        "duration_implausible", "record", "warning", _duration,
        "The stored duration cannot be; minutes and seconds agree with each other, as one was made from the other.",
    ),
    Rule("duration_contradicts", "record", "warning", _duration_beyond_run, "One of the two was not measured."),
    Rule(
        "sizes_contradict", "record", "warning", _contradictions,
        "Not all of these figures can be right; num_samples may be what was asked for, not what was loaded.",
    ),
    Rule("patience_too_long", "symptom", "note", _patience),
    Rule(
        "other_weights", "record", "note", _other_weights,
        "The metrics may be those of weights that early stopping had long given up: evaluate the best checkpoint.",
    ),
    Rule("workers_cost", "record", "note", _workers),
    Rule(
        "not_reproducible", "record", "note", _not_reproducible,
        "The same command may not give the same run again.",
    ),
    Rule(
        "history_missing", "record", "warning", _history_missing,
        "Every run has the file from its first second: it was removed or not copied, and no finding rests on losses.",
    ),
    Rule("data_changed", "record", "warning", _data_changed, "Runs before and after the change cannot be compared."),
    Rule("preflight_warned", "record", "note", _preflight, "The checks before the training had said so."),
)  # fmt: skip
