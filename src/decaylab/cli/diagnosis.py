"""The parts that `decaylab diagnose` composes: evaluation's look at the arrays, the data set's digest, the text."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from decaylab.diagnosis.command import led_back
from decaylab.diagnosis.findings import Finding
from decaylab.errors import DataError, RunLogError
from decaylab.runlog.record import Record
from decaylab.runlog.text import printable

_INDENT = " " * 11


def all_of(record: Record, tell: Callable[[str], None], *, with_files: bool = True) -> list[Finding]:
    """What `decaylab diagnose` says of a run, beside the others of its folder.

    `tell` takes why files were not looked at; `with_files`: not by metadata and history alone.
    """
    from decaylab.diagnosis import comparables
    from decaylab.diagnosis.diagnose import findings
    from decaylab.runlog.index import scan

    others = scan(record.folder.path, comparables.FIELDS) if os.path.isdir(record.folder.path) else []
    given = [*of_arrays(record, tell), *of_data_set(record)] if with_files else []
    return findings(record, others, given)


def of_arrays(record: Record, tell: Callable[[str], None]) -> list[Finding]:
    """Findings of the stored curves; `tell` takes why they were not looked at, where they are there."""
    if record.status == "unreadable":
        return []
    from decaylab.runlog.curve_files import PAIRS

    names = next((pair for pair in PAIRS if os.path.lexists(os.path.join(record.path, pair[0]))), None)
    if names is None:
        return []
    from decaylab.evaluation.curve_findings import curve_facts, curve_findings
    from decaylab.reports.curves import open_curves

    try:
        predictions, targets = (open_curves(record.path, name) for name in names)
        if predictions.shape != targets.shape:
            raise DataError(
                f"{names[0]} {predictions.shape} and {names[1]} {targets.shape} are not curves of one shape"
            )
        found = curve_findings(curve_facts(predictions, targets), _rooms(record, len(targets)))
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


def lines(record: Record, found: Sequence[Finding], width: int) -> list[str]:
    """Findings for people: severity and code, then evidence, cause, change; the next command once, unwrapped."""
    name, status = printable(record.run_id), printable(str(record.status))
    if not found:
        return [f"{name} ({status}): nothing found"]
    plural = {"warning": "warnings", "note": "notes"}
    counts = ", ".join(
        f"{count} {severity if count == 1 else plural.get(severity, severity)}" for severity, count in _counts(found)
    )
    out = [f"{name} ({status}): {counts}"]
    for finding in found:
        out += ["", f"{finding.severity:<8}  {printable(finding.code)}"]
        out += _wrapped("evidence", f"{finding.evidence} [{finding.basis}]", width)
        out += _wrapped("cause", finding.cause, width) if finding.cause else []
        out += _wrapped("change", _change(finding.change), width) if finding.change else []
    return [*out, *_commands(found)]


def _commands(found: Sequence[Finding]) -> list[str]:
    """Each command once, under the findings that it is for."""
    codes: dict[str, list[str]] = {}
    for finding in found:
        if finding.command is not None:
            codes.setdefault(finding.command, []).append(finding.code)
    out = []
    for number, (command, names) in enumerate(codes.items()):
        out += ["", f"{'next run' if number == 0 else 'or'} ({', '.join(dict.fromkeys(names))}):", command]
    return out


def _wrapped(label: str, text: str, width: int) -> list[str]:
    head = f"  {label:<9}"
    return textwrap.wrap(
        printable(text),
        max(width, 40),
        initial_indent=head,
        subsequent_indent=_INDENT,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _change(change: dict[str, Any]) -> str:
    return ", ".join(f"leave out {name}" if value is None else f"{name} {value}" for name, value in change.items())


def _counts(found: Iterable[Finding]) -> list[tuple[str, int]]:
    from decaylab.diagnosis.findings import SEVERITIES

    severities = [finding.severity for finding in found]
    return [(name, severities.count(name)) for name in SEVERITIES if name in severities]


def _rooms(record: Record, count: int) -> list[str] | None:
    """The test rooms' ids, out of split.json; None where it does not name them."""
    from decaylab.runlog.split import ids_of, read_split

    try:
        ids = ids_of(read_split(record.path), "test")
    except (FileNotFoundError, RunLogError):
        return None
    return ids if ids is not None and len(ids) == count else None


def _short(digest: Any) -> str:
    return str(digest).rpartition(":")[2][:12]
