"""Archived runs as rows: from the beginning of each archive, marked, bounded, each with its reason if unreadable."""

from __future__ import annotations

import gzip
import io
import os
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from decaylab.runlog.keeping import packed
from decaylab.runlog.keeping.archive import archive_run
from decaylab.runlog.keeping.archived import archived_runs, read_head, with_archived
from decaylab.runlog.notes import add_tags, append_note
from decaylab.runlog.process import identity
from decaylab.runlog.store import read_run, scan
from decaylab.runlog.tables.export import FORMATS, encode, rows_of

RUN = "compact_20260301_120000"


def archive(experiments: Path, run_id: str, remove: bool = True) -> str:
    return archive_run(read_run(str(experiments / run_id)), remove=remove).path


def test_an_archived_run_has_every_field_it_had(write_run, experiments: Path) -> None:
    path = write_run(RUN, {"metrics.t20.mae": 0.0086})
    (path / "history.jsonl").write_text('{"epoch": 7}\n')
    add_tags(str(path), ["good"])
    append_note(str(experiments), RUN, "the best so far")
    fields = (
        "model",
        "timestamp",
        "status",
        "duration",
        "epochs",
        "t20_mae",
        "data_digest",
        "tags",
        "note",
        "problems",
    )
    before = [read_run(str(path)).get(field) for field in fields]
    file = archive(experiments, RUN)
    (run,) = with_archived(scan(str(experiments)), str(experiments))
    assert [run.get(field) for field in fields] == before
    assert run.run_id == RUN
    assert run.get("archive") == run.path == file
    assert run.get("size") == os.path.getsize(file) / 1e6
    for form in FORMATS:
        encode(*rows_of([run]), form)


def test_an_archived_run_that_was_lost_is_shown_as_lost(write_run, experiments: Path) -> None:
    child = subprocess.Popen(["true"])
    child.wait()
    path = write_run(RUN, {"status": "running", "process": identity() | {"pid": child.pid, "start_time": 1}})
    (path / "history.jsonl").write_text('{"epoch": 7}\n')
    before = read_run(str(path)).problems
    archive(experiments, RUN)
    (run,) = archived_runs(str(experiments))
    assert run.status == "lost"
    assert run.problems == before


def test_a_run_that_is_there_and_archived_is_one_row(write_run, experiments: Path) -> None:
    write_run(RUN)
    write_run("lstm_20260301_130000")
    file = archive(experiments, RUN, remove=False)
    runs = with_archived(scan(str(experiments)), str(experiments))
    assert [(run.run_id, run.archive) for run in runs] == [(RUN, file), ("lstm_20260301_130000", None)]
    assert runs[0].path == str(experiments / RUN)


def test_archives_of_the_documents_tar_line_and_of_every_shape(legacy_folder: Path) -> None:
    (legacy_folder.parent / "archive").mkdir()
    shapes = {}
    for record in scan(str(legacy_folder)):
        if record.raw in ("broken", "empty"):
            continue
        shapes[record.run_id] = record.raw
        name = record.run_id.replace("/", "_")
        line = ["tar", "-czf", f"archive/run_{name}.tar.gz", f"experiments/{record.run_id}/"]
        subprocess.run(line, cwd=legacy_folder.parent, check=True)
    found = {run.run_id: run for run in archived_runs(str(legacy_folder))}
    assert set(found) == set(shapes)
    for run_id, run in found.items():
        if shapes[run_id] in ("no metadata", "arrays only"):
            assert "no metadata at the beginning" in run.problems[0]
        else:
            assert run.raw == shapes[run_id]


def test_every_shape_in_an_archive_of_ours(legacy_folder: Path) -> None:
    shapes = {r.run_id: r.raw for r in scan(str(legacy_folder)) if r.raw not in ("broken", "empty")}
    for run_id in shapes:
        archive(legacy_folder, run_id, remove=False)
    found = {run.run_id: run.raw for run in archived_runs(str(legacy_folder))}
    assert found == shapes | {run_id: "no metadata" for run_id, raw in shapes.items() if raw == "arrays only"}


@pytest.fixture
def read_bytes(monkeypatch) -> Callable[[], int]:
    """Counts the unpacked bytes that are read of archives."""
    count = 0
    original = packed._Unpacked.read

    def counted(self, size: int) -> bytes:
        nonlocal count
        data = original(self, size)
        count += len(data)
        return data

    monkeypatch.setattr(packed._Unpacked, "read", counted)
    return lambda: count


def test_only_the_beginning_is_read(write_run, experiments: Path, read_bytes) -> None:
    path = write_run(RUN)
    (path / "predictions.npy").write_bytes(os.urandom(8_000_000))
    file = archive(experiments, RUN)
    before = read_bytes()
    assert read_head(file).name == "metadata.json"
    assert read_bytes() - before < 20_000
    # The rest may even be damaged: a table does not look at it.
    data = Path(file).read_bytes()
    Path(file).write_bytes(data[:200_000])
    assert read_head(file).manifest is not None


def test_a_foreign_archive_is_read_no_further_than_its_bound(experiments: Path, read_bytes) -> None:
    (experiments.parent / "archive").mkdir()
    file = experiments.parent / "archive" / "run_20260101_000000.tar.gz"
    with gzip.open(file, "wb", compresslevel=1) as out, tarfile.open(fileobj=out, mode="w") as tar:
        first = tarfile.TarInfo("experiments/m_20260101_000000/predictions.npy")
        first.size = 200_000_000
        tar.addfile(first, Zeros())
        last = tarfile.TarInfo("experiments/m_20260101_000000/metadata.json")
        last.size = 2
        tar.addfile(last, io.BytesIO(b"{}"))
    (run,) = archived_runs(str(experiments))
    assert read_bytes() < 20_000
    assert run.run_id == "m_20260101_000000"
    assert run.status == "unreadable"
    assert "restore it to see more" in run.problems[0]


class Zeros(io.RawIOBase):
    def read(self, size: int = -1) -> bytes:
        return bytes(size)


def test_what_cannot_be_read_is_a_row_with_its_reason(write_run, experiments: Path, tmp_path: Path) -> None:
    write_run(RUN)
    good = archive(experiments, RUN)
    place = experiments.parent / "archive"
    (place / "run_cut.tar.gz").write_bytes(Path(good).read_bytes()[:100])
    (place / "run_blank.tar.gz").write_bytes(b"")
    (place / "run_folder.tar.gz").mkdir()
    os.mkfifo(place / "run_pipe.tar.gz")
    os.symlink(good, place / "run_link.tar.gz")
    (place / ".run_half.tar.gz").write_bytes(b"half")
    (place / "readme.txt").write_text("mine")
    runs = {run.run_id: run for run in archived_runs(str(experiments))}
    assert set(runs) == {RUN, "cut", "blank", "folder", "pipe", "link"}
    for name in ("cut", "blank", "folder", "pipe", "link"):
        assert runs[name].status == "unreadable"
        assert runs[name].problems
    assert runs[RUN].get("t20_mae") == 0.726452


@pytest.mark.parametrize("text", [b"{", b"[" * 100_000, b"5", b""])
def test_hostile_metadata_in_an_archive(text: bytes, experiments: Path) -> None:
    (experiments.parent / "archive").mkdir()
    file = experiments.parent / "archive" / "run_20260101_000000.tar.gz"
    with tarfile.open(file, "w:gz") as tar:
        header = tarfile.TarInfo("experiments/m_20260101_000000/metadata.json")
        header.size = len(text)
        tar.addfile(header, io.BytesIO(text))
    (run,) = archived_runs(str(experiments))
    assert (run.run_id, run.status) == ("m_20260101_000000", "unreadable")


def test_no_archive_folder_is_no_archived_run(experiments: Path) -> None:
    assert archived_runs(str(experiments)) == []
