"""Options of the commands, made of the rows of the catalogue."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Any

from decaylab.catalogue.rows import Setting
from decaylab.errors import InputError


def add_setting(parser: Any, setting: Setting, text: str | None = None) -> None:
    """Add the option of a setting to a parser or a group of one; `args` gets its value under the setting's name.

    Args:
        parser: an argparse parser, or an argument group of one.
        setting: the row of the catalogue that gives the option its name, type and help.
        text: its help here; None: the row's own.
    """
    words: dict[str, Any] = {"dest": setting.name, "help": text or setting.whole_help}
    if setting.kind in ("flag", "off", "guard"):
        words |= {"action": "store_const", "const": setting.kind == "flag"}
    else:
        own = _number_or_none if setting.optional and setting.kind == "number" else _TYPES.get(setting.kind)
        words |= {"metavar": setting.metavar, "type": own}
    if not setting.key and isinstance(setting.default, str):
        words["default"] = setting.default
    action = parser.add_argument(setting.option, **words)
    action.completions = tuple(map(str, setting.choices or setting.offers))


def typed(args: argparse.Namespace, settings: Sequence[Setting]) -> dict[str, Any]:
    """What was typed, as fields of `TrainConfig`; a setting that was not typed has no attribute in `args`."""
    fields: dict[str, Any] = {}
    for setting in settings:
        if setting.name in args:
            place = fields.setdefault("loss_weights", {}) if setting.kind == "weight" else fields
            place[setting.name] = getattr(args, setting.name)
    return fields


def parsed_fold(text: str | None) -> tuple[int, int] | None:
    """`K/N` as two numbers; None for `none`, and where nothing was given.

    Raises:
        InputError: anything else.
    """
    if text is None or text == "none":
        return None
    number, _, folds = text.partition("/")
    if not (number.isdigit() and folds.isdigit()):
        raise InputError(f"--fold {text!r} is not of the form K/N, for example 1/5")
    return int(number), int(folds)


def _number_or_none(text: str) -> float | None:
    try:
        return None if text == "none" else float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a number or none, got '{text}'") from None


def _precision(text: str) -> int | str:
    return int(text) if text.isdigit() else text


#: Kind of a setting -> what makes a value of the text that was typed; the others are text.
_TYPES: dict[str, Callable[[str], Any]] = {
    "count": int, "patience": int, "number": float, "weight": float, "precision": _precision, "fold": parsed_fold,
}  # fmt: skip
