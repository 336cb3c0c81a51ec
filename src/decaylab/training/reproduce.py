"""Training again from a run's record, as a new run, and saying whether it agrees."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

from decaylab.errors import RunLogError
from decaylab.runlog.record import Record
from decaylab.runlog.store import read_run
from decaylab.training.loop import start
from decaylab.training.outcome import Origin
from decaylab.training.plan import Plan, plan_training
from decaylab.training.recorded import complete, keys_assumed, lacking_in, lacks, recorded_config
from decaylab.training.same import (
    Difference,
    check_data,
    check_device,
    check_precision,
    setting_differences,
    surrounding_differences,
    threads_of,
)
from decaylab.training.verdict import Verdict, compare, keep, predictions


class Again(NamedTuple):
    """A training that has been planned from a record, and where it would be another one.

    Attributes:
        settings: keys of the training itself that differ: the data, the split, what this decaylab does otherwise.
        surroundings: packages, code, machine, device.
    """

    record: Record
    plan: Plan
    origin: Origin
    settings: list[Difference]
    surroundings: list[Difference]

    @property
    def differences(self) -> list[Difference]:
        return [*self.settings, *self.surroundings]

    @property
    def because(self) -> list[Difference]:
        """Those that other bits may come from."""
        return [difference for difference in self.differences if difference.may_change_bits]

    @property
    def on_gpu(self) -> bool:
        return self.plan.device != "cpu"


class Reproduction(NamedTuple):
    """The new run's directory, how it ended, the verdict (None if it has no metrics), and what could not be kept."""

    directory: str
    status: str
    verdict: Verdict | None
    trouble: list[str]


def plan_again(
    record: Record,
    experiments: str,
    *,
    data: str | None = None,
    model: str | None = None,
    assumed: dict[str, Any] | None = None,
    device: str | None = None,
) -> Again:
    """Plan the training of `record` again. Trains and writes nothing.

    Args:
        experiments: where the new run would go.
        data: where the data set lies now.
        model: the class of a model of the user's own, named again (see `recorded.named_again`).
        assumed: key -> value of what the record lacks.
        device: to be trained on, if not the recorded one.

    Raises:
        RunLogError: the record lacks something (listed), or has no metrics to compare with.
        DataError: there is no data set, or predictions that cannot be read. InputError: there is no such device.
        ModelError: the model is of no kind that can be built here.
    """
    assumed = assumed or {}
    if reason := _why_not(record):
        lacking = lacking_in(record) if record.document else []
        more = f"; {lacks(record, lacking, data)}" if lacking else ""
        raise RunLogError(f"run {record.run_id} cannot be reproduced: {reason}{more}")
    metadata = complete(record, assumed, model, data)
    if device is None:
        check_device(record)
    predictions(record)  # what cannot be read is said before hours of training, not after
    config = recorded_config(record, metadata, data, experiments, model)
    config = config if device is None else replace(config, device=device)
    check_precision(record, config)
    plan = plan_training(config)
    origin = Origin(record.run_id, "reproduce", keys_assumed(assumed), threads_of(record))
    return Again(record, plan, origin, setting_differences(metadata, plan), surrounding_differences(record, plan))


def reproduce(again: Again) -> Reproduction:
    """Train, compare with the record, and keep the verdict beside both runs.

    Raises:
        DataError: the data set or the split is another one; nothing was trained.
    """
    record = again.record
    check_data(record.run_id, again.settings)
    outcome = start(again.plan, origin=again.origin)
    if not outcome.metrics:
        return Reproduction(outcome.directory, outcome.status, None, [])
    verdict = compare(record, read_run(outcome.directory), again.because, again.on_gpu)
    directories = [outcome.directory, *([] if record.linked else [record.path])]
    trouble = keep(verdict, directories)
    if record.linked is not None:
        trouble.append(f"{record.run_id} is linked: the verdict lies beside the new run alone")
    return Reproduction(outcome.directory, outcome.status, verdict, trouble)


def _why_not(record: Record) -> str | None:
    if record.status in ("running", "unreadable"):
        return f"it is {record.status}"
    if record.get("edc_mae") is None:
        return f"it has no metrics to compare with (its status is {record.status})"
    return None
