"""Runs as CSV, JSON and Markdown: FIELD names, full precision, nothing that a program obeys."""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from decaylab.catalogue.fields import FIELDS
from decaylab.errors import InputError, RunLogError
from decaylab.runlog.files import remove_if_there, replace_file, write_all
from decaylab.runlog.naming import suffixes
from decaylab.runlog.record import Record
from decaylab.runlog.schema import TIMESTAMP_FORMAT
from decaylab.runlog.tables.cells import plain_text
from decaylab.runlog.text import csv_cell, markdown_cell

#: Format -> suffix of the file it is written to.
FORMATS = {"csv": "csv", "json": "json", "markdown": "md"}
#: Characters that JSON may hold raw and a terminal may obey; and surrogates, which UTF-8 cannot hold.
_UNSAFE_IN_JSON = re.compile("[\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")


def rows_of(records: Sequence[Record], fields: Sequence[str] = ()) -> tuple[list[str], list[list[Any]]]:
    """Names and rows of an export: `run_id` first, then `fields`, or every short field."""
    names = list(dict.fromkeys(["run_id", *(fields or FIELDS)]))
    return names, [[flat(record.get(name)) for name in names] for record in records]


def flat(value: Any) -> Any:
    """A value that fits one cell: lists of words as text, nested values as JSON, non-finite numbers by name."""
    if isinstance(value, float) and value - value != 0:
        return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ("; " if any(" " in item for item in value) else " ").join(value)
    return plain_text(value) if isinstance(value, (dict, list)) else value


def encode(names: Sequence[str], rows: Sequence[Sequence[Any]], form: str) -> bytes:
    """The bytes of an export, UTF-8.

    Args:
        names: of the columns.
        rows: one value a column.
        form: one of FORMATS.
    """
    return {"json": _json, "csv": _csv, "markdown": _markdown}[form](names, rows).encode("utf-8")


def format_for(path: str, asked: str | None) -> str:
    """The format asked for, or else the one that the file's name tells.

    Raises:
        InputError: neither tells.
    """
    if asked is not None:
        return asked
    suffix = os.path.splitext(path)[1].removeprefix(".").lower()
    for form, known in FORMATS.items():
        if suffix in (known, form):
            return form
    raise InputError(f"--output {path} does not tell the format: add --export csv, json or markdown")


def write_beside_runs(experiments: str, data: bytes, form: str) -> str:
    """Write `EXPERIMENTS/runs_comparison_<timestamp>.<suffix>`, whole or not at all, and return its path.

    An export of the same second gets `_2`; nothing is overwritten.

    Args:
        experiments: the folder of the runs.
        data: the content, as `encode` gives it.
        form: one of FORMATS, which decides the suffix.

    Raises:
        RunLogError: the folder cannot be written to.
    """
    base = os.path.join(experiments, f"runs_comparison_{time.strftime(TIMESTAMP_FORMAT)}")
    temporary = os.path.join(experiments, f".runs_comparison.{os.getpid()}.tmp")
    try:
        replace_file(temporary, data)
        suffix = suffixes()
        while True:
            path = f"{base}{next(suffix)}.{FORMATS[form]}"
            with suppress(FileExistsError):
                os.link(temporary, path)  # unlike a rename, a link refuses to replace what is there
                return path
    except OSError as error:
        raise RunLogError(
            f"the export cannot be written to '{experiments}': {error.strerror}; name a file with --output"
        ) from error
    finally:
        remove_if_there(temporary)


def write_to(path: str, data: bytes) -> None:
    """Write an export to the file that the user named; an existing one is replaced as a whole.

    Raises:
        RunLogError: it cannot be written.
    """
    try:
        if os.path.exists(path) and not stat.S_ISREG(os.stat(path).st_mode):
            with open(path, "wb", buffering=0) as file:  # a pipe or a device, such as /dev/null: not replaced
                write_all(file.fileno(), data)
        else:
            replace_file(os.path.realpath(path), data)
    except OSError as error:
        raise RunLogError(f"'{path}' cannot be written: {error.strerror}") from error


def _json(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    import json

    objects = [dict(zip(names, row, strict=True)) for row in rows]
    text = json.dumps(objects, indent=2, ensure_ascii=False, allow_nan=False)
    return _UNSAFE_IN_JSON.sub(lambda match: f"\\u{ord(match[0]):04x}", text) + "\n"


def _csv(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    import csv
    import io

    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(csv_cell(name) for name in names)
    for row in rows:
        writer.writerow("" if v is None else csv_cell(v) if isinstance(v, str) else plain_text(v) for v in row)
    return out.getvalue()


def _markdown(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    lines = [[markdown_cell(name) for name in names], ["---"] * len(names)]
    lines += [["null" if v is None else markdown_cell(plain_text(v)) for v in row] for row in rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
