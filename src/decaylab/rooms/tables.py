"""Tables of rooms on disk, in the columns of the published one: `ID, Length, ..., f1..f7`."""

from __future__ import annotations

import csv
import hashlib
import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from decaylab.errors import DataError
from decaylab.rooms.features import FEATURE_NAMES, NAMED, RoomTable

ID_COLUMN = "ID"


def read_rooms_csv(path: str | Path, limit: int | None = None, *, lenient: bool = False) -> RoomTable:
    """Rooms of a CSV file, by the names of its columns.

    Columns may stand in any order and case, others may stand between them, and the separator may be a comma, a
    semicolon or a tab. Without a column `ID` rooms are called `room_000001` ... by their row. The rooms are not
    checked: see `check_rooms`.

    Args:
        path: the file, UTF-8.
        limit: take this many of them, chosen as `choose_rooms` says; None: all, in the file's order.
        lenient: a value that is no number becomes NaN, for a check that is to report everything at once.

    Raises:
        DataError: the file cannot be read, a column is missing or there twice, or a value is no number (named with
            its row).
    """
    file = Path(path)
    try:
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise DataError(f"no file {file}: give a CSV with the columns ID, {', '.join(FEATURE_NAMES)}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{file} cannot be read as a CSV table: {error}") from None
    header_line = text.partition("\n")[0]
    separator = max(",;\t", key=header_line.count)
    try:
        lines = [
            line for line in csv.reader(io.StringIO(text), delimiter=separator) if any(cell.strip() for cell in line)
        ]
    except csv.Error as error:
        raise DataError(f"{file} is no CSV table: {error}") from None
    if not lines:
        raise DataError(f"{file} is empty: it needs a header line with ID, {', '.join(FEATURE_NAMES)}")
    table = _parse(file, lines[0], lines[1:], lenient)
    return table if limit is None else choose_rooms(table, limit)


def rooms_text(table: RoomTable) -> str:
    """A table in the published column format; every number reads back as the same float64."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow((ID_COLUMN, *FEATURE_NAMES))
    writer.writerows((room, *values) for room, values in zip(table.ids, table.features.tolist(), strict=True))
    return text.getvalue()


def write_rooms_csv(table: RoomTable, file: io.TextIOBase) -> None:
    """Write a table as `rooms_text` has it.

    Args:
        table: the rooms.
        file: open for writing text.
    """
    file.write(rooms_text(table))


def choose_rooms(table: RoomTable, limit: int | None = None) -> RoomTable:
    """The first `limit` rooms in the order of a hash of their features; all of them, in that order, for None.

    The published table is a grid, 200 geometries x 30 materials: its first 600 rows are 20 geometries. This order mixes
    it, is the same whatever the file's own order, the ids or the seed, and nests: a larger limit keeps every room of a
    smaller one.

    Args:
        table: the rooms.
        limit: how many; None: all.
    """
    keys = [room_key(features) for features in table.features]
    order = sorted(range(len(table)), key=lambda row: (keys[row], table.ids[row]))
    return table.rows(order if limit is None else order[:limit])


def room_key(features: NDArray[np.float64]) -> bytes:
    """What makes a room the same room: a hash of its 16 features, and of nothing else."""
    canonical = np.ascontiguousarray(features, dtype="<f8") + 0.0  # + 0.0 makes -0.0 and 0.0 one number
    return hashlib.sha256(b"decaylab room\0" + canonical.tobytes()).digest()


def _parse(file: Path, header: list[str], lines: list[list[str]], lenient: bool) -> RoomTable:
    places: dict[str, int] = {}
    known = {name.lower(): name for name in (ID_COLUMN, *FEATURE_NAMES)}
    for column, cell in enumerate(header):
        name = known.get(cell.strip().lower())
        if name in places:
            raise DataError(f"{file} has two columns {name}: keep one")
        if name is not None:
            places[name] = column
    missing = [name for name in FEATURE_NAMES if name not in places]
    if missing:
        raise DataError(f"{file} lacks the columns {', '.join(missing)}; its header is: {', '.join(header)}")
    ids = [
        _cell(line, places[ID_COLUMN]) if ID_COLUMN in places else f"room_{row:06d}"
        for row, line in enumerate(lines, 1)
    ]
    features = np.empty((len(lines), len(FEATURE_NAMES)))
    wrong: list[str] = []
    for row, line in enumerate(lines):
        for column, name in enumerate(FEATURE_NAMES):
            cell = _cell(line, places[name])
            try:
                features[row, column] = float(cell)
            except ValueError:
                features[row, column] = np.nan
                wrong.append(
                    f"row {row + 1} ({ids[row]}), {name}: {cell!r}" if cell else f"row {row + 1}, {name}: nothing"
                )
    if not lenient and (short := [row for row, line in enumerate(lines, 1) if len(line) <= max(places.values())]):
        row, length = short[0], len(lines[short[0] - 1])
        more = f" ({len(short) - 1} more like it)" if short[1:] else ""
        raise DataError(
            f"{file}: row {row} of {len(lines)} ends after {length} of {len(header)} columns{more}: "
            "is the file whole? Complete the row or remove it"
        )
    if wrong and not lenient:
        rest = f"; and {len(wrong) - NAMED} more" if len(wrong) > NAMED else ""
        raise DataError(f"{file} has {len(wrong)} cells that are no numbers: {'; '.join(wrong[:NAMED])}{rest}")
    return RoomTable(ids, features)


def _cell(line: list[str], column: int) -> str:
    return line[column].strip() if column < len(line) else ""
