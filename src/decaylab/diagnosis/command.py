"""The command that makes a run again, out of its record alone: one line, `--option value`, quoted for a shell.

Every setting is stated, also where it is a default today: a default may be another one tomorrow. What the record does
not hold is never filled in. A run of another program is answered with the command line that started it.
"""

from __future__ import annotations

import os
import re
import shlex
import unicodedata
from collections.abc import Sequence
from typing import Any, NamedTuple

from decaylab.catalogue.rows import Setting
from decaylab.catalogue.settings import SETTINGS
from decaylab.errors import RunLogError
from decaylab.runlog.reading import at
from decaylab.runlog.record import Record
from decaylab.runlog.surroundings import BLANKED


class Command(NamedTuple):
    """The line, and what there is to say of it."""

    line: str
    remarks: tuple[str, ...] = ()


class Stated(NamedTuple):
    """`values`: option -> what the record says, None for one that was not given; `lacking`: keys that are not there,
    or cannot be used."""

    values: dict[str, Any]
    lacking: list[str]


_ABSENT = object()
#: What argparse takes for a value although it begins with a dash.
_NEGATIVE = re.compile(r"-\d+|-\d*\.\d+")
_NO_COMMAND = ("", "-", "-c", "-m")
_NOTEBOOKS = ("ipykernel_launcher.py", "colab_kernel_launcher.py")


def command_of(record: Record, here: str) -> Command:
    """The command that makes a run again when it is typed in the directory `here` (absolute).

    Raises:
        RunLogError: the record lacks what the command needs (listed by key), and holds no command line that could be
            used instead; or a value holds control characters.
    """
    words, lacking = _train_words(record, here)
    if not lacking:
        return Command(_line(["decaylab", "train", *words]), _own_model(record, here))
    argv = record.document.get("command")
    if not isinstance(argv, list) or not argv or not all(isinstance(word, str) for word in argv):
        raise RunLogError(f"{record.run_id}: the record lacks what the command needs: {', '.join(lacking)}")
    if _is_train(argv):  # typed with options left out, which were another version's defaults
        raise RunLogError(f"{record.run_id}: the record of this training lacks what decides it: {', '.join(lacking)}")
    return _as_started(record, argv, lacking)


def stated(metadata: dict[str, Any]) -> Stated:
    """What a record (in documented form) says of every setting of `decaylab train`."""
    found = Stated({}, [])
    for setting in SETTINGS:
        value = _at(metadata, setting.key)
        if _is_not_given(setting, value, metadata):
            found.values[setting.option] = None
            continue
        text = _READ[setting.kind](value)
        if text is None:
            lacks = value is _ABSENT or value is None
            found.lacking.append(setting.key if lacks else f"{setting.key} (cannot be used)")
        elif setting.kind in ("flag", "off", "guard"):
            found.values[setting.option] = bool(text)
        else:
            found.values[setting.option] = text if setting.kind == "device" else value
    found.lacking.extend(_other_weights(metadata))
    return found


def is_path(setting: Setting, value: Any) -> bool:
    """Whether a setting's value is a path, which means something only from the run's working directory."""
    return setting.kind == "path" or (setting.kind == "model" and ".py:" in str(value))


def led_back(here: str, directory: Any, path: str) -> str:
    """A path that was relative to the run's working directory, for somebody who stands in `here`.

    Args:
        here: the directory that the path is used from (absolute).
        directory: the working directory as recorded; where it is no absolute path, `path` comes back unchanged.
        path: relative to `directory`, or absolute; an absolute one comes back unchanged.
    """
    is_elsewhere = isinstance(directory, str) and os.path.isabs(directory) and directory != here
    return os.path.join(directory, path) if is_elsewhere else path


def train_line(record: Record, values: dict[str, Any], here: str) -> str:
    """The command `decaylab train` with these options, on one line quoted for a shell, in the order of `SETTINGS`.

    Args:
        record: the run that the options come from; its experiments folder is named in the line.
        values: option -> value, as `stated` gives them. Options with None or False are left out.
        here: the directory that the command is typed in (absolute); relative paths are made to hold there.

    Raises:
        RunLogError: a value that cannot be one of its option's, or that holds control characters.
    """
    return _line(["decaylab", "train", *_words(record, values, here), *_folder(record)])


def is_train(record: Record) -> bool:
    """Whether the command line on record is one of `decaylab train`."""
    argv = record.document.get("command")
    if not isinstance(argv, list) or not argv or not all(isinstance(word, str) for word in argv):
        return False
    return _is_train(argv)


def _train_words(record: Record, here: str) -> tuple[list[str], list[str]]:
    """The options of `decaylab train` that the record states, and the keys that it lacks or that cannot be used."""
    values, lacking = stated(record.metadata)
    return [*_words(record, values, here), *_folder(record)], lacking


def _words(record: Record, values: dict[str, Any], here: str) -> list[str]:
    words: list[str] = []
    for setting in SETTINGS:
        value = values.get(setting.option)
        if value is None or value is False:
            continue
        if value is True:
            words.append(setting.option)
            continue
        text = _READ[setting.kind](value)
        if text is None:
            raise RunLogError(f"no command is printed: {setting.option} cannot be {value!r}")
        if is_path(setting, text):
            text = led_back(here, record.document.get("working_directory"), text)
        words += _option(setting.option, text, setting.key)
    return words


def _folder(record: Record) -> list[str]:
    return _option("--experiments", record.folder.path, "the experiments folder")


def _own_model(record: Record, here: str) -> tuple[str, ...]:
    """What a model of the user's own needs that no line can hold: the folder that it is imported from."""
    path, directory = record.metadata.get("model_path"), record.document.get("working_directory")
    if not isinstance(path, str) or ".py:" in path or directory == here:
        return ()
    return (f"{record.run_id}: {path} was imported from {directory}: call the command there",)


def _is_not_given(setting: Setting, value: Any, metadata: dict[str, Any]) -> bool:
    """Whether the option was left out, and nothing stands for it: no clipping, no folds, a loss without that term."""
    if setting.kind == "weight":
        return value is None or value is _ABSENT
    if setting.kind == "patience":  # null says nothing of a training that could stop early
        return value is None and _at(metadata, "early_stopping_config.enabled") is False
    return value is None and setting.optional


def _as_started(record: Record, argv: list[str], lacking: list[str]) -> Command:
    """The command line of another program, as it was recorded."""
    program = os.path.basename(argv[0])
    if argv[0] in _NO_COMMAND or program in _NOTEBOOKS:
        where = "in a notebook" if program in _NOTEBOOKS else "by code without a file"
        raise RunLogError(
            f"{record.run_id}: it was started {where}, which no command repeats; "
            f"for `decaylab train` the record lacks {', '.join(lacking)}"
        )
    for number, word in enumerate(argv):
        _refuse_control(word, f"command[{number}]")
    directory = record.document.get("working_directory")
    where = f" in {directory}" if isinstance(directory, str) else ""
    remarks = [f"{record.run_id} is no run of `decaylab train`: this is the command line that started it{where}"]
    if blanked := _blanked(argv):
        remarks.append(f"values that looked secret were not recorded; fill in the *** of {', '.join(blanked)}")
    # A script's argv begins with the script; the interpreter is not in it.
    return Command(_line(["python", *argv] if program.endswith(".py") else argv), tuple(remarks))


def _is_train(argv: Sequence[str]) -> bool:
    """Whether a command line is one of `decaylab train`, by the installed program or `python -m`."""
    is_ours = os.path.basename(argv[0]) == "decaylab" or argv[0].replace("\\", "/").endswith("decaylab/cli/main.py")
    return is_ours and "train" in argv[1:2]


def _blanked(argv: Sequence[str]) -> list[str]:
    """The options whose values were not recorded."""
    found = []
    for number, word in enumerate(argv):
        name, _, value = word.partition("=")
        if value == BLANKED:
            found.append(name)
        elif word == BLANKED:
            found.append(argv[number - 1] if number else "the program")
    return found


def _other_weights(metadata: dict[str, Any]) -> list[str]:
    """Weights of a loss that `decaylab train` has no option for."""
    losses = metadata.get("loss_config")
    known = {setting.key for setting in SETTINGS}
    names = [f"loss_config.{name}" for name in losses if name.endswith("_weight")] if isinstance(losses, dict) else []
    return [f"{name} (train has no such option)" for name in names if name not in known]


def _at(metadata: dict[str, Any], key: str) -> Any:
    """The value under a dotted key, `_ABSENT` if there is none; of `A or B` the first that is not null."""
    first, _, second = key.partition(" or ")
    value = at(metadata, first, _ABSENT)
    return at(metadata, second, _ABSENT) if second and (value is None or value is _ABSENT) else value


def _option(option: str, text: str, key: str) -> list[str]:
    """`--option value`; `--option=value` where the value would be taken for an option."""
    _refuse_control(text, key)
    return [f"{option}={text}"] if text.startswith("-") and not _NEGATIVE.fullmatch(text) else [option, text]


def _refuse_control(text: str, key: str) -> None:
    """Raise RunLogError for a character that a terminal may obey, or that breaks the line; wide spaces are harmless."""
    if not all(char.isprintable() or unicodedata.category(char) == "Zs" for char in text):
        raise RunLogError(f"no command is printed: {key} holds control characters: {text!r}")


def _line(words: Sequence[str]) -> str:
    return " ".join(map(shlex.quote, words))


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _count(value: Any) -> str | None:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def _number(value: Any) -> str | None:
    """A finite number, with every digit that it needs to be read as the same."""
    is_finite = isinstance(value, float) and value - value == 0
    return repr(value) if is_finite else _count(value)


def _precision(value: Any) -> str | None:
    return _count(value) or _text(value)


def _device(value: Any) -> str | None:
    """`cuda (NVIDIA H200)` is what ran; `cuda` is what is asked for."""
    kind = value.partition(" ")[0] if isinstance(value, str) else None
    return kind if kind in ("cpu", "cuda") else None


def _flag(value: Any) -> str | None:
    """A non-empty text if the option is to be given."""
    return None if not isinstance(value, bool) else "given" if value else ""


def _off(value: Any) -> str | None:
    return _flag(not value) if isinstance(value, bool) else None


def _guard(value: Any) -> str | None:
    """As `_off`; before there was a guard, none stopped a run."""
    return "given" if value is _ABSENT else _off(value)


_READ = {
    **dict.fromkeys(("path", "text", "choice", "fold", "model"), _text),
    **dict.fromkeys(("count", "patience"), _count),
    **dict.fromkeys(("number", "weight"), _number),
    **{"precision": _precision, "device": _device, "flag": _flag, "off": _off, "guard": _guard},
}
