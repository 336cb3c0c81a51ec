"""Going on with a training that ended before its time: from its last checkpoint, in its own directory."""

from __future__ import annotations

import os
import sys
from typing import Any

from decaylab.errors import DataError, RunLogError
from decaylab.runlog.reading import seconds
from decaylab.runlog.record import Record
from decaylab.runlog.schema import LAST_CHECKPOINT
from decaylab.runlog.takeover import seconds_so_far, take_over, why_not
from decaylab.runlog.text import printable
from decaylab.training.last_checkpoint import has_stopped, load_last
from decaylab.training.loop import say
from decaylab.training.outcome import Outcome
from decaylab.training.plan import Plan, plan_training
from decaylab.training.process import threads_for
from decaylab.training.recorded import complete, keys_assumed, lacking_in, recorded_config
from decaylab.training.same import check_data, check_device, setting_differences, threads_of, version_differences
from decaylab.training.stages import SoFar, carry_out


def resume(
    record: Record,
    *,
    data: str | None = None,
    model: str | None = None,
    assumed: dict[str, Any] | None = None,
    gone: bool = False,
    keep_last: bool = False,
) -> Outcome:
    """Go on from checkpoints/last.ckpt, or from epoch 1 where there is none yet, with what is on record.

    On a CPU, with the versions and the code of the start, the run ends as if it had never been interrupted, bit for
    bit.

    Args:
        record: of the run.
        data: where the data set lies now; it is checked by its digest.
        model: the class of a model of the user's own, named again (see `recorded.named_again`).
        assumed: key -> value of what the record lacks.
        gone: a person says that the process of the run is gone (see `takeover.why_not`).
        keep_last: leave checkpoints/last.ckpt where it is when the run has ended well.

    Raises:
        RunLogError: the run is running or has ended, its record lacks something, or another process resumes it.
        DataError: another data set, another training, or a last.ckpt that is damaged or of another model.
        ModelError: a model of the user's own that cannot be built here.
    """
    if reason := why_not(record, gone):
        is_legacy = record.document and "schema_version" not in record.document
        lacking = lacking_in(record) if is_legacy else []
        more = f"; it lacks {', '.join(lacking)}" if lacking else ""
        raise RunLogError(f"run {record.run_id} is not resumed: {reason}{more}")
    assumed = assumed or {}
    metadata = complete(record, assumed, model)
    check_device(record)
    config = recorded_config(record, metadata, data, record.folder.path, model)
    plan = _checked(record, metadata, plan_training(config))
    state = load_last(os.path.join(record.path, LAST_CHECKPOINT), plan.model)
    done = 0 if state is None else int(state["epoch"])
    before = seconds_so_far(record)
    so_far = SoFar(state, before["fit"], seconds(record.get("data_preparation_seconds")) or 0.0)
    told = {"from_epoch": done, "data_path": plan.config.data, "assumed": keys_assumed(assumed)}
    with threads_for(plan.model, threads_of(record)), take_over(record, told, gone) as run:
        say(plan)
        _say_where(record, plan, done, state is not None and has_stopped(state))
        return carry_out(plan, run, so_far, keep_last=keep_last)


def _checked(record: Record, metadata: dict[str, Any], plan: Plan) -> Plan:
    """The plan, if it is the training that was begun."""
    differences = setting_differences(metadata, plan)
    check_data(record.run_id, differences)
    if differences:
        raise DataError(
            f"run {record.run_id} is not resumed: this decaylab would train something else: "
            f"{'; '.join(map(str, differences))}; resume it with the version that began it"
        )
    return plan


def _say_where(record: Record, plan: Plan, done: int, stopped: bool) -> None:
    epochs = plan.config.max_epochs or 0
    if stopped:
        where = f"early stopping ended its fit after epoch {done}, what follows the epochs is not done"
    elif done >= epochs:
        where = f"all {epochs} epochs are done, what follows them is not"
    elif done:
        where = f"from epoch {done + 1}, of {epochs}"
    else:
        where = f"from epoch 1 again, with its recorded seeds, as it has no last.ckpt, of {epochs}"
    lines = [f"{record.run_id}: {where}"]
    if differing := version_differences(record, plan):
        said = "; ".join(map(str, differing))
        lines.append(f"{record.run_id}: it may end otherwise than it would have: {said}")
    for line in lines:
        print(printable(line), file=sys.stderr)
