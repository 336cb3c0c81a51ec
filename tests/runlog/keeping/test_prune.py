"""Pruning: by rule, listed first, never a run that runs, never the only copy of a noted one unless told so."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from decaylab import runlog
from decaylab.errors import CheckFailed, InputError, RunLogError
from decaylab.runlog import digests, process, query
from decaylab.runlog.digests import PRUNED, add_pruned, read_pruned
from decaylab.runlog.keeping import prune
from decaylab.runlog.keeping.archive import archive_run
from decaylab.runlog.keeping.prune import Rules, carry_out, plan
from decaylab.runlog.notes import add_tags, append_note
from decaylab.runlog.store import read_run, scan
from decaylab.runlog.verify import verify

MAE = "metrics.t20.mae"


def rules(experiments: Path, *where: str, **more) -> Rules:
    return Rules([query.parse_condition(expression, scan(str(experiments))) for expression in where], **more)


def planned(experiments: Path, *where: str, **more) -> prune.Plan:
    return plan(scan(str(experiments)), rules(experiments, *where, **more))


def ids(found: prune.Plan) -> list[str]:
    return [removal.record.run_id for removal in found.removals]


def remove(found: prune.Plan) -> None:
    for removal in found.removals:
        carry_out(removal, found.rules)


def left(experiments: Path) -> list[str]:
    return sorted(name for name in os.listdir(experiments) if name != "NOTES.md")


@pytest.fixture
def five(write_run, experiments: Path) -> Path:
    """Five runs; the best T20 is number 3, the worst number 0; number 4 failed and has none."""
    for number, mae in enumerate((0.9, 0.02, 0.03, 0.01)):
        write_run(f"m_20260101_00000{number}", {MAE: mae})
    write_run("m_20260101_000004", {MAE: None, "status": "failed"})
    return experiments


def test_a_plan_removes_nothing_and_carrying_it_out_removes_what_it_says(five: Path) -> None:
    found = planned(five, "t20_mae>0.02")
    assert ids(found) == ["m_20260101_000000", "m_20260101_000002"]
    assert len(left(five)) == 5
    remove(found)
    assert left(five) == ["m_20260101_000001", "m_20260101_000003", "m_20260101_000004"]


@pytest.mark.parametrize("more", [{}, {"noted": True}])
def test_without_a_rule_nothing_is_planned(more: dict, five: Path) -> None:
    with pytest.raises(InputError, match=r"--where.*--keep-best.*--only"):
        planned(five, **more)


def test_keep_best_spares_the_best_by_the_fields_direction(five: Path) -> None:
    assert ids(planned(five, keep_best=2, by="t20_mae")) == [f"m_20260101_00000{n}" for n in (0, 2, 4)]
    assert ids(planned(five, "status=completed", keep_best=2, by="t20_mae")) == [
        "m_20260101_000000",
        "m_20260101_000002",
    ]
    for number, r2 in enumerate((0.1, 0.9, 0.5, 0.2)):
        path = five / f"m_20260101_00000{number}" / "metadata.json"
        document = json.loads(path.read_text())
        document["metrics"]["t20"]["r2"] = r2
        path.write_text(json.dumps(document))
    assert "m_20260101_000001" not in ids(planned(five, keep_best=1, by="t20_r2"))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"keep_best": 1}, "go together"),
        ({"by": "t20_mae", "only": "arrays"}, "go together"),
        ({"keep_best": 1, "by": "batch_size"}, "a setting has no best"),
        ({"keep_best": 1, "by": "metrics.own"}, "on a guess"),
        ({"keep_best": 1, "by": "t20_may"}, "did you mean t20_mae"),
    ],
)
def test_rules_that_cannot_be_applied(more: dict, said: str, five: Path, write_run) -> None:
    write_run("own_20260101_000009", {"metrics.own": 5})
    with pytest.raises(InputError, match=said):
        planned(five, **more)


def test_runs_that_cannot_be_compared_do_not_beat_each_other(write_run, experiments: Path) -> None:
    for number in range(3):
        write_run(f"m_20260101_00000{number}", {MAE: 0.01 * (number + 1)})
        write_run(f"m_20260102_00000{number}", {MAE: 10 + number, "data_config.digest": "sha256:other"})
        write_run(f"m_20260103_00000{number}", {MAE: 20 + number, "metrics_definitions": "predecessor"})
    found = planned(experiments, keep_best=1, by="t20_mae")
    assert ids(found) == [f"m_2026010{day}_00000{number}" for day in (1, 2, 3) for number in (1, 2)]


def test_what_cannot_be_ranked_is_not_among_the_best(five: Path) -> None:
    path = five / "m_20260101_000000" / "metadata.json"
    path.write_text(path.read_text().replace('"completed"', '"diverged"').replace("0.9,", "0.0,", 1))
    assert "m_20260101_000000" in ids(planned(five, keep_best=3, by="t20_mae"))


HERE = process.identity()
ELSEWHERE = HERE | {"host": "another", "boot_id": "another"}


@pytest.mark.parametrize(
    ("identity", "beat", "said"),
    [
        (HERE, None, "it is running"),
        (ELSEWHERE, 0, "it is running"),
        (ELSEWHERE, 10_000, "only its heartbeat stopped"),
        (ELSEWHERE, None, "only its heartbeat stopped"),
        (HERE | {"pid_namespace": "pid:[1]"}, 10_000, "only its heartbeat stopped"),
        (HERE | {"start_time": None}, 10_000, "only its heartbeat stopped"),
        (None, 10_000, "only its heartbeat stopped"),
        ({}, None, "only its heartbeat stopped"),
    ],
)
@pytest.mark.parametrize("only", [None, "checkpoints"])
def test_a_run_that_may_run_is_kept(identity, beat, said: str, only, write_run, experiments: Path) -> None:
    path = write_run("m_20260101_000000", {"status": "running", "process": identity})
    (path / "checkpoints").mkdir()
    (path / "checkpoints" / "last.ckpt").write_text("weights")
    if beat is not None:
        (path / "heartbeat").touch()
        now = os.stat(path / "heartbeat").st_mtime
        os.utime(path / "heartbeat", (now - beat, now - beat))
    found = planned(experiments, "model=m", only=only, noted=True)
    assert found.removals == []
    assert said in found.kept[0][1]


def test_a_real_run_is_kept_while_it_runs_and_may_go_when_it_was_killed(tmp_path: Path) -> None:
    code = "from decaylab import runlog; run = runlog.start('m'); print(flush=True); input()"
    child = subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdin is not None
    child.stdout.readline()
    experiments = tmp_path / "experiments"
    try:
        found = planned(experiments, "model=m")
        assert found.removals == []
        assert [reason for _, reason in found.kept] == ["it is running"]
    finally:
        child.kill()
        child.wait()
        child.stdin.close()
        child.stdout.close()
    remove(planned(experiments, "status=lost"))
    assert left(experiments) == []


@pytest.mark.parametrize("only", [None, "arrays"])
def test_a_run_that_starts_again_meanwhile_is_kept(only, five: Path) -> None:
    array = five / "m_20260101_000004" / "predictions.npy"
    array.write_bytes(b"p")
    found = planned(five, "status=failed", only=only)
    path = five / "m_20260101_000004" / "metadata.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"status": "running", "process": HERE}))
    with pytest.raises(RunLogError, match="it is running"):
        remove(found)
    assert len(left(five)) == 5
    assert array.exists()


def test_runs_without_metadata(experiments: Path) -> None:
    for name in ("old", "new", "broken"):
        (experiments / f"{name}_20260101_000000" / "checkpoints").mkdir(parents=True)
        (experiments / f"{name}_20260101_000000" / "checkpoints" / "best_model.ckpt").write_text("w")
    (experiments / "empty_20260101_000000").mkdir()
    for path in (experiments / "old_20260101_000000").rglob("*"):
        os.utime(path, (1, 1))
    (experiments / "broken_20260101_000000" / "metadata.json").write_text("{")
    (experiments / "broken_20260101_000000" / "heartbeat").touch()
    for path in (experiments / "broken_20260101_000000").rglob("*"):
        os.utime(path, (1, 1))
    found = planned(experiments, "timestamp=20260101_000000")
    assert ids(found) == ["empty_20260101_000000", "old_20260101_000000"]
    assert {record.run_id: reason for record, reason in found.kept} == {
        "broken_20260101_000000": "its metadata cannot be read, and so nothing tells whether it has ended",
        "new_20260101_000000": "it has no readable metadata and was written to 0 min ago: it may still be training",
    }
    remove(found)
    assert left(experiments) == ["broken_20260101_000000", "new_20260101_000000"]


def test_nothing_goes_through_a_link(five: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    os.rename(five / "m_20260101_000000", outside)
    (outside / "checkpoints").mkdir()
    (outside / "checkpoints" / "last.ckpt").write_text("weights")
    os.symlink(outside, five / "m_20260101_000000")
    os.symlink(outside / "checkpoints", five / "m_20260101_000001" / "checkpoints")
    os.symlink(outside / "checkpoints" / "last.ckpt", five / "m_20260101_000002" / "predictions.npy")
    found = planned(five, "model=m")
    assert "linked" in {record.run_id: reason for record, reason in found.kept}["m_20260101_000000"]
    for only in ("checkpoints", "arrays"):
        part = planned(five, only=only)
        assert part.removals == []
        assert [record.run_id[-1] for record, _ in part.kept] == ["0", "1" if only == "checkpoints" else "2"]
    remove(found)
    assert left(five) == ["m_20260101_000000"]
    assert (outside / "checkpoints" / "last.ckpt").read_text() == "weights"
    assert (outside / "metadata.json").exists()


def test_a_folder_that_becomes_a_link_meanwhile_is_not_followed(five: Path, tmp_path: Path) -> None:
    run = five / "m_20260101_000000"
    (run / "checkpoints").mkdir()
    (run / "checkpoints" / "last.ckpt").write_text("weights")
    found = planned(five, "model=m", only="checkpoints")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "last.ckpt").write_text("mine")
    os.rename(run / "checkpoints", run / "moved")
    os.symlink(tmp_path / "outside", run / "checkpoints")
    with pytest.raises(RunLogError):
        remove(found)
    with pytest.raises(RunLogError):
        prune.remove_below(str(run), "checkpoints/last.ckpt")
    assert (tmp_path / "outside" / "last.ckpt").read_text() == "mine"


@pytest.mark.parametrize("how", ["note", "tag", "odd tags"])
@pytest.mark.parametrize("only", [None, "checkpoints"])
def test_the_only_copy_of_a_noted_run_needs_to_be_asked_for(how: str, only, five: Path) -> None:
    run = five / "m_20260101_000000"
    (run / "checkpoints").mkdir()
    (run / "checkpoints" / "last.ckpt").write_text("weights")
    if how == "note":
        append_note(str(five), run.name, "remember this")
    elif how == "tag":
        add_tags(str(run), ["remember"])
    else:
        (run / "tags.txt").mkdir()
    found = planned(five, "t20_mae=0.9", only=only)
    assert found.removals == []
    assert "only copy" in found.kept[0][1]
    assert ids(planned(five, "t20_mae=0.9", only=only, noted=True)) == [run.name]


def test_a_checked_archive_counts_as_another_copy_as_long_as_it_holds_the_run(five: Path) -> None:
    run = five / "m_20260101_000000"
    add_tags(str(run), ["remember"])
    (run / "predictions.npy").write_bytes(os.urandom(200_000))
    archive = archive_run(read_run(str(run))).path
    found = planned(five, "t20_mae=0.9")
    assert ids(found) == [run.name]
    # Its content changed, its size did not: only the full check before the removal sees it.
    text = (run / "metadata.json").read_text()
    (run / "metadata.json").write_text(text.replace("auxiliary", "auxiliery"))
    with pytest.raises(CheckFailed, match="no copy of it"):
        remove(found)
    assert run.exists()
    (run / "metadata.json").write_text(text)
    (run / "more.txt").write_text("more")
    assert planned(five, "t20_mae=0.9").removals == []
    (run / "more.txt").unlink()
    whole = Path(archive).read_bytes()
    Path(archive).write_bytes(whole[:-100])  # the head still reads, the rest does not
    with pytest.raises(CheckFailed):
        remove(found)
    Path(archive).write_bytes(whole)
    remove(found)
    assert not run.exists()


def test_an_archive_of_another_program_is_no_checked_copy(five: Path) -> None:
    run = five / "m_20260101_000000"
    add_tags(str(run), ["remember"])
    (five.parent / "archive").mkdir()
    line = ["tar", "-czf", "archive/run_20260101_000000.tar.gz", f"experiments/{run.name}"]
    subprocess.run(line, cwd=five.parent, check=True)
    assert planned(five, "t20_mae=0.9").removals == []


def test_notes_that_cannot_be_read_stop_it(five: Path) -> None:
    (five / "NOTES.md").mkdir()
    with pytest.raises(RunLogError, match=r"NOTES\.md"):
        planned(five, "model=m")


def recorded(tmp_path: Path) -> Path:
    with runlog.start("own", experiments=tmp_path / "experiments", capture_output=False) as run:
        path = Path(run.directory)
        (path / "checkpoints").mkdir()
        (path / "checkpoints" / "best_model.ckpt").write_bytes(b"w" * 1000)
        (path / "checkpoints" / "last.ckpt").write_bytes(b"w" * 2000)
        (path / "predictions.npy").write_bytes(b"\x93NUMPY")
        (path / "mine.npy").write_bytes(b"mine")
        run.log(epoch=1, loss=0.5)
    return path


@pytest.mark.parametrize(
    ("only", "gone"),
    [
        ("checkpoints", {"checkpoints/best_model.ckpt", "checkpoints/last.ckpt"}),
        ("arrays", {"predictions.npy"}),
    ],
)
def test_what_was_removed_of_a_run_is_recorded_and_is_no_fault(only: str, gone: set[str], tmp_path: Path) -> None:
    path = recorded(tmp_path)
    experiments = tmp_path / "experiments"
    metadata = (path / "metadata.json").read_bytes()
    before = {str(p.relative_to(path)) for p in path.rglob("*") if p.is_file()}
    faults = set(verify(read_run(str(path))).faults)
    remove(planned(experiments, only=only))
    after = {str(p.relative_to(path)) for p in path.rglob("*") if p.is_file()}
    assert before - after == gone
    assert after - before == {PRUNED}
    assert (path / "metadata.json").read_bytes() == metadata
    verdict = verify(read_run(str(path)))
    assert set(verdict.faults) <= faults
    assert {f"{name} was pruned" for name in gone} <= set(verdict.unknown)
    assert set(read_pruned(str(path))) == gone
    # A file that is missing and was not pruned is still a fault, and so is a pruned.json that cannot be read.
    (path / "mine.npy").unlink()
    assert "mine.npy was recorded and is no longer in the run" in verify(read_run(str(path))).faults
    (path / PRUNED).write_text("[")
    assert any(PRUNED in fault for fault in verify(read_run(str(path))).faults)


def test_a_second_part_adds_to_the_record(tmp_path: Path) -> None:
    path = recorded(tmp_path)
    for only in ("checkpoints", "arrays"):
        remove(planned(tmp_path / "experiments", only=only))
    assert set(read_pruned(str(path))) == {"checkpoints/best_model.ckpt", "checkpoints/last.ckpt", "predictions.npy"}
    assert planned(tmp_path / "experiments", only="arrays").removals == []
    # It changes after the run's end, so a resumed run does not record its digest.
    assert PRUNED not in digests.of_directory(str(path))


def test_it_is_recorded_before_it_is_removed(tmp_path: Path, monkeypatch) -> None:
    path = recorded(tmp_path)

    def killed(*args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(prune, "remove_below", killed)
    with pytest.raises(KeyboardInterrupt):
        remove(planned(tmp_path / "experiments", only="checkpoints"))
    assert len(read_pruned(str(path))) == 2
    # What is listed and still there is checked like any other file.
    assert not [line for line in verify(read_run(str(path))).unknown if "pruned" in line]
    (path / "checkpoints" / "last.ckpt").write_text("changed")
    assert any("last.ckpt" in fault for fault in verify(read_run(str(path))).faults)


def test_an_odd_record_of_earlier_pruning_is_not_lost(tmp_path: Path) -> None:
    path = recorded(tmp_path)
    (path / PRUNED).write_text('{"pruned_version": 99, "files": {}}')
    with pytest.raises(RunLogError, match=PRUNED):
        remove(planned(tmp_path / "experiments", only="checkpoints"))
    assert (path / "checkpoints" / "last.ckpt").exists()
    os.unlink(path / PRUNED)
    os.mkfifo(path / PRUNED)
    with pytest.raises(RunLogError, match="named pipe"):
        add_pruned(str(path), {})


def test_hard_links_are_counted_once_and_free_nothing_while_others_hold_them(five: Path) -> None:
    first, second, third = (five / f"m_20260101_00000{number}" for number in range(3))
    (first / "targets.npy").write_bytes(b"t" * 1_000_000)
    os.link(first / "targets.npy", second / "targets.npy")
    os.link(first / "targets.npy", third / "targets.npy")
    (first / "predictions.npy").write_bytes(b"p" * 10)
    os.link(first / "predictions.npy", first / "edc_predictions.npy")
    two = planned(five, "t20_mae!=0.03", "t20_mae!=0.01", only="arrays")
    assert ids(two) == [first.name, second.name]
    assert (two.size, two.freed) == (1_000_010, 10)
    three = planned(five, only="arrays")
    assert (three.size, three.freed) == (1_000_010, 1_000_010)


def test_a_run_that_cannot_be_removed_whole_disappears_in_one_step(five: Path, monkeypatch) -> None:
    from decaylab.runlog.keeping import removable

    def killed(path: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(removable.shutil, "rmtree", killed)
    with pytest.raises(KeyboardInterrupt):
        remove(planned(five, "status=failed"))
    assert len(scan(str(five))) == 4
