"""A whole data set: the same curves whatever the jobs, the order and the interruptions."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from decaylab.errors import DataError, InputError, SimulationError
from decaylab.rooms import RoomTable, SimulationSettings, draw_rooms, generate, open_data, simulate_edc, simulate_rooms

pytest.importorskip("pyroomacoustics")

QUICK = SimulationSettings(rays=100, time_limit=0.1, samples=4_800)


def curves(folder: Path) -> dict[str, bytes]:
    data = open_data(folder)
    return {room: data.read([row]).tobytes() for row, room in enumerate(data.ids)}


def test_jobs_order_and_company_change_no_bit(tmp_path: Path) -> None:
    table = draw_rooms(5, seed=0)
    report = simulate_rooms(tmp_path / "one", table, settings=QUICK)
    assert (report.rooms, report.simulated) == (5, 5)
    simulate_rooms(tmp_path / "two", table.rows([3, 1, 4, 0, 2]), settings=QUICK, jobs=2)
    one = curves(tmp_path / "one")
    assert curves(tmp_path / "two") == one
    renamed = RoomTable([f"x{row}" for row in range(5)], table.features)
    assert simulate_rooms(tmp_path / "again", table, settings=QUICK).digest == report.digest
    assert simulate_rooms(tmp_path / "renamed", renamed, settings=QUICK).digest != report.digest
    assert list(curves(tmp_path / "renamed").values()) == list(one.values())
    assert simulate_edc(table.features[4], 0, QUICK).tobytes() == one[table.ids[4]]


def test_progress_manifest_and_extension(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    simulate_rooms(tmp_path, draw_rooms(2, seed=0), settings=QUICK, progress=lambda *pair: seen.append(pair))
    report = simulate_rooms(tmp_path, draw_rooms(4, seed=0), settings=QUICK, progress=lambda *pair: seen.append(pair))
    assert seen == [(0, 2), (1, 2), (2, 2), (2, 4), (3, 4), (4, 4)]
    assert (report.rooms, report.simulated) == (4, 2)
    manifest = open_data(tmp_path).manifest
    assert manifest["settings"]["rays"] == 100
    assert manifest["settings"]["simulator"].startswith("pyroomacoustics 0.")
    assert manifest["settings"]["seed"] == 0
    assert set(manifest["versions"]) == {"decaylab", "pyroomacoustics", "numpy", "scipy"}
    for other, name in ((SimulationSettings(rays=50, time_limit=0.1, samples=4_800), "rays"), (QUICK, "seed")):
        with pytest.raises(InputError, match=f"other settings: {name} is"):
            simulate_rooms(tmp_path, draw_rooms(4, seed=0), settings=other, seed=int(name == "seed"))


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SimulationError("boom")])
def test_whatever_stops_it_what_is_done_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: Any) -> None:
    real, calls = generate.simulate_row, []

    def failing(row: int, *rest: Any) -> Any:
        calls.append(row)
        if len(calls) == 3:
            raise stop
        return real(row, *rest)

    monkeypatch.setattr(generate, "simulate_row", failing)
    table = draw_rooms(5, seed=0)
    with pytest.raises(stop if isinstance(stop, type) else SimulationError):
        simulate_rooms(tmp_path / "a", table, settings=QUICK)
    assert simulate_rooms(tmp_path / "a", table, settings=QUICK).simulated == 3
    assert calls == [0, 1, 2, 2, 3, 4]
    monkeypatch.undo()
    simulate_rooms(tmp_path / "b", table, settings=QUICK)
    assert curves(tmp_path / "a") == curves(tmp_path / "b")


def test_an_error_in_a_worker_names_its_room(tmp_path: Path) -> None:
    table = draw_rooms(3, seed=0)
    nothing = SimulationSettings(rays=10, time_limit=0.0, max_order=-1, samples=100)  # neither images nor rays
    with pytest.raises(SimulationError, match=r"room drawn_s0_00000\d \(row \d\): .*silent in its first 100 samples"):
        simulate_rooms(tmp_path, table, settings=nothing, jobs=2)


def test_bad_input_is_refused_before_a_folder_is_made(tmp_path: Path) -> None:
    table = draw_rooms(2, seed=0)
    outside = table.features.copy()
    outside[1, 3] = 50.0
    with pytest.raises(DataError, match="row 2"):
        simulate_rooms(tmp_path / "x", RoomTable(table.ids, outside), settings=QUICK)
    with pytest.raises(InputError, match="empty"):
        simulate_rooms(tmp_path / "x", table.rows([]), settings=QUICK)
    with pytest.raises(InputError, match="seed"):
        simulate_rooms(tmp_path / "x", table, settings=QUICK, seed=-1)
    with pytest.raises(InputError, match="jobs"):
        simulate_rooms(tmp_path / "x", table, settings=QUICK, jobs=0)
    assert not (tmp_path / "x").exists()
    assert np.isfinite(table.features).all()
