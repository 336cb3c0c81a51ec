"""A training's settings out of a run's record: every one stated there or by a person, none from today's defaults."""

from __future__ import annotations

import copy
import os
from typing import Any

from decaylab.catalogue.fields import ALIASES, FIELDS
from decaylab.catalogue.losses import LOSSES
from decaylab.catalogue.models import MODELS
from decaylab.catalogue.settings import SETTINGS, TrainConfig
from decaylab.diagnosis.command import is_path, led_back, stated
from decaylab.errors import DataError, InputError, RunLogError
from decaylab.rooms.store import open_data
from decaylab.runlog.reading import at, number, put
from decaylab.runlog.record import Record

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


DIGEST = "data_config.digest"
_PATH = "data_config.path"
_MODEL = "model_name"
_WEIGHT = "_weight"


def complete(
    record: Record, assumed: dict[str, Any], model: str | None = None, data: str | None = None
) -> dict[str, Any]:
    """The record's metadata with what it lacks filled in from `assumed`: a key, or the short name of one, to a value.

    Args:
        record: of the run.
        assumed: what a person states.
        model: the path of a user's own class; it names the model where the record does not.
        data: where the data set lies now, for the message alone.

    Raises:
        InputError: an assumption about what the record holds, or about what is no setting.
        RunLogError: something is lacking still; the message lists it.
    """
    metadata = copy.deepcopy(record.metadata)
    places = {_place(name): value for name, value in assumed.items()}
    if _PATH in places:
        raise InputError(f"--assume {_PATH}: say where the data set is with --data DIR")
    may_be_assumed = {name for entry in _lacking(metadata) for name in names_in(entry)}
    for key, value in places.items():
        if key not in may_be_assumed:
            held = at(metadata, key)
            raise InputError(
                f"--assume {key}: the record of {record.run_id} holds {held!r}, which stays; "
                "only what it lacks can be assumed"
            )
        put(metadata, key, value)
    if model is not None and _MODEL in may_be_assumed and _MODEL not in places:
        metadata[_MODEL] = model.rpartition(":")[2]
    if lacking := _lacking(metadata):
        raise RunLogError(lacks(record, lacking, data))
    return metadata


def lacks(record: Record, lacking: list[str], data: str | None = None) -> str:
    """The line that lists what a record lacks.

    Args:
        record: of the run.
        lacking: keys, of `lacking_in`.
        data: where the data set lies now; the line gives its digest, which a person can hardly know.
    """
    digest = f" ({DIGEST} of {data} is {open_data(data).digest})" if data and DIGEST in lacking else ""
    return (
        f"{record.run_id}: the record lacks what decides the training: {', '.join(lacking)}; "
        f"state each with --assume KEY=VALUE{digest}"
    )


def lacking_in(record: Record) -> list[str]:
    """Keys that a training from this record needs and that it does not hold."""
    return _lacking(record.metadata)


def keys_assumed(assumed: dict[str, Any]) -> dict[str, Any]:
    """The assumptions under their whole keys, for the record."""
    return {_place(name): value for name, value in assumed.items()}


def _data_path(record: Record, fields: dict[str, Any], given: str | None) -> str:
    """Where the data set lies: as given, or where it was, seen from here. DataError if it is not there."""
    if given is not None:
        return given
    path: str | None = fields.get("data")
    if path is None:
        raise DataError(f"{record.run_id}: the record does not say where its data set is: say it with --data DIR")
    if not os.path.exists(path):
        raise DataError(f"{record.run_id}: its data set is no longer at {path}: say where it is with --data DIR")
    return path


def settings_from(record: Record, values: dict[str, Any]) -> dict[str, Any]:
    """Fields of `TrainConfig` from what `command.stated` found; what it did not find is left out, or off.

    Paths are led back to where they were meant: they are relative to the directory that the run was called in.
    """
    fields: dict[str, Any] = {"loss_weights": {}}
    directory = record.document.get("working_directory")
    for setting in SETTINGS:
        if setting.option not in values:
            continue
        value = values[setting.option]
        if setting.kind == "weight":
            if value is not None:
                fields["loss_weights"][setting.name] = float(value)
            continue
        if value is not None and is_path(setting, value):
            value = led_back(os.getcwd(), directory, value)
        elif setting.kind in ("off", "guard"):
            value = not value
        elif setting.kind == "fold" and value is not None:
            value = _fold(value)
        fields[setting.name] = value
    return fields


def recorded_config(
    record: Record, metadata: dict[str, Any], data: str | None, experiments: str, model: str | None = None
) -> TrainConfig:
    """The settings of a run as it was trained.

    Args:
        record: of the run.
        metadata: the same, completed (see `complete`).
        data: where the data set lies now; None: where it was.
        experiments: the folder for the new run.
        model: a class of the user's own, named again (see `named_again`).

    Raises:
        DataError: the data set is not where it was. InputError: see `named_again`.
    """
    fields = settings_from(record, stated(metadata).values)
    fields["model"] = named_again(record, fields["model"], model)
    fields |= {"data": _data_path(record, fields, data), "experiments": experiments}
    return TrainConfig(**fields)


def named_again(record: Record, stored: str, typed: str | None) -> str:
    """The model that is trained: the recorded one, or a class of the user's own that a person has named again.

    A class is a program, and a record may come from anybody: what it names is never imported for that alone.

    Args:
        record: of the run.
        stored: as in the record: one of ours, a path, or a name that means nothing to us.
        typed: `package.module:Class` or `path/to/file.py:Class`, as it was given now.

    Raises:
        InputError: a class is named, but the record is of another model; or it is of one that nobody has named.
    """
    name = stored.rpartition(":")[2]
    if typed is None:
        if name != stored or name not in MODELS:
            again = stored if name != stored else "package.module:Class or path/to/file.py:Class"
            raise InputError(
                f"{record.run_id} was trained with {name}, a model that is no part of decaylab, and no class is "
                f"imported because a record names it: give it again with --model {again}"
            )
        return stored
    if ":" not in typed or name in MODELS or typed.rpartition(":")[2] != name:
        raise InputError(
            f"--model {typed}: {record.run_id} was trained with {name}; --model is for giving a class of your own again"
        )
    return typed


def _lacking(metadata: dict[str, Any]) -> list[str]:
    values, lacking = stated(metadata)
    losses = metadata.get("loss_config")
    known = LOSSES.get(str(values.get("--loss")))
    weights = known.weights if known is not None else {}
    lacking += [f"loss_config.{name}" for name in weights if not isinstance(losses, dict) or losses.get(name) is None]
    if not isinstance(at(metadata, DIGEST), str):
        lacking.append(DIGEST)
    # `--data` says where the data set is, whatever the record says; its digest says whether it is the same.
    return [key for key in lacking if key != _PATH]


def names_in(entry: str) -> list[str]:
    """The keys that an entry of the list of what is lacking means: `A or B`, `A (cannot be used)`."""
    return entry.removesuffix(" (cannot be used)").split(" or ")


def _place(name: str) -> str:
    """The key that a short name, an option's name or a part of a key means."""
    keys: dict[str, str] = {}
    for setting in SETTINGS:
        key = setting.key.split(" or ")[-1]
        for known in (key, key.rpartition(".")[2], setting.option[2:].replace("-", "_")):
            keys[known] = key
    keys |= {DIGEST: DIGEST, "digest": DIGEST}
    field = FIELDS.get(ALIASES.get(name, name))
    if field is not None and field.path in keys.values():
        return field.path
    if name not in keys:
        raise InputError(
            f"--assume {name}: there is no such setting; give one of {', '.join(sorted(set(keys.values())))}"
        )
    return keys[name]


def _fold(text: str) -> tuple[int, int]:
    number, _, folds = text.partition("/")
    if not (number.isdigit() and folds.isdigit()):
        raise RunLogError(f"data_config.fold is {text!r}, not of the form K/N")
    return int(number), int(folds)
