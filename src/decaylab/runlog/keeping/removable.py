"""May this run be moved or removed? And removing it, so that no half of a run is ever left.

A stored "running" is not believed, and neither is a stale heartbeat alone: only a process that can be looked for
from here (same boot, same pid namespace) and is not there counts as gone.
"""

from __future__ import annotations

import os
import shutil
import time

from decaylab.catalogue.document import STORED_STATUSES
from decaylab.errors import RunLogError
from decaylab.runlog.files import sync_directory
from decaylab.runlog.keeping.tree import sweep, walk
from decaylab.runlog.process import STALE_SECONDS, can_be_looked_for, heartbeat_age, is_alive
from decaylab.runlog.record import Record
from decaylab.runlog.schema import HEARTBEAT
from decaylab.runlog.text import minutes_ago

#: A run without metadata may be one of an older program that is still training: it writes something more often.
_QUIET_SECONDS = 3600
_REMOVED = ".decaylab-removed-"


def why_kept(record: Record, copying: bool = False) -> str | None:
    """Why this run must be left where it is; None if it may be moved or removed. `copying`: why not even copied."""
    if record.linked is not None or _is_behind_link(record):
        return "it is linked, and nothing is moved or removed through a link"
    stored = record.document.get("status")
    if stored == "running":
        if is_alive(record.document.get("process"), record.path):
            return "it is running"
        if not can_be_looked_for(record.document.get("process")):
            return (
                "its process cannot be looked for from here (other host, boot or container), only its heartbeat stopped"
            )
        return None
    if stored in STORED_STATUSES or record.raw == "empty":
        return None
    if heartbeat_age(record.path) < STALE_SECONDS:
        return "its heartbeat is fresh"
    if not copying and record.raw in ("no metadata", "arrays only", "broken"):
        return _why_kept_without_metadata(record)
    return None


def remove_run(record: Record) -> None:
    """Remove the whole run directory: first out of the experiments folder's sight by one rename, then its files.

    Raises:
        RunLogError: it may not be removed (see `why_kept`), or the system refuses.
    """
    if reason := why_kept(record):
        raise RunLogError(f"run {record.run_id} is not removed: {reason}")
    folder = os.path.dirname(os.path.abspath(record.path))
    doomed = os.path.join(folder, f"{_REMOVED}{os.getpid()}-{os.path.basename(record.path)}")
    try:
        os.rename(record.path, doomed)
        sync_directory(folder)
        shutil.rmtree(doomed)
    except OSError as error:
        raise RunLogError(f"run {record.run_id} cannot be removed: {error.strerror} ({error.filename})") from error


def sweep_removed(experiments: str) -> None:
    """Finish removals that were killed after their rename."""
    sweep(experiments, _REMOVED, "")


def _is_behind_link(record: Record) -> bool:
    """Whether any step from the experiments folder to the run is a link."""
    return os.path.realpath(record.path) != os.path.join(os.path.realpath(record.folder.path), record.run_id)


def _why_kept_without_metadata(record: Record) -> str | None:
    if record.raw == "broken" and os.path.lexists(os.path.join(record.path, HEARTBEAT)):
        return "its metadata cannot be read, and so nothing tells whether it has ended"
    try:
        changes = [entry.changed for entry in walk(record.path).files.values()]
    except RunLogError as error:
        return str(error)
    age = time.time() - max(changes, default=0) / 1e9
    if age < _QUIET_SECONDS:
        return f"it has no readable metadata and was written to {minutes_ago(age)}: it may still be training"
    return None
