"""The command of the next run: what a record states, with changes applied. Nothing that it lacks is made up."""

from __future__ import annotations

import shlex
from typing import Any, NamedTuple

from decaylab.catalogue.losses import LOSSES
from decaylab.catalogue.models import MODELS
from decaylab.catalogue.settings import BY_NAME, SETTINGS
from decaylab.diagnosis.command import is_train, stated, train_line
from decaylab.errors import RunLogError
from decaylab.runlog.faults import contradicting_sizes
from decaylab.runlog.reading import section
from decaylab.runlog.record import Record

#: Stands for the data set where the record does not name one.
DATA_SET = "DATA_SET"


class NextRun(NamedTuple):
    """The line, None where none can be named, and what there is to say of it."""

    line: str | None
    remarks: tuple[str, ...] = ()


def next_run(record: Record, changes: dict[str, Any], here: str) -> NextRun:
    """The whole command of the next run on one line, and what there is to say of it.

    Settings that the record lacks are left out and named in a remark: the defaults of `decaylab train` hold for them.

    Args:
        record: the run to start from.
        changes: option -> the value to use instead of the recorded one.
        here: the directory that the command is typed in (absolute).
    """
    if why := _no_line(record):
        return NextRun(None, (why,))
    values, lacking = stated(record.metadata)
    values.update(changes)
    remarks = []
    if values.get("--data") is None:
        values["--data"] = DATA_SET
        remarks.append(f"{DATA_SET} stands for the folder of the data set, which the record does not name")
    left_out = [key for key in lacking if key not in ("data_config.path", *_changed_keys(changes))]
    if contradicting_sizes(section(record.metadata, "data_config")) is not None:
        values.pop("--max-samples", None)
        left_out.append("data_config.num_samples (contradicts the sizes)")
    _make_consistent(values, changes)
    if left_out:
        remarks.append(f"left to the defaults of `decaylab train`, as the record lacks them: {', '.join(left_out)}")
    try:
        return NextRun(train_line(record, values, here), tuple(remarks))
    except RunLogError as error:
        return NextRun(None, (str(error),))


def resume_line(record: Record) -> str | None:
    """The command that goes on with a run; None where its name cannot be printed."""
    words = ["decaylab", "resume", record.run_id, "--experiments", record.folder.path]
    return " ".join(map(shlex.quote, words)) if all(word.isprintable() for word in words) else None


def check_line(record: Record) -> str | None:
    """The command that checks the data set of a run; None where the record does not name it."""
    path = record.get("data_config.path")
    if not isinstance(path, str) or not path or not path.isprintable():
        return None
    return " ".join(map(shlex.quote, ["decaylab", "data", "check", path]))


def _no_line(record: Record) -> str | None:
    if record.raw in ("broken", "no metadata", "arrays only", "empty"):
        return "the record has no settings to make a command of"
    if record.document.get("command") and not is_train(record):
        return "the run was made by a program of your own: change the settings there"
    model = record.metadata.get("model_path") or record.model
    if record.metadata.get("model_path") is None and model not in MODELS:
        return f"model {model} is none of `decaylab train`: change the settings in the program that made the run"
    return None


def _make_consistent(values: dict[str, Any], changes: dict[str, Any]) -> None:
    """Drop what no longer goes together: weights that the loss does not have, workers kept of none."""
    loss = values.get("--loss")
    if loss is not None and loss not in LOSSES:
        values.pop("--loss")  # another program's loss; train's default for the model holds
    has = LOSSES[loss].weights if loss in LOSSES else {}
    for setting in SETTINGS:
        if setting.kind == "weight" and setting.name not in has:
            values.pop(setting.option, None)
        if setting.needs and not values.get(BY_NAME[setting.needs].option):
            values.pop(setting.option, None)
    if "--early-stop-patience" in changes:
        values.pop("--no-early-stop", None)


def _changed_keys(changes: dict[str, Any]) -> list[str]:
    return [setting.key for setting in SETTINGS if setting.option in changes]
