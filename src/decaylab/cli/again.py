"""What `resume` and `reproduce` share: `--data`, `--model`, `--assume`, and the end of a training."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

from decaylab.errors import InputError

if TYPE_CHECKING:
    from decaylab.training.outcome import Outcome


def add_again(parser: argparse.ArgumentParser) -> None:
    """The options of a training that is made from a record."""
    parser.add_argument("--data", metavar="DIR", help="where the data set lies now; it is checked by its digest")
    own = "package.module:Class or path/to/file.py:Class again, for a run with a model of your own"
    parser.add_argument("--model", metavar="NAME", help=own)
    parser.add_argument(
        "--assume",
        metavar="KEY=VALUE",
        type=_assumption,
        action="append",
        default=[],
        help="a setting that the record lacks, such as seed=0; recorded as assumed; may be repeated",
    )


def _assumption(text: str) -> tuple[str, Any]:
    """`KEY=VALUE` as a pair; a value that is JSON (a number, true, null) is taken as such."""
    key, separator, value = text.partition("=")
    if not separator or not key:
        raise InputError(f"--assume {text!r} is not of the form KEY=VALUE, for example seed=0")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value


def report(outcome: Outcome) -> None:
    """What a training ended with: the metrics on stderr, its directory on stdout."""
    from decaylab.cli.train import verdict

    print(verdict(outcome.metrics), file=sys.stderr)
    print(outcome.directory)
