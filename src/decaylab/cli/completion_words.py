"""What can be completed, taken from the parsers of the commands themselves, whatever the shell.

Each value is of a kind: `run`, `field`, `fields` (A,B), `where` (FIELD OP VALUE), `file`, `words` (a choice), `text`;
an option without a value is a `flag`.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NamedTuple

from decaylab.catalogue.fields import FIELDS
from decaylab.cli.main import COMMANDS, command

FIELD_NAMES = tuple(FIELDS)
#: What `best:` takes.
JUDGED = tuple(name for name, field in FIELDS.items() if field.better is not None)
_KINDS = {"FIELD": "field", "A,B": "fields", "EXPR": "where"}
_PATHS = ("FILE", "DIR", "EXPERIMENTS")


class Value(NamedTuple):
    """What is typed after an option, or at a position; `repeated`: at every position from here on."""

    kind: str
    words: tuple[str, ...] = ()
    repeated: bool = False


class Option(NamedTuple):
    """One spelling of an option."""

    name: str
    help: str
    value: Value


class Words(NamedTuple):
    """What can be typed after a command."""

    name: str
    help: str
    options: list[Option]
    positions: list[Value]


def commands() -> list[Words]:
    """Every command of the program, in its order."""
    return [Words(name, help_line, *_of_parser(command(name)[1])) for name, help_line in COMMANDS.items()]


def _of_parser(parser: argparse.ArgumentParser) -> tuple[list[Option], list[Value]]:
    """Options and positions; those of commands below a command (`data check`) are offered together."""
    formatter = parser._get_formatter()
    options: dict[str, Option] = {}
    positions: list[Value] = []
    for action in parser._actions:
        if action.help == argparse.SUPPRESS:
            continue
        value = _value(action)
        for name in action.option_strings:
            options.setdefault(name, Option(name, " ".join(formatter._expand_help(action).split()), value))
        if action.option_strings:
            continue
        positions.append(value)
        if isinstance(action, argparse._SubParsersAction):
            below = [_of_parser(choice) for choice in action.choices.values()]
            options |= {option.name: option for own, _ in below for option in own if option.name not in options}
            longest: list[Value] = max([own for _, own in below], key=len, default=[])
            positions += longest
    return list(options.values()), positions


def _value(action: argparse.Action) -> Value:
    repeated = action.nargs in ("+", "*", argparse.REMAINDER)
    if action.nargs == 0:
        return Value("flag")
    if action.choices is not None:
        return Value("words", tuple(map(str, action.choices)), repeated)
    if offered := getattr(action, "completions", ()):  # of `cli.settings`: other values are answered by the command
        return Value("words", offered, repeated)
    shown = str(action.metavar or action.dest)
    if "RUN" in shown:
        return Value("run", (), repeated)
    if shown in _KINDS:
        return Value(_KINDS[shown], (), repeated)
    return Value("file" if any(part in shown for part in _PATHS) else "text", (), repeated)


def part(name: str) -> str:
    """A file of the folder `shells`: the part of a script that is the same whatever the commands are."""
    return Path(__file__).with_name("shells").joinpath(name).read_text(encoding="utf-8")
