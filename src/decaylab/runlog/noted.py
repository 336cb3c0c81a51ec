"""What people said of one run, as it is kept in an archive, put back by `restore`, and spared by `prune`."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence

from decaylab.errors import RunLogError
from decaylab.runlog.files import read_regular
from decaylab.runlog.legacy import name_parts
from decaylab.runlog.notes import append_note, parse_notes
from decaylab.runlog.record import Record
from decaylab.runlog.schema import NOTES, TAGS
from decaylab.runlog.text import printable

_NOTES_LIMIT = 16 * 1024 * 1024


def notes_on(experiments: str, run_id: str, timestamp: str | None) -> list[str]:
    """The notes in EXPERIMENTS/NOTES.md on a run, by its id or its timestamp, in the file's order.

    Args:
        experiments: the folder of the runs; one without NOTES.md has no notes.
        run_id: the run directory's name.
        timestamp: of the run; None: notes by its id alone.

    Raises:
        RunLogError: there is a NOTES.md that cannot be read.
    """
    try:
        data = read_regular(os.path.join(experiments, NOTES), _NOTES_LIMIT)
    except FileNotFoundError:
        return []
    return [text for name, text in parse_notes(data) if name in (run_id, timestamp)]


def put_back(experiments: str, run_id: str, notes: Sequence[str]) -> int:
    """Append those notes on a run that NOTES.md does not have; how many that were.

    Args:
        experiments: the folder of the runs.
        run_id: the run directory's name.
        notes: the texts, without the name of the run; empty ones and doubles are passed over.

    Raises:
        RunLogError: NOTES.md cannot be read or written.
    """
    known = {_plain(text) for text in notes_on(experiments, run_id, name_parts(run_id)[1])}
    absent = [text for text in dict.fromkeys(map(_plain, notes)) if text and text not in known]
    for text in absent:
        append_note(experiments, run_id, text)
    return len(absent)


def what_is_noted(record: Record) -> str | None:
    """The run's note and tags in one line; None if it has neither. What cannot be read counts as said.

    Raises:
        RunLogError: NOTES.md cannot be read, so nobody knows.
    """
    notes = notes_on(record.folder.path, record.run_id, record.stamp)
    tags = record.get("tags") or []
    said = [*notes, *([f"tags {' '.join(tags)}"] if tags else [])]
    if not tags and _has_odd_tags(record.path):
        said.append(f"{TAGS} that cannot be read")
    return printable("; ".join(said)) or None


def _plain(text: str) -> str:
    """A note as `append_note` writes it."""
    return printable(" ".join(text.split()))


def _has_odd_tags(directory: str) -> bool:
    try:
        found = os.stat(os.path.join(directory, TAGS), follow_symlinks=False)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise RunLogError(f"'{directory}' cannot be read: {error.strerror}") from error
    return not stat.S_ISREG(found.st_mode) or found.st_size > 0
