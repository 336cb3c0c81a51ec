"""The index changes nothing but time: deleted, corrupted, outdated or made by others, the table is the same."""

from __future__ import annotations

import array
import json
import os
import random
import shutil
import sys
import time
import zlib
from pathlib import Path

import pytest

from decaylab.catalogue.fields import FIELDS
from decaylab.runlog import index, index_file, index_table, query, store
from decaylab.runlog.index_table import Glance
from decaylab.runlog.keeping.archive import archive_run
from decaylab.runlog.keeping.archived import with_archived
from decaylab.runlog.tables import compare, export

#: What a whole table takes of every run, and a path and a metric of the user's own.
ASKED = [*FIELDS, *compare.COMPARABLE, "started_utc", "config.depth", "metrics.accuracy"]


@pytest.fixture(autouse=True)
def small_folders_too(monkeypatch):
    """An index for every folder; and files are believed at once, so that tests need not wait for seconds."""
    monkeypatch.setattr(index, "WORTHWHILE", 0)
    monkeypatch.setattr(index_table, "DISTRUST_NS", 0)


def settle() -> None:
    """Let the file system's clock tick."""
    time.sleep(0.02)


def index_of(folder: Path) -> Path:
    (path,) = (folder / ".decaylab").glob("index.*")
    return path


def picture(records) -> tuple[list[str], list[list[object]]]:
    """Everything that a user sees of these runs: the table, by a metric, and every value of an export."""
    order = compare.Order("t20_mae", False)
    rows = query.sort(records, order.field, order.descending)
    lines = compare.table(rows, records, "experiments", order, [], compare.Look())
    return lines, export.rows_of(rows, [*ASKED, "problems"])[1]


def from_index(records) -> int:
    return sum(isinstance(record, Glance) and record._loaded is None for record in records)


def make_runs(write_run, count: int) -> None:
    for i in range(count):
        changes = {"metrics.t20.mae": 0.001 * (i + 1), "config": {"depth": i}, "metrics.accuracy": 1 / (i + 1)}
        write_run(f"compact_20260301_1200{i:02d}", changes)
    settle()


def test_every_shape_gives_the_same_table_with_and_without_index(legacy_folder, write_run):
    make_runs(write_run, 12)
    write_run("odd_20260302_120000", {"metrics": None, "training_config.batch_size": {"a": [1, "\ud800"]}, "seed": "x"})
    write_run("nan_20260302_120001", {"metrics.t20.mae": float("nan"), "best_val_loss": float("inf")})
    write_run("big_20260302_120002", {"seed": 10**30, "metrics.t20.mae": 10**400})
    write_run("failed_20260302_120003", {"status": "failed", "error": {"type": "ValueError", "message": "x"}})
    write_run("running_20260302_120004", {"status": "running"})
    (legacy_folder / "linked_20260302_120005").symlink_to("compact_20260301_120000")
    settle()
    folder = str(legacy_folder)
    expected = picture(store.scan(folder))
    for _ in range(3):
        assert picture(index.scan(folder, ASKED)) == expected
    assert from_index(index.scan(folder, ASKED)) > 12
    assert picture(index.scan(folder, ["t20_mae"])) == expected, "the rest is read when it is asked for"


def test_a_second_table_opens_no_metadata(write_run, experiments, monkeypatch):
    make_runs(write_run, 12)
    index.scan(str(experiments), ["t20_mae"])
    monkeypatch.setattr(store, "read_regular", lambda *a, **k: pytest.fail("a file was opened"))
    records = index.scan(str(experiments), ["t20_mae"])
    assert [record.get("t20_mae") for record in records] == [0.001 * (i + 1) for i in range(12)]


def test_columns_are_added_and_kept(write_run, experiments):
    make_runs(write_run, 12)
    for fields in (["t20_mae"], ["edc_mae", "config.depth"], ["model"]):
        index.scan(str(experiments), fields)
    known = index_file.open_index(str(experiments), index._key())
    assert {"=t20_mae", "=edc_mae", "=config.depth", "=model"} <= known.columns.keys()
    assert known.column("=config.depth") == list(range(12))
    known.close()


def test_what_depends_on_more_than_the_metadata_is_never_in_the_index(write_run, experiments):
    make_runs(write_run, 12)
    path = write_run("running_20260302_120000", {"status": "running"})
    settle()
    index.scan(str(experiments), [*ASKED, "note", "tags", "size"])
    before = index_of(experiments).read_bytes()
    (experiments / "NOTES.md").write_text("20260301_120003 - a note\n")
    (experiments / "compact_20260301_120003" / "tags.txt").write_text("good\n")
    (path / "history.jsonl").write_text('{"epoch":7}\n')
    records = {record.run_id: record for record in index.scan(str(experiments), [*ASKED, "note", "tags", "size"])}
    assert index_of(experiments).read_bytes() == before
    assert records["compact_20260301_120003"].get("note") == "a note"
    assert records["compact_20260301_120003"].get("tags") == ["good"]
    assert records[path.name].get("epochs") == 7
    assert records[path.name].status == "lost"
    assert not {"=note", "=tags", "=size"} & json.loads(before.split(b"\n")[0])["columns"].keys()


@pytest.mark.parametrize("how", ["replace", "in place", "in place, times put back"])
def test_a_change_of_the_same_second_and_size_is_seen(write_run, experiments, how):
    make_runs(write_run, 12)
    path = experiments / "compact_20260301_120005" / "metadata.json"
    index.scan(str(experiments), ["t20_mae"])
    assert from_index(index.scan(str(experiments), ["t20_mae"])) == 12
    state = path.stat()
    changed = path.read_text().replace('"mae": 0.006,', '"mae": 0.009,')
    assert len(changed) == state.st_size
    if how == "replace":
        path.with_name("new").write_text(changed)
        os.replace(path.with_name("new"), path)
    else:
        path.write_text(changed)
    if how != "in place":
        os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert index.scan(str(experiments), ["t20_mae"])[5].get("t20_mae") == 0.009


@pytest.mark.parametrize("mark", index_table.MARKS)
def test_each_mark_counts(write_run, experiments, mark):
    """Where one of them alone tells that a file is another: a coarse clock, a reused inode."""
    make_runs(write_run, 12)
    index.scan(str(experiments), ["t20_mae"])
    path = index_of(experiments)
    known = index_file.open_index(str(experiments), index._key())
    columns = {name: known.column(name) for name in known.columns}
    known.close()
    columns["=t20_mae"][3] = 77.0
    columns[mark][3] += 1
    path.unlink()
    writer = index_file.start_writing(str(experiments))
    writer.write(index._key(), 12, columns)
    writer.close()
    records = index.scan(str(experiments), ["t20_mae"])
    assert from_index(records) == 11
    assert records[3].get("t20_mae") == 0.004


def test_a_field_that_no_run_has_is_known_to_be_missing(write_run, experiments, monkeypatch):
    make_runs(write_run, 12)
    index.scan(str(experiments), ["t20_mae", "started_utc", "no.such"])
    monkeypatch.setattr(store, "read_regular", lambda *a, **k: pytest.fail("a file was opened"))
    assert index.scan(str(experiments), ["started_utc", "no.such"])[0].get("no.such") is None


def test_the_columns_asked_for_last_are_kept(write_run, experiments, monkeypatch):
    monkeypatch.setattr(index_table, "_MOST_COLUMNS", 3)
    make_runs(write_run, 12)
    for fields in (["seed", "t20_mae"], ["model", "edc_mae"], [f"c50_{name}" for name in ("mae", "rmse", "r2")]):
        index.scan(str(experiments), fields)
        assert from_index(index.scan(str(experiments), fields)) == 12
        known = index_file.open_index(str(experiments), index._key())
        assert sum(name.startswith("=") for name in known.columns) <= 3
        known.close()


def test_a_file_that_has_just_changed_is_not_believed(write_run, experiments, monkeypatch):
    monkeypatch.setattr(index_table, "DISTRUST_NS", 3 * 10**9)
    make_runs(write_run, 12)
    index.scan(str(experiments), ["t20_mae"])
    assert from_index(index.scan(str(experiments), ["t20_mae"])) == 12, "read and shown, out of the table in memory"
    known = index_file.open_index(str(experiments), index._key())
    assert known.column("raw") == [None] * 12
    known.close()


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_clock_that_jumps_makes_nothing_stale(write_run, experiments, monkeypatch, hours):
    make_runs(write_run, 12)
    original = index_file.IndexWriter.__init__

    def jumped(self, *args):
        original(self, *args)
        self.now += hours * 3600 * 10**9

    monkeypatch.setattr(index_file.IndexWriter, "__init__", jumped)
    index.scan(str(experiments), ["t20_mae"])
    written = index_of(experiments).read_bytes()
    path = experiments / "compact_20260301_120005" / "metadata.json"
    state = path.stat()
    path.write_text(path.read_text().replace('"mae": 0.006,', '"mae": 0.009,'))
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert index.scan(str(experiments), ["t20_mae"])[5].get("t20_mae") == 0.009
    assert index_of(experiments).read_bytes() == written, "one changed run is no reason to write it anew"
    known = index_file.open_index(str(experiments), index._key())
    assert (known.column("raw")[0] is None) == (hours < 0), "files from the future are read each time"
    known.close()


def test_runs_that_come_go_and_are_renamed(write_run, experiments):
    make_runs(write_run, 12)
    index.scan(str(experiments), ASKED)
    (experiments / "compact_20260301_120000" / "metadata.json").unlink()
    a, b = experiments / "compact_20260301_120001", experiments / "compact_20260301_120002"
    a.rename(experiments / "aside")
    b.rename(a)
    (experiments / "aside").rename(b)
    (experiments / "compact_20260301_120003").rename(experiments / "renamed_20260301_120003")
    (experiments / "compact_20260301_120004").rename(experiments / ".moved")
    (experiments / "compact_20260301_120004").symlink_to(".moved")
    write_run("new_20260302_120000")
    assert picture(index.scan(str(experiments), ASKED)) == picture(store.scan(str(experiments)))


def test_a_run_removed_between_the_index_and_the_reading(write_run, experiments):
    make_runs(write_run, 12)
    index.scan(str(experiments), ["t20_mae"])
    records = index.scan(str(experiments), ["t20_mae"])
    (experiments / records[3].run_id / "metadata.json").unlink()
    (experiments / records[3].run_id).rmdir()
    assert records[3].get("batch_size") is None
    assert records[3].status == "unreadable"
    assert records[3].get("t20_mae") is None, "no value of the index beside those that were read"
    assert records[3].problems


def test_corruption_changes_nothing(write_run, experiments):
    make_runs(write_run, 12)
    folder = str(experiments)
    expected = picture(store.scan(folder))
    index.scan(folder, ASKED)
    path = index_of(experiments)
    whole = path.read_bytes()
    dice = random.Random(0)
    torn = [whole[: dice.randrange(len(whole))] for _ in range(30)] + [
        b"",
        b"\n",
        b"[]\n",
        b"{" * 100_000,
        b"\0" * 9000,
    ]
    flipped = []
    header = whole.index(b"\n")
    used = [*range(header), *range(1 << 16, len(whole))]
    for _ in range(120):
        data = bytearray(whole)
        data[dice.choice(used)] ^= 1 << dice.randrange(8)
        flipped.append(bytes(data))
    for data in torn + flipped:
        path.write_bytes(data)
        assert picture(index.scan(folder, ASKED)) == expected


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("=t20_mae", ["0.1"] * 12),
        ("=t20_mae", [10**400] * 12),
        ("=t20_mae", [True] * 12),
        ("=t20_mae", [[]] * 12),
        ("=status", ["hacked"] * 12),
        ("=model", [1] * 12),
        ("=problems", [[1]] * 12),
        ("=problems", ["x"] * 12),
        ("raw", ["hacked"] * 12),
        ("raw", [{}] * 12),
        ("name", [1] * 12),
        ("name", ["../x"] * 12),
        ("name", ["compact_20260301_120000"] * 12),
        ("name", ["\0"] * 12),
        ("ctime", ["x"] * 12),
        ("ctime", [10**100] * 12),
        ("size", [1.5] * 12),
        ("inode", []),
        ("inode", {}),
        ("mtime", None),
    ],
)
def test_a_hostile_index_is_not_believed(write_run, experiments, name, values):
    """Well formed, checksums right, and the values are not what a run can have."""
    make_runs(write_run, 12)
    folder = str(experiments)
    expected = picture(store.scan(folder))
    index.scan(folder, ASKED)
    path = index_of(experiments)
    whole = path.read_bytes()
    header = json.loads(whole.split(b"\n")[0])
    data = json.dumps(values).encode()
    header["columns"][name] = [len(whole), len(data), zlib.crc32(data), "json"]
    path.write_bytes((json.dumps(header).encode() + b"\n").ljust(1 << 16) + whole[1 << 16 :] + data)
    assert picture(index.scan(folder, ASKED)) == expected


@pytest.mark.parametrize(
    "place", [[0, 10**30, 1, "json"], [10**30, 5, 1, "json"], [-5, 5, 0, "int little"], [0, 3, 0], 7]
)
def test_a_header_that_points_nowhere(write_run, experiments, place):
    make_runs(write_run, 3)
    expected = picture(store.scan(str(experiments)))
    index.scan(str(experiments), ASKED)
    path = index_of(experiments)
    header = json.loads(path.read_bytes().split(b"\n")[0])
    header["columns"]["=t20_mae"] = place
    path.write_bytes(json.dumps(header).encode() + b"\n")
    assert picture(index.scan(str(experiments), ASKED)) == expected


@pytest.mark.parametrize("what", ["file", "link", "pipe in it", "folder in it", "link in it"])
def test_something_else_in_the_place_of_the_index(write_run, experiments, tmp_path, what):
    make_runs(write_run, 12)
    folder, elsewhere = experiments / ".decaylab", tmp_path / "elsewhere"
    elsewhere.mkdir()
    name = folder / f"index.{os.geteuid()}"
    if what == "file":
        folder.write_text("mine")
    elif what == "link":
        folder.symlink_to(elsewhere)
    else:
        folder.mkdir()
        {"pipe in it": os.mkfifo, "folder in it": os.mkdir}.get(what, lambda path: path.symlink_to(elsewhere / "x"))(
            name
        )
    for _ in range(2):
        assert picture(index.scan(str(experiments), ASKED)) == picture(store.scan(str(experiments)))
    assert not list(elsewhere.iterdir()), "nothing is written through a link"
    assert not list(experiments.rglob("*.tmp"))


def test_another_version_of_the_program_makes_another_index(write_run, experiments, monkeypatch):
    make_runs(write_run, 12)
    index.scan(str(experiments), ["t20_mae"])
    monkeypatch.setattr("decaylab.__version__", "9.9")
    assert index_file.open_index(str(experiments), index._key()) is None


def test_what_killed_writers_left_is_cleared(write_run, experiments):
    make_runs(write_run, 3)
    folder = experiments / ".decaylab"
    folder.mkdir()
    old, young, foreign = folder / "index.0.1.aa.tmp", folder / "index.0.2.bb.tmp", folder / "kept"
    for path in (old, young, foreign):
        path.write_text("x")
    os.utime(old, (1, 1))
    os.utime(foreign, (1, 1))
    index.scan(str(experiments), ["t20_mae"])
    assert not old.exists()
    assert young.exists()
    assert foreign.exists()


def test_a_full_disk_leaves_the_old_index(write_run, experiments, monkeypatch):
    make_runs(write_run, 12)
    index.scan(str(experiments), ["t20_mae"])
    before = index_of(experiments).read_bytes()

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(index_file, "write_all", full)
    assert picture(index.scan(str(experiments), ASKED)) == picture(store.scan(str(experiments)))
    assert index_of(experiments).read_bytes() == before
    assert not list((experiments / ".decaylab").glob("*.tmp"))


def test_few_runs_get_no_index(write_run, experiments, monkeypatch):
    monkeypatch.setattr(index, "WORTHWHILE", 300)
    make_runs(write_run, 3)
    index.scan(str(experiments), ASKED)
    assert not (experiments / ".decaylab").exists()


@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_deleted_index_is_made_again(write_run, experiments, what):
    make_runs(write_run, 12)
    expected = picture(store.scan(str(experiments)))
    index.scan(str(experiments), ASKED)
    path = index_of(experiments)
    if what == "file":
        path.unlink()
    else:
        shutil.rmtree(path.parent)
    assert picture(index.scan(str(experiments), ASKED)) == expected
    assert index_of(experiments) == path
    assert from_index(index.scan(str(experiments), ASKED)) == 12


@pytest.mark.parametrize("what", ["format", "key", "byte order"])
def test_the_index_of_another_version_or_machine_changes_nothing(write_run, experiments, what):
    """Whole, of these very files, and with other values in it: what they mean there is not known here."""
    make_runs(write_run, 12)
    expected = picture(store.scan(str(experiments)))
    index.scan(str(experiments), ASKED)
    path = index_of(experiments)
    whole = path.read_bytes()
    header = json.loads(whole.split(b"\n")[0])
    form = f"float {'big' if sys.byteorder == 'little' else 'little'}" if what == "byte order" else "json"
    values = array.array("d", [77.0] * 12).tobytes() if what == "byte order" else json.dumps([77.0] * 12).encode()
    header["columns"]["=t20_mae"] = [len(whole), len(values), zlib.crc32(values), form]
    if what != "byte order":
        header[what] = "another"
    path.write_bytes((json.dumps(header).encode() + b"\n").ljust(1 << 16) + whole[1 << 16 :] + values)
    assert picture(index.scan(str(experiments), ASKED)) == expected


def test_the_index_of_another_folder_changes_nothing(write_run, experiments):
    """A folder copied with everything in it: the same names, sizes and, with `cp -p`, the same times of change."""
    make_runs(write_run, 12)
    index.scan(str(experiments), ASKED)
    copy = experiments.parent / "copy"
    shutil.copytree(experiments, copy)
    run = copy / "compact_20260301_120005" / "metadata.json"
    state = run.stat()
    run.write_text(run.read_text().replace('"mae": 0.006,', '"mae": 0.009,'))
    os.utime(run, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert index_of(copy).exists()
    records = index.scan(str(copy), ASKED)
    assert records[5].get("t20_mae") == 0.009
    assert picture(records) == picture(store.scan(str(copy)))


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs to give a file away")
def test_an_index_that_another_user_made_is_not_read(write_run, experiments):
    make_runs(write_run, 12)
    index.scan(str(experiments), ["t20_mae"])
    os.chown(index_of(experiments), 65534, 65534)
    assert index_file.open_index(str(experiments), index._key()) is None
    assert picture(index.scan(str(experiments), ASKED)) == picture(store.scan(str(experiments)))


@pytest.mark.parametrize("year", [1971, 2100])
def test_files_from_the_past_and_the_future(write_run, experiments, year):
    """`touch`, an unpacked archive, another machine's clock: what the time of change says is not believed alone."""
    make_runs(write_run, 12)
    moment = (year - 1970) * 31_556_952 * 10**9
    path = experiments / "compact_20260301_120005" / "metadata.json"
    os.utime(path, ns=(moment, moment))
    settle()
    for _ in range(2):
        assert picture(index.scan(str(experiments), ASKED)) == picture(store.scan(str(experiments)))
    path.write_text(path.read_text().replace('"mae": 0.006,', '"mae": 0.009,'))
    os.utime(path, ns=(moment, moment))
    assert index.scan(str(experiments), ["t20_mae"])[5].get("t20_mae") == 0.009
    assert picture(index.scan(str(experiments), ASKED)) == picture(store.scan(str(experiments)))


def test_where_an_archive_lies_is_never_in_the_index(write_run, experiments, monkeypatch):
    make_runs(write_run, 12)
    index.scan(str(experiments), [*FIELDS, "archive"])
    known = index_file.open_index(str(experiments), index._key())
    assert "=archive" not in known.columns
    known.close()
    file = archive_run(store.read_run(str(experiments / "compact_20260301_120005"))).path
    monkeypatch.setattr(store, "read_regular", lambda *a, **k: pytest.fail("a run was read for it"))
    records = with_archived(index.scan(str(experiments), ["t20_mae", "archive"]), str(experiments))
    assert [record.get("archive") for record in records] == [file if i == 5 else None for i in range(12)]


def test_the_key_knows_every_file_that_values_are_derived_by():
    house = Path(index.__file__).parents[1]
    paths = [house / f"{module.replace('.', '/')}.py" for module in index._SOURCES]
    assert [str(path) for path in paths if not path.exists()] == []
    assert {"derived.py", "fields.py", "severe.py"} <= {path.name for path in paths}
    assert len(index._key().split()) == 1 + len(paths)
