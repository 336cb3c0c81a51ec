"""A data set in the published layout: the same bits when it is read again; whole or not there at all."""

import errno
import os
import shutil
import stat

import numpy as np
import pytest

from decaylab.errors import DataError, InputError
from decaylab.rooms import RoomTable, open_data
from decaylab.rooms import export as export_module
from decaylab.rooms.export import export_published
from decaylab.rooms.store_writer import StoreWriter

SAMPLES = 96_000


def rooms(ids=("RIR_001_case0_edc", "b", "raum é 3")):
    rng = np.random.default_rng(1)
    features = np.concatenate([rng.uniform(3, 6, (len(ids), 3)), rng.uniform(0, 2, (len(ids), 13)) / 3], axis=1)
    return RoomTable(list(ids), features)


def store(folder, table=None, samples=SAMPLES, rate=48_000):
    table = table or rooms()
    rng = np.random.default_rng(2)
    with StoreWriter(folder, table, {"seed": 0}, {}, samples, rate) as writer:
        for row in range(len(table)):
            writer.write(row, rng.random(samples, dtype=np.float32))
        writer.finish()
    return open_data(folder)


def test_the_round_trip_is_equal_bit_for_bit(tmp_path):
    data = store(tmp_path / "store")
    seen = []
    size = export_published(data, tmp_path / "made" / "out", progress=lambda *counts: seen.append(counts))
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert size == 3 * (SAMPLES * 4 + 128)
    assert os.listdir(tmp_path / "made") == ["out"]
    again = open_data(tmp_path / "made" / "out")
    assert again.manifest["format"] == "published"
    assert again.ids == data.ids
    assert again.features.tobytes() == data.features.tobytes()
    assert again.read([0, 1, 2]).tobytes() == data.read([0, 1, 2]).tobytes()
    assert again.notes == []
    made = sorted(str(p.relative_to(tmp_path / "made" / "out")) for p in (tmp_path / "made" / "out").rglob("*"))
    assert made == sorted(["EDC", "roomFeaturesDataset.csv", *(f"EDC/{room}.npy" for room in data.ids)])
    curve = np.load(tmp_path / "made" / "out" / "EDC" / "b.npy")
    assert (curve.dtype, curve.shape) == (np.float32, (SAMPLES,))

    twice = export_published(again, tmp_path / "second")
    assert twice == size
    assert open_data(tmp_path / "second").digest == again.digest


def test_others_may_read_what_was_made(tmp_path):
    mask = os.umask(0o022)
    try:
        export_published(store(tmp_path / "store"), tmp_path / "out")
    finally:
        os.umask(mask)
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == 0o755


@pytest.mark.parametrize("kind", ["folder", "file", "dangling link"])
def test_what_is_there_is_not_touched(tmp_path, kind):
    target = tmp_path / "out"
    {"folder": target.mkdir, "file": target.touch, "dangling link": lambda: target.symlink_to("nowhere")}[kind]()
    with pytest.raises(InputError, match="is there already"):
        export_published(store(tmp_path / "store"), target)
    assert sorted(os.listdir(tmp_path)) == ["out", "store"]


@pytest.mark.parametrize(
    "stop", [KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left on device"), OSError(5, "I/O")]
)
def test_nothing_stays_of_an_export_that_was_stopped(tmp_path, monkeypatch, stop):
    data = store(tmp_path / "store")

    def read(rows, columns=slice(None)):
        if rows == [2]:
            raise stop
        return np.ones((1, SAMPLES), dtype=np.float32)

    monkeypatch.setattr(data, "read", read)
    expected = DataError if isinstance(stop, OSError) else KeyboardInterrupt
    with pytest.raises(expected) as caught:
        export_published(data, tmp_path / "out")
    assert os.listdir(tmp_path) == ["store"]
    if expected is DataError:
        assert ("no space left" in str(caught.value)) == (stop.errno == errno.ENOSPC)


def test_a_target_that_appears_meanwhile_is_not_replaced(tmp_path):
    data = store(tmp_path / "store")
    with pytest.raises(InputError, match="appeared while it was written"):
        export_published(data, tmp_path / "out", progress=lambda done, _: done == 3 and (tmp_path / "out").mkdir())
    assert os.listdir(tmp_path / "out") == []
    assert sorted(os.listdir(tmp_path)) == ["out", "store"]


def test_the_space_is_checked_first(tmp_path, monkeypatch):
    data = store(tmp_path / "store")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**9, 10**9, 1_000_000))
    with pytest.raises(DataError, match=r"3 curves need 1\.2 MB, 1\.0 MB are free"):
        export_published(data, tmp_path / "out")
    assert os.listdir(tmp_path) == ["store"]


@pytest.mark.parametrize("name", ["a/b", "..\\b", "", "x" * 252, "line\nbreak"])
def test_ids_that_are_no_file_names_are_refused(tmp_path, name):
    data = store(tmp_path / "store")
    data.ids = ["a", name, "c"]
    with pytest.raises(DataError, match=r"a file per id: .*Rename these rooms"):
        export_published(data, tmp_path / "out")
    assert os.listdir(tmp_path) == ["store"]
    data.ids = ["a", "x" * 251, ".."]
    export_published(data, tmp_path / "out")


def test_two_ids_that_are_one_file_are_refused(tmp_path, monkeypatch):
    data = store(tmp_path / "store")
    data.ids = ["a", "a", "b"]
    with pytest.raises(DataError, match="'a' is there twice"):
        export_published(data, tmp_path / "out")
    monkeypatch.setattr(export_module, "_check_names", lambda ids: None)  # as where the disk knows no upper case
    with pytest.raises(DataError, match=r"one file name on this disk, a\.npy"):
        export_published(data, tmp_path / "out")
    assert os.listdir(tmp_path) == ["store"]


@pytest.mark.parametrize(("samples", "rate"), [(95_999, 48_000), (96_000, 44_100)])
def test_curves_that_the_layout_cannot_hold_are_refused(tmp_path, samples, rate):
    data = store(tmp_path / "store", samples=samples, rate=rate)
    with pytest.raises(DataError, match=f"has curves of {samples} samples at {rate} Hz"):
        export_published(data, tmp_path / "out")
