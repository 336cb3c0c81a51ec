"""Everything that `decaylab diagnose` looks at: the record beside its neighbours, the stored curves, the data set."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from decaylab.diagnosis import comparables
from decaylab.diagnosis.command import led_back
from decaylab.diagnosis.diagnose import findings
from decaylab.diagnosis.findings import Finding
from decaylab.errors import DataError, RunLogError
from decaylab.runlog.arrays import begun_pair
from decaylab.runlog.index import scan
from decaylab.runlog.record import Record
from decaylab.runlog.split import ids_of, read_split


def all_of(record: Record, tell: Callable[[str], None], *, with_files: bool = True) -> list[Finding]:
    """What `decaylab diagnose` says of a run, beside the others of its folder.

    Args:
        record: the run to look at.
        tell: takes why files were not looked at.
        with_files: also by the stored curves and the data set, not by metadata and history alone.
    """
    others = scan(record.folder.path, comparables.FIELDS) if os.path.isdir(record.folder.path) else []
    given = [*of_arrays(record, tell), *of_data_set(record)] if with_files else []
    return findings(record, others, given)


def of_arrays(record: Record, tell: Callable[[str], None]) -> list[Finding]:
    """Findings of the stored curves; `tell` takes why they were not looked at, where they are there."""
    if record.status == "unreadable" or begun_pair(record) is None:
        return []
    from decaylab.evaluation.curve_findings import curve_facts, curve_findings
    from decaylab.evaluation.of_run import stored_curves

    try:
        curves = stored_curves(record)
        found = curve_findings(curve_facts(curves.predictions, curves.targets), _rooms(record, len(curves)))
    except FileNotFoundError as error:
        tell(f"the arrays were not looked at: {os.path.basename(error.filename)} is missing")
        return []
    except (DataError, RunLogError) as error:
        tell(f"the arrays were not looked at: {error}")
        return []
    return [Finding(one.code, one.severity, one.evidence, "this run", one.cause, {}) for one in found]


def of_data_set(record: Record) -> list[Finding]:
    """Whether the data set, where it is still at its place, is the one that the run was trained on."""
    path, digest = record.get("data_config.path"), record.get("data_config.digest")
    if not (isinstance(path, str) and isinstance(digest, str)):
        return []
    place = led_back(os.getcwd(), record.document.get("working_directory"), path)
    if not os.path.isfile(os.path.join(place, "manifest.json")):
        return []
    from decaylab.rooms.store import read_manifest

    try:
        now = read_manifest(Path(place)).get("digest")
    except DataError as error:
        return [
            Finding("data_changed", "warning", str(error), "this run", "The data set is damaged or unfinished.", {})
        ]
    if now == digest:
        return []
    said = f"the data set at {place} now has the digest {_short(now)}, the run was trained on {_short(digest)}"
    return [
        Finding("data_changed", "warning", said, "this run", "Trained again, this run would give other figures.", {})
    ]


def _rooms(record: Record, count: int) -> list[str] | None:
    """The test rooms' ids, out of split.json; None where it does not name them."""
    try:
        ids = ids_of(read_split(record.path), "test")
    except (FileNotFoundError, RunLogError):
        return None
    return ids if ids is not None and len(ids) == count else None


def _short(digest: Any) -> str:
    return str(digest).rpartition(":")[2][:12]
