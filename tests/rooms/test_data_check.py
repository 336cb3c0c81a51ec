"""The check of a data set: for every kind of finding an example that has it, and one that only just has not."""

import io
import json
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from decaylab.errors import DataError, InputError
from decaylab.rooms import FEATURE_NAMES, RoomTable, SimulationSettings, open_data, simulate_rooms
from decaylab.rooms.check import SplitChoice, check_data, check_sample
from decaylab.rooms.findings import KINDS
from decaylab.rooms.store_writer import StoreWriter
from decaylab.rooms.tables import write_rooms_csv

RATE, SAMPLES, DELAY = 48_000, 96_000, 40


def table(count=6):
    """Rooms that differ in everything: nothing is shared by the parts of a split."""
    features = np.empty((count, 16))
    for row in range(count):
        features[row, :3] = 4 + 0.1 * row, 5 + 0.1 * row, 3
        features[row, 3:9] = 1, 1.2, 1.5, 3, 4, 1.4
        features[row, 9:] = round(0.2 + 0.01 * row, 2)
    return RoomTable([f"r{row}" for row in range(count)], features)


def arrival(features):
    return int(np.linalg.norm(features[3:6] - features[6:9]) / 343 * RATE)


def decay(features, seconds=0.8, direct=0.5, onset=None):
    """A curve as a simulation has it: 1, direct sound, a decay that ends with the record."""
    start = arrival(features) + DELAY if onset is None else onset
    time = np.arange(SAMPLES - start) / RATE
    curve = np.ones(SAMPLES)
    tail = np.exp(-13.8155 * time / seconds) - np.exp(-13.8155 * time[-1] / seconds) * (1 - 1e-9)
    curve[start:] = (1 - direct) * tail / tail[0]
    return curve.astype(np.float32)


def changed(place, value):
    def change(curve, _):
        curve[place] = value
        return curve

    return change


def floor(level_db):
    return lambda curve, _: np.maximum(curve, np.float32(10 ** (level_db / 10)))


def ramp(level):
    """Steady noise, integrated to the end of the record."""
    return lambda curve, _: (curve + level * np.linspace(1, 0, SAMPLES)) / (1 + level)


def early(share):
    def change(curve, features):
        curve[10 : arrival(features) + DELAY] = 1 - share
        return curve

    return change


def drop_then(seconds):
    """All but a thousandth is direct sound; -10 dB are reached at once, or after `seconds`."""

    def change(curve, features):
        start = arrival(features) + DELAY
        curve[start:] = 1e-3 * decay(features, 0.5)[start:] * 2
        ramp_end = start + round(seconds * RATE)
        curve[start:ramp_end] = 10 ** np.linspace(-0.3, -1, ramp_end - start)
        return curve

    return change


def onset_at(late):
    return lambda _, features: decay(features, onset=arrival(features) + DELAY + late)


def lasting(seconds):
    return lambda _, features: decay(features, seconds, direct=0.1)


def beyond_the_record(seconds):
    """As `lasting`, but integrated over more than the record: it ends above 0."""

    def change(curve, features):
        start = arrival(features) + DELAY
        curve[start:] = 0.9 * np.exp(-13.8155 * np.arange(SAMPLES - start) / RATE / seconds)
        return curve

    return change


#: code, what makes a sound curve have it, what only just does not.
CURVES = [
    ("non_finite", changed(500, np.nan), changed(-1, 1e-45)),
    ("non_finite", lambda curve, _: np.where(np.arange(SAMPLES) == 0, 1e60, curve.astype(float)), changed(-1, 0.0)),
    ("negative", changed(-1, -1e-9), changed(-1, -0.0)),
    ("not_one_at_start", lambda curve, _: curve * 0.9998, lambda curve, _: curve * 0.99995),
    ("rising", changed(50_000, 2e-4), changed(-1, 9e-7)),
    ("floor", floor(-59.5), floor(-60.5)),
    ("floor", ramp(1e-5), ramp(3e-6)),
    ("floor", lambda curve, _: np.ones(SAMPLES), lasting(8)),
    ("early_energy", early(0.031), early(0.029)),
    ("late_onset", onset_at(50), onset_at(46)),
    ("record_too_short", lasting(3.8), lasting(3.0)),
    ("record_too_short", beyond_the_record(6), beyond_the_record(3.3)),
    ("no_decay_time", drop_then(0.009), drop_then(0.011)),
    ("wrong_length", lambda curve, _: curve[:86_399], lambda curve, _: curve[:86_400]),
    ("wrong_length", lambda curve, _: np.append(curve, np.zeros(48_001)), lambda curve, _: np.append(curve, [0] * 9)),
    ("other_length", lambda curve, _: curve[:-1], lambda curve, _: curve),
    ("unreadable_curves", lambda curve, _: (curve * 100).astype(int), lambda curve, _: curve.astype(np.float16)),
    ("unreadable_curves", lambda curve, _: np.stack([curve, curve]), lambda curve, _: curve[None]),
]


def published(folder, rooms, curves):
    (folder / "EDC").mkdir(parents=True)
    with open(folder / "roomFeaturesDataset.csv", "w") as stream:
        write_rooms_csv(rooms, stream)
    for room, curve in curves.items():
        np.save(folder / "EDC" / f"{room}.npy", curve)
    return folder


def sound(rooms):
    """A curve per room; no two of them alike."""
    return {
        room: decay(features, 0.8 + 0.01 * row)
        for row, (room, features) in enumerate(zip(rooms.ids, rooms.features, strict=True))
    }


def store(folder, rooms, curves, rows=None):
    with StoreWriter(folder, rooms, {"seed": 0}, {}, SAMPLES, RATE) as writer:
        for row in range(len(rooms)) if rows is None else rows:
            writer.write(row, curves[rooms.ids[row]])
        if rows is None:
            writer.finish()
    return folder


def found(folder, split=None):
    """The findings by code; checked on the way: every count agrees with its rooms, faults come first."""
    report = check_data(folder, split)
    severities = [finding.severity for finding in report.findings]
    assert severities == sorted(severities)
    for finding in report.findings:
        assert finding.count == len(finding.rooms) <= finding.of
        assert finding.severity == KINDS[finding.code].severity
    return {finding.code: finding for finding in report.findings}


@pytest.mark.parametrize("make", [published, store])
def test_a_sound_data_set_has_no_findings(tmp_path, make):
    rooms = table()
    report = check_data(make(tmp_path / "d", rooms, sound(rooms)))
    assert report.findings == []
    assert report.not_checked == []
    assert (report.rooms, report.curves, report.format) == (6, 6, make.__name__)
    assert report.split == {"kind": "random", "seed": 0, "fold": None, "train": 4, "validation": 1, "test": 1}
    assert json.loads(json.dumps(report.to_json()))["faults"] == 0


@pytest.mark.parametrize(("code", "fault", "near"), CURVES, ids=[f"{i}-{case[0]}" for i, case in enumerate(CURVES)])
def test_each_fault_of_a_curve_and_its_near_miss(tmp_path, code, fault, near):
    rooms = table(4)
    for name, change in (("fault", fault), ("near", near)):
        curves = sound(rooms)
        curves["r2"] = change(curves["r2"].copy(), rooms.features[2])
        findings = found(published(tmp_path / name, rooms, curves))
        if name == "fault":
            assert code in findings
            assert findings[code].rooms == ["r2"]
            assert findings[code].of == 4
            assert findings[code].examples[0].startswith("r2: ")
        else:
            assert code not in findings


def test_details_are_what_is_there(tmp_path):
    rooms = table(4)
    curves = sound(rooms)
    curves["r0"] = 10 * np.log10(np.maximum(curves["r0"], 1e-9))
    curves["r1"] = np.maximum(curves["r1"], 10**-2.7)
    curves["r2"] = early(0.5)(curves["r2"], rooms.features[2])
    findings = found(published(tmp_path / "d", rooms, curves))
    assert findings["negative"].examples == ["r0: down to -90 from 0: decibels?"]
    assert findings["floor"].examples == ["r1: -27.0 dB at the end"]
    assert findings["early_energy"].examples == ["r2: 50.0 % before the direct sound, at 10.0 ms"]


def test_an_archive_or_rubbish_in_the_guise_of_a_curve_is_unreadable(tmp_path):
    rooms = table(5)
    folder = published(tmp_path / "d", rooms, sound(rooms))
    with open(folder / "EDC" / "r0.npy", "wb") as stream:
        np.savez(stream, edc=np.ones(SAMPLES))
    (folder / "EDC" / "r1.npy").write_bytes(b"no array")
    (folder / "EDC" / "r2.npy").write_bytes((folder / "EDC" / "r3.npy").read_bytes()[:-4])
    assert found(folder)["unreadable_curves"].rooms == ["r0", "r1", "r2"]


def test_what_does_not_join_is_reported_both_ways(tmp_path):
    rooms = table()
    curves = sound(rooms)
    extra = {"x": curves.pop("r4"), "y": curves["r0"], "z": curves["r0"]}
    findings = found(published(tmp_path / "d", rooms, curves | extra))
    assert findings["missing_curves"].rooms == ["r4"]
    assert findings["extra_curves"].rooms == ["x", "y", "z"]
    assert (findings["extra_curves"].count, findings["extra_curves"].of) == (3, 8)
    assert set(findings) == {"missing_curves", "extra_curves"}
    split = check_data(tmp_path / "d").split
    assert split["train"] + split["validation"] + split["test"] == 5, "a training divides what joins"


def test_a_layout_that_cannot_be_opened_is_reported_whole(tmp_path):
    """Ids twice, cells that are no numbers, no curve that joins: `open_data` stops at each of them."""
    rooms = table()
    folder = published(tmp_path / "d", rooms, {f"{room}_edc": curve for room, curve in sound(rooms).items()})
    lines = (folder / "roomFeaturesDataset.csv").read_text().splitlines()
    lines[2] = lines[2].replace("r1", "r0")
    lines[3] = lines[3].replace("4.2", "tall")
    (folder / "roomFeaturesDataset.csv").write_text("\n".join(lines) + "\n")
    findings = found(folder)
    assert findings["ids"].examples == ["r0: rows 1 and 2"]
    assert "r2: Length is nan, not a finite number" in findings["impossible_rooms"].examples[0]
    assert findings["missing_curves"].count == 6
    assert "not one file's name is an id" in findings["missing_curves"].meaning
    assert findings["extra_curves"].count == 6
    for file in (folder / "EDC").iterdir():
        file.unlink()
    (folder / "EDC").rmdir()
    assert "no folder EDC/" in found(folder)["missing_curves"].meaning


def test_empty_ids_and_rows_that_are_copies(tmp_path):
    rooms = table()
    rooms.ids[5] = ""
    rooms.features[4] = rooms.features[1]
    curves = sound(rooms)
    del curves[""]
    findings = found(published(tmp_path / "d", rooms, curves))
    assert findings["ids"].examples == ["row 6: no id"]
    assert findings["duplicate_rooms"].examples == ["r4: as r1 (rows 2 and 5)"]
    rooms.features[4, 9] += 1e-9
    findings = found(published(tmp_path / "near", rooms, curves))
    assert "duplicate_rooms" not in findings


def test_a_curve_under_two_rooms(tmp_path):
    rooms = table()
    curves = sound(rooms)
    curves["r3"] = curves["r2"].copy()
    assert found(published(tmp_path / "d", rooms, curves))["copied_curves"].examples == ["r3: as r2"]
    curves["r3"][-2] *= np.float32(1.001)
    assert "copied_curves" not in found(published(tmp_path / "near", rooms, curves))
    rooms.features[3], curves["r3"] = rooms.features[2], curves["r2"]
    assert "copied_curves" not in found(published(tmp_path / "same", rooms, curves)), "one room twice, not a wrong pair"


@pytest.mark.parametrize(
    ("column", "wrong", "right"),
    [(0, 0.4, 4.5), (3, 4.2, 4.19), (9, 1.01, 1.0), (11, -0.01, 0.0), (8, np.inf, 2.99)],
)
def test_rooms_that_cannot_be_and_their_limits(tmp_path, column, wrong, right):
    rooms = table()
    rooms.features[2, column] = wrong
    findings = found(published(tmp_path / "wrong", rooms, sound(table())))
    assert findings["impossible_rooms"].rooms == ["r2"]
    assert FEATURE_NAMES[column] in findings["impossible_rooms"].examples[0]
    rooms.features[2, column] = right
    assert "impossible_rooms" not in found(published(tmp_path / "right", rooms, sound(table())))


def test_exchanged_columns_are_recognised(tmp_path):
    rooms = table()
    curves = sound(rooms)
    rooms.features[:, [7, 9]] = rooms.features[:, [9, 7]]
    findings = found(published(tmp_path / "d", rooms, curves))
    assert findings["impossible_rooms"].count == 6
    assert "exchanging the columns Receiver_Y and f1 would mend it" in findings["impossible_rooms"].meaning


def test_curves_joined_by_position_contradict_their_rooms(tmp_path):
    rooms = table()
    for row in range(6):
        rooms.features[row, 6:9] = 1.5 + 0.4 * row, 1.2, 1.5
    curves = list(sound(rooms).values())
    findings = found(published(tmp_path / "d", rooms, dict(zip(rooms.ids, curves[1:] + curves[:1], strict=True))))
    assert findings["early_energy"].rooms == ["r5"]
    assert findings["late_onset"].rooms == ["r0", "r1", "r2", "r3", "r4"]


def test_a_store_whose_bytes_changed(tmp_path):
    rooms = table()
    folder = store(tmp_path / "d", rooms, sound(rooms))
    with open(folder / "curves.npy", "r+b") as stream:
        stream.seek(128 + 3 * SAMPLES * 4 + 95_000 * 4)
        stream.write(b"\0")
    text = (folder / "rooms.csv").read_text()
    (folder / "rooms.csv").write_text(text.replace("0.21,", "0.22,", 1))
    findings = found(folder)
    assert findings["digests"].rooms == ["r1", "r3"]
    assert set(findings) <= {"digests", "rising"}
    sampled = {finding.code: finding.rooms for finding in check_sample(open_data(folder), np.array([0, 1, 2, 3]))}
    assert sampled["digests"] == ["r1", "r3"]
    assert "digests" not in {finding.code for finding in check_sample(open_data(folder), np.array([0, 2]))}


def test_a_store_that_is_unfinished_or_was_patched(tmp_path):
    rooms = table()
    folder = store(tmp_path / "d", rooms, sound(rooms), rows=[0, 1, 2, 5])
    findings = found(folder)
    assert set(findings) == {"unfinished"}, "the holes in its file are no curves"
    assert findings["unfinished"].rooms == ["r3", "r4"]
    whole = store(tmp_path / "whole", rooms, sound(rooms))
    manifest = json.loads((whole / "manifest.json").read_text())
    digest = manifest["digest"]
    (whole / "manifest.json").write_text(json.dumps(manifest | {"digest": digest[:-1] + "x"}))
    assert found(whole)["data_digest"].examples == [f"manifest.json: {digest} by its rooms"]
    (whole / "manifest.json").write_text(json.dumps(manifest | {"complete": False}))
    assert found(whole)["data_digest"].examples == ["manifest.json: not marked as complete"]


def test_a_store_that_does_not_agree_with_itself(tmp_path):
    rooms = table()
    folder = store(tmp_path / "rows", rooms, sound(rooms))
    lines = (folder / "rooms.csv").read_text().splitlines(keepends=True)
    (folder / "rooms.csv").write_text("".join(lines[:-1]))
    assert "rooms: 6 in manifest.json, 5 in rooms.csv, 6 in curves.npy" in found(folder)["disagreement"].examples[0]

    cut = store(tmp_path / "cut", rooms, sound(rooms))
    with open(cut / "curves.npy", "r+b") as stream:
        stream.truncate(128 + 4 * SAMPLES * 4 + 100)
    findings = found(cut)
    assert findings["unreadable_curves"].rooms == ["r4", "r5"]
    assert findings["digests"].rooms == ["r4", "r5"]

    for content in (b"", b"rubbish", _array_bytes(np.zeros((6, 10), "<f4")), _array_bytes(np.zeros((6, SAMPLES)))):
        (cut / "curves.npy").write_bytes(content)
        assert set(found(cut)) == {"disagreement", "unfinished"}
    (cut / "curves.npy").unlink()
    assert "cannot be read" in found(cut)["disagreement"].examples[0]


def _array_bytes(array):
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def grid(rooms=10, materials=6):
    """A published grid in small: every room with every material."""
    features = np.repeat(table(rooms).features, materials, axis=0)
    features[:, 9:] = np.tile(table(materials).features[:, 9:], (rooms, 1))
    return RoomTable([f"g{row}" for row in range(len(features))], features)


def test_what_the_parts_of_a_split_share(tmp_path):
    rooms = grid()
    folder = published(tmp_path / "d", rooms, sound(rooms))
    findings = found(folder)
    assert findings["shared_rooms"].count == findings["shared_materials"].count == 12
    assert findings["shared_rooms"].of == 12
    assert "12 of 12 validation rooms likewise" in findings["shared_rooms"].meaning
    assert set(found(folder, SplitChoice("room"))) == {"shared_materials"}
    assert set(found(folder, SplitChoice("material", fold=(2, 3)))) == {"shared_rooms"}
    report = check_data(folder, SplitChoice("material", seed=4, fold=(2, 3)))
    assert report.split["test"] == 20
    assert (report.split["seed"], report.split["fold"]) == (4, "2/3")


def test_a_split_that_cannot_be_is_refused_when_asked_for_and_noted_when_not(tmp_path):
    rooms = table(2)
    folder = published(tmp_path / "d", rooms, sound(rooms))
    report = check_data(folder)
    assert report.split is None
    assert "needs at least 3 rooms" in report.not_checked[0]
    with pytest.raises(InputError, match="at least 3"):
        check_data(folder, SplitChoice("room"))
    with pytest.raises(InputError, match="unknown split"):
        check_data(folder, SplitChoice("rooms"))


def test_what_is_no_data_set_is_refused(tmp_path):
    with pytest.raises(DataError, match="no data set at"):
        check_data(tmp_path / "nowhere")
    with pytest.raises(DataError, match="holds no data set"):
        check_data(tmp_path)
    (tmp_path / "roomFeaturesDataset.csv").write_text("ID,Length\na,4\n")
    with pytest.raises(DataError, match="lacks the columns Width"):
        check_data(tmp_path)
    (tmp_path / "manifest.json").write_text('{"format": "something else"}')
    with pytest.raises(DataError, match="not the manifest of a decaylab data set"):
        check_data(tmp_path)


def test_a_manifest_with_other_numbers_is_refused(tmp_path):
    rooms = table(3)
    folder = store(tmp_path / "d", rooms, sound(rooms))
    manifest = json.loads((folder / "manifest.json").read_text())
    for value in ("many", 0, None, 9.5):
        (folder / "manifest.json").write_text(json.dumps(manifest | {"samples": value}))
        with pytest.raises(DataError, match="no sound samples"):
            check_data(folder)


@pytest.mark.parametrize("make", [published, store])
def test_memory_does_not_grow_with_the_curves(tmp_path, make):
    """Sixty curves are 23 MB; the check holds a few of them at a time."""
    peaks = []
    for count in (10, 60):
        rooms = table(count)
        folder = make(tmp_path / str(count), rooms, sound(rooms))
        tracemalloc.start()
        check_data(folder)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 500_000
    assert peaks[1] < 8_000_000


def test_progress_counts_curves(tmp_path):
    rooms = table(4)
    seen = []
    check_data(published(tmp_path / "d", rooms, sound(rooms)), progress=lambda *counts: seen.append(counts))
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_simulated_rooms_have_no_faults(tmp_path: Path) -> None:
    pytest.importorskip("pyroomacoustics")
    rooms = table(4)
    simulate_rooms(tmp_path / "d", rooms, settings=SimulationSettings(rays=200))
    assert check_data(tmp_path / "d").faults == 0
