"""The check of a data set: everything that is wrong with it, in one pass, one curve in memory at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from decaylab.acoustics.physics import direct_arrival_index
from decaylab.errors import InputError
from decaylab.rooms.curve_checks import curve_findings
from decaylab.rooms.dataset import DataSet
from decaylab.rooms.features import RECEIVER, SOURCE, RoomTable, feature_violations, mending_swaps
from decaylab.rooms.findings import FAULT, Collector, Finding
from decaylab.rooms.leakage import shared_rows
from decaylab.rooms.raw import RawData, open_raw
from decaylab.rooms.splits import split_rows
from decaylab.rooms.store import StoredData, read_digests, row_digest
from decaylab.rooms.tables import room_key

#: Called after each curve with the numbers of those that are done and of all.
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class SplitChoice:
    """The split whose parts are compared; the arguments of `split_rows`."""

    kind: str = "random"
    seed: int = 0
    train_ratio: float = 0.6
    val_ratio: float = 0.2
    fold: tuple[int, int] | None = None


@dataclass(frozen=True)
class CheckReport:
    """What a check found.

    Attributes:
        path, format: the folder, and "store" or "published". rooms, curves: rows of the table, curves that were read.
        split: the parts that were compared, JSON-able; None where the data set cannot be split.
        findings: faults first. not_checked: what could not be checked, and why.
    """

    path: str
    format: str
    rooms: int
    curves: int
    split: dict[str, Any] | None
    findings: list[Finding]
    not_checked: list[str] = field(default_factory=list)

    @property
    def faults(self) -> int:
        """Number of kinds of fault that were found."""
        return sum(finding.severity == FAULT for finding in self.findings)

    def to_json(self) -> dict[str, Any]:
        """JSON-able."""
        return {**asdict(self), "faults": self.faults, "notices": len(self.findings) - self.faults}


def check_data(path: str | Path, split: SplitChoice | None = None, progress: Progress | None = None) -> CheckReport:
    """Check a data set of either format, complete or not; writes nothing.

    Args:
        path: the folder.
        split: whose leakage is counted; None: the default one of a training, if the data set can be divided so.
        progress: called as curves are read.

    Raises:
        DataError: the folder holds no data set. InputError: a split that cannot be, given the rooms of the table.
    """
    found = Collector()
    data = open_raw(path, found)
    choice = split or SplitChoice()
    if split is not None:
        split_rows(data.table.features, **asdict(choice))  # before a minute of reading
    possible = _check_table(data.table, found)
    usable = _check_curves(data, possible, found, progress)
    # A training divides the rooms that it can open.
    rows = usable if data.format == "published" else np.arange(len(data.table))
    parts, not_checked = None, []
    try:
        parts = _check_leakage(data.table, rows, choice, found)
    except InputError as error:
        not_checked.append(f"what the parts of a split share: {error}")
    totals = {"rooms": len(data.table), "curves": data.total, "files": 1, "test rooms": parts["test"] if parts else 0}
    findings = found.findings(totals)
    return CheckReport(str(path), data.format, len(data.table), len(usable), parts, findings, not_checked)


def check_sample(data: DataSet, rows: NDArray[np.int64]) -> list[Finding]:
    """What is wrong with these rows' curves, of a data set that is open: a glance, where `check_data` reads all.

    Of a store also whether rooms and curves are still what its digest, which a run puts on record, was made of.
    """
    found = Collector()
    features = data.features[rows]
    impossible = {row for row, _ in feature_violations(features)}
    arrivals = direct_arrival_index(features[:, SOURCE], features[:, RECEIVER], data.sampling_rate, 0)
    recorded = read_digests(data.path) if isinstance(data, StoredData) else {}
    for place, row in enumerate(rows.tolist()):
        arrival = None if place in impossible else float(arrivals[place])
        curve = data.read([row])[0]
        if row in recorded and row_digest(data.features[row], curve.astype("<f4").tobytes()) != recorded[row]:
            found.add("digests", data.ids[row])
        for code, detail in curve_findings(curve, arrival, data.sampling_rate):
            found.add(code, data.ids[row], detail)
    return found.findings({"rooms": len(rows), "curves": len(rows), "files": 1, "test rooms": 0})


def _check_table(table: RoomTable, found: Collector) -> NDArray[np.bool_]:
    """Ids and features; returns which rooms can exist, (n,)."""
    possible = np.ones(len(table), dtype=bool)
    wrong: dict[int, list[str]] = {}
    for row, text in feature_violations(table.features):
        possible[row] = False
        wrong.setdefault(row, []).append(text)
    for row in sorted(wrong):
        found.add("impossible_rooms", table.ids[row], ", ".join(wrong[row]))
    if swaps := mending_swaps(table.features, len(wrong)):
        found.remark("impossible_rooms", f"exchanging the columns {swaps} would mend it: check the header")
    by_id: dict[str, int] = {}
    by_key: dict[bytes, int] = {}
    for row, room in enumerate(table.ids):
        if not room:
            found.add("ids", f"row {row + 1}", "no id")
        elif by_id.setdefault(room, row) != row:
            found.add("ids", room, f"rows {by_id[room] + 1} and {row + 1}")
        earlier = by_key.setdefault(room_key(table.features[row]), row)
        if earlier != row:
            found.add("duplicate_rooms", room, f"as {table.ids[earlier]} (rows {earlier + 1} and {row + 1})")
    return possible


def _check_curves(
    data: RawData, possible: NDArray[np.bool_], found: Collector, progress: Progress | None
) -> NDArray[np.int64]:
    """Every curve; returns the rows of those that were read."""
    table = data.table
    arrivals = direct_arrival_index(table.features[:, SOURCE], table.features[:, RECEIVER], data.sampling_rate, 0)
    first: dict[bytes, int] = {}
    usable: list[int] = []
    for row, curve in data.curves:
        usable.append(row)
        arrival = float(arrivals[row]) if possible[row] else None
        for code, detail in curve_findings(curve, arrival, data.sampling_rate):
            found.add(code, table.ids[row], detail)
        earlier = first.setdefault(hashlib.blake2b(curve.tobytes(), digest_size=16).digest(), row)
        other_room = table.ids[earlier] != table.ids[row] and (table.features[earlier] != table.features[row]).any()
        if earlier != row and other_room:
            found.add("copied_curves", table.ids[row], f"as {table.ids[earlier]}")
        if progress is not None:
            progress(len(usable), len(table))
    return np.array(usable, dtype=np.int64)


def _check_leakage(table: RoomTable, rows: NDArray[np.int64], choice: SplitChoice, found: Collector) -> dict[str, Any]:
    features = table.features[rows]
    split = split_rows(features, **asdict(choice))
    for what, code in (("rooms", "shared_rooms"), ("materials", "shared_materials")):
        sharing = shared_rows(features, split, what)
        for row in sharing.test:
            found.add(code, table.ids[rows[row]])
        validation = f"{len(sharing.validation):,} of {len(split.validation):,} validation rooms likewise"
        found.remark(code, f"{choice.kind} split, seed {choice.seed}; {validation}")
    fold = None if choice.fold is None else f"{choice.fold[0]}/{choice.fold[1]}"
    sizes = {name: len(rows) for name, rows in split._asdict().items()}
    return {"kind": choice.kind, "seed": choice.seed, "fold": fold, **sizes}
