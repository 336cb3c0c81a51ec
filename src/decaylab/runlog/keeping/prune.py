"""What may go: runs chosen by rule, or only their checkpoints or arrays. A plan is made first; nothing else removes.

Never a run that runs, or of which nobody can tell from here; never through a link; and the only copy of a run with a
note or a tag only when asked for by name.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NamedTuple

from decaylab.errors import CheckFailed, InputError, RunLogError
from decaylab.runlog.digests import add_pruned
from decaylab.runlog.find import comparable, is_doubtful
from decaylab.runlog.keeping.archive import archive_folder
from decaylab.runlog.keeping.archive_check import check_archive, digests_of
from decaylab.runlog.keeping.archived import read_head
from decaylab.runlog.keeping.manifest import MANIFEST
from decaylab.runlog.keeping.removable import remove_run, why_kept
from decaylab.runlog.keeping.tree import Entry, freed_size, remove_below, total_size, walk
from decaylab.runlog.noted import what_is_noted
from decaylab.runlog.query import Condition, direction, resolve, select, sort
from decaylab.runlog.reading import number
from decaylab.runlog.record import Record
from decaylab.runlog.schema import CHECKPOINTS
from decaylab.runlog.store import ARRAYS, read_run


class Rules(NamedTuple):
    """Which runs: those that fulfil `conditions`, less the best `keep_best` by FIELD `by`.

    `only` is "checkpoints" or "arrays": that part of each run instead of the whole.
    """

    conditions: Sequence[Condition] = ()
    keep_best: int | None = None
    by: str | None = None
    only: str | None = None
    noted: bool = False


class Removal(NamedTuple):
    """One run that would go, or files of it. `archive`: the other copy that allows it, where one is needed."""

    record: Record
    files: dict[str, Entry]
    said: str | None
    archive: str | None


class Plan(NamedTuple):
    """What would be removed, and which runs the rules name but are kept, each with the reason."""

    rules: Rules
    removals: list[Removal]
    kept: list[tuple[Record, str]]

    @property
    def size(self) -> int:
        """Bytes of everything that would be removed, hard-linked files counted once."""
        return total_size(entry for removal in self.removals for entry in removal.files.values())

    @property
    def freed(self) -> int:
        """Bytes that would be free afterwards: less than `size` where runs that stay share a file."""
        return freed_size(entry for removal in self.removals for entry in removal.files.values())


def plan(records: Sequence[Record], rules: Rules) -> Plan:
    """Apply the rules to the runs of one folder. Nothing is removed.

    Raises:
        InputError: no rule, or one that cannot be applied. RunLogError: NOTES.md cannot be read.
    """
    if not (rules.conditions or rules.keep_best is not None or rules.only):
        raise InputError(
            "prune needs a rule: --where EXPR (such as 'status=lost'), --keep-best N --by FIELD, "
            "or --only checkpoints or --only arrays"
        )
    chosen = select(records, rules.conditions) if rules.conditions else list(records)
    found = Plan(rules, [], [])
    spared = _best(chosen, rules, records)
    for record in chosen:
        if record.run_id in spared:
            continue
        reason, removal = _consider(record, rules)
        if removal is not None:
            found.removals.append(removal)
        elif reason is not None:
            found.kept.append((record, reason))
    return found


def carry_out(removal: Removal, rules: Rules) -> None:
    """Remove what the plan says of one run, after looking at the run again.

    Raises:
        RunLogError: the run changed its state meanwhile, or the system refuses.
        CheckFailed: the archive that should be its other copy does not hold what the run holds. It is kept.
    """
    record = read_run(removal.record.path)
    reason, now = _consider(record, rules)
    if now is None:
        raise RunLogError(f"run {record.run_id} is kept: {reason or 'there is nothing to remove any more'}")
    if now.archive is not None:
        try:
            check_archive(now.archive, record, digests_of(record))
        except CheckFailed as error:
            raise CheckFailed(f"run {record.run_id} is kept, as '{now.archive}' is no copy of it: {error}") from error
    if rules.only is None:
        remove_run(record)
        return
    try:
        # First what is going to be missing, then the removal: killed in between, no file is missing unsaid.
        add_pruned(record.path, {path: entry.size for path, entry in now.files.items()})
        for path in now.files:
            remove_below(record.path, path)
    except OSError as error:
        raise RunLogError(f"run {record.run_id} cannot be pruned: {error.strerror} ({error.filename})") from error


def _consider(record: Record, rules: Rules) -> tuple[str | None, Removal | None]:
    """Why a run that the rules name is kept, or what of it goes; (None, None) if it has nothing of what they name."""
    if reason := why_kept(record):
        return reason, None
    try:
        tree = walk(record.path)
    except RunLogError as error:
        return str(error), None
    files = {path: entry for path, entry in tree.files.items() if _is_meant(path, rules.only)}
    if rules.only is not None and not files:
        linked = [path for path in tree.others if path == rules.only or _is_meant(path, rules.only)]
        return (f"{linked[0]} is {tree.others[linked[0]]}" if linked else None), None
    said = what_is_noted(record)
    archive = _archive_of(record) if said is not None and not rules.noted else None
    if said is not None and not rules.noted and archive is None:
        return f"this is the only copy of a run with a note or tag ({said}): archive it first, or add --noted", None
    return None, Removal(record, files, said, archive)


def _is_meant(path: str, only: str | None) -> bool:
    if only == CHECKPOINTS:
        return path.startswith(f"{CHECKPOINTS}/")
    return only is None or path in ARRAYS


def _best(chosen: Sequence[Record], rules: Rules, records: Sequence[Record]) -> set[str]:
    """Ids of the runs that `--keep-best` spares: the best of each data set, test split and definitions.

    Figures on other test rows or by other definitions cannot be compared, so none of them is beaten by another.
    """
    if (rules.keep_best is None) != (rules.by is None):
        raise InputError("--keep-best N and --by FIELD go together: --keep-best 10 --by t20_mae")
    if rules.keep_best is None or rules.by is None:
        return set()
    field = resolve(rules.by, records)
    better, is_known = direction(field, records)
    if better is None:
        raise InputError(f"--by {rules.by}: a setting has no best; name a metric, such as t20_mae")
    if not is_known:
        raise InputError(
            f"--by {rules.by}: no run records whether less or more of it is better, and nothing is removed on a guess "
            f'(runlog.start(..., directions={{"{rules.by}": "max"}}) records it)'
        )
    ranked: dict[object, list[Record]] = {}
    for record in chosen:
        value = number(record.get(field))
        if record.status in ("completed", "unknown") and value is not None and value == value:
            ranked.setdefault((*comparable(record), is_doubtful(record, field)), []).append(record)
    kept = [sort(group, field, better == "max")[: rules.keep_best] for group in ranked.values()]
    return {record.run_id for group in kept for record in group}


def _archive_of(record: Record) -> str | None:
    """An archive of ours (they were checked when they were written) that holds this run, by its manifest.

    Whether it still holds what the run holds now is checked in full before anything is removed.
    """
    folder = archive_folder(record.folder.path)
    sizes = {path: entry.size for path, entry in walk(record.path).files.items() if path != MANIFEST}
    for name in (record.stamp, record.run_id.replace("/", "_")):
        path = os.path.join(folder, f"run_{name}.tar.gz")
        if name is None or "/" in name or not os.path.isfile(path):
            continue
        try:
            manifest = read_head(path).manifest
        except RunLogError:  # damaged: then it is no copy
            continue
        if manifest is None or manifest.run_id != record.run_id:
            continue
        if sizes == {path: digest.size for path, digest in manifest.files.items()}:
            return path
    return None
