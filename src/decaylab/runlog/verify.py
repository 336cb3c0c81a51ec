"""Does a record agree with itself, with its files and with the format?

A duration that agrees with itself but cannot be is diagnosis, not verification. What needs the arrays' content
(metrics computed again) is `decaylab.evaluation.recompute`; the command composes both.
"""

from __future__ import annotations

import os
from typing import Any, NamedTuple

from decaylab.catalogue.document import SCHEMA_VERSION, STORED_STATUSES
from decaylab.errors import RunLogError
from decaylab.runlog import digests, faults
from decaylab.runlog.arrays import read_header
from decaylab.runlog.digests import read_pruned
from decaylab.runlog.files import METADATA_LIMIT, open_regular, read_regular
from decaylab.runlog.history import read_history
from decaylab.runlog.keys import type_faults
from decaylab.runlog.parse import repeated_keys
from decaylab.runlog.reading import number, section
from decaylab.runlog.record import Record
from decaylab.runlog.schema import BEST_CHECKPOINT, HISTORY, METADATA
from decaylab.runlog.store import PUBLISHED_METADATA

_ENDED = ("completed", "failed", "interrupted", "diverged")


class Verdict(NamedTuple):
    """`faults`: what does not hold; `unknown`: what the record does not allow to check."""

    faults: list[str]
    unknown: list[str]


def verify(record: Record) -> Verdict:
    """Check one run. Reads headers, digests and histories; loads no array and no checkpoint."""
    if record.status == "unreadable":
        return Verdict(list(record.problems), [])
    verdict = Verdict([], [])
    metadata = record.metadata
    if record.raw != "documented":
        verdict.unknown.append(f"the record has the shape '{record.raw}': {'; '.join(record.problems) or 'read as is'}")
    _check_format(record, verdict)
    _check_keys(record, verdict)
    verdict.faults.extend(faults.contradictions(metadata))
    _check_history(record, metadata, verdict)
    pruned = _pruned(record, verdict)
    _check_checkpoint(record, metadata, pruned, verdict)
    _check_arrays(record, metadata, verdict)
    _check_digests(record, pruned, verdict)
    return verdict


def _pruned(record: Record, verdict: Verdict) -> frozenset[str]:
    """Files that `decaylab prune` removed: they are missing on purpose."""
    try:
        pruned = frozenset(read_pruned(record.path))
    except RunLogError as error:
        verdict.faults.append(str(error))
        return frozenset()
    gone = sorted(name for name in pruned if not os.path.lexists(os.path.join(record.path, name)))
    verdict.unknown.extend(f"{name} was pruned" for name in gone)
    return pruned


def _check_format(record: Record, verdict: Verdict) -> None:
    version = record.document.get("schema_version")
    if version is None:
        if record.raw == "documented":
            verdict.unknown.append("no schema_version: keys of our own cannot be expected")
        return
    if version != SCHEMA_VERSION:
        verdict.unknown.append(
            f"schema_version {version!r}: this program knows {SCHEMA_VERSION}, and reads what it knows"
        )
        return
    verdict.faults.extend(type_faults(record.document))
    stored = record.document.get("status")
    if isinstance(stored, str) and stored not in STORED_STATUSES:
        verdict.faults.append(f"status is {stored!r}, none of {', '.join(STORED_STATUSES)}")
    if record.document.get("run_id") != record.run_id:
        verdict.faults.append(f"run_id is {record.document.get('run_id')!r}, the directory is {record.run_id!r}")


def _check_keys(record: Record, verdict: Verdict) -> None:
    """A key twice in one object: other programs may read the other value."""
    name = PUBLISHED_METADATA if record.raw == "published" else METADATA
    try:
        data = read_regular(os.path.join(record.path, name), METADATA_LIMIT)
    except (FileNotFoundError, RunLogError):
        return
    for key in repeated_keys(data):
        verdict.faults.append(f"{name} holds the key {key!r} more than once in one object; the last one is read")


def _check_history(record: Record, metadata: dict[str, Any], verdict: Verdict) -> None:
    if not os.path.lexists(os.path.join(record.path, HISTORY)):
        if "schema_version" in record.document and not _has_digest(record, HISTORY):
            verdict.faults.append(f"{HISTORY} is missing")
        return
    history = read_history(os.path.join(record.path, HISTORY))
    if history.problem:
        verdict.faults.append(history.problem)
    if history.torn:
        verdict.unknown.append(f"{HISTORY} holds {history.torn} torn lines, which were skipped")
    epochs = number(section(metadata, "training_config").get("actual_epochs"))
    last = history.last_epoch
    if epochs is not None and last is not None and epochs != last and record.status in _ENDED:
        verdict.faults.append(f"actual_epochs {epochs:g}, but the last epoch in {HISTORY} is {last}")
    best = number(metadata.get("best_epoch"))
    if best is not None and last is not None and not 1 <= best <= last:
        verdict.faults.append(f"best_epoch {best:g} is none of the {last} epochs in {HISTORY}")


def _check_checkpoint(record: Record, metadata: dict[str, Any], pruned: frozenset[str], verdict: Verdict) -> None:
    stored = metadata.get("best_model_path")
    if stored is None:
        return
    try:
        os.close(open_regular(os.path.join(record.path, BEST_CHECKPOINT)))
    except FileNotFoundError:
        if BEST_CHECKPOINT not in pruned and not _has_digest(record, BEST_CHECKPOINT):
            verdict.faults.append(f"best_model_path is {stored!r}, but there is no {BEST_CHECKPOINT} in the run")
    except RunLogError as error:
        verdict.faults.append(str(error))


def _has_digest(record: Record, name: str) -> bool:
    """Whether the digests will say that this file is gone; it is one fault."""
    return isinstance(section(record.document, "files").get(name), dict)


def _check_arrays(record: Record, metadata: dict[str, Any], verdict: Verdict) -> None:
    data = section(metadata, "data_config")
    expected = number(data.get("test_size")), number(data.get("output_length"))
    shapes = {}
    for name in ("predictions.npy", "targets.npy"):
        try:
            shapes[name] = read_header(os.path.join(record.path, name)).shape
        except FileNotFoundError:
            continue
        except RunLogError as error:
            verdict.faults.append(str(error))
    for name, shape in shapes.items():
        differs = len(shape) != 2 or any(e is not None and e != n for e, n in zip(expected, shape, strict=True))
        if differs:
            wanted = " x ".join("?" if e is None else f"{e:g}" for e in expected)
            verdict.faults.append(f"{name} has the shape {shape}, the record says {wanted}")
    if len(set(shapes.values())) > 1:
        verdict.faults.append("predictions.npy and targets.npy have different shapes")


def _check_digests(record: Record, pruned: frozenset[str], verdict: Verdict) -> None:
    files = record.document.get("files")
    if not isinstance(files, dict):
        if record.status in _ENDED and "schema_version" in record.document:
            verdict.unknown.append("no digests of files")
        return
    for name, known in files.items():
        path = os.path.normpath(os.path.join(record.path, name))
        inside = not os.path.isabs(name) and path.startswith(os.path.normpath(record.path) + os.sep)
        if not inside or not isinstance(known, dict):
            verdict.faults.append(f"files names {name!r}, which is no file of the run")
            continue
        if os.path.realpath(path) != os.path.join(os.path.realpath(record.path), os.path.normpath(name)):
            verdict.faults.append(f"{name} is reached through a link, which is not followed")
            continue
        try:
            os.close(open_regular(path))
        except FileNotFoundError:
            if name not in pruned:
                verdict.faults.append(f"{name} was recorded and is no longer in the run")
            continue
        except RunLogError as error:
            verdict.faults.append(str(error))
            continue
        if os.path.getsize(path) != known.get("bytes"):
            verdict.faults.append(f"{name} has {os.path.getsize(path):,} bytes, {known.get('bytes')!r} were recorded")
        elif digests.of_file(path) != known.get("blake2b"):
            verdict.faults.append(f"{name} differs from what was recorded (digest)")
