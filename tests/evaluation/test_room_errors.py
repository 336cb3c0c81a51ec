"""errors.csv: what is written is what is read, a known header, whole or not at all."""

import os

import numpy as np
import pytest

from decaylab.errors import DataError
from decaylab.evaluation import CurveMetrics, Reference
from decaylab.evaluation.errors import RoomErrors, material_distance, read_errors, room_errors, write_errors

HEADER = (
    "row,room,length,width,height,material_distance,edc_mae,edc_db_mae,edt_true,edt_predicted,t20_true,t20_predicted,"
    "t30_true,t30_predicted,c50_true,c50_predicted,ts_true,ts_predicted"
)
NAMES = ("edt", "t20", "t30", "c50", "ts")


def some_errors(rooms):
    rng = np.random.default_rng(0)
    count = len(rooms)
    errors = RoomErrors(
        rows=np.arange(count) * 7,
        rooms=rooms,
        sizes=rng.uniform(2, 9, (count, 3)),
        material_distance=rng.uniform(0, 1, count),
        edc_mae=rng.uniform(0, 1e-7, count),
        edc_db_mae=rng.uniform(0, 5, count),
        true={name: rng.normal(size=count) for name in NAMES},
        predicted={name: rng.normal(size=count) for name in NAMES},
    )
    errors.predicted["t30"][0] = np.nan
    errors.true["edt"][1] = np.inf
    return errors


def test_what_is_written_is_read_to_the_last_bit(tmp_path):
    rooms = ["plain", 'a,b"c', "two\nlines", "Büro 7", ""]
    errors = some_errors(rooms)
    write_errors(tmp_path / "errors.csv", errors)
    text = (tmp_path / "errors.csv").read_text(encoding="utf-8")
    assert text.splitlines()[0] == HEADER
    again = read_errors(tmp_path / "errors.csv")
    assert list(again.rooms) == rooms
    assert again.rows.tolist() == [0, 7, 14, 21, 28]
    for name in ("sizes", "material_distance", "edc_mae", "edc_db_mae"):
        np.testing.assert_array_equal(getattr(again, name), getattr(errors, name))
    assert np.isnan(again.predicted["t30"][0])
    assert np.isnan(again.true["edt"][1]), "what is not finite is empty"
    for name in NAMES:
        np.testing.assert_array_equal(again.true[name][2:], errors.true[name][2:])
        np.testing.assert_array_equal(again.predicted[name][2:], errors.predicted[name][2:])


def test_a_line_is_numbers_in_full_and_nothing_where_invalid(tmp_path):
    errors = some_errors(["a"] * 2)
    write_errors(tmp_path / "errors.csv", errors)
    line = (tmp_path / "errors.csv").read_text().splitlines()[1].split(",")
    assert line[:3] == ["0", "a", repr(float(errors.sizes[0, 0]))]
    assert line[HEADER.split(",").index("t30_predicted")] == ""


def test_a_full_disk_leaves_nothing(tmp_path, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        write_errors(tmp_path / "errors.csv", some_errors(["a", "b"]))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "header"),
        ("room,row\n", "header"),
        (HEADER.replace("ts_true", "ts") + "\n", "header"),
        (HEADER + "\n1,a,1,2,3\n", "line 2"),
        (HEADER + "\n" + "x" + ",1" * 17 + "\n", "line 2"),
        (HEADER + "\n" + "1,a" + ",1" * 15 + ",one\n", "line 2"),
        (HEADER + "\n" + "1,a" + ",1" * 17 + "\n", "line 2"),
        (HEADER + "\n\n", "line 2"),
    ],
)
def test_damage_is_named_with_its_line(tmp_path, text, said):
    (tmp_path / "errors.csv").write_text(text)
    with pytest.raises(DataError, match=said):
        read_errors(tmp_path / "errors.csv")


def test_only_a_regular_file_is_read(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_errors(tmp_path / "errors.csv")
    (tmp_path / "real.csv").write_text(HEADER + "\n")
    (tmp_path / "link.csv").symlink_to("real.csv")
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe")
    for name in ("link.csv", "pipe.csv", "bytes.csv"):
        with pytest.raises(DataError):
            read_errors(tmp_path / name)
    assert len(read_errors(tmp_path / "real.csv")) == 0


def test_the_distance_is_the_rms_difference_to_the_nearest_training_material():
    known = np.array([[0.1] * 7, [0.5] * 7])
    rooms = np.array([[0.1] * 7, [0.2] * 7, [0.45] * 7, [0.5] * 6 + [0.5 + np.sqrt(7) * 0.01]])
    np.testing.assert_allclose(material_distance(rooms, known), [0, 0.1, 0.05, 0.01])
    assert material_distance(rooms, known)[0] == 0, "exactly, where the material was in the training"
    assert np.isnan(material_distance(rooms, known[:0])).all()


def test_the_errors_of_curves_are_those_that_the_metrics_average():
    time = np.arange(96_000) / 48_000
    target = np.exp(-13.8155 * time / np.array([[0.4], [0.8], [7.0]])).astype(np.float32)
    prediction = np.exp(-13.8155 * time / np.array([[0.42], [0.76], [7.0]])).astype(np.float32)
    scores = CurveMetrics(dict)
    for rows in (slice(0, 2), slice(2, 3)):
        scores.add(prediction[rows], Reference.of(target[rows], 48_000))
    features = np.full((5, 16), 0.3)
    found = room_errors(np.array([4, 2, 0]), ["a", "b", "c"], features[:3], features[3:], scores)
    result = scores.result()
    assert found.edc_mae.mean() == pytest.approx(result["overall_edc"]["mae"], rel=1e-12)
    assert found.edc_db_mae.mean() == pytest.approx(result["edc_db_mae"], rel=1e-12)
    assert (found.predicted["t20"] - found.true["t20"])[:2] == pytest.approx([0.02, -0.04], abs=1e-4)
    assert np.isnan(found.true["t20"][2]), "7 s do not fit into 2 s"
    assert found.edc_mae[0] == pytest.approx(np.abs(prediction[0].astype(float) - target[0]).mean(), rel=1e-6)
    assert found.rows.tolist() == [4, 2, 0]
