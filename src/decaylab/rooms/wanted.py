"""The rooms that somebody asks for, and their simulation, in one call."""

from __future__ import annotations

import os
from typing import Any

from decaylab.rooms.dataset import DataSet
from decaylab.rooms.draw import DRAW_VERSION, draw_rooms
from decaylab.rooms.draw_wide import WIDE_VERSION, draw_wide_rooms
from decaylab.rooms.features import RoomTable, check_rooms
from decaylab.rooms.generate import Progress, simulate_rooms
from decaylab.rooms.simulate import SimulationSettings
from decaylab.rooms.store import open_data
from decaylab.rooms.tables import choose_rooms, read_rooms_csv

#: How many rooms to draw, the path of a table of rooms (CSV), or the table itself.
Rooms = int | str | os.PathLike[str] | RoomTable


def simulate(
    folder: str | os.PathLike[str],
    rooms: Rooms,
    *,
    limit: int | None = None,
    wide: bool = False,
    seed: int = 0,
    settings: SimulationSettings | None = None,
    jobs: int = 1,
    progress: Progress | None = None,
) -> DataSet:
    """Simulate rooms into a data set, as `decaylab simulate` does: `decaylab.simulate("data/rooms", 200)`.

    Called again, it goes on where it was interrupted, and adds the rooms that are new.

    Args:
        folder: of the data set; made if missing.
        rooms: how many to draw, the path of a table (ID, Length, ..., f1 to f7; metres, absorption from 0 to 1), or a
            `RoomTable`.
        limit: only so many of a table's rooms, mixed from all of it; None: all.
        wide: draw rooms from a bathroom to a small hall; else rooms like those of the published table.
        seed: of the drawing and of the simulation.
        settings: rays, time limit and the like; None: the defaults.
        jobs: worker processes. A script that asks for several needs `if __name__ == "__main__":`.
        progress: called with the number of rooms that are done and of all.

    Returns:
        The data set, opened: `features` (rooms, 16), `read(rows)` curves (rows, samples) of linear energy.

    Raises:
        DataError: a table that cannot be read, rooms that cannot be, a full disk.
        InputError: a setting out of range, or a data set that was made with others.
        SimulationError: the simulator failed on a room. MissingExtraError: it is not installed.
    """
    table, source = wanted_rooms(rooms, limit=limit, wide=wide, seed=seed)
    simulate_rooms(os.fspath(folder), table, seed=seed, settings=settings, jobs=jobs, source=source, progress=progress)
    return open_data(os.fspath(folder))


def wanted_rooms(
    rooms: Rooms, *, limit: int | None = None, wide: bool = False, seed: int = 0
) -> tuple[RoomTable, dict[str, Any]]:
    """The rooms asked for, in the order of the data set, and where they come from, for its manifest.

    Args:
        rooms, limit, wide, seed: see `simulate`.

    Raises:
        DataError: a table that cannot be read, or rooms that cannot be. MissingExtraError: drawing needs the simulator.
    """
    if isinstance(rooms, int):
        count = rooms if limit is None else min(rooms, limit)
        if wide:
            return draw_wide_rooms(count, seed), {"kind": f"drawn wide, version {WIDE_VERSION}"}
        return draw_rooms(count, seed), {"kind": f"drawn, version {DRAW_VERSION}"}
    source: dict[str, Any] = {"kind": "table"}
    table = rooms if isinstance(rooms, RoomTable) else read_rooms_csv(os.fspath(rooms))
    check_rooms(table)  # before they are mixed: its rows are those of the file
    if not isinstance(rooms, RoomTable):
        source |= {"file": os.path.basename(rooms), "rows": len(table)}
    return choose_rooms(table, limit), source
