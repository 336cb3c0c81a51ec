"""NPY and CSV: what is a record, what is a curve, and what is refused."""

import pathlib
import pickle

import numpy as np
import pytest

from decaylab.errors import DataError, InputError
from decaylab.responses import read_records
from decaylab.responses.record import is_edc

RIR = np.random.default_rng(0).normal(size=500) * np.exp(-np.arange(500) / 80)
EDC = np.exp(-np.arange(400) / 80)


def records(path: pathlib.Path, **options: object) -> list:
    return list(read_records(str(path), **options).records)  # type: ignore[arg-type]


def npy(folder: pathlib.Path, values: object, name: str = "a.npy") -> pathlib.Path:
    np.save(folder / name, values)
    return folder / name


def text(folder: pathlib.Path, content: str, name: str = "a.csv") -> pathlib.Path:
    (folder / name).write_text(content)
    return folder / name


def test_a_curve_starts_at_its_maximum_of_one_and_never_rises() -> None:
    assert is_edc(EDC, "auto")
    assert is_edc(EDC.astype(np.float32), "auto")
    assert is_edc(np.array([1.0, 1.0, 0.0]), "auto")
    for other in (EDC * 0.999, EDC * 2, EDC[::-1], RIR, np.append(EDC, 0.5), np.array([1.0, -1.0]), np.array([1.0])):
        assert not is_edc(other, "auto")
    broken = EDC.copy()
    broken[7] = np.nan
    assert not is_edc(broken, "auto")


def test_one_dimension_is_one_record_and_two_are_one_a_row(tmp_path: pathlib.Path) -> None:
    for values in (RIR, RIR.astype(np.float32), (1000 * RIR).astype(np.int16)):
        (one,) = records(npy(tmp_path, values))
        assert (one.measurement, one.channel, one.sampling_rate, one.is_edc) == (0, 0, 48_000, False)
        np.testing.assert_allclose(one.samples, values)
    rows = records(npy(tmp_path, np.stack([EDC, EDC**2, RIR[:400]])), sampling_rate=8000.0)
    assert [(row.measurement, row.is_edc, row.sampling_rate) for row in rows] == [
        (0, True, 8000.0),
        (1, True, 8000.0),
        (2, False, 8000.0),
    ]
    np.testing.assert_array_equal(rows[1].samples, EDC**2)


def test_the_kind_may_be_said(tmp_path: pathlib.Path) -> None:
    path = npy(tmp_path, np.stack([EDC, EDC * 0.98]))
    contents = read_records(str(path))
    assert [row.is_edc for row in contents.records] == [True, False]
    assert any("row 1: taken for an impulse response" in note and "--kind edc" in note for note in contents.notes)
    assert [row.is_edc for row in records(path, kind="edc")] == [True, True]
    assert [row.is_edc for row in records(path, kind="rir")] == [False, False]
    with pytest.raises(InputError, match="auto, rir, edc"):
        records(path, kind="mine")


def test_the_rate_that_was_taken_is_said(tmp_path: pathlib.Path) -> None:
    path = npy(tmp_path, RIR)
    assert any("48000 Hz taken" in note for note in read_records(str(path)).notes)
    assert read_records(str(path), sampling_rate=44_100.0).notes == []


@pytest.mark.parametrize(
    "head", ["", "# measured in May\n# 48 kHz\n", "pressure\n", "\ufeff", "# note\n\npressure in Pa\n", "pressure,\n"]
)
def test_a_column_of_numbers_with_or_without_a_header(tmp_path: pathlib.Path, head: str) -> None:
    (one,) = records(text(tmp_path, head + "\n".join(map(repr, RIR.tolist()))))
    np.testing.assert_array_equal(one.samples, RIR)


@pytest.mark.parametrize("separator", [",", ";", "\t", " ", "   ", ", "])
def test_a_record_a_line(tmp_path: pathlib.Path, separator: str) -> None:
    content = "\n".join(separator.join(map(repr, row.tolist())) for row in (EDC, EDC**2))
    rows = records(text(tmp_path, content + "\n"))
    np.testing.assert_array_equal(rows[1].samples, EDC**2)
    assert [row.is_edc for row in rows] == [True, True]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("1.0\n0.5\nhello\n0.1\n", "no table of numbers: .*hello.*row 2"),
        ("1,2,3\n4,5\n", "no table of numbers: .*columns changed"),
        ("# only a comment\n", r"shape \(0,"),
        ("0,1.0\n1,0.9\n2,0.5\n3,0.1\n", r"shape \(4, 2\), one record a row.*transpose"),
        ("0,5\n0,25\n", "2 samples each|no decay|records of"),
        ("1.0\n", "records of 1 sample"),
        ("<html><body>Not found</body></html>\n", "no table of numbers|shape"),
    ],
)
def test_a_csv_that_cannot_be_used_is_one_line(tmp_path: pathlib.Path, content: str, message: str) -> None:
    path = text(tmp_path, content)
    if content.startswith("0,5"):
        rows = records(path)  # two rows of two samples are read as said: one record a row
        assert [row.samples.tolist() for row in rows] == [[0.0, 5.0], [0.0, 25.0]]
        return
    with pytest.raises(DataError, match=message) as caught:
        records(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_bytes_that_are_no_text(tmp_path: pathlib.Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"\xff\xfe\x00\x01\x80" * 100)
    with pytest.raises(DataError, match="no text"):
        records(tmp_path / "a.csv")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros((2, 3, 4)), r"shape \(2, 3, 4\)"),
        (np.float64(3.0), r"shape \(\)"),
        (np.zeros(0), r"shape \(0,\)"),
        (np.zeros((96_000, 2)), "transpose"),
        (np.zeros(9, dtype=complex), "complex128, not real"),
        (np.array(["a", "b"]), "not real numbers"),
        (np.zeros(9, dtype=[("x", float)]), "not real numbers"),
    ],
)
def test_an_array_that_holds_no_records(tmp_path: pathlib.Path, values: np.ndarray, message: str) -> None:
    with pytest.raises(DataError, match=message):
        records(npy(tmp_path, values))


def test_an_npy_file_never_runs_code(tmp_path: pathlib.Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple:
            return (pathlib.Path.touch, (tmp_path / "ran",))

    objects = np.empty(2, dtype=object)
    objects[:] = [Trap(), Trap()]
    np.save(tmp_path / "a.npy", objects, allow_pickle=True)
    (tmp_path / "b.npy").write_bytes(pickle.dumps(Trap()))
    for name in ("a.npy", "b.npy"):
        with pytest.raises(DataError, match="cannot be read"):
            records(tmp_path / name)
    assert not (tmp_path / "ran").exists()


def test_damaged_npy_files_are_one_line_each(tmp_path: pathlib.Path) -> None:
    whole = npy(tmp_path, RIR).read_bytes()
    header_end = 128
    dice = np.random.default_rng(0)
    damaged = [whole[:40], whole[: header_end + 11], whole[:header_end], b"\x93NUMPY", b"PK\x03\x04" + whole]
    for _ in range(200):
        broken = bytearray(whole)
        for place in dice.integers(0, header_end, 3):
            broken[place] = dice.integers(256)
        damaged.append(bytes(broken))
    messages = []
    for content in damaged:
        (tmp_path / "x.npy").write_bytes(content)
        try:
            records(tmp_path / "x.npy")
        except DataError as error:
            messages.append(str(error))
    assert len(messages) > 100
    assert not any("\n" in message for message in messages)
    for content in damaged[:5]:
        (tmp_path / "x.npy").write_bytes(content)
        with pytest.raises(DataError):
            records(tmp_path / "x.npy")


def test_what_is_no_file_of_records(tmp_path: pathlib.Path) -> None:
    with pytest.raises(DataError, match="no file"):
        records(tmp_path / "missing.npy")
    with pytest.raises(DataError, match="is a directory"):
        records(tmp_path)
    with pytest.raises(DataError, match="is empty"):
        records(text(tmp_path, ""))
    with pytest.raises(DataError, match=r"told by the suffix; known are \.wav"):
        records(text(tmp_path, "1\n2\n", "a.xlsx"))
    np.savez(tmp_path / "a.npz", RIR)
    (tmp_path / "a.npz").rename(tmp_path / "renamed.npy")
    with pytest.raises(DataError, match=r"archive of arrays \(\.npz\)"):
        records(tmp_path / "renamed.npy")
    with pytest.raises(DataError, match="sampling rate of 0 Hz"):
        records(npy(tmp_path, RIR), sampling_rate=0.0)
