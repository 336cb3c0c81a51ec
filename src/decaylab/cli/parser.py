"""The command line's parser: argparse, with errors in one line and an example in every help."""

from __future__ import annotations

import argparse
import os
from typing import Any, NoReturn

from decaylab.errors import InputError


class CommandParser(argparse.ArgumentParser):
    """The parser of one command. A mistake raises InputError: what was found, and where the options are listed.

    Args:
        name: of the command, and of the command below it if it has any.
        help_line: what it does.
        example: command lines, one a line.
    """

    def __init__(self, name: str, help_line: str, example: str) -> None:
        super().__init__(
            prog=f"decaylab {name}",
            description=help_line,
            epilog="example:\n" + "\n".join(f"  {line}" for line in example.strip().splitlines()),
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,  # scripts that abbreviate would break whenever an option is added
        )

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message}{self._near_misses(message)} (`{self.prog} --help` shows the options)")

    def _near_misses(self, message: str) -> str:
        """For an unknown option, the options that are spelled alike."""
        lead = "unrecognized arguments: "
        if not message.startswith(lead):
            return ""
        from difflib import get_close_matches

        typed = message.removeprefix(lead).split(maxsplit=1)[0].split("=", 1)[0]
        close = get_close_matches(typed, self._option_string_actions, n=2) if typed.startswith("-") else []
        return f"; did you mean {' or '.join(close)}?" if close else ""


class _Subcommand(CommandParser):
    """The parser of `decaylab COMMAND SUBCOMMAND`, in the form that argparse makes them."""

    def __init__(self, *, prog: str, description: str, epilog: str) -> None:
        super().__init__(prog.removeprefix("decaylab "), description, epilog)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse's, but options that are unknown here are an error here, where the known ones are listed."""
        known, rest = super().parse_known_args(args, namespace)
        if rest:
            self.error(f"unrecognized arguments: {' '.join(rest)}")
        return known, rest


def add_subcommands(
    parser: argparse.ArgumentParser, texts: dict[str, tuple[str, str]]
) -> dict[str, argparse.ArgumentParser]:
    """Subcommands by name with their help line and example; the one that is called is `args.subcommand`."""
    made = parser.add_subparsers(
        dest="subcommand", required=True, metavar="SUBCOMMAND", title="subcommands", parser_class=_Subcommand
    )
    return {
        name: made.add_parser(name, help=help_line, description=help_line, epilog=example)
        for name, (help_line, example) in texts.items()
    }


def subcommands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The subcommands that a command has, by name; empty for most."""
    choices: dict[str, argparse.ArgumentParser] = {}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            choices |= action.choices
    return choices


def add_experiments(parser: argparse.ArgumentParser) -> None:
    """`--experiments DIR`, which every command that takes runs has."""
    parser.add_argument(
        "--experiments", metavar="DIR", default="experiments", help="folder of the runs (default: ./experiments)"
    )


def add_jobs(parser: argparse.ArgumentParser) -> None:
    """`--jobs J`, the number of worker processes."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    said = "worker processes (default: the number of cores)"
    parser.add_argument("--jobs", type=positive_int, metavar="J", default=cores, help=said)


def positive_int(text: str) -> int:
    """An argument that counts something: 1, 2, 3, ...

    Raises:
        argparse.ArgumentTypeError: anything else, which becomes the one-line error.
    """
    return _whole(text, 1)


def from_0(text: str) -> int:
    """An argument such as a seed or a sample's number: 0, 1, 2, ... Errors as of `positive_int`."""
    return _whole(text, 0)


def _whole(text: str, least: int) -> int:
    try:
        value = int(text)
    except ValueError:
        value = least - 1
    if value < least:
        raise argparse.ArgumentTypeError(f"expected a whole number from {least}, got '{text}'")
    return value
