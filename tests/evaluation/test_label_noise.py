"""Label noise: known differences, what may be paired, and a file that a kill may have cut."""

import os

import numpy as np
import pytest

from decaylab.errors import DataError
from decaylab.evaluation.errors import RoomErrors
from decaylab.evaluation.noise import noise_summary, noise_values, ratio_to_noise, recorded_ratio
from decaylab.evaluation.noise_file import (
    COLUMNS,
    NOISE,
    appending_noise,
    no_rooms,
    read_noise,
    rooms_still_there,
    write_noise,
)

NAMES = ("edt", "t20", "t30", "c50", "ts")
COUNT = 40


def measured(t20_differences, **changes):
    """Rooms whose two T20 differ by this, everything else by 0.01 (the curves by 0.001 and 0.1 dB)."""
    difference = np.asarray(t20_differences, dtype=float)
    count = len(difference)
    first = {name: np.linspace(0.4, 1.0, count) for name in NAMES}
    second = {name: values + 0.01 for name, values in first.items()}
    second["t20"] = first["t20"] + difference
    fields = {
        "rows": np.arange(count),
        "rooms": [f"room {n}" for n in range(count)],
        "sizes": np.stack([np.arange(count) + 3.0, np.full(count, 4.0), np.full(count, 3.0)], axis=1),
        "material_distance": np.full(count, np.nan),
        "edc_mae": np.full(count, 1e-3),
        "edc_db_mae": np.full(count, 0.1),
        "true": first,
        "predicted": second,
    }
    return RoomErrors(**{**fields, **changes})


def errors_of(noise, t20_error, rows=slice(None), **changes):
    """A model that is off by `t20_error` in T20, and by 0.02 elsewhere, in rooms that were measured."""
    true = {name: values[rows].copy() for name, values in noise.true.items()}
    predicted = {name: values + 0.02 for name, values in true.items()}
    predicted["t20"] = true["t20"] + t20_error
    count = len(true["t20"])
    fields = {
        "rows": noise.rows[rows].copy(),
        "rooms": list(np.array(noise.rooms)[rows]),
        "sizes": noise.sizes[rows].copy(),
        "material_distance": np.zeros(count),
        "edc_mae": np.full(count, 2e-3),
        "edc_db_mae": np.full(count, 0.3),
        "true": true,
        "predicted": predicted,
    }
    return RoomErrors(**{**fields, **changes})


def test_the_noise_of_known_normal_labels_is_the_mae_of_a_perfect_predictor():
    rng = np.random.default_rng(0)
    spread = rng.lognormal(-5, 1, 20_000)  # every room has its own
    a, b = rng.normal(0, spread), rng.normal(0, spread)
    sizes = np.stack([np.arange(20_000) % 500 + 3.0, np.full(20_000, 4.0), np.full(20_000, 3.0)], axis=1)
    found = noise_summary(measured(b - a, sizes=sizes))["t20"]
    assert found["noise"] == pytest.approx(np.abs(a).mean(), rel=0.02)
    assert found["low"] < found["noise"] < found["high"]
    assert found["rooms"] == 20_000


def test_each_metric_has_its_own_figures():
    found = noise_summary(measured(np.full(COUNT, 0.03)))
    assert list(found) == ["edc", "edc_db", *NAMES]
    assert found["t20"]["noise"] == pytest.approx(0.03 / np.sqrt(2))
    assert found["edt"]["noise"] == pytest.approx(0.01 / np.sqrt(2))
    assert found["edc"]["noise"] == pytest.approx(1e-3 / np.sqrt(2))
    assert found["edc_db"]["noise"] == pytest.approx(0.1 / np.sqrt(2))


def test_the_share_of_the_heaviest_tenth_is_of_a_tenth_exactly():
    assert noise_summary(measured([10.0, *[1.0] * 9]))["t20"]["heaviest_tenth"] == pytest.approx(10 / 19)
    # Of 25 rooms 2.5: the two heaviest, and half of the third.
    values = [8.0, 6.0, 4.0, *[1.0] * 22]
    assert noise_summary(measured(values))["t20"]["heaviest_tenth"] == pytest.approx((8 + 6 + 2) / 40)
    assert noise_summary(measured(np.zeros(10)))["t20"]["heaviest_tenth"] is None


def test_rooms_that_are_invalid_in_one_simulation_are_left_out():
    noise = measured(np.full(COUNT, 0.03))
    noise.predicted["t20"][:5] = np.nan
    noise.true["t20"][4:8] = np.nan
    found = noise_summary(noise)["t20"]
    assert found["rooms"] == COUNT - 8
    assert found["noise"] == pytest.approx(0.03 / np.sqrt(2))
    nothing = noise_summary(no_rooms())["t20"]
    assert nothing == {"noise": None, "low": None, "high": None, "rooms": 0, "heaviest_tenth": None}


def test_the_ratio_is_sums_over_the_same_rooms():
    noise = measured(np.linspace(0.01, 0.09, COUNT))
    found = ratio_to_noise(errors_of(noise, 2 * np.linspace(0.01, 0.09, COUNT)), noise)
    assert found["rooms"] == COUNT
    assert found["metrics"]["t20"]["ratio"] == pytest.approx(2 * np.sqrt(2))
    assert found["metrics"]["t20"]["low"] == pytest.approx(2 * np.sqrt(2))  # paired: the same factor in every room
    assert found["metrics"]["t20"]["noise"] == pytest.approx(0.05 / np.sqrt(2))
    assert found["metrics"]["edc"]["ratio"] == pytest.approx(2 * np.sqrt(2))
    assert found["metrics"]["edc_db"]["ratio"] == pytest.approx(3 * np.sqrt(2))


def test_only_the_same_row_room_size_and_label_is_a_pair():
    noise = measured(np.full(COUNT, 0.03))
    errors = errors_of(noise, 0.03, slice(None, None, -1))  # in any order
    errors.rows[0] = 999
    errors.rooms[1] = "another"
    errors.sizes[2, 0] += 1
    errors.true["c50"][3] += 1e-3  # the label of another simulation
    assert ratio_to_noise(errors, noise)["rooms"] == COUNT - 4
    errors = errors_of(noise, 0.03)
    errors.true["t20"][0] = noise.true["t20"][0] = np.nan  # invalid in both is the same label
    found = ratio_to_noise(errors, noise)
    assert found["rooms"] == COUNT
    assert found["metrics"]["t20"]["rooms"] == COUNT - 1


def test_fewer_than_thirty_rooms_give_none():
    noise = measured(np.full(COUNT, 0.03))
    assert ratio_to_noise(errors_of(noise, 0.03, slice(30)), noise)["rooms"] == 30
    assert ratio_to_noise(errors_of(noise, 0.03, slice(29)), noise) is None


def test_a_model_is_not_rewarded_for_predictions_that_cannot_be_scored():
    noise = measured(np.full(200, 0.03))
    errors = errors_of(noise, 0.03)
    errors.predicted["t20"][0] = np.nan  # 0.5 %
    assert ratio_to_noise(errors, noise)["metrics"]["t20"]["ratio"] is None
    median = float(errors.true["t20"][0]) + 0.03 + 200 * 0.03  # counts as 201 rooms' error
    found = ratio_to_noise(errors, noise, {"t20": median})["metrics"]
    assert found["t20"]["ratio"] == pytest.approx(2 * np.sqrt(2))
    assert found["t20"]["rooms"] == 200
    assert found["edt"]["ratio"] == pytest.approx(2 * np.sqrt(2))
    errors.predicted["t20"][:3] = np.nan  # 1.5 %
    assert ratio_to_noise(errors, noise, {"t20": 0.5})["metrics"]["t20"]["ratio"] is None


def test_what_is_written_reads_back_exactly(tmp_path):
    noise = measured(np.random.default_rng(1).normal(0, 0.01, 5), rooms=["a", 'b"c', "d,e", "é", "f g"])
    noise.predicted["edt"][2] = np.nan
    write_noise(tmp_path, noise)
    assert (tmp_path / NOISE).read_text().splitlines()[0] == (
        "row,room,length,width,height,edc_mae,edc_db_mae,edt_a,edt_b,t20_a,t20_b,t30_a,t30_b,c50_a,c50_b,ts_a,ts_b"
    )
    found = read_noise(tmp_path)
    assert list(found.rooms) == list(noise.rooms)
    assert (found.sizes == noise.sizes).all()
    for name, values in noise_values(noise).items():
        np.testing.assert_array_equal(noise_values(found)[name], values)


def test_a_line_that_was_cut_is_left_out_and_does_not_swallow_the_next(tmp_path):
    noise = measured(np.full(4, 0.03), rooms=["a", "b", 'c"', "d"])
    write_noise(tmp_path, noise.take(np.arange(3)))
    text = (tmp_path / NOISE).read_text()
    for end in range(len(text) - 1, text.index('2,"c'), -1):
        (tmp_path / NOISE).write_text(text[:end])
        assert list(read_noise(tmp_path).rooms) == ["a", "b"]
    kept = read_noise(tmp_path)
    with appending_noise(tmp_path, kept) as append:
        append(noise.take(np.array([3])))
        append(noise.take(np.array([2])))
    assert list(read_noise(tmp_path).rooms) == ["a", "b", 'c"', "d"]


def test_later_lines_count_and_odd_ones_do_not(tmp_path):
    write_noise(tmp_path, measured(np.full(2, 0.03)))
    lines = (tmp_path / NOISE).read_text().splitlines()
    cells = lines[1].split(",")
    cells[5] = "0.5"
    odd = ["-1,x", "nine," + "0," * 14 + "0", "7," + "x," * 15 + "0", ",".join(cells), ""]
    (tmp_path / NOISE).write_text("\n".join([*lines, *odd]) + "\n")
    found = read_noise(tmp_path)
    assert found.rows.tolist() == [0, 1]
    assert found.edc_mae.tolist() == [0.5, 1e-3]


def test_a_file_of_another_kind_is_refused_by_name(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_noise(tmp_path)
    (tmp_path / NOISE).write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match=r"noise\.csv does not begin with the header"):
        read_noise(tmp_path)
    (tmp_path / NOISE).write_bytes(b"\xff\xfe\n")
    with pytest.raises(DataError, match="cannot be read"):
        read_noise(tmp_path)
    os.remove(tmp_path / NOISE)
    os.mkfifo(tmp_path / NOISE)
    with pytest.raises(DataError, match="no regular file"):
        read_noise(tmp_path)


class Folder:
    """As much of a data set as the end of a training asks for."""

    def __init__(self, path):
        self.path = path


def test_a_training_ends_whatever_lies_in_noise_csv(tmp_path):
    noise = measured(np.full(COUNT, 0.03))
    errors = errors_of(noise, 0.03)
    assert recorded_ratio(Folder(tmp_path), errors) is None
    (tmp_path / NOISE).write_text("something else\n")
    assert recorded_ratio(Folder(tmp_path), errors) is None
    write_noise(tmp_path, noise)
    assert recorded_ratio(Folder(tmp_path), errors)["metrics"]["t20"]["ratio"] == pytest.approx(np.sqrt(2))


def test_measured_rooms_are_those_of_the_data_set(tmp_path):
    noise = measured(np.full(4, 0.03))
    features = np.zeros((4, 16))
    features[:, :3] = noise.sizes
    ids = list(noise.rooms)
    assert len(rooms_still_there(noise, ids, features).rows) == 4
    assert rooms_still_there(noise, [*ids[:1], "other", *ids[2:]], features).rows.tolist() == [0, 2, 3]
    features[3, 1] += 0.1
    assert rooms_still_there(noise, ids[:3], features[:3]).rows.tolist() == [0, 1, 2]
    assert rooms_still_there(noise, ids, features).rows.tolist() == [0, 1, 2]
    assert len(COLUMNS) == 17
