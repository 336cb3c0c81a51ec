"""The data set's own format: resumable at any moment, and it knows what is not whole."""

import errno
import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from decaylab.errors import DataError, InputError
from decaylab.rooms import RoomTable, open_data, store_writer
from decaylab.rooms.store_writer import StoreWriter

SAMPLES = 50
SETTINGS: dict[str, Any] = {"seed": 0, "rays": 16_000, "time_limit": 2.0}


def table(count: int) -> RoomTable:
    features = np.random.default_rng(0).uniform(0, 1, (100, 16))
    return RoomTable([f"r{row}" for row in range(count)], features[:count])


def curve_of(room: str) -> np.ndarray:
    return np.linspace(1, 1 / (2 + int(room[1:])), SAMPLES).astype(np.float32)


def open_writer(folder: Path, rooms: RoomTable, settings: dict[str, Any] | None = None) -> StoreWriter:
    return StoreWriter(folder, rooms, settings or SETTINGS, {"source": {"kind": "table"}}, SAMPLES, 48_000)


def fill(folder: Path, rooms: RoomTable, stop_after: int | None = None) -> list[int]:
    """Write what is pending, as the simulation does; returns the rows it wrote."""
    with open_writer(folder, rooms) as store:
        written = []
        for row in store.pending[:stop_after]:
            store.write(row, curve_of(store.table.ids[row]))
            written.append(row)
        if stop_after is None:
            store.finish()
    return written


def check_whole(folder: Path, count: int) -> None:
    data = open_data(folder)
    assert len(data) == count
    assert (data.features == table(count).features).all()
    np.testing.assert_array_equal(data.read(np.arange(count)), [curve_of(room) for room in data.ids])


def test_a_store_is_plain_files_that_anyone_can_read(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "own"
    assert fill(folder, table(4)) == [0, 1, 2, 3]
    check_whole(folder, 4)
    curves = np.load(folder / "curves.npy")
    assert curves.shape == (4, SAMPLES)
    assert curves.dtype == np.float32
    assert (folder / "rooms.csv").read_text().startswith("ID,Length,Width,Height,Source_X")
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["settings"] == SETTINGS
    assert manifest["complete"] is True
    assert manifest["digest"] == open_data(folder).digest


def test_rows_may_repeat_and_columns_be_cut(tmp_path: Path) -> None:
    fill(tmp_path, table(3))
    data = open_data(tmp_path)
    read = data.read([2, 0, 2], slice(10, 20))
    np.testing.assert_array_equal(read, [curve_of(room)[10:20] for room in ("r2", "r0", "r2")])
    pickled = pickle.dumps(data)  # for a worker process: without the curves
    assert b"memmap" not in pickled
    again = pickle.loads(pickled)
    np.testing.assert_array_equal(again.read([1]), data.read([1]))


def test_what_was_interrupted_goes_on(tmp_path: Path) -> None:
    assert fill(tmp_path, table(5), stop_after=2) == [0, 1]
    with pytest.raises(DataError, match=r"unfinished.*same decaylab simulate again"):
        open_data(tmp_path)
    assert fill(tmp_path, table(5)) == [2, 3, 4]
    assert fill(tmp_path, table(5)) == []
    check_whole(tmp_path, 5)


def test_a_larger_table_extends_and_a_smaller_one_takes_nothing_away(tmp_path: Path) -> None:
    fill(tmp_path / "a", table(3))
    assert fill(tmp_path / "a", table(70)) == list(range(3, 70))
    check_whole(tmp_path / "a", 70)
    manifest = (tmp_path / "a" / "manifest.json").stat()
    assert fill(tmp_path / "a", table(2)) == []
    check_whole(tmp_path / "a", 70)
    assert (tmp_path / "a" / "manifest.json").stat().st_mtime_ns == manifest.st_mtime_ns
    fill(tmp_path / "b", table(70))
    assert open_data(tmp_path / "a").digest == open_data(tmp_path / "b").digest


def spoil_bytes(folder: Path) -> None:
    with open(folder / "curves.npy", "r+b") as file:
        file.seek(-SAMPLES * 4 * 3 + 17, 2)
        file.write(b"\x00\x01\x02")


def spoil_end(folder: Path) -> None:
    with open(folder / "curves.npy", "r+b") as file:
        file.truncate(file.seek(0, 2) - SAMPLES * 4 * 2 - 9)


def spoil_header(folder: Path) -> None:
    with open(folder / "curves.npy", "r+b") as file:
        file.write(b"\0" * 40)


def tear_record(folder: Path) -> None:
    text = (folder / "digests.txt").read_bytes()
    (folder / "digests.txt").write_bytes(text[:-30])


def spoil_record(folder: Path) -> None:
    lines = (folder / "digests.txt").read_text().splitlines()
    (folder / "digests.txt").write_text("\n".join(["", "x y", "1 zz", *lines[:3], "999 " + "0" * 64]) + "\n")


def edit_table(folder: Path) -> None:
    text = (folder / "rooms.csv").read_text().splitlines()
    cells = text[2].split(",")
    cells[1] = "0.123"
    (folder / "rooms.csv").write_text("\n".join([*text[:2], ",".join(cells), *text[3:]]) + "\n")


@pytest.mark.parametrize(
    ("spoil", "again"),
    [
        (spoil_bytes, [3]),
        (spoil_end, [3, 4, 5]),
        (spoil_header, []),
        (tear_record, [5]),
        (spoil_record, [3, 4, 5]),
        (lambda folder: (folder / "digests.txt").unlink(), [0, 1, 2, 3, 4, 5]),
        (lambda folder: (folder / "curves.npy").unlink(), [0, 1, 2, 3, 4, 5]),
    ],
)
@pytest.mark.parametrize("complete", [True, False])
def test_only_what_is_damaged_is_written_again(
    tmp_path: Path, spoil: Callable[[Path], None], again: list[int], complete: bool
) -> None:
    fill(tmp_path, table(6), stop_after=None if complete else 6)
    spoil(tmp_path)
    assert fill(tmp_path, table(6)) == again
    check_whole(tmp_path, 6)


def test_a_torn_record_does_not_swallow_the_next_one(tmp_path: Path) -> None:
    fill(tmp_path, table(6), stop_after=4)
    tear_record(tmp_path)
    assert fill(tmp_path, table(6), stop_after=2) == [3, 4]
    assert fill(tmp_path, table(6)) == [5]


def test_a_room_that_was_edited_is_refused(tmp_path: Path) -> None:
    fill(tmp_path, table(3))
    edit_table(tmp_path)
    with pytest.raises(InputError, match=r"other rooms under the same ids \(r1\)"):
        fill(tmp_path, table(3))


def test_a_damaged_store_says_how_to_mend_it(tmp_path: Path) -> None:
    fill(tmp_path, table(6))
    spoil_end(tmp_path)
    with pytest.raises(DataError, match="decaylab simulate again to mend"):
        open_data(tmp_path)
    fill(tmp_path, table(6))
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    for changes, message in (
        ({"rooms": 7}, "does not agree with itself"),
        ({"format_version": 2}, "update decaylab"),
        ({"format": "x"}, "not the manifest"),
    ):
        (tmp_path / "manifest.json").write_text(json.dumps(manifest | changes))
        with pytest.raises(DataError, match=message):
            open_data(tmp_path)
    for text in ("{", "[]", "{}"):
        (tmp_path / "manifest.json").write_text(text)
        with pytest.raises(DataError, match=r"manifest\.json"):
            open_data(tmp_path)


def test_other_settings_are_refused_by_name(tmp_path: Path) -> None:
    fill(tmp_path, table(3))
    before = (tmp_path / "manifest.json").read_bytes()
    with (
        pytest.raises(InputError, match=r"rays is 16000 there, 800 here; seed is 0 there, 4 here\."),
        open_writer(tmp_path, table(3), SETTINGS | {"rays": 800, "seed": 4}),
    ):
        pass
    assert (tmp_path / "manifest.json").read_bytes() == before


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "rooms.csv").write_text("mine")
    with pytest.raises(InputError, match=r"holds other files \(rooms\.csv\)"):
        fill(tmp_path, table(3))
    assert (tmp_path / "rooms.csv").read_text() == "mine"


def test_rooms_that_are_not_in_it_do_not_mix_in(tmp_path: Path) -> None:
    fill(tmp_path, table(3))
    strangers = RoomTable(["x1", "x2"], table(2).features + 0.5)
    with pytest.raises(InputError, match="none of those asked for"):
        fill(tmp_path, strangers)


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    with open_writer(tmp_path, table(3)), pytest.raises(InputError, match="another process is writing"):
        fill(tmp_path, table(3))
    assert fill(tmp_path, table(3)) == [0, 1, 2]


def test_a_full_disk_is_one_clear_line_and_nothing_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, budget = store_writer.write_all, [2 * SAMPLES * 4 + 400]

    def limited(stream: Any, data: bytes) -> None:
        if stream.name.name == "curves.npy" and len(data) == SAMPLES * 4:
            part = data[: max(budget[0], 0)]
            budget[0] -= len(data)
            real(stream, part)
            if len(part) < len(data):
                raise OSError(errno.ENOSPC, "No space left on device")
        else:
            real(stream, data)

    monkeypatch.setattr(store_writer, "write_all", limited)
    with pytest.raises(DataError, match=r"no space left .* same command again") as caught:
        fill(tmp_path, table(6))
    assert "\n" not in str(caught.value)
    monkeypatch.undo()
    assert fill(tmp_path, table(6)) == [4, 5]
    check_whole(tmp_path, 6)


def test_too_little_space_is_said_before_anything_is_simulated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(DataError, match=r"not enough space .*6 curves need 0.0 MB"), open_writer(tmp_path, table(6)):
        pass
    monkeypatch.undo()
    assert len(fill(tmp_path, table(6))) == 6


def test_a_file_or_a_folder_without_data_is_no_data_set(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no such folder.*decaylab simulate --out"):
        open_data(tmp_path / "nowhere")
    with pytest.raises(DataError, match="holds no data set"):
        open_data(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="file is a file: a data set is a folder"):
        open_data(tmp_path / "file")
    with pytest.raises(DataError, match="cannot be written"):
        fill(tmp_path / "file", table(1))


def test_rows_and_columns_are_read_as_of_an_array_and_a_file_that_became_shorter_is_said(tmp_path):
    rooms = table(5)
    fill(tmp_path, rooms)
    data = open_data(tmp_path)
    whole = np.stack([curve_of(name) for name in rooms.ids])
    assert (data.read([4, 0, 4, -2]) == whole[[4, 0, 4, -2]]).all()
    assert (data.read([3, 1], slice(10, 40, 3)) == whole[[3, 1], 10:40:3]).all()
    assert data.read([]).shape == (0, SAMPLES)
    for row in (5, -6):
        with pytest.raises(IndexError):
            data.read([0, row])
    copy = pickle.loads(pickle.dumps(data))
    assert (copy.read([2]) == whole[[2]]).all()
    curves = tmp_path / "curves.npy"
    with open(curves, "r+b") as file:
        file.truncate(curves.stat().st_size - 4)
    assert (data.read([3]) == whole[[3]]).all()
    with pytest.raises(DataError, match=r"ends before row 4: it became shorter"):
        data.read([4])
