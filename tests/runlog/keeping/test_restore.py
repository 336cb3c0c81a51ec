"""Restoring: what the document's tar line makes, and archives that somebody made to do harm."""

from __future__ import annotations

import gzip
import io
import json
import os
import random
import shutil
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from decaylab.errors import CheckFailed, DecaylabError, RunLogError
from decaylab.runlog.keeping import packed, restore
from decaylab.runlog.keeping.archive import archive_run
from decaylab.runlog.keeping.manifest import MANIFEST
from decaylab.runlog.keeping.restore import restore_archive
from decaylab.runlog.notes import read_tags
from decaylab.runlog.store import read_run, scan

RUN = "hybrid_v2_20260122_030000"


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A file that must stay as it is, beside an empty folder to restore into."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "key").write_text("untouched")
    return tmp_path / "outside"


def everything(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file() and not p.is_symlink()}


def tar(cwd: Path, *arguments: str) -> str:
    (cwd / "archive").mkdir(exist_ok=True)
    subprocess.run(["tar", *arguments], cwd=cwd, check=True, capture_output=True)
    return str(cwd / "archive" / "run_20260122_030000.tar.gz")


LINES = {
    "the document's": ["-czf", "archive/run_20260122_030000.tar.gz", f"experiments/{RUN}/"],
    "with ./": ["-czf", "archive/run_20260122_030000.tar.gz", f"./experiments/{RUN}"],
    "without the leading path": ["-C", "experiments", "-czf", "archive/run_20260122_030000.tar.gz", RUN],
    "a longer leading path": ["-C", "../..", "-czf", "{archive}", "{relative}"],
    "what is in the folder": ["-C", f"experiments/{RUN}", "-czf", "{archive}", "."],
    "POSIX format": ["--format=posix", "-czf", "archive/run_20260122_030000.tar.gz", f"experiments/{RUN}/"],
    "old format": ["--format=v7", "-czf", "archive/run_20260122_030000.tar.gz", f"experiments/{RUN}/"],
}


@pytest.mark.parametrize("line", LINES)
def test_what_the_documents_tar_line_makes(line: str, write_run, experiments: Path, tmp_path: Path) -> None:
    path = write_run(RUN)
    (path / "checkpoints").mkdir()
    (path / "checkpoints" / "best_model.ckpt").write_bytes(os.urandom(5000))
    (path / "predictions.npy").write_bytes(b"\0" * 5000)
    before = everything(path)
    home = experiments.parent
    (home / "archive").mkdir()
    names = {
        "archive": str(home / "archive" / "run_20260122_030000.tar.gz"),
        "relative": os.path.relpath(path, home.parent.parent),
    }
    file = tar(home, *(argument.format(**names) for argument in LINES[line]))
    done = restore_archive(file, str(tmp_path / "other"))
    assert done.path == str(tmp_path / "other" / RUN)
    assert everything(tmp_path / "other" / RUN) == before
    assert not done.is_checked
    assert done.files == len(before)
    with pytest.raises(RunLogError, match="nothing is overwritten"):
        restore_archive(file, str(experiments))
    assert everything(path) == before
    assert os.listdir(experiments) == [RUN]


def member(name: str, data: bytes = b"", **fields: object) -> tuple[tarfile.TarInfo, bytes]:
    header = tarfile.TarInfo(name)
    header.size = len(data)
    for field, value in fields.items():
        setattr(header, field, value)
    return header, data


def write_tar(path: Path, *members: tuple[tarfile.TarInfo, bytes], form: int = tarfile.GNU_FORMAT) -> str:
    with tarfile.open(path, "w:gz", format=form) as archive:
        for header, data in members:
            archive.addfile(header, io.BytesIO(data))
    return str(path)


GOOD = member(f"experiments/{RUN}/metadata.json", b'{"model_name": "hybrid_v2"}')


def symlink(name: str, target: str) -> tuple[tarfile.TarInfo, bytes]:
    return member(name, type=tarfile.SYMTYPE, linkname=target)


def deep_chain() -> list[tuple[tarfile.TarInfo, bytes]]:
    """Links that each look harmless and together lead out: what got round tarfile's data filter."""
    long, links = "d" * 247, []
    path = ""
    for step in "abcdefghijklmnop":
        links.append(member(os.path.join(path, long), type=tarfile.DIRTYPE))
        links.append(symlink(os.path.join(path, step), long))
        path = os.path.join(path, step)
    links.append(symlink(os.path.join(path, "l" * 254), "../" * 16))
    links.append(symlink("escape", os.path.join(path, "l" * 254) + "/../../outside"))
    return [*links, member("escape/key", b"overwritten")]


HOSTILE = {
    "absolute": [GOOD, member("/tmp/decaylab_hostile", b"x")],
    "parent": [GOOD, member(f"experiments/{RUN}/../../../outside/key", b"overwritten")],
    "parent first": [member("../outside/key", b"overwritten"), GOOD],
    "only dots": [GOOD, member("..", type=tarfile.DIRTYPE)],
    "dot inside": [GOOD, member(f"experiments/{RUN}/./x", b"x")],
    "empty part": [GOOD, member(f"experiments/{RUN}//x", b"x")],
    "backslash": [GOOD, member(f"experiments/{RUN}/..\\..\\x", b"x")],
    "escape sequence": [GOOD, member(f"experiments/{RUN}/\x1b[31mx", b"x")],
    "link": [GOOD, symlink(f"experiments/{RUN}/x", "../../../outside")],
    "link, then through it": [
        GOOD,
        symlink(f"experiments/{RUN}/x", "../../../outside"),
        member(f"experiments/{RUN}/x/key", b"overwritten"),
    ],
    "hard link": [GOOD, member(f"experiments/{RUN}/x", type=tarfile.LNKTYPE, linkname="../../outside/key")],
    "link as the run": [symlink(f"experiments/{RUN}", "../../outside"), GOOD],
    "link chain": [GOOD, *deep_chain()],
    "device": [GOOD, member(f"experiments/{RUN}/x", type=tarfile.CHRTYPE, devmajor=1, devminor=5)],
    "pipe": [GOOD, member(f"experiments/{RUN}/x", type=tarfile.FIFOTYPE)],
    "unknown type": [GOOD, member(f"experiments/{RUN}/x", type=b"Z")],
    "twice": [GOOD, GOOD],
    "folder twice": [GOOD, *[member(f"experiments/{RUN}/x", type=tarfile.DIRTYPE)] * 2],
    "file and folder": [GOOD, member(f"experiments/{RUN}/x", b"x"), member(f"experiments/{RUN}/x/y", b"x")],
    "folder and file": [GOOD, member(f"experiments/{RUN}/x/y", b"x"), member(f"experiments/{RUN}/x", b"x")],
    "case": [GOOD, member(f"experiments/{RUN}/Metadata.json", b"{}")],
    "case of a folder": [GOOD, member(f"Experiments/{RUN}/x", b"{}")],
    "sharp s": [GOOD, member(f"experiments/{RUN}/\u00df", b""), member(f"experiments/{RUN}/ss", b"")],
    "accent": [GOOD, member(f"experiments/{RUN}/e\u0301", b""), member(f"experiments/{RUN}/\u00e9", b"")],
    "long name": [GOOD, member(f"experiments/{RUN}/{'x' * 300}", b"")],
    "deep": [GOOD, member("x/" * 40 + "y", b"")],
    "two runs": [GOOD, member("experiments/lstm_20260101_000000/metadata.json", b"{}")],
    "a file beside the run": [GOOD, member("experiments/NOTES.md", b"mine")],
    "hidden name": [member("experiments/.ssh/metadata.json", b"{}")],
    "no run": [member("readme.txt", b"hello")],
    "no name": [member("metadata.json", b'{"run_id": "../../outside/x_20260101_000000"}')],
    "negative size": [GOOD, (member(f"experiments/{RUN}/x")[0], b"")],
}


#: Why each is refused: several lines of defence would stop most of them, and the first must.
REASONS = {
    "absolute": "absolute path",
    **dict.fromkeys(("parent", "parent first", "only dots", "dot inside", "empty part"), "leads out of the run"),
    **dict.fromkeys(("backslash", "escape sequence"), "control character or a backslash"),
    **dict.fromkeys(("link", "link, then through it", "hard link", "link as the run", "link chain"), "is a link"),
    **dict.fromkeys(("device", "pipe", "unknown type"), "neither a regular file nor a folder"),
    **dict.fromkeys(("twice", "folder twice", "folder and file"), "comes twice"),
    "file and folder": "lies below a file",
    **dict.fromkeys(("case", "case of a folder", "sharp s", "accent"), "differ only in how they are spelled"),
    **dict.fromkeys(("long name", "deep"), "too long or too deep"),
    "two runs": "holds 2 runs",
    "a file beside the run": "a file outside the run",
    "hidden name": "cannot be the name of a run",
    "no run": "holds no run",
    "no name": "does not tell the run's name",
    "negative size": "has the size -16",
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_hostile_archives_are_refused_and_leave_nothing(name: str, form: int, outside: Path) -> None:
    file = write_tar(outside.parent / "hostile.tar.gz", *HOSTILE[name], form=form)
    if name == "negative size":
        patch_header(Path(file), 1024, 124, b"\xff" * 11 + b"\xf0")
    folder = outside.parent / "experiments"
    with pytest.raises(RunLogError, match=rf"hostile\.tar\.gz.*{REASONS[name]}"):
        restore_archive(file, str(folder))
    assert os.listdir(folder) == []
    assert everything(outside) == {"key": b"untouched"}
    assert sorted(os.listdir(outside.parent)) == ["experiments", "hostile.tar.gz", "outside"]
    assert not os.path.exists("/tmp/decaylab_hostile")


def patch_header(path: Path, offset: int, field: int, data: bytes) -> None:
    """Write `data` into a header's field and mend its checksum."""
    raw = bytearray(gzip.decompress(path.read_bytes()))
    raw[offset + field : offset + field + len(data)] = data
    raw[offset + 148 : offset + 156] = b" " * 8
    raw[offset + 148 : offset + 156] = b"%06o\0 " % sum(raw[offset : offset + 512])
    path.write_bytes(gzip.compress(bytes(raw)))


def good_bytes(extra: int = 100_000) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for header, data in (GOOD, member(f"experiments/{RUN}/predictions.npy", random.Random(1).randbytes(extra))):
            archive.addfile(header, io.BytesIO(data))
    return out.getvalue()


DAMAGED = {
    "truncated gzip": lambda: gzip.compress(good_bytes())[:-2000],
    "without its checksum": lambda: gzip.compress(good_bytes())[:-8],
    "wrong checksum": lambda: gzip.compress(good_bytes())[:-8] + b"\0" * 8,
    "truncated tar": lambda: gzip.compress(good_bytes()[:60_000]),
    "cut between entries": lambda: gzip.compress(good_bytes()[:1024]),
    "no end mark": lambda: gzip.compress(good_bytes(512)[:2048]),
    "bad header": lambda: gzip.compress(good_bytes()[:1024] + b"\x01" * 512 + good_bytes()[1024:]),
    "second tar after the end": lambda: gzip.compress(good_bytes() + good_bytes()),
    "second gzip": lambda: gzip.compress(good_bytes()) + gzip.compress(b"more"),
    "bytes after the gzip": lambda: gzip.compress(good_bytes()) + b"more",
    "no gzip": good_bytes,
    "nothing": lambda: b"",
    "empty gzip": lambda: gzip.compress(b""),
    "zeros": lambda: gzip.compress(bytes(10240)),
    "endless zeros": lambda: gzip.compress(good_bytes() + bytes(3_000_000)),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_archives_are_refused_whole(name: str, tmp_path: Path) -> None:
    (tmp_path / "a.tar.gz").write_bytes(DAMAGED[name]())
    with pytest.raises(RunLogError):
        restore_archive(str(tmp_path / "a.tar.gz"), str(tmp_path / "experiments"))
    assert os.listdir(tmp_path / "experiments") == []


def test_the_sound_one_is_taken(tmp_path: Path) -> None:
    (tmp_path / "a.tar.gz").write_bytes(gzip.compress(good_bytes()))
    assert restore_archive(str(tmp_path / "a.tar.gz"), str(tmp_path / "experiments")).files == 2


def claim(header_type: bytes, size: int) -> bytes:
    """A header that claims `size` bytes, checksum right, and as many zeros as gzip packs small."""
    header = tarfile.TarInfo("x")
    header.type, header.size = header_type, size
    return header.tobuf(tarfile.GNU_FORMAT)


def sparse_header() -> bytes:
    """An old GNU sparse header whose map goes on and on."""
    raw = bytearray(claim(tarfile.GNUTYPE_SPARSE, 512))
    raw[482] = 1
    raw[148:156] = b" " * 8
    raw[148:156] = b"%06o\0 " % sum(raw)
    block = bytearray(512)
    block[:504] = (b"00000000000\0" * 42)[:504]
    block[504] = 1
    return bytes(raw) + bytes(block) * 100_000


BOMBS = {
    "long name": lambda: claim(tarfile.GNUTYPE_LONGNAME, 8 * 1024**3),
    "pax header": lambda: claim(tarfile.XHDTYPE, 8 * 1024**3),
    "global pax header": lambda: claim(tarfile.XGLTYPE, 8 * 1024**3),
    "chain of pax headers": lambda: (claim(tarfile.XHDTYPE, 512) + b"9 a=bcde\n".ljust(512, b"\0")) * 2000,
    "sparse": sparse_header,
    "large file": lambda: claim(tarfile.REGTYPE, 1024**4),
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_cost_neither_memory_nor_time_nor_disk(name: str, tmp_path: Path) -> None:
    head = tarfile.TarInfo(f"experiments/{RUN}/metadata.json").tobuf()
    zeros = bytes(1024 * 1024)
    with gzip.open(tmp_path / "a.tar.gz", "wb", compresslevel=1) as out:
        out.write(head + BOMBS[name]())
        for _ in range(120):
            out.write(zeros)
    code = """
import resource, sys
from decaylab.errors import RunLogError
from decaylab.runlog.keeping.restore import restore_archive
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    restore_archive("a.tar.gz", "experiments")
except RunLogError as error:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, error)
"""
    start = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    kilobytes = int(done.stdout.split()[0])
    assert kilobytes < 30_000, done.stdout
    assert time.monotonic() - start < 10
    assert os.listdir(tmp_path / "experiments") == []


def test_limits_of_size_and_number(tmp_path: Path, monkeypatch) -> None:
    file = write_tar(tmp_path / "a.tar.gz", GOOD, member(f"experiments/{RUN}/x", bytes(50_000)))
    with pytest.raises(RunLogError, match="more than 40,000 bytes"):
        restore_archive(file, str(tmp_path / "experiments"), size_limit=40_000)
    assert restore_archive(file, str(tmp_path / "experiments"), size_limit=60_000).files == 2
    many = write_tar(tmp_path / "b.tar.gz", GOOD, *(member(f"experiments/{RUN}/{n}") for n in range(30)))
    monkeypatch.setattr(restore, "limits_for", lambda file, size: packed.Limits(20, 10**6))
    with pytest.raises(RunLogError, match="more than 20 entries"):
        restore_archive(many, str(tmp_path / "more"))
    assert packed.limits_for(file) == packed.Limits(100_000, 4 * 1024**3)


def test_a_disk_that_is_nearly_full_bounds_it(tmp_path: Path, monkeypatch) -> None:
    file = write_tar(tmp_path / "a.tar.gz", GOOD, member(f"experiments/{RUN}/x", bytes(50_000)))
    usage = restore.shutil.disk_usage(tmp_path)
    monkeypatch.setattr(restore.shutil, "disk_usage", lambda path: usage._replace(free=restore._RESERVE + 10_000))
    with pytest.raises(RunLogError, match="more than 10,000 bytes"):
        restore_archive(file, str(tmp_path / "new" / "experiments"))


def test_what_is_no_file_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.tar.gz")
    for file in ("pipe.tar.gz", "missing.tar.gz", "."):
        with pytest.raises(RunLogError):
            restore_archive(str(tmp_path / file), str(tmp_path / "experiments"))


@pytest.mark.parametrize("kind", ["run", "empty folder", "file", "broken link"])
def test_what_is_there_is_never_overwritten(kind: str, tmp_path: Path) -> None:
    file = write_tar(tmp_path / "a.tar.gz", GOOD)
    target = tmp_path / "experiments" / RUN
    target.parent.mkdir()
    if kind == "run":
        target.mkdir()
        (target / "metadata.json").write_text("mine")
    elif kind == "empty folder":
        target.mkdir()
    elif kind == "file":
        target.write_text("mine")
    else:
        os.symlink("nowhere", target)
    before = everything(tmp_path / "experiments")
    with pytest.raises(RunLogError, match="nothing is overwritten"):
        restore_archive(file, str(tmp_path / "experiments"))
    assert os.listdir(tmp_path / "experiments") == [RUN]
    assert everything(tmp_path / "experiments") == before
    assert target.is_symlink() == (kind == "broken link")


def test_nothing_is_restored_through_a_linked_date(tmp_path: Path, outside: Path) -> None:
    file = write_tar(tmp_path / "a.tar.gz", member("Results/2025-06-01/12-30-05/experiment_metadata.json", b"{}"))
    (tmp_path / "experiments").mkdir()
    os.symlink(outside, tmp_path / "experiments" / "2025-06-01")
    with pytest.raises(RunLogError, match="is a link"):
        restore_archive(file, str(tmp_path / "experiments"))
    assert os.listdir(outside) == ["key"]


def test_modes_and_owners_of_an_archive_are_not_taken(tmp_path: Path) -> None:
    header, data = member(f"experiments/{RUN}/run.sh", b"#!/bin/sh\n", mode=0o6777, uid=1, mtime=2**33)
    file = write_tar(tmp_path / "a.tar.gz", GOOD, (header, data))
    done = restore_archive(file, str(tmp_path / "experiments"))
    found = os.stat(f"{done.path}/run.sh")
    assert found.st_mode & 0o7111 == 0
    assert found.st_uid == os.getuid()
    assert found.st_mtime <= time.time() + 1
    assert os.stat(done.path).st_mode & 0o555 == 0o555


def our_archive(write_run, experiments: Path) -> str:
    path = write_run(RUN)
    (path / "tags.txt").write_text("good\n")
    (experiments / "NOTES.md").write_text(f"{RUN} - fine\n")
    return archive_run(read_run(str(path)), remove=True).path


def rewrite(file: str, change) -> None:
    """Change the files of an archive: `change` gets name -> content and edits it."""
    with tarfile.open(file) as archive:
        files = {m.name: archive.extractfile(m).read() for m in archive if m.isreg()}
    change(files)
    write_tar(Path(file), *(member(name, data) for name, data in files.items()))


PREFIX = f"experiments/{RUN}/"


def test_files_that_are_not_those_of_the_manifest_are_refused(write_run, experiments: Path, tmp_path: Path) -> None:
    file = our_archive(write_run, experiments)
    sound = Path(file).read_bytes()
    changes = [
        lambda files: files.update({f"{PREFIX}tags.txt": b"evil\n"}),
        lambda files: files.update({f"{PREFIX}more": b""}),
        lambda files: files.pop(f"{PREFIX}tags.txt"),
        lambda files: files.update({f"{PREFIX}{MANIFEST}": b"{}"}),
        lambda files: files.update({f"{PREFIX}{MANIFEST}": b'{"archive_version": 1, "run_id": "x", "files": []}'}),
        lambda files: files.update({f"{PREFIX}{MANIFEST}": b"[" * 100_000}),
    ]
    for change in changes:
        Path(file).write_bytes(sound)
        rewrite(file, change)
        with pytest.raises(CheckFailed) as error:
            restore_archive(file, str(tmp_path / "other"))
        assert error.value.exit_status == 1
        assert os.listdir(tmp_path / "other") == []
    Path(file).write_bytes(sound)
    assert restore_archive(file, str(tmp_path / "other")).is_checked


def test_notes_of_a_hostile_archive_obey_nobody(write_run, experiments: Path, tmp_path: Path) -> None:
    file = our_archive(write_run, experiments)

    def change(files: dict[str, bytes]) -> None:
        manifest = json.loads(files[f"{PREFIX}{MANIFEST}"])
        manifest["notes"] = ["one\x1b[31m\nlstm_20260101_000000 - forged", {"no": "text"}, 5, "", "y" * 50_000]
        files[f"{PREFIX}{MANIFEST}"] = json.dumps(manifest).encode()

    rewrite(file, change)
    done = restore_archive(file, str(tmp_path / "other"))
    notes = (tmp_path / "other" / "NOTES.md").read_text()
    assert done.notes == 2
    assert len(notes.splitlines()) == 2
    assert "\x1b" not in notes
    assert len(notes) < 15_000
    assert read_tags(done.path) == ["good"]
    shutil.rmtree(done.path)
    assert restore_archive(file, str(tmp_path / "other")).notes == 0


def test_a_restored_heartbeat_does_not_look_fresh(write_run, experiments: Path, tmp_path: Path) -> None:
    elsewhere = {"host": "elsewhere", "pid": 1, "start_time": 1, "boot_id": "x", "pid_namespace": "y"}
    path = write_run(RUN, {"status": "running", "process": elsewhere})
    (path / "heartbeat").touch()
    os.utime(path / "heartbeat", (1e9, 1e9))
    file = tar(experiments.parent, *LINES["the document's"])
    restore_archive(file, str(tmp_path / "other"))
    assert [record.status for record in scan(str(tmp_path / "other"))] == ["lost"]


def test_temporary_folders_of_killed_restores_are_cleared(tmp_path: Path) -> None:
    left = tmp_path / "experiments" / ".decaylab-restore-1"
    left.mkdir(parents=True)
    (left / "half").write_text("half")
    restore_archive(write_tar(tmp_path / "a.tar.gz", GOOD), str(tmp_path / "experiments"))
    assert os.listdir(tmp_path / "experiments") == [RUN]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_damage_is_one_error_and_nothing_restored(data: st.DataObject, tmp_path: Path) -> None:
    raw = bytearray(good_bytes(600))
    for _ in range(data.draw(st.integers(1, 6))):
        position = data.draw(st.integers(0, 2047))
        raw[position] = data.draw(st.integers(0, 255) | st.sampled_from(b"0123456789xLKSg\0\xff\x80/."))
    for offset in (0, 1024):  # the checksum right again, so that the header is believed
        if data.draw(st.booleans()):
            raw[offset + 148 : offset + 156] = b" " * 8
            raw[offset + 148 : offset + 156] = b"%06o\0 " % sum(raw[offset : offset + 512])
    (tmp_path / "fuzz.tar.gz").write_bytes(gzip.compress(bytes(raw), 1))
    folder = tmp_path / "experiments"
    try:
        done = restore_archive(str(tmp_path / "fuzz.tar.gz"), str(folder))
    except DecaylabError:
        assert os.listdir(folder) == []
    else:
        assert done.path.startswith(str(folder) + os.sep)
        restore.shutil.rmtree(folder)
    assert sorted(set(os.listdir(tmp_path)) - {"experiments"}) == ["fuzz.tar.gz"]


def test_memory_is_bounded_by_chunks(tmp_path: Path) -> None:
    """A file of 60 MB is written without ever being held."""
    file = write_tar(tmp_path / "a.tar.gz", GOOD, member(f"experiments/{RUN}/x", bytes(60_000_000)))
    code = (
        "import resource, sys; from decaylab.runlog.keeping.restore import restore_archive;"
        "b = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss; restore_archive(sys.argv[1], sys.argv[2]);"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - b)"
    )
    done = subprocess.run([sys.executable, "-c", code, file, str(tmp_path / "e")], capture_output=True, check=True)
    assert int(done.stdout) < 30_000
