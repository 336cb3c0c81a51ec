"""Before a training: how long it will take, what it needs, and what in its settings is known to fail.

What is measured is measured on copies, and the random state is given back: a run with it and one without are the same,
bit for bit. It takes at most `SHARE` of the run that it is for, or `LEAST_SECONDS` if that is more, and two steps.
"""

from __future__ import annotations

import gc
import math
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from decaylab.diagnosis.causes import GOOD_BATCH, TINY_BATCH
from decaylab.diagnosis.findings import Finding
from decaylab.errors import InputError
from decaylab.evaluation import SCORED_PARAMETERS
from decaylab.runlog.surroundings import peak_memory_bytes
from decaylab.runlog.text import about
from decaylab.training import preflight_findings as findings
from decaylab.training.checkpoint import save_checkpoint
from decaylab.training.evaluate import TrainedModel, evaluate_test_rooms
from decaylab.training.guarding import mean_curve_loss
from decaylab.training.plan import Plan
from decaylab.training.preflight_findings import finding, lacks_clipping
from decaylab.training.preflight_steps import SHARE, VALIDATION_ROOMS, Sample, Trial, places, sample_of, try_steps
from decaylab.training.process import random_state, restore_random_state, threads_for

#: What it may take in any case, in seconds; for a long run `SHARE` of it is more.
LEAST_SECONDS = 10.0
#: best_model.ckpt beside the one that replaces it; last.ckpt with Adam's moments and the best weights, likewise.
CHECKPOINT_COPIES = 2 + 2 * 4
#: How often best_model.ckpt is written at least: after the first epoch, after the last one, again with its intervals.
CHECKPOINT_WRITES = 3
#: Bytes of a checkpoint that is written to see what writing takes; a larger one takes in proportion.
CHECKPOINT_SAMPLE = 2**25
#: Rooms that are evaluated before it is timed.
FEW_ROOMS = 2
#: Intervals are fitted to validation rooms and tested on test rooms: parameters of predictions and targets again.
INTERVAL_SHARE = 0.5


class Estimate(NamedTuple):
    """Of the whole run: seconds of a step, of an epoch, of all epochs, and if it stops as early as patience allows;
    memory (of the GPU, if it trains there) and disk at their peaks."""

    step_seconds: float
    epoch_seconds: float
    total_seconds: float
    earliest_seconds: float
    memory_bytes: int
    disk_bytes: int


class Preflight(NamedTuple):
    """What was found, worst first, and what is expected. `refusal`: the finding that was measured to fail, if any;
    `seconds`: what finding it took."""

    findings: list[Finding]
    estimate: Estimate
    refusal: Finding | None = None
    seconds: float = 0.0

    def record(self) -> dict[str, Any]:
        """For metadata.json."""
        estimate = {
            name: round(value, 4) if isinstance(value, float) else value
            for name, value in self.estimate._asdict().items()
        }
        return {
            "findings": [found._asdict() for found in self.findings],
            "estimate": estimate,
            "seconds": round(self.seconds, 3),
        }

    def lines(self) -> list[str]:
        """For a person: the estimate, then a line a finding."""
        return [self._estimate_line(), *(line_of(found) for found in self.findings)]

    def _estimate_line(self) -> str:
        estimate = self.estimate
        total, earliest = estimate.total_seconds, estimate.earliest_seconds
        early = f", {about(earliest)} if stopped as early as possible" if earliest < 0.95 * total else ""
        return (
            f"about {about(total)} in all ({about(estimate.epoch_seconds)} an epoch){early}; "
            f"{_bytes(estimate.memory_bytes)} of memory, {_bytes(estimate.disk_bytes)} of disk"
        )


def line_of(found: Finding) -> str:
    """A finding in one line, with the change if there is one."""
    change = " ".join(f"{option} {value}" for option, value in found.change.items())
    return f"{found.severity}: {found.evidence}. {found.cause}{f' Try {change}' if change else ''}"


class PreflightError(InputError):
    """A training that was measured to fail."""


def refuse(checked: Preflight) -> None:
    """PreflightError if the training was measured to fail."""
    if checked.refusal is not None:
        raise PreflightError(f"not begun: {line_of(checked.refusal)} (--force trains all the same)")


def check(plan: Plan) -> Preflight:
    """Look at a training before it begins. Writes nothing, and leaves the plan and the random state as they are."""
    with threads_for(plan.model), _nothing_drawn(plan.device):
        began = time.monotonic()
        checked = _check(plan, began)
        seconds = time.monotonic() - began
    gc.collect()  # Lightning's circles hold the copies and Adam's moments
    return checked._replace(seconds=seconds)


def _check(plan: Plan, began: float) -> Preflight:
    config = plan.config
    until = began + LEAST_SECONDS
    sample = sample_of(plan)
    batch = config.batch_size or GOOD_BATCH
    mean_loss = mean_curve_loss(sample.module, sample.training, sample.training, sample.mean)
    ruling = list(findings.ruling_weights(plan, sample))  # of the untrained model
    takes_norms = lacks_clipping(config, plan.loss.name)
    trial = try_steps(plan, sample, batch, config.num_workers, until, takes_norms)
    memory = _memory(plan, sample)
    failing = findings.failing_steps(plan, trial, mean_loss)
    epoch = _epoch_seconds(plan, trial, batch)
    estimate = _estimate(plan, sample, trial, epoch, memory)
    until = began + max(LEAST_SECONDS, SHARE * estimate.total_seconds)
    found = [
        *_resources(plan, estimate),
        *findings.of_data(plan, sample),
        *ruling,
        *findings.of_settings(plan, trial, epoch),
        *_compared(plan, sample, epoch, until),
    ]
    if failing is not None:
        found = [failing, *(one for one in found if one.code != failing.code)]
    measured = [one for one in found if one.severity == "severe"]
    order = {"severe": 0, "warning": 1, "note": 2}
    found.sort(key=lambda one: order[one.severity])
    return Preflight(found, estimate, measured[0] if measured else None)


def _compared(plan: Plan, sample: Sample, epoch: float, until: float) -> Iterator[Finding]:
    """What another batch size or no workers would take, as far as there is time to measure it."""
    config = plan.config
    batch = config.batch_size or GOOD_BATCH

    def measured(size: int, workers: int) -> float | None:
        if time.monotonic() + sample.preparation_seconds > until:
            return None
        return _epoch_seconds(plan, try_steps(plan, sample, size, workers, until), size)

    if batch < TINY_BATCH and len(plan.split.train) >= GOOD_BATCH:
        found = findings.tiny_batch(plan, epoch, measured(GOOD_BATCH, config.num_workers))
        if found is not None:
            yield found
    if config.num_workers:
        found = findings.workers_cost(plan, epoch, measured(batch, 0))
        if found is not None:
            yield found


def _resources(plan: Plan, estimate: Estimate) -> Iterator[Finding]:
    """Disk and memory that are not there."""
    free = shutil.disk_usage(_existing(plan.config.experiments)).free
    if free < estimate.disk_bytes:
        where = f"{_bytes(free)} are free where {plan.config.experiments} is"
        yield finding("disk", f"{_bytes(estimate.disk_bytes)} are needed, {where}", "this run", {})
    there = _free_memory() if plan.device == "cpu" else None
    mine = peak_memory_bytes()
    if there is not None and mine is not None and estimate.memory_bytes - mine > there:
        evidence = f"{_bytes(estimate.memory_bytes)} are expected, {_bytes(there)} are free"
        change = {} if plan.config.batch_size == 1 else {"--batch-size": max(1, (plan.config.batch_size or 2) // 2)}
        yield finding("memory", evidence, "this run", change)


def _estimate(plan: Plan, sample: Sample, trial: Trial, epoch: float, memory: int) -> Estimate:
    config, split = plan.config, plan.split
    prepared = np.concatenate([split.train, split.validation])
    around = sample.preparation_seconds * len(prepared)
    # The evaluation finds again what was traced for the rooms of the training; what is new to it is counted here.
    around += sample.place_seconds * places(plan.data.features[np.concatenate([prepared, split.test])])
    around += _evaluation(plan, sample)
    around += CHECKPOINT_WRITES * _checkpoint_seconds(plan)
    longest = config.max_epochs or 0
    shortest = min(longest, (config.early_stop_patience or longest) + 1)
    arrays = 2 * 4 * len(split.test) * plan.data.samples
    return Estimate(
        trial.step_seconds,
        epoch,
        longest * epoch + around,
        shortest * epoch + around,
        memory,
        arrays + CHECKPOINT_COPIES * _weight_bytes(plan),
    )


def _epoch_seconds(plan: Plan, trial: Trial, batch_size: int) -> float:
    steps = math.ceil(len(plan.split.train) / batch_size)
    checks = math.ceil(len(plan.split.validation) / (plan.config.eval_batch_size or 1))
    return steps * trial.step_seconds + checks * trial.validation_seconds + trial.epoch_overhead


def _evaluation(plan: Plan, sample: Sample) -> float:
    """Seconds of the evaluation: a few validation rooms are evaluated as the test rooms will be. A first few of them
    alone show what it takes however many rooms there are."""
    rows = plan.split.validation[:VALIDATION_ROOMS]
    module = sample.module.to(torch.device(plan.device))

    def seconds(some: NDArray[np.int64]) -> float:
        with tempfile.TemporaryDirectory() as folder:
            directory = os.path.join(folder, "experiments", "run")
            os.makedirs(directory)
            began = time.monotonic()
            split, batch_size = plan.split._replace(test=some), plan.config.eval_batch_size or 1
            evaluate_test_rooms(
                TrainedModel(module, plan.data, split, sample.inputs, sample.mean, _no_medians, directory, batch_size)
            )
            return time.monotonic() - began

    if sample.place_seconds:
        seconds(rows)  # their places are known from here on; what places take is counted elsewhere
    beside = seconds(rows[:FEW_ROOMS])
    one = seconds(rows) / len(rows)
    tests, validation = len(plan.split.test), len(plan.split.validation)
    return beside + one * (tests + INTERVAL_SHARE * (tests + validation))


def _checkpoint_seconds(plan: Plan) -> float:
    """Seconds that writing the weights to the disk takes, by those of a file of their size or of a part of it."""
    size = _weight_bytes(plan)
    part = min(size, CHECKPOINT_SAMPLE)
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        save_checkpoint(os.path.join(folder, "weights.ckpt"), {"weights": torch.zeros(part, dtype=torch.uint8)}, {})
        return (time.monotonic() - began) * size / max(1, part)


def _no_medians() -> dict[str, float]:
    """What an invalid prediction of an untrained model is scored as; nobody reads it."""
    return dict.fromkeys(SCORED_PARAMETERS, 1.0)


def _memory(plan: Plan, sample: Sample) -> int:
    """Peak memory of the process with all rooms in it, or of the GPU."""
    if plan.device == "cuda":
        return int(torch.cuda.max_memory_allocated())
    rooms = len(plan.split.train) + len(plan.split.validation)
    return int((peak_memory_bytes() or 0) - _weight_bytes(plan) + rooms * sample.bytes_per_room)


def _weight_bytes(plan: Plan) -> int:
    """Bytes of the model's own weights, which the copy has beside it."""
    return sum(tensor.nbytes for tensor in plan.model.state_dict().values())


def _free_memory() -> int | None:
    """Memory that the system can give, in bytes; None where it does not tell."""
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            lines = dict(line.split(":") for line in file)
        return int(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return None


def _existing(path: str) -> str:
    """The nearest folder around `path` that is there."""
    path = os.path.abspath(path)
    while not os.path.isdir(path):
        path = os.path.dirname(path)
    return path


def _bytes(count: float) -> str:
    for unit in ("bytes", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"


@contextmanager
def _nothing_drawn(device: str) -> Iterator[None]:
    """Give every random number generator back as it was."""
    if device == "cuda":
        torch.cuda.init()  # else its generators would be seeded, and drawn from, only in here
    before = random_state()
    try:
        yield
    finally:
        restore_random_state(before)
        if device == "cuda":
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
