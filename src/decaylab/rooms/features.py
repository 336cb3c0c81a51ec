"""The 16 features of a room: their names, units and ranges, and the check that a table keeps to them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from decaylab.errors import DataError

SIZE_NAMES = ("Length", "Width", "Height")
SOURCE_NAMES = ("Source_X", "Source_Y", "Source_Z")
RECEIVER_NAMES = ("Receiver_X", "Receiver_Y", "Receiver_Z")
#: Energy absorption at 125, 250, 500, 1k, 2k, 4k and 8k Hz, the same on all six walls.
ABSORPTION_NAMES = ("f1", "f2", "f3", "f4", "f5", "f6", "f7")

#: Column order of every feature array: metres, then ratios. The names are those of the published table.
FEATURE_NAMES = (*SIZE_NAMES, *SOURCE_NAMES, *RECEIVER_NAMES, *ABSORPTION_NAMES)

SIZE, SOURCE, RECEIVER, ABSORPTION = slice(0, 3), slice(3, 6), slice(6, 9), slice(9, 16)

#: Lengths outside this range, in metres, are taken for another unit (millimetres, feet) or another column.
SIZE_RANGE = (0.5, 100.0)

#: Least distance between source and receiver in metres: the direct sound grows without bound as it goes to 0.
LEAST_DISTANCE = 0.01

#: How many violations a message names before it counts the rest.
NAMED = 10


@dataclass(frozen=True)
class RoomTable:
    """Rooms by row: `ids`, one name each, and `features`, float64 (n, 16) in the order of `FEATURE_NAMES`."""

    ids: list[str]
    features: NDArray[np.float64]

    def __post_init__(self) -> None:
        if self.features.shape != (len(self.ids), len(FEATURE_NAMES)):
            raise DataError(
                f"{len(self.ids)} ids need features of shape ({len(self.ids)}, 16), not {self.features.shape}"
            )

    def __len__(self) -> int:
        return len(self.ids)

    def rows(self, rows: NDArray[np.int64] | list[int]) -> RoomTable:
        """The rooms of these rows, in this order."""
        chosen = np.asarray(rows, dtype=np.int64)
        return RoomTable([self.ids[row] for row in chosen], self.features[chosen])


def check_rooms(table: RoomTable) -> None:
    """Raise DataError unless every room can exist; names each violation with its row (the first ten, then a count).

    Checked: finite numbers; sizes within 0.5 to 100 m; source and receiver inside the room and apart; absorption in
    0..1 and not all 0; ids that are there and differ. Where exchanging two columns would mend the table, it says so.

    Args:
        table: the rooms, metres and absorption from 0 to 1.

    Raises:
        DataError: a room that cannot be.
    """
    found = list(_violations(table))
    if not found:
        return
    lines = [f"row {row + 1} ({table.ids[row]}): {text}" for row, text in sorted(found, key=lambda item: item[0])]
    rest = f"; and {len(lines) - NAMED} more" if len(lines) > NAMED else ""
    broken = len({row for row, _ in found})
    swaps = mending_swaps(table.features, broken)
    advice = f". Exchanging the columns {swaps} would mend it: check the header" if swaps else ""
    raise DataError(f"{broken} of {len(table)} rooms cannot be: {'; '.join(lines[:NAMED])}{rest}{advice}")


def _violations(table: RoomTable) -> Iterator[tuple[int, str]]:
    yield from feature_violations(table.features)
    first: dict[str, int] = {}
    for row, room in enumerate(table.ids):
        if not room:
            yield row, "its ID is empty"
        elif room in first:
            yield row, f"its ID is that of row {first[room] + 1} too"
        else:
            first[room] = row


def feature_violations(features: NDArray[np.float64]) -> Iterator[tuple[int, str]]:
    """Every (row, what is wrong) of features (n, 16). Comparisons are written so that NaN fails them."""
    for column, name in enumerate(FEATURE_NAMES):
        values = features[:, column]
        for row in np.flatnonzero(~np.isfinite(values)):
            yield int(row), f"{name} is {values[row]:g}, not a finite number"
        if name in SIZE_NAMES:
            low, high = SIZE_RANGE
            for row in np.flatnonzero(np.isfinite(values) & ~((values >= low) & (values <= high))):
                yield int(row), f"{name} = {values[row]:g} lies outside {low:g} to {high:g} m (are the units metres?)"
        elif name in ABSORPTION_NAMES:
            for row in np.flatnonzero(np.isfinite(values) & ~((values >= 0) & (values <= 1))):
                yield int(row), f"{name} = {values[row]:g} lies outside 0 to 1 (absorption is a ratio of energies)"
        else:
            extent = SIZE_NAMES["XYZ".index(name[-1])]
            size = features[:, FEATURE_NAMES.index(extent)]
            for row in np.flatnonzero(np.isfinite(values) & np.isfinite(size) & ~((values > 0) & (values < size))):
                yield int(row), f"{name} = {values[row]:g} m lies outside the room ({extent} = {size[row]:g} m)"
    distance = np.linalg.norm(features[:, SOURCE] - features[:, RECEIVER], axis=1)
    for row in np.flatnonzero(distance < LEAST_DISTANCE):
        yield int(row), f"source and receiver are {distance[row]:g} m apart, less than {LEAST_DISTANCE:g} m"
    for row in np.flatnonzero((features[:, ABSORPTION] == 0).all(axis=1)):
        yield int(row), "nothing absorbs sound (f1 to f7 are all 0), so its decay never ends"


def mending_swaps(features: NDArray[np.float64], broken: int) -> str:
    """Pairs of columns whose exchange would mend `broken` rooms of (n, 16), `a and b or c and d`; else empty.

    A few bad rooms among many are bad rooms; a header that is wrong breaks many at once. More than three pairs are no
    help.
    """
    pairs = []
    for first, second in combinations(range(len(FEATURE_NAMES)), 2) if broken >= max(2, len(features) / 10) else ():
        exchanged = features.copy()
        exchanged[:, [first, second]] = features[:, [second, first]]
        if next(feature_violations(exchanged), None) is None:
            pairs.append(f"{FEATURE_NAMES[first]} and {FEATURE_NAMES[second]}")
    return " or ".join(pairs) if len(pairs) <= 3 else ""
