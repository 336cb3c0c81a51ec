"""Going on with a run that ended before its time, in its own directory.

Only a run whose process is known to be gone is taken over, and only by one process: the first writes itself into the
record while it holds a lock that the second is refused.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from decaylab.errors import RunLogError
from decaylab.runlog import surroundings
from decaylab.runlog.document import Document
from decaylab.runlog.files import remove_if_there, replace_file
from decaylab.runlog.history import read_history
from decaylab.runlog.process import STALE_SECONDS, can_be_looked_for, heartbeat_age, identity, is_alive
from decaylab.runlog.reading import at, seconds
from decaylab.runlog.record import Record
from decaylab.runlog.recorder import Run
from decaylab.runlog.schema import CHECKPOINTS, HISTORY, METADATA
from decaylab.runlog.store import read_run
from decaylab.runlog.text import minutes_ago

_CLAIM = ".resume"
_ENDED = ("completed", "diverged")


def why_not(record: Record, gone: bool = False) -> str | None:
    """Why nobody may go on with this run; None if it may be taken over.

    Args:
        gone: a person says that the process of the run is gone. Believed where it cannot be looked for from here and
            its heartbeat stopped.
    """
    if record.linked is not None:
        return "it is linked, and nothing is written through a link: name the directory that it is linked to"
    if record.raw == "broken":
        return f"its record cannot be read: {'; '.join(record.problems)}"
    stored = record.document.get("status")
    if record.raw in ("empty", "no metadata"):
        return "it was killed before its settings were on record: there is nothing to go on with; train it anew"
    if "schema_version" not in record.document:
        return "its record is not of decaylab, and is never rewritten; `decaylab reproduce` trains it again beside it"
    if stored in _ENDED:
        return f"it is {stored}: there is nothing to go on with; `decaylab train --from` makes a new run of it"
    return _why_running(record, gone) if stored == "running" else None


def _why_running(record: Record, gone: bool) -> str | None:
    process = record.document.get("process")
    if is_alive(process, record.path):
        return "it is running"
    if can_be_looked_for(process) or gone:
        return None
    host = at(record.document, "process.host") or "an unknown host"
    age = heartbeat_age(record.path)
    beat = "it has no heartbeat" if age == float("inf") else f"its heartbeat stopped {minutes_ago(age)}"
    return (
        f"its process cannot be looked for from here ({host}, another boot or container), and {beat}, which alone "
        f"proves nothing: if you know that the process is gone, add --gone (a heartbeat of less than "
        f"{STALE_SECONDS} s ago is believed more)"
    )


def take_over(record: Record, resume: dict[str, Any], gone: bool = False) -> Run:
    """Write this process into the record of a run that ended before its time, and return its recorder.

    Args:
        resume: what is to be said of it, added to `resumes` of the record.
        gone: as in `why_not`.

    Raises:
        RunLogError: another process has it (see `why_not`), takes it over at this moment, or has changed it since
            `record` was read.
        OSError: the record cannot be written; it is left as it was.
    """
    with _claim(record):
        now = read_run(record.path)
        if reason := why_not(now, gone):
            raise RunLogError(f"run {record.run_id} is not resumed: {reason}")
        if now.document != record.document:
            raise RunLogError(f"run {record.run_id} is not resumed: its record has changed meanwhile; call it again")
        document = Document.of(now.document)
        before = seconds_so_far(now)
        said = {
            "utc": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "status_before": now.status,
            "error_before": at(now.document, "error.message"),
            "seconds_before": before["total"],
            "command": surroundings.command_line(),
            "process": identity(),
            **resume,
        }
        document.begin_again(said, identity(), before["fit"])
        # Before anything else: whoever reads the record from here on sees a living process.
        replace_file(os.path.join(record.path, METADATA), document.encode())
        _sweep(record.path)
        return Run(record.path, record.folder.path, document, seconds_before=before["total"])


def seconds_so_far(record: Record) -> dict[str, float]:
    """Seconds that a run has taken: `fit`, and `total` with all else. Of a part that was killed, up to its last line.

    The lines of its history hold the seconds of the fit, summed over resumes.
    """
    lines = read_history(os.path.join(record.path, HISTORY)).lines
    reached = [value for line in lines if (value := seconds(line.get("seconds"))) is not None]
    stored = seconds(record.get("training_config.training_duration_seconds"))
    fit = max([*reached, stored or 0.0])
    resumes = record.document.get("resumes")
    before = resumes[-1] if isinstance(resumes, list) and resumes else None
    totals = (
        seconds(record.get("total_duration_seconds")) or 0.0,
        seconds(at(before, "seconds_before")) or 0.0,
        fit + (seconds(record.get("data_preparation_seconds")) or 0.0),
    )
    return {"fit": round(fit, 3), "total": round(max(totals), 3)}


@contextlib.contextmanager
def _claim(record: Record) -> Iterator[None]:
    """Hold the run's lock. It ends with its process, whatever ends that; RunLogError if another one holds it."""
    try:
        import fcntl
    except ImportError:  # Windows has no such lock: there the record alone tells
        yield
        return
    path = os.path.join(record.path, _CLAIM)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
    try:
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            raise _taken(record) from None
        # The one who held it before may have removed the file that was opened here: then this lock excludes nobody.
        if not _is_same(path, descriptor):
            raise _taken(record)
        try:
            yield
        finally:
            remove_if_there(path)
    finally:
        os.close(descriptor)


def _taken(record: Record) -> RunLogError:
    return RunLogError(f"run {record.run_id} is not resumed: another process resumes it at this moment")


def _is_same(path: str, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.stat(path, follow_symlinks=False), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _sweep(directory: str) -> None:
    """Remove checkpoints that were half-written when the run was killed; nobody writes in it any more."""
    folder = os.path.join(directory, CHECKPOINTS)
    names = os.listdir(folder) if os.path.isdir(folder) else []
    for name in names:
        if name.startswith(".") and name.endswith(".tmp"):
            remove_if_there(os.path.join(folder, name))
