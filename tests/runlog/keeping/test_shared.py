"""Equal targets of runs are one file: decided by every byte, whole at every moment, and no reader or remover minds."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import random
import shutil
import signal
import stat
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest

from decaylab.runlog import digests
from decaylab.runlog.keeping import archive, prune, shared
from decaylab.runlog.keeping.archive import archive_run
from decaylab.runlog.keeping.prune import Rules, carry_out
from decaylab.runlog.keeping.restore import restore_archive
from decaylab.runlog.keeping.shared import TARGETS, share_targets
from decaylab.runlog.store import read_run, scan
from decaylab.runlog.tables import show
from decaylab.runlog.verify import verify

#: Longer than the first look and one chunk together.
SIZE = 2_500_000
DATA = random.Random(0).randbytes(SIZE)


def put(experiments: Path, number: int, data: bytes = DATA) -> Path:
    directory = experiments / f"m_20260101_00000{number}"
    directory.mkdir(exist_ok=True)
    (directory / TARGETS).write_bytes(data)
    return directory


def inode(directory: Path) -> int:
    return (directory / TARGETS).stat().st_ino


def mode(directory: Path) -> int:
    return stat.S_IMODE((directory / TARGETS).stat().st_mode)


@pytest.fixture
def pair(experiments: Path) -> tuple[Path, Path]:
    """Two runs that share their targets."""
    first, second = put(experiments, 1), put(experiments, 2)
    assert not share_targets(str(first))
    assert share_targets(str(second))
    return first, second


def test_equal_targets_become_one_write_protected_file(pair: tuple[Path, Path]) -> None:
    first, second = pair
    assert inode(first) == inode(second)
    assert (second / TARGETS).read_bytes() == DATA
    assert mode(first) & 0o222 == 0
    assert mode(first) & 0o444 == stat.S_IMODE(first.stat().st_mode) & 0o444
    assert os.listdir(second) == [TARGETS]
    assert sorted(os.listdir(first.parent)) == [first.name, second.name]
    assert share_targets(str(second)), "once more changes nothing"
    assert (second / TARGETS).stat().st_nlink == 2


@pytest.mark.parametrize("place", [0, shared._GLANCE + 10, SIZE - 1])
def test_a_single_byte_keeps_files_apart(pair: tuple[Path, Path], experiments: Path, place: int) -> None:
    data = bytearray(DATA)
    data[place] ^= 1
    third = put(experiments, 3, bytes(data))
    assert not share_targets(str(third))
    assert (third / TARGETS).read_bytes() == data
    assert (pair[0] / TARGETS).read_bytes() == DATA
    assert not share_targets(str(put(experiments, 4, DATA[:-1])))


def test_a_file_that_some_program_may_write_to_is_left_alone(experiments: Path) -> None:
    old = put(experiments, 1)
    before = (old / TARGETS).stat()
    assert not share_targets(str(put(experiments, 2)))
    assert (old / TARGETS).stat() == before


def test_nothing_is_shared_where_files_cannot_be_protected(experiments: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fchmod", lambda *given: None)  # a file system without modes
    assert not share_targets(str(put(experiments, 1)))
    assert not share_targets(str(put(experiments, 2)))
    assert mode(experiments / "m_20260101_000001") & 0o200


def test_nothing_is_shared_through_a_link_or_with_other_folders(pair: tuple[Path, Path], experiments: Path) -> None:
    elsewhere = experiments.parent / "elsewhere"
    elsewhere.mkdir()
    os.rename(pair[0], elsewhere / pair[0].name)
    os.rename(pair[1], experiments / ".hidden_20260101_000000")
    os.symlink(elsewhere / pair[0].name, experiments / pair[0].name)
    (experiments / "m_20260101_000005").mkdir()
    os.symlink(elsewhere / pair[0].name / TARGETS, experiments / "m_20260101_000005" / TARGETS)
    third = put(experiments, 3)
    assert not share_targets(str(third))
    assert (third / TARGETS).stat().st_nlink == 1
    own = experiments / "m_20260101_000006"
    own.mkdir()
    os.symlink(third / TARGETS, own / TARGETS)
    assert not share_targets(str(own))
    assert (own / TARGETS).is_symlink()


@pytest.mark.parametrize("code", [errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP, errno.ENOSPC])
def test_without_hard_links_the_run_keeps_its_own_copy(
    pair: tuple[Path, Path], experiments: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def refused(*names: str) -> None:
        raise OSError(code, os.strerror(code), *names)

    third = put(experiments, 3)
    monkeypatch.setattr(os, "link", refused)
    assert not share_targets(str(third))
    assert os.listdir(third) == [TARGETS]
    assert (third / TARGETS).read_bytes() == DATA
    assert mode(third) & 0o222 == 0


@pytest.mark.parametrize("change", ["written", "replaced", "removed"])
def test_a_file_that_changes_while_it_is_compared_is_not_taken(
    pair: tuple[Path, Path], experiments: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    third, compare = put(experiments, 3), shared._is_equal

    def compared(own: int, theirs: int) -> bool:
        found = compare(own, theirs)
        for directory in pair:
            target = directory / TARGETS
            if change == "written":
                target.chmod(0o644)
                with open(target, "r+b") as file:
                    file.write(b"other")
                target.chmod(0o444)
            else:
                target.unlink()
                if change == "replaced":
                    target.write_bytes(b"other" * (SIZE // 5))
        return found

    monkeypatch.setattr(shared, "_is_equal", compared)
    assert not share_targets(str(third))
    assert (third / TARGETS).read_bytes() == DATA


VICTIM = """
import os, signal, sys
from decaylab.runlog.keeping.shared import share_targets
real = os.replace
def killed(source, target):
    if sys.argv[2] == "after":
        real(source, target)
    os.kill(os.getpid(), signal.SIGKILL)
os.replace = killed
share_targets(sys.argv[1])
"""


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_kill_leaves_a_whole_file_under_the_name(pair: tuple[Path, Path], experiments: Path, moment: str) -> None:
    third = put(experiments, 3)
    done = subprocess.run([sys.executable, "-c", VICTIM, str(third), moment], timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL
    assert (third / TARGETS).read_bytes() == DATA
    assert (third / TARGETS).stat().st_nlink == (3 if moment == "after" else 1)
    assert list(digests.of_directory(str(third))) == [TARGETS]  # what the kill left is no file of the run
    fourth = put(experiments, 4)
    assert share_targets(str(fourth))
    assert inode(fourth) == inode(pair[0])


def finish(directory: str, start: multiprocessing.Barrier) -> None:  # type: ignore[valid-type]
    start.wait()  # type: ignore[attr-defined]
    share_targets(directory)


def test_eight_runs_that_end_at_once_share_one_file(experiments: Path) -> None:
    context = multiprocessing.get_context("fork")
    for _ in range(5):
        runs = [put(experiments, number) for number in range(1, 9)]
        start = context.Barrier(len(runs))
        processes = [context.Process(target=finish, args=(str(run), start)) for run in runs]
        for process in processes:
            process.start()
        for process in processes:
            process.join(60)
            assert process.exitcode == 0
        assert len({inode(run) for run in runs}) == 1
        assert (runs[0] / TARGETS).stat().st_nlink == len(runs)
        assert (runs[7] / TARGETS).read_bytes() == DATA
        for run in runs:
            shutil.rmtree(run)


def test_a_run_does_not_wait_for_ever(
    pair: tuple[Path, Path], experiments: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared, "_PATIENCE_SECONDS", 0.1)
    third = put(experiments, 3)
    with shared._turn(str(experiments)):
        began = time.monotonic()
        assert not share_targets(str(third))
        assert time.monotonic() - began < 30
    assert share_targets(str(third))


def test_an_edited_file_is_one_of_its_own(pair: tuple[Path, Path]) -> None:
    first, second = pair
    if os.geteuid() != 0:  # nothing is write-protected against root
        with pytest.raises(PermissionError):
            os.truncate(second / TARGETS, 0)
    (second / "edited").write_bytes(b"edited")
    os.replace(second / "edited", second / TARGETS)  # as editors do
    assert (first / TARGETS).read_bytes() == DATA
    assert (first / TARGETS).stat().st_nlink == 1


def with_records(pair: tuple[Path, Path]) -> list[Path]:
    """The pair as recorded runs, with digests."""
    for directory in pair:
        (directory / "predictions.npy").write_bytes(b"p" * 1000)
        record = {"model_name": "m", "timestamp": directory.name[2:], "status": "completed", "metrics": {}}
        record["files"] = digests.of_directory(str(directory))
        (directory / "metadata.json").write_text(json.dumps(record))
    return list(pair)


def test_sizes_count_the_file_once(pair: tuple[Path, Path], experiments: Path) -> None:
    alone = sum(file.stat().st_size for run in with_records(pair) for file in run.iterdir()) - SIZE
    records = scan(str(experiments))
    assert sum(record.get("size") for record in records) == pytest.approx(alone / 1e6)
    assert records[0].get("size") < 0.6 * SIZE / 1e6
    (line,) = (line for line in show.lines(records[0]) if TARGETS in line and "shared" in line)
    assert f"{SIZE:,}" in line
    assert "shared with 1 other" in line


def test_pruning_one_frees_nothing_and_leaves_the_other_whole(pair: tuple[Path, Path], experiments: Path) -> None:
    first, second = with_records(pair)
    rules = Rules([], only="arrays")
    found = prune.plan([read_run(str(first))], rules)
    assert (found.size, found.freed) == (SIZE + 1000, 1000)
    both = prune.plan(scan(str(experiments)), rules)
    assert (both.size, both.freed) == (SIZE + 2000, SIZE + 2000)
    carry_out(found.removals[0], rules)
    assert not (first / TARGETS).exists()
    assert (second / TARGETS).read_bytes() == DATA
    faults = verify(read_run(str(second))).faults
    assert not [fault for fault in faults if "digest" in fault or "recorded" in fault]


@pytest.mark.parametrize("packed_by", ["us", "tar"])
def test_an_archive_holds_the_whole_file(pair: tuple[Path, Path], experiments: Path, packed_by: str) -> None:
    first, second = with_records(pair)
    if packed_by == "us":
        file = archive_run(read_run(str(second)), remove=True).path
        assert not second.exists()
    else:  # the run-log document's own line
        file = str(experiments.parent / "run.tar.gz")
        subprocess.run(["tar", "-czf", file, f"experiments/{second.name}/"], cwd=experiments.parent, check=True)
        shutil.rmtree(second)
    with tarfile.open(file) as tar:
        (member,) = (member for member in tar if member.name.endswith(TARGETS))
        assert member.isreg()
        assert member.size == SIZE
    assert (first / TARGETS).stat().st_nlink == 1
    restored = Path(restore_archive(file, str(experiments)).path)
    assert (restored / TARGETS).read_bytes() == DATA
    assert inode(restored) != inode(first)


def test_a_run_may_be_taken_over_while_it_is_archived(
    pair: tuple[Path, Path], experiments: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = with_records(pair)
    check = archive.check_archive

    def checked(*args: object) -> None:
        assert share_targets(str(put(experiments, 3)))
        check(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(archive, "check_archive", checked)
    assert os.path.exists(archive_run(read_run(str(first))).path)
    assert (first / TARGETS).stat().st_nlink == 3
