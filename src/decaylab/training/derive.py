"""A new run with the settings of another one, but for those that are given."""

from __future__ import annotations

from typing import Any

from decaylab.catalogue.settings import SETTINGS, TrainConfig
from decaylab.diagnosis.command import stated
from decaylab.errors import RunLogError
from decaylab.runlog.reading import at, number
from decaylab.runlog.record import Record
from decaylab.training.recorded import DIGEST, lacking_in, named_again, names_in, settings_from

_OPTIONS = {key: setting.option for setting in SETTINGS for key in setting.key.split(" or ")}
_NAMES = {setting.option: setting.name for setting in SETTINGS}
#: What decides nothing of the result, and is off unless it is on record.
_HARMLESS = ("data_loader_config.pin_memory", "data_loader_config.persistent_workers")


def derived(record: Record, typed: dict[str, Any]) -> TrainConfig:
    """The settings of `record` with `typed` (fields of `TrainConfig`) in their place.

    What only belongs to a setting that is replaced goes with it: the weights of another loss, the fold of another
    split, the noise of another model's inputs, the number of rooms of a data set that was used whole.

    Raises:
        RunLogError: the record lacks settings that are not given either; the message lists their options.
        InputError: its model is a class of the user's own, which has to be named again.
    """
    values, _ = stated(record.metadata)
    if missing := _missing(record, values, typed):
        raise RunLogError(
            f"{record.run_id}: the record lacks settings that `decaylab train --from` needs; give {', '.join(missing)}"
        )
    fields = settings_from(record, values)
    fields["guard"] = True  # it watches a training, and is no part of what is trained: switched off anew, or not
    if "model" not in typed:
        fields["model"] = named_again(record, fields["model"], None)
    weights = dict(fields.pop("loss_weights"))
    for setting in SETTINGS:
        of = setting.reset_by
        if of and _class(str(typed.get(of, fields[of]))) != _class(str(fields[of])):
            (weights if setting.kind == "weight" else fields).pop(setting.name, None)
        if setting.needs in typed and not typed[setting.needs]:
            fields.pop(setting.name, None)
    if "early_stop" in typed:
        fields["early_stop_patience"] = None
    elif "early_stop_patience" in typed:
        fields["early_stop"] = True
    if "data" in typed:
        fields["max_samples"] = _limit(record)
    return TrainConfig(**{**fields, **typed, "loss_weights": weights | typed.get("loss_weights", {})})


def _class(model: str) -> str:
    """The name of a model: of a user's own the class alone, as its folder may be named in many ways."""
    return model.rpartition(":")[2]


def _missing(record: Record, values: dict[str, Any], typed: dict[str, Any]) -> list[str]:
    """The options that must be given, because the record does not say what they were."""
    found = []
    lacking = [*lacking_in(record), *([] if isinstance(values.get("--data"), str) else ["data_config.path"])]
    for entry in lacking:
        key = names_in(entry)[-1]
        if key in _HARMLESS or key == DIGEST or (key.startswith("loss_config.") and "loss" in typed):
            continue
        option = _OPTIONS.get(key, f"another --loss (it has {entry})")
        name = _NAMES.get(option, "")
        given = typed.get("loss_weights", {}) if name.endswith("_weight") else typed
        early = name in ("early_stop_patience", "early_stop") and {"early_stop", "early_stop_patience"} & set(typed)
        if name not in given and not early:
            found.append(option)
    return found


def _limit(record: Record) -> int | None:
    """`--max-samples` as it was asked for; None if the data set was used whole, or nothing is known of that."""
    requested, used, available = (
        number(at(record.metadata, ("data_config", f"num_samples{which}")))
        for which in ("_requested", "", "_available")
    )
    if requested is not None:
        return int(requested)
    return int(used) if used is not None and available is not None and used < available else None
