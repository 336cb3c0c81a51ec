"""Names of runs: what a model may be called, and a directory of its own for every run."""

from __future__ import annotations

import itertools
import os
import re
import time
from collections.abc import Iterator

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


def timestamp_of(run_id: str, model_name: str) -> str:
    """The timestamp in an id that was chosen for a run.

    Raises:
        RunLogError: the id is not of the form `{model_name}_{timestamp}`.
    """
    name, _, rest = run_id.partition(f"{model_name}_")
    try:
        time.strptime(rest, TIMESTAMP_FORMAT)
        is_whole = len(rest) == len(time.strftime(TIMESTAMP_FORMAT))  # strptime also takes months of one digit
    except ValueError:
        is_whole = False
    if name or not is_whole or not rest.isascii():
        raise RunLogError(
            f"run id {run_id!r} cannot be used: give {model_name}_ and a time like {time.strftime(TIMESTAMP_FORMAT)}"
        )
    return rest


def suffixes() -> Iterator[str]:
    """What tells names of the same second apart: nothing, then `_2`, `_3`, ..."""
    return itertools.chain([""], map("_{}".format, itertools.count(2)))


def make_run_directory(experiments: str, model_name: str, run_id: str | None = None) -> tuple[str, str]:
    """Make `{experiments}/{model_name}_{timestamp}` and return it with its timestamp (local time).

    The directory is made exclusively: a second run of the same second gets `_2`, then `_3`. `archive/` is made
    beside the experiments folder, for the document's own `tar` line.

    Args:
        experiments: the folder of runs; made if need be.
        model_name: checked already (`check_model_name`).
        run_id: the directory's name, if it is not to be made from the clock.

    Raises:
        RunLogError: the folder cannot be made or written to, or the id cannot be used or exists.
    """
    timestamp = time.strftime(TIMESTAMP_FORMAT) if run_id is None else timestamp_of(run_id, model_name)
    try:
        os.makedirs(experiments, exist_ok=True)
        os.makedirs(os.path.join(os.path.dirname(os.path.abspath(experiments)), "archive"), exist_ok=True)
        for suffix in suffixes():
            directory = os.path.join(experiments, f"{model_name}_{timestamp}{suffix}")
            try:
                os.mkdir(directory)
                break
            except FileExistsError:
                if run_id is not None:
                    raise RunLogError(f"run {run_id} exists already in {experiments!r}: choose another id") from None
        return directory, timestamp
    except OSError as error:
        raise RunLogError(
            f"a run cannot be recorded in {experiments!r}: {error.strerror} ({error.filename}); "
            "choose another folder with --experiments"
        ) from error
