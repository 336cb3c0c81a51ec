"""Archiving a run: named as documented, checked after writing, nothing lost, nothing overwritten."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest

from decaylab.errors import CheckFailed, RunLogError
from decaylab.runlog import process
from decaylab.runlog.keeping import archive, archive_check, removable
from decaylab.runlog.keeping.archive import archive_run
from decaylab.runlog.keeping.manifest import MANIFEST
from decaylab.runlog.keeping.restore import restore_archive
from decaylab.runlog.notes import add_tags, append_note
from decaylab.runlog.record import Record
from decaylab.runlog.store import read_run, scan

RUN = "compact_20260301_120000"


def fill(directory: Path, size: int = 3000) -> None:
    chance = random.Random(1)
    (directory / "checkpoints").mkdir()
    (directory / "checkpoints" / "best_model.ckpt").write_bytes(chance.randbytes(size))
    (directory / "predictions.npy").write_bytes(chance.randbytes(size))
    (directory / "tensorboard_logs" / "version_0").mkdir(parents=True)
    (directory / "history.jsonl").write_text('{"epoch": 1}\n')
    (directory / "empty").mkdir()


@pytest.fixture
def run(write_run) -> Record:
    path = write_run(RUN)
    fill(path)
    return read_run(str(path))


def contents(directory: Path) -> dict[str, bytes | None]:
    """Relative path -> content; None for folders."""
    return {
        str(path.relative_to(directory)): path.read_bytes() if path.is_file() else None for path in directory.rglob("*")
    }


def archives(experiments: Path) -> list[str]:
    return sorted(os.listdir(experiments.parent / "archive"))


def test_archive_and_restore_give_the_run_back(run: Record, experiments: Path) -> None:
    before = contents(Path(run.path))
    changed = os.stat(f"{run.path}/history.jsonl").st_mtime_ns
    done = archive_run(run, remove=True)
    assert done.path == str(experiments.parent / "archive" / "run_20260301_120000.tar.gz")
    assert done.files == len([content for content in before.values() if content is not None])
    assert os.listdir(experiments) == []
    assert archives(experiments) == ["run_20260301_120000.tar.gz"]
    restored = restore_archive(done.path, str(experiments))
    assert restored.path == str(experiments / RUN)
    assert restored.is_checked
    assert contents(Path(restored.path)) == before
    assert abs(os.stat(f"{run.path}/history.jsonl").st_mtime_ns - changed) < 1000
    assert os.listdir(experiments) == [RUN]


def test_metadata_comes_first_and_the_paths_are_the_documents(run: Record) -> None:
    with tarfile.open(archive_run(run).path) as tar:
        names = tar.getnames()
        owners = {(member.uid, member.uname) for member in tar}
    assert names[:2] == [f"experiments/{RUN}/metadata.json", f"experiments/{RUN}/{MANIFEST}"]
    assert f"experiments/{RUN}/checkpoints/best_model.ckpt" in names
    assert owners == {(0, "")}


def test_tar_itself_unpacks_what_archive_packs(run: Record, tmp_path: Path) -> None:
    before = contents(Path(run.path))
    (tmp_path / "elsewhere").mkdir()
    subprocess.run(["tar", "-xzf", archive_run(run).path], cwd=tmp_path / "elsewhere", check=True)
    after = contents(tmp_path / "elsewhere" / "experiments" / RUN)
    manifest = json.loads(after.pop(MANIFEST) or b"")
    assert after == before
    assert set(manifest["files"]) == {path for path, content in before.items() if content is not None}
    # Unpacked by hand, the run still archives: it gets a manifest of its own.
    by_hand = read_run(str(tmp_path / "elsewhere" / "experiments" / RUN))
    assert archive_run(by_hand).files == len(manifest["files"])


def test_names_by_timestamp_if_that_is_unique_else_by_id(write_run, run: Record, experiments: Path) -> None:
    assert os.path.basename(archive_run(run).path) == "run_20260301_120000.tar.gz"
    first = (experiments.parent / "archive" / "run_20260301_120000.tar.gz").read_bytes()
    (Path(run.path) / "later.txt").write_text("a run that has changed since")
    assert os.path.basename(archive_run(run).path) == f"run_{RUN}.tar.gz"
    (Path(run.path) / "later.txt").write_text("and once more")
    with pytest.raises(RunLogError, match="archived already"):
        archive_run(run)
    assert (experiments.parent / "archive" / "run_20260301_120000.tar.gz").read_bytes() == first
    for run_id in ("lstm_20260302_000000", "lstm_20260302_000000_2"):
        assert write_run(run_id)
    twin = read_run(str(experiments / "lstm_20260302_000000"))
    assert os.path.basename(archive_run(twin, remove=True).path) == "run_lstm_20260302_000000.tar.gz"
    # The other one is now alone in EXPERIMENTS, but not in archive/.
    twin = read_run(str(experiments / "lstm_20260302_000000_2"))
    assert os.path.basename(archive_run(twin).path) == "run_lstm_20260302_000000_2.tar.gz"


def test_a_timestamp_that_is_a_path_names_nothing(write_run, experiments: Path) -> None:
    write_run(RUN, {"timestamp": "../../evil"})
    os.rename(experiments / RUN, experiments / "plain")
    assert archive_run(read_run(str(experiments / "plain"))).path == str(
        experiments.parent / "archive" / "run_plain.tar.gz"
    )


def test_published_run(legacy_folder: Path) -> None:
    run = read_run(str(legacy_folder / "2025-06-01" / "12-30-05"))
    before = contents(Path(run.path))
    done = archive_run(run, remove=True)
    assert os.path.basename(done.path) == "run_20250601_123005.tar.gz"
    assert restore_archive(done.path, str(legacy_folder)).path == str(legacy_folder / "2025-06-01" / "12-30-05")
    assert contents(Path(run.path)) == before


def test_every_legacy_shape_survives(legacy_folder: Path, tmp_path: Path) -> None:
    records = [r for r in scan(str(legacy_folder)) if r.status != "unreadable" and r.raw != "empty"]
    assert len(records) >= 8
    for record in records:
        done = archive_run(record)
        restored = restore_archive(done.path, str(tmp_path / "elsewhere"))
        assert contents(Path(restored.path)) == contents(Path(record.path))
        assert read_run(restored.path).raw == record.raw


def test_notes_and_tags_go_with_the_run(run: Record, experiments: Path, tmp_path: Path) -> None:
    append_note(str(experiments), RUN, "the good one")
    (experiments / "NOTES.md").write_text(
        (experiments / "NOTES.md").read_text() + f"* `{RUN}`: clip 1.0 \u2013 best\nlstm_20260101_000000 - another\n"
    )
    add_tags(run.path, ["baseline"])
    done = archive_run(run, remove=True)
    elsewhere = str(tmp_path / "elsewhere")
    assert restore_archive(done.path, elsewhere).notes == 2
    restored = read_run(os.path.join(elsewhere, RUN))
    assert restored.get("note") == "the good one; clip 1.0 \u2013 best"
    assert restored.get("tags") == ["baseline"]
    # Where the notes are still there, they are not written twice.
    before = (experiments / "NOTES.md").read_bytes()
    assert restore_archive(done.path, str(experiments)).notes == 0
    assert (experiments / "NOTES.md").read_bytes() == before


@pytest.mark.parametrize("kind", ["pid", "heartbeat", "unknown host"])
def test_a_run_that_may_run_is_refused(kind: str, write_run, experiments: Path) -> None:
    me = process.identity()
    if kind != "pid":
        me |= {"boot_id": "another", "host": "another"}
    path = write_run(RUN, {"status": "running", "process": me})
    if kind == "heartbeat":
        (path / "heartbeat").touch()
    said = "cannot be looked for" if kind == "unknown host" else "is running"
    before = contents(path)
    with pytest.raises(RunLogError, match=said):
        archive_run(read_run(str(path)), remove=True)
    assert contents(path) == before
    assert not (experiments.parent / "archive").exists()


def test_a_run_whose_process_is_gone_for_certain_is_archived(write_run, experiments: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    child.wait()
    dead = process.identity() | {"pid": child.pid, "start_time": 1}
    path = write_run(RUN, {"status": "running", "process": dead})
    assert read_run(str(path)).status == "lost"
    archive_run(read_run(str(path)), remove=True)
    assert not path.exists()


def test_a_linked_run_is_refused(run: Record, experiments: Path, tmp_path: Path) -> None:
    os.rename(run.path, tmp_path / RUN)
    os.symlink(tmp_path / RUN, experiments / RUN)
    for remove in (False, True):
        with pytest.raises(RunLogError, match="linked"):
            archive_run(read_run(str(experiments / RUN)), remove=remove)
    assert (tmp_path / RUN / "metadata.json").exists()


def test_a_run_below_a_linked_date_is_refused(legacy_folder: Path, tmp_path: Path) -> None:
    os.rename(legacy_folder / "2025-06-01", tmp_path / "moved")
    os.symlink(tmp_path / "moved", legacy_folder / "2025-06-01")
    with pytest.raises(RunLogError, match="linked"):
        archive_run(read_run(str(legacy_folder / "2025-06-01" / "12-30-05")), remove=True)


def test_links_in_a_run_are_left_out_and_named_never_followed(run: Record, tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key").write_text("secret")
    os.symlink(tmp_path / "secret", f"{run.path}/data")
    os.symlink(tmp_path / "secret" / "key", f"{run.path}/checkpoints/last.ckpt")
    os.mkfifo(f"{run.path}/pipe")
    done = archive_run(run)
    assert set(done.left_out) == {"data", "checkpoints/last.ckpt", "pipe"}
    with tarfile.open(done.path) as tar:
        assert not [name for name in tar.getnames() if name.endswith(("key", "last.ckpt", "pipe", "data"))]
    with pytest.raises(RunLogError, match="with --remove"):
        archive_run(run, remove=True)
    assert os.path.exists(f"{run.path}/metadata.json")


@pytest.mark.parametrize("names", [("a.txt", "A.txt"), ("new\nline",), (b"\xff\xfe",), ("back\\slash",)])
def test_names_that_could_not_be_restored_are_refused(names: tuple, run: Record, experiments: Path) -> None:
    for name in names:
        with open(os.path.join(os.fsencode(run.path), os.fsencode(name)), "w"):
            pass
    with pytest.raises(RunLogError):
        archive_run(run, remove=True)
    assert not (experiments.parent / "archive").exists()
    assert len(contents(Path(run.path))) > 5


def test_an_unreadable_run_is_refused(run: Record) -> None:
    Path(run.path, "metadata.json").write_text('{"cut')
    with pytest.raises(RunLogError, match="cut off"):
        archive_run(read_run(run.path))


def damage(path: str, how: str) -> None:
    data = bytearray(Path(path).read_bytes())
    if how == "cut":
        data = data[: len(data) // 2]
    elif how == "bit":
        data[len(data) // 2] ^= 1
    else:
        data = bytearray()
    Path(path).write_bytes(data)


@pytest.mark.parametrize("how", ["cut", "bit", "nothing"])
def test_what_was_written_badly_is_found_and_nothing_is_removed(
    how: str, run: Record, experiments: Path, monkeypatch
) -> None:
    before = contents(Path(run.path))
    monkeypatch.setattr(
        archive, "_forget_cached", lambda descriptor: damage(os.readlink(f"/proc/self/fd/{descriptor}"), how)
    )
    with pytest.raises(CheckFailed, match="check failed"):
        archive_run(run, remove=True)
    assert contents(Path(run.path)) == before
    assert archives(experiments) == []


@pytest.mark.parametrize("change", ["grow", "same size", "new", "gone", "mid-write"])
def test_a_run_that_changes_meanwhile_is_found(change: str, run: Record, experiments: Path, monkeypatch) -> None:
    victim = Path(run.path, "predictions.npy")

    def change_it() -> None:
        if change == "grow":
            victim.write_bytes(victim.read_bytes() + b"more")
        elif change in ("same size", "mid-write"):
            victim.write_bytes(b"x" * victim.stat().st_size)
        elif change == "new":
            Path(run.path, "new.txt").write_text("new")
        else:
            victim.unlink()

    if change == "mid-write":
        add = archive._add_file
        monkeypatch.setattr(archive, "_add_file", lambda *args: (change_it(), add(*args)))
    else:
        monkeypatch.setattr(archive, "_forget_cached", lambda descriptor: change_it())
    with pytest.raises(CheckFailed, match=r"changed while|differs from the run in predictions\.npy"):
        archive_run(run, remove=True)
    assert archives(experiments) == []
    assert os.path.exists(f"{run.path}/metadata.json")


def test_the_check_wants_exactly_the_files_of_the_run(run: Record) -> None:
    path = archive_run(run).path
    digests = archive_check.digests_of(run)
    archive_check.check_archive(path, run, digests)
    for change in ("metadata.json", "more"):
        other = dict(digests)
        if other.pop(change, None) is None:
            other[change] = digests["history.jsonl"]
        with pytest.raises(CheckFailed, match=change):
            archive_check.check_archive(path, run, other)


def test_the_check_wants_metadata_that_can_be_read(run: Record, tmp_path: Path) -> None:
    Path(run.path, "metadata.json").write_text('{"cut')
    subprocess.run(["tar", "-czf", tmp_path / "a.tar.gz", f"experiments/{RUN}"], cwd=tmp_path, check=True)
    with pytest.raises(CheckFailed, match=r"metadata\.json is no JSON"):
        archive_check.check_archive(str(tmp_path / "a.tar.gz"), run, archive_check.digests_of(run))


def test_a_disk_that_refuses_leaves_no_archive(run: Record, experiments: Path, monkeypatch) -> None:
    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(archive, "_write", full)
    with pytest.raises(RunLogError, match="No space left"):
        archive_run(run, remove=True)
    assert archives(experiments) == []
    assert os.path.exists(f"{run.path}/metadata.json")


def test_an_archive_that_appears_meanwhile_is_not_replaced(run: Record, experiments: Path, monkeypatch) -> None:
    final = experiments.parent / "archive" / "run_20260301_120000.tar.gz"
    monkeypatch.setattr(archive, "_forget_cached", lambda descriptor: final.write_text("another's"))
    with pytest.raises(RunLogError, match="nothing is overwritten"):
        archive_run(run, remove=True)
    assert final.read_text() == "another's"
    assert archives(experiments) == [final.name]
    assert os.path.exists(f"{run.path}/metadata.json")


def test_what_a_kill_left_is_cleared_and_what_is_in_use_is_not(run: Record, experiments: Path) -> None:
    (experiments.parent / "archive").mkdir()
    left = experiments.parent / "archive" / ".run_a.1.tar.gz.tmp"
    used = experiments.parent / "archive" / ".run_b.2.tar.gz.tmp"
    left.write_bytes(b"half")
    with open(used, "xb") as file:
        archive.claim(file.fileno())
        archive_run(run)
        assert not left.exists()
        assert used.exists()


def test_a_removal_that_was_killed_is_finished_later(run: Record, experiments: Path, monkeypatch) -> None:
    monkeypatch.setattr(removable.shutil, "rmtree", lambda path: None)
    archive_run(run, remove=True)
    monkeypatch.undo()
    (left,) = os.listdir(experiments)
    assert left.startswith(".")
    assert scan(str(experiments)) == []
    removable.sweep_removed(str(experiments))
    assert os.listdir(experiments) == []


def kill_while(command: list[str], cwd: Path, wait: float) -> bool:
    """Run `decaylab COMMAND` and kill it after `wait` seconds; whether it was still there."""
    child = subprocess.Popen(
        [sys.executable, "-m", "decaylab.cli.main", *command],
        cwd=cwd,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        child.wait(wait)
    except subprocess.TimeoutExpired:
        child.send_signal(signal.SIGKILL)
    assert child.stderr is not None
    child.stderr.close()
    return child.wait() == -signal.SIGKILL


def check_kills(path: Path, experiments: Path, kills: int) -> None:
    fill(path, size=4_000_000)
    whole = contents(path)
    chance = random.Random(2)
    home = experiments.parent
    start = time.monotonic()
    assert not kill_while(["archive", RUN], home, 60)
    needs = (time.monotonic() - start) * 1.1
    (good,) = (home / "archive").iterdir()
    shutil.move(good, home / "good.tar.gz")
    killed = 0
    for number in range(kills):
        if number % 2:  # archive and remove; put it back afterwards
            killed += kill_while(["archive", RUN, "--remove"], home, chance.uniform(0.05, needs))
            final = [file for file in (home / "archive").iterdir() if not file.name.startswith(".")]
            if not path.exists():
                assert len(final) == 1, "the run was removed, and its archive is not there"
                restore_archive(str(final[0]), str(experiments))
            assert contents(path) == whole
            for file in final:
                assert restore_archive(str(file), str(home / f"check{number}")).is_checked
                shutil.rmtree(home / f"check{number}")
                file.unlink()
        else:
            killed += kill_while(
                ["restore", "good.tar.gz", "--experiments", "other"], home, chance.uniform(0.05, needs)
            )
            if (home / "other" / RUN).exists():
                assert contents(home / "other" / RUN) == whole
                shutil.rmtree(home / "other" / RUN)
            assert not (home / "other").exists() or scan(str(home / "other")) == []
    assert killed >= kills // 4  # the others came too late: how many depends on what else the machine does


def test_kill_nine_leaves_the_run_whole_and_no_half_archive(write_run, experiments: Path) -> None:
    check_kills(write_run(RUN), experiments, kills=12)


@pytest.mark.heavy
def test_a_hundred_kills(write_run, experiments: Path) -> None:
    check_kills(write_run(RUN), experiments, kills=100)


def test_a_run_that_is_archived_already_gets_no_second_archive(run: Record, experiments: Path) -> None:
    first = archive_run(run)
    again = archive_run(run)
    assert (again.path, again.was_there, first.was_there) == (first.path, True, False)
    append_note(str(experiments), run.run_id, "worth keeping")
    noted = archive_run(run)
    assert noted.path != first.path, "what was said of the run since is in none"
    assert not noted.was_there
    assert archive_run(run).path == noted.path
    (Path(run.path) / "more.txt").write_text("x")
    with pytest.raises(RunLogError, match="archived already, in another state"):
        archive_run(run)
    assert len(list(Path(first.path).parent.glob("*"))) == 2


def test_a_damaged_archive_is_no_reason_to_write_none_or_to_remove_the_run(run: Record) -> None:
    first = archive_run(run)
    data = bytearray(Path(first.path).read_bytes())
    data[len(data) // 2] ^= 0xFF
    Path(first.path).write_bytes(bytes(data))
    second = archive_run(run, remove=True)
    assert second.path != first.path
    assert not Path(run.path).exists()


def test_the_archive_that_was_there_is_enough_to_remove_the_run(run: Record) -> None:
    first = archive_run(run)
    assert archive_run(run, remove=True).path == first.path
    assert not Path(run.path).exists()
