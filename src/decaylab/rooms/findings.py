"""What a check of a data set can find: each kind once, with its severity, what it means and what to do."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

FAULT, NOTICE = "fault", "notice"

#: Rooms of a finding that are shown with a detail each; the others are counted, and their ids kept.
SHOWN = 5


class Kind(NamedTuple):
    """One kind of finding: what it means and what to do, for a person.

    A fault makes training wrong or leaves rooms of the table out; a notice is to be known. `unit`: what is counted.
    """

    meaning: str
    action: str
    unit: str = "curves"
    severity: str = FAULT


#: By code, in the order of the report.
KINDS: dict[str, Kind] = {
    "ids": Kind(
        "their id is empty or another row's too, so that no curve can be joined to them",
        "give each row of the table an id of its own",
        unit="rooms",
    ),
    "missing_curves": Kind(
        "the table has them, but there is no EDC/<id>.npy: training leaves them out",
        "add the files (the name is the id, exactly) or take the rows out of the table",
        unit="rooms",
    ),
    "unfinished": Kind(
        "their curve was never written whole: the simulation was interrupted, and the data set cannot be opened",
        "run the same decaylab simulate again: it goes on",
        unit="rooms",
    ),
    "extra_curves": Kind(
        "the table has no row with their id, so they are not used (joined by position they would be wrong pairs)",
        "nothing, or add their rooms to the table",
        severity=NOTICE,
    ),
    "disagreement": Kind(
        "the store's files do not agree about how many rooms or samples there are",
        "run the same decaylab simulate again: it mends the store",
        unit="files",
    ),
    "digests": Kind(
        "room and curve are not the bytes that were written: changed afterwards, or damaged on the disk",
        "undo the edit of rooms.csv, or run the same decaylab simulate again: it makes those curves anew",
        unit="rooms",
    ),
    "data_digest": Kind(
        "the digest of the whole in manifest.json is not that of its rooms: runs recorded from here cannot be told "
        "apart from runs on other data",
        "run the same decaylab simulate again: it writes the manifest anew",
        unit="files",
    ),
    "unreadable_curves": Kind(
        "the file is no NumPy array of one curve of floating-point numbers: training leaves the room out",
        "write the file again with numpy.save, one 1-D array of energies",
    ),
    "wrong_length": Kind(
        "far from 96,000 samples (2 s at 48 kHz), so at another rate or no curve: training leaves the room out",
        "integrate the first 96,000 samples of the response at 48 kHz again",
    ),
    "other_length": Kind(
        "about 96,000 samples, but not exactly: cut to 96,000, or followed by zeros",
        "nothing, if they are at 48 kHz; 88,200 samples are 2 s at 44.1 kHz, and those must be made again at 48 kHz",
        severity=NOTICE,
    ),
    "non_finite": Kind(
        "they hold NaN or infinity: a loss over them is NaN",
        "make these curves again, or take their rooms out of the table",
    ),
    "negative": Kind(
        "energy below 0 cannot be; a curve that starts at 0 and falls is in decibels",
        "store linear energy, 10^(dB / 10)",
    ),
    "not_one_at_start": Kind(
        "they are not 1 at index 0 (more than 0.0001 off), so that errors of EDCs cannot be compared",
        "divide each curve by its first value",
    ),
    "rising": Kind(
        "they rise by more than -60 dB of their start: the energy that is left can only fall, so it is no EDC",
        "integrate the squared response backwards (Schroeder); a response or a level is not a curve",
    ),
    "floor": Kind(
        "above -60 dB they decay no more (T60 above 10 s over the last second): noise, or energy after the record",
        "cut the noise off before integrating, and integrate the first 2 s only; or leave the rooms out",
    ),
    "impossible_rooms": Kind(
        "positions, sizes or absorption out of range",
        "correct the rows of the table: metres, and absorption from 0 to 1",
        unit="rooms",
    ),
    "duplicate_rooms": Kind(
        "all 16 features are those of an earlier row: a random split trains on what it tests",
        "keep one row of each",
        unit="rooms",
    ),
    "copied_curves": Kind(
        "the curve is, value for value, that of a room with other features: one of the two is wrong",
        "make these curves again, or join them to their rooms by id",
    ),
    "early_energy": Kind(
        "more than 3 % of the energy comes before sound can get from source to receiver: the curve is another "
        "room's, or the response was cut to begin at the direct sound",
        "join curves to rooms by id, check the columns of the positions, keep the time before the direct sound",
    ),
    "late_onset": Kind(
        "they begin more than 1 ms after the direct sound must arrive: the curve may be another room's, or delayed",
        "check how curves and rooms were joined, and what was put before the response",
        severity=NOTICE,
    ),
    "record_too_short": Kind(
        "the room decays too slowly for the record (T20 above 60/35 of it): its T20 is invalid and not scored",
        "nothing, if they are few; else leave such rooms out: no model can learn their T20 from 2 s",
        severity=NOTICE,
    ),
    "no_decay_time": Kind(
        "EDT or T20 is invalid although the record is long enough: direct sound and little else",
        "nothing: such rooms are left out of that parameter's score, and counted",
        severity=NOTICE,
    ),
    "shared_rooms": Kind(
        "their room (length, width, height) is also trained on",
        "--split room shows the error in unseen rooms",
        unit="test rooms",
        severity=NOTICE,
    ),
    "shared_materials": Kind(
        "their material (the seven absorptions) is also trained on",
        "--split material shows the error for unseen materials",
        unit="test rooms",
        severity=NOTICE,
    ),
}


@dataclass(frozen=True)
class Finding:
    """All that was found of one kind.

    Attributes:
        code: a key of `KINDS`. severity: "fault" or "notice".
        count, of, unit: how many of how many of what.
        rooms: the ids (or files), all of them; `examples`: the first ones with what was found there.
        meaning, action: for a person.
    """

    code: str
    severity: str
    count: int
    of: int
    unit: str
    rooms: list[str]
    examples: list[str]
    meaning: str
    action: str

    def to_json(self) -> dict[str, Any]:
        """JSON-able, with the keys of the attributes."""
        return asdict(self)


class Collector:
    """Takes in what is found room by room; memory grows with the number of rooms found wrong, not with the curves."""

    def __init__(self) -> None:
        self._rooms: dict[str, list[str]] = defaultdict(list)
        self._examples: dict[str, list[str]] = defaultdict(list)
        self._remarks: dict[str, list[str]] = defaultdict(list)

    def add(self, code: str, room: str, detail: str = "") -> None:
        """One room, curve or file of that kind.

        Args:
            code: a key of `KINDS`.
            room: its id, or the name of a file.
            detail: what was found there; kept for the first `SHOWN`.
        """
        self._rooms[code].append(room)
        if len(self._rooms[code]) <= SHOWN:
            self._examples[code].append(f"{room}: {detail}" if detail else room)

    def remark(self, code: str, text: str) -> None:
        """A sentence about all of that kind; said only if there are any."""
        self._remarks[code].append(text)

    def findings(self, totals: dict[str, int]) -> list[Finding]:
        """Faults first, then notices, each in the order of `KINDS`; `totals` counts each unit."""
        found = []
        for code, kind in KINDS.items():
            if rooms := self._rooms[code]:
                meaning = "; ".join([kind.meaning, *self._remarks[code]])
                total = max(totals[kind.unit], len(rooms))
                of_kind = (code, kind.severity, len(rooms), total, kind.unit, rooms, self._examples[code])
                found.append(Finding(*of_kind, meaning, kind.action))
        return sorted(found, key=lambda finding: finding.severity != FAULT)
