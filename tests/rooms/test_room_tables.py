"""Tables of rooms: reading, writing, checking, choosing."""

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from decaylab.errors import DataError
from decaylab.rooms import FEATURE_NAMES, RoomTable, check_rooms, choose_rooms, read_rooms_csv, write_rooms_csv

HEADER = "ID," + ",".join(FEATURE_NAMES)
ROOM = [4.0, 5.0, 3.0, 1.0, 1.2, 1.5, 3.0, 4.0, 1.4, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]


def rooms(*changes: dict[str, float], count: int = 3) -> RoomTable:
    """Valid rooms, the first ones with changed features."""
    features = np.tile(ROOM, (count, 1))
    features[:, 0] += np.arange(count) / 10
    for row, change in enumerate(changes):
        for name, value in change.items():
            features[row, FEATURE_NAMES.index(name)] = value
    return RoomTable([f"r{row}" for row in range(count)], features)


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_columns_in_another_order_with_others_between(tmp_path: Path) -> None:
    names = [*reversed(FEATURE_NAMES)]
    cells = [str(ROOM[FEATURE_NAMES.index(name)]) for name in names]
    file = write(tmp_path / "a.csv", f"comment;{';'.join(names).lower()}; id\nhello;{';'.join(cells)};x1\n\n")
    table = read_rooms_csv(file)
    assert table.ids == ["x1"]
    assert table.features[0].tolist() == ROOM


def test_without_ids_rooms_are_called_by_their_row(tmp_path: Path) -> None:
    line = ",".join(map(str, ROOM))
    table = read_rooms_csv(write(tmp_path / "a.csv", f"\ufeff{','.join(FEATURE_NAMES)}\n{line}\n{line}\n"))
    assert table.ids == ["room_000001", "room_000002"]


def test_malformed_numbers_are_named_with_row_and_column(tmp_path: Path) -> None:
    good = ",".join(map(str, ROOM))
    bad = good.replace("1.2", "1.2m").removesuffix("0.7")
    with pytest.raises(DataError, match=r"2 cells .*row 2 \(b\), Source_Y: '1.2m'; row 2, f7: nothing"):
        read_rooms_csv(write(tmp_path / "a.csv", f"{HEADER}\na,{good}\nb,{bad}\n"))


def test_a_row_that_ends_early_is_named_as_such(tmp_path: Path) -> None:
    good = ",".join(map(str, ROOM))
    cut = good.removesuffix(",0.6,0.7")
    with pytest.raises(DataError, match=r"row 2 of 3 ends after 15 of 17 columns \(1 more like it\): is the file"):
        read_rooms_csv(write(tmp_path / "a.csv", f"{HEADER}\na,{good}\nb,{cut}\nc,{cut}\n"))
    table = read_rooms_csv(write(tmp_path / "b.csv", f"{HEADER},comment\na,{good},here\nb,{good}\n"))
    assert len(table) == 2  # what lacks is no column of ours


def test_missing_and_double_columns_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="lacks the columns Height, f7; its header is: ID, Length"):
        read_rooms_csv(write(tmp_path / "a.csv", HEADER.replace("Height", "H").replace("f7", "f8") + "\n"))
    with pytest.raises(DataError, match="two columns f1"):
        read_rooms_csv(write(tmp_path / "a.csv", HEADER + ",F1\n"))


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xff\xfe\x00\x01"])
def test_what_is_no_table_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(content)
    with pytest.raises(DataError):
        read_rooms_csv(file)
    with pytest.raises(DataError, match="no file"):
        read_rooms_csv(tmp_path / "b.csv")
    with pytest.raises(DataError, match="cannot be read"):
        read_rooms_csv(tmp_path)


@given(arrays(np.float64, (2, 16), elements=st.floats(allow_nan=False, allow_infinity=False)))
def test_writing_and_reading_keeps_every_bit(tmp_path_factory: pytest.TempPathFactory, features: np.ndarray) -> None:
    text = io.StringIO()
    write_rooms_csv(RoomTable(["a,b", 'c"d'], features), text)
    file = write(tmp_path_factory.mktemp("csv") / "a.csv", text.getvalue())
    table = read_rooms_csv(file)
    assert table.ids == ["a,b", 'c"d']
    assert table.features.tobytes() == features.tobytes()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"Source_X": 9.0}, r"row 1 \(r0\): Source_X = 9 m lies outside the room \(Length = 4 m\)"),
        ({"Receiver_Z": 3.0}, r"Receiver_Z = 3 m lies outside the room \(Height = 3 m\)"),
        ({"Source_Y": 0.0}, "Source_Y = 0 m lies outside"),
        ({"f3": 1.01}, "f3 = 1.01 lies outside 0 to 1"),
        ({"f1": -0.1}, "f1 = -0.1 lies outside"),
        ({"Width": 5000.0}, r"Width = 5000 lies outside 0.5 to 100 m \(are the units metres\?\)"),
        ({"Height": float("nan")}, "Height is nan, not a finite number"),
        ({"f7": float("inf")}, "f7 is inf"),
        ({"Source_X": 3.0, "Source_Y": 4.0, "Source_Z": 1.4}, "source and receiver are 0 m apart"),
        ({f"f{band}": 0.0 for band in range(1, 8)}, "nothing absorbs"),
    ],
)
def test_each_violation_is_named_with_its_row(change: dict[str, float], message: str) -> None:
    check_rooms(rooms())
    with pytest.raises(DataError, match=message):
        check_rooms(rooms(change))


def test_many_violations_are_counted_and_ids_must_differ() -> None:
    with pytest.raises(DataError, match=r"30 of 40 rooms cannot be: .*; and 20 more") as caught:
        check_rooms(rooms(*[{"f1": 2.0, "f2": 0.1}] * 30, count=40))
    assert str(caught.value).count("f1 = 2") == 10
    table = rooms()
    with pytest.raises(DataError, match=r"row 3 \(r0\): its ID is that of row 1 too"):
        check_rooms(RoomTable(["r0", "r1", "r0"], table.features))
    with pytest.raises(DataError, match=r"row 2 .*its ID is empty"):
        check_rooms(RoomTable(["r0", "", "r2"], table.features))


@pytest.mark.parametrize(("first", "second"), [("Height", "Source_X"), ("f2", "Source_Z"), ("Width", "Length")])
def test_a_swapped_column_is_found(first: str, second: str) -> None:
    changes = [{"Receiver_Y": 4.9, "Source_Y": 0.9}, {"Source_X": 3.4, "Receiver_Y": 4.8}, {"Source_Y": 4.95}]
    table = rooms(*changes, {"f2": 0.9, "Height": 2.5}, {"Source_Z": 0.3}, count=5)
    check_rooms(table)
    a, b = FEATURE_NAMES.index(first), FEATURE_NAMES.index(second)
    table.features[:, [a, b]] = table.features[:, [b, a]]
    with pytest.raises(DataError, match=f"Exchanging the columns .*({first} and {second}|{second} and {first})"):
        check_rooms(table)


def test_a_single_bad_room_does_not_blame_the_header() -> None:
    with pytest.raises(DataError) as caught:
        check_rooms(rooms({"Source_X": 4.5}, count=30))
    assert "Exchanging" not in str(caught.value)


def test_choice_mixes_nests_and_ignores_order_and_ids() -> None:
    rng = np.random.default_rng(0)
    features = np.repeat(rng.uniform(1, 2, (20, 16)), 30, axis=0)  # a grid: 20 geometries x 30 materials
    features[:, 9:] = np.tile(rng.uniform(0, 1, (30, 7)), (20, 1))
    table = RoomTable([f"r{row}" for row in range(600)], features)
    fifty, hundred = choose_rooms(table, 50), choose_rooms(table, 100)
    assert hundred.ids[:50] == fifty.ids
    assert len({tuple(row[:3]) for row in fifty.features}) > 15
    shuffled = rng.permutation(600)
    again = choose_rooms(RoomTable([f"x{row}" for row in range(600)], features[shuffled]), 50)
    assert (again.features == fifty.features).all()
    assert len(choose_rooms(table, 1000)) == len(choose_rooms(table)) == 600
    assert choose_rooms(table).ids[:100] == hundred.ids


def test_ids_and_features_must_match() -> None:
    with pytest.raises(DataError, match="not \\(2, 16\\)"):
        RoomTable(["a"], np.zeros((2, 16)))
