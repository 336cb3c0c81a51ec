"""Names of runs: what a model may be called, and a directory of its own for every run."""

from __future__ import annotations

import itertools
import os
import re
import time
from collections.abc import Iterator
from contextlib import suppress

from decaylab.errors import RunLogError
from decaylab.runlog.schema import TIMESTAMP_FORMAT

_MODEL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,119}\Z")


def check_model_name(name: str) -> None:
    """Refuse a name that cannot be a directory's name everywhere.

    Raises:
        RunLogError: it holds anything but letters, digits, `.`, `-`, `_`, starts with none of the first two, or is
            longer than 120 characters.
    """
    if not isinstance(name, str) or not _MODEL_NAME.match(name):
        raise RunLogError(
            f"model name {name!r} cannot be used: take letters, digits, '.', '-' and '_', "
            "starting with a letter or digit, at most 120"
        )


def suffixes() -> Iterator[str]:
    """What tells names of the same second apart: nothing, then `_2`, `_3`, ..."""
    return itertools.chain([""], map("_{}".format, itertools.count(2)))


def make_run_directory(experiments: str, model_name: str) -> tuple[str, str]:
    """Make `{experiments}/{model_name}_{timestamp}` and return it with its timestamp (local time).

    The directory is made exclusively: a second run of the same second gets `_2`, then `_3`. `archive/` is made
    beside the experiments folder, for the document's own `tar` line.

    Raises:
        RunLogError: the folder cannot be made or written to.
    """
    try:
        os.makedirs(experiments, exist_ok=True)
        os.makedirs(os.path.join(os.path.dirname(os.path.abspath(experiments)), "archive"), exist_ok=True)
        timestamp = time.strftime(TIMESTAMP_FORMAT)
        suffix = suffixes()
        while True:
            directory = os.path.join(experiments, f"{model_name}_{timestamp}{next(suffix)}")
            with suppress(FileExistsError):
                os.mkdir(directory)
                return directory, timestamp
    except OSError as error:
        raise RunLogError(
            f"a run cannot be recorded in {experiments!r}: {error.strerror} ({error.filename}); "
            "choose another folder with --experiments"
        ) from error
