"""The facts that the rules of `diagnose` test: a record's figures, its losses, and the runs on the same data."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from decaylab.catalogue.fields import FIELDS
from decaylab.diagnosis import comparables, severe
from decaylab.diagnosis.causes import DEFAULT_WEIGHTS
from decaylab.diagnosis.findings import Finding
from decaylab.diagnosis.losses_seen import Losses, losses_of
from decaylab.runlog.reading import has, number
from decaylab.runlog.record import Record
from decaylab.runlog.schema import BEST_CHECKPOINT, LAST_CHECKPOINT

#: compact begins as its physical baseline: an error so many times that of physics was made by the training.
SPOILT_PHYSICS = 1.5
#: A validation loss at the end so many times its lowest has not merely overfitted: the training came apart.
CAME_APART = 3.0
#: A run with so many times the error of another one of the same model on the same rooms has gone wrong.
FAR_WORSE = 10.0
#: A run that had at least this share of the mean curve's error learnt little; good ones stay below a third of it.
LEARNT_LITTLE = 0.5


class Facts:
    """What is known of one run.

    Attributes:
        record: the run. others: other runs of its folder (itself may be among them).
        given: findings that others made (of arrays, of the data set); they count for how the run ended.
    """

    def __init__(self, record: Record, others: Sequence[Record] = (), given: Sequence[Finding] = ()) -> None:
        self.record = record
        self.others = others
        self.given = given

    def number(self, field: str) -> float | None:
        """A FIELD as a finite number; None where it is anything else."""
        value = number(self.record.get(field))
        return float(value) if value is not None and math.isfinite(value) else None

    def text(self, field: str) -> str | None:
        value = self.record.get(field)
        return value if isinstance(value, str) else None

    def has(self, name: str) -> bool:
        """Whether the run directory holds a file of this name."""
        return os.path.isfile(os.path.join(self.record.path, name))

    @cached_property
    def losses(self) -> Losses:
        return losses_of(self.record.history())

    @cached_property
    def loss(self) -> str | None:
        return self.text("loss_type")

    @cached_property
    def weights(self) -> dict[str, float]:
        """The weights of the loss: as recorded, else its defaults; only those that the loss has."""
        defaults = DEFAULT_WEIGHTS.get(self.loss or "", {})
        recorded = {name: self.number(f"loss_config.{name}") for name in defaults}
        return {name: default if recorded[name] is None else recorded[name] for name, default in defaults.items()}  # type: ignore[misc]

    def states(self, field: str) -> bool:
        """Whether the record has the key of a FIELD at all: null is "off", an absent key says nothing."""
        return has(self.record.metadata, FIELDS[field].path)

    @cached_property
    def steps_per_epoch(self) -> int | None:
        rooms, batch = self.number("train_size"), self.number("batch_size")
        return math.ceil(rooms / batch) if rooms and batch and batch >= 1 else None

    @cached_property
    def epochs(self) -> float | None:
        return self.number("epochs")

    @cached_property
    def seconds(self) -> float | None:
        """How long the training took, as recorded."""
        seconds, minutes = self.number("training_config.training_duration_seconds"), self.number("duration")
        return seconds if seconds is not None else None if minutes is None else 60 * minutes

    @cached_property
    def step_seconds(self) -> float | None:
        steps, seconds = self.steps_per_epoch, self.seconds
        return seconds / (steps * self.epochs) if steps and self.epochs and seconds else None

    @cached_property
    def best_epoch(self) -> tuple[float, str] | None:
        """The epoch of the best weights, and what says so."""
        if (stored := self.number("best_epoch")) is not None:
            return stored, "recorded"
        if self.losses.best is not None:
            return self.losses.best[0], "by the history"
        stopped, patience = self.number("stopped_at_epoch"), self.number("patience")
        if stopped is None or patience is None or stopped <= patience:
            return None
        return stopped - patience, "stopped_at_epoch less patience"

    @cached_property
    def comparable(self) -> list[Record]:
        return self._same_data[0]

    @cached_property
    def comparable_how(self) -> str:
        return self._same_data[1]

    @cached_property
    def best_run(self) -> Record | None:
        """The comparable run with the lowest EDC MAE."""
        return min(self.comparable, key=lambda run: comparables.mae_of(run) or math.inf, default=None)

    @cached_property
    def times_best(self) -> float | None:
        """This run's EDC MAE over that of the best comparable one."""
        own, best = comparables.mae_of(self.record), comparables.mae_of(self.best_run) if self.best_run else None
        return own / best if own is not None and best else None

    @cached_property
    def contrast(self) -> comparables.Contrast | None:
        return comparables.contrast(self.record, self.comparable)

    @cached_property
    def times_physics(self) -> float | None:
        """The EDC MAE over that of physics alone on the same rooms."""
        own, physics = self.number("edc_mae"), self.number("baselines.physics.overall_edc.mae")
        return own / physics if own is not None and physics else None

    @cached_property
    def preflight(self) -> list[dict[str, Any]]:
        """What was found before the run began, as recorded."""
        found = self.record.get("preflight.findings")
        return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []

    @cached_property
    def can_resume(self) -> bool:
        return self.has(LAST_CHECKPOINT)

    @cached_property
    def has_best(self) -> bool:
        return self.has(BEST_CHECKPOINT)

    @cached_property
    def outcome(self) -> str:
        """ "severe": worse than knowing nothing, or not finite; "poor": far from what it could be; else "sound"."""
        record, losses = self.record, self.losses
        is_compact = record.model == "compact"
        if severe.severe(record) or losses.not_finite is not None:
            return "severe"
        if any(finding.severity == "severe" for finding in self.given):
            return "severe"
        best = self.best_run
        if best is not None and best.model == record.model and (self.times_best or 0) >= FAR_WORSE:
            return "severe"
        if (is_compact and (self.times_physics or 0) >= 2 * SPOILT_PHYSICS) or (losses.rise or 0) >= 10 * CAME_APART:
            return "severe"
        is_poor = (
            (self.times_best or 0) >= comparables.CLEARLY
            or (is_compact and (self.times_physics or 0) >= SPOILT_PHYSICS)
            or (losses.rise or 0) >= CAME_APART
            or (number(record.get("edc_vs_mean")) or 0) >= LEARNT_LITTLE
            or any((self.number(f"{name}_r2") or 0) < 0 for name in ("t20", "c50"))
        )
        return "poor" if is_poor else "sound"

    @cached_property
    def _same_data(self) -> tuple[list[Record], str]:
        return comparables.same_data(self.record, self.others)
