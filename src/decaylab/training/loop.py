"""One training, from its settings to its record: check, start the record, carry out."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import lightning as L

from decaylab import runlog
from decaylab.catalogue.settings import TrainConfig
from decaylab.training import preflight
from decaylab.training.describe import settings
from decaylab.training.outcome import Origin, Outcome
from decaylab.training.plan import Plan, plan_training
from decaylab.training.process import threads_for
from decaylab.training.stages import carry_out


def train(
    config: TrainConfig,
    *,
    force: bool = False,
    keep_last: bool = False,
    callbacks: Sequence[L.Callback] = (),
    tags: Sequence[str] = (),
    origin: Origin | None = None,
    run_id: str | None = None,
) -> Outcome:
    """Check, train, evaluate the best checkpoint on the test rooms, and record the run from its first second.

    Args:
        config: what to train, and on what.
        force: train also what was measured to fail (see `preflight`).
        keep_last: leave checkpoints/last.ckpt where it is when the run has ended well.
        callbacks: Lightning's, called after those of decaylab: for a search that ends what is not worth its time.
        tags: words to find the run by, on record from the start.
        origin: the run that the settings come from, if they do.
        run_id: what the run is called, `{model}_{timestamp}` with `%Y%m%d_%H%M%S`; None: by the clock.

    Raises:
        DecaylabError: bad input or an impossible combination; then no run directory has been made.
        KeyboardInterrupt: Ctrl-C; the run is on record as interrupted.
    """
    plan = plan_training(config)
    checked = preflight.check(plan)
    if not force:
        preflight.refuse(checked)
    for line in checked.lines():
        print(f"preflight: {line}", file=sys.stderr)
    return start(
        plan, checked=checked, keep_last=keep_last, callbacks=callbacks, tags=tags, origin=origin, run_id=run_id
    )


def start(
    plan: Plan,
    *,
    checked: preflight.Preflight | None = None,
    keep_last: bool = False,
    callbacks: Sequence[L.Callback] = (),
    tags: Sequence[str] = (),
    origin: Origin | None = None,
    run_id: str | None = None,
) -> Outcome:
    """`train`, once its settings have been checked; the arguments are those of `train`.

    Args:
        plan: what to train.
        checked: what preflight found, for the record.
        keep_last, callbacks, tags, origin, run_id: see `train`.

    Raises:
        RunLogError: a tag or an id that cannot be used; then no run directory has been made.
    """
    say(plan)
    config = plan.config
    made_from = origin.sections() if origin else {}
    found: dict[str, Any] = {"preflight": checked.record()} if checked else {}
    with (
        threads_for(plan.model, origin.threads if origin else None),
        runlog.start(
            config.model_name,
            experiments=config.experiments,
            note=config.note,
            tags=list(tags),
            run_id=run_id,
            **settings(plan),
            **made_from,
            **found,
        ) as run,
    ):
        return carry_out(plan, run, keep_last=keep_last, callbacks=callbacks)


def say(plan: Plan) -> None:
    """What there is to say of the data and the model, on stderr; the record has it as data_config.notes."""
    for line in plan.data.notes:
        print(f"data set: {line}", file=sys.stderr)
    for line in plan.remarks:
        print(f"model: {line}", file=sys.stderr)
