"""What the parts of a split share: a room or a material that is trained on is not new to the test."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from decaylab.rooms.features import ABSORPTION, SIZE
from decaylab.rooms.splits import Split, group_numbers

#: Columns that make a group, by its name: (length, width, height), and the seven absorptions.
GROUPS = {"rooms": SIZE, "materials": ABSORPTION}
_IN_ROOMS = "test rows are in rooms"


class Sharing(NamedTuple):
    """Rows, int64 and ascending, of the validation and the test part whose group is in the training part too."""

    validation: NDArray[np.int64]
    test: NDArray[np.int64]


def shared_in(note: str) -> tuple[int, int] | None:
    """Of a note that `leakage_note` wrote: the test rows in rooms that are trained on, and all test rows."""
    numbers = note.partition(f" {_IN_ROOMS}")[0].split()[-3:]
    if _IN_ROOMS not in note or len(numbers) < 3:
        return None
    shared, tests = (number.replace(",", "") for number in (numbers[0], numbers[2]))
    return (int(shared), int(tests)) if shared.isdecimal() and tests.isdecimal() else None


def shared_rows(features: NDArray[np.float64], split: Split, what: str) -> Sharing:
    """Rows that share a group with the training part.

    Args:
        features: (n, 16). split: indices into them. what: "rooms" or "materials", a key of `GROUPS`.
    """
    group = group_numbers(features, GROUPS[what])
    trained = np.zeros(len(features), dtype=bool)  # by group: there are at most as many as rows
    trained[group[split.train]] = True
    return Sharing(*(part[trained[group[part]]] for part in (split.validation, split.test)))


def leakage_note(features: NDArray[np.float64], split: Split, kind: str) -> str | None:
    """What a person who trains with this split should know, in one line; None where there is nothing to say.

    Only a random split says something: `room` and `material` share what they do not keep apart by intention.

    Args:
        features: (n, 16).
        split: indices into them.
        kind: of the split, one of `SPLITS`.
    """
    if kind != "random":
        return None
    tests = f"{len(split.test):,}"
    rooms, materials = (len(shared_rows(features, split, what).test) for what in GROUPS)
    of_rooms = f"{rooms:,} of {tests} {_IN_ROOMS} (length, width, height) that are also trained on"
    of_materials = f"{materials:,} of {tests} have a material (seven absorptions) that is also trained on"
    if rooms and materials:
        shown = "--split room and --split material show the errors in unseen ones"
        return f"the random split shares rooms and materials: {of_rooms}, {of_materials}; {shown}"
    if rooms:
        return f"the random split shares rooms: {of_rooms}; --split room shows the error in unseen rooms"
    if materials:
        shown = "--split material shows the error for unseen materials"
        return f"the random split shares materials: {of_materials.replace(' have', ' test rows have')}; {shown}"
    return None
