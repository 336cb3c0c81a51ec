"""What `watch` knows of runs in progress: read on, not again; nothing believed, nothing written."""

from __future__ import annotations

import json
import math
import os
import shutil
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decaylab.errors import RunLogError
from decaylab.runlog.process import identity
from decaylab.runlog.text import columns
from decaylab.runlog.watching import tail as tail_module
from decaylab.runlog.watching.tail import HistoryTail, epoch_seconds, seconds_left
from decaylab.runlog.watching.watch import View, Watched, Watcher, look_again
from decaylab.runlog.watching.watch_lines import BLOCKS, COLUMNS, PLAIN, can_show, curve, lines, row

RUN = "compact_20260301_120000"


def line(epoch: int, **values: object) -> str:
    return json.dumps({"epoch": epoch, **values}) + "\n"


@pytest.fixture
def running(write_run):
    """A run of this very process, with ten of forty epochs of six seconds: `running(RUN, {"seed": 3})`."""

    def make(run_id: str = RUN, changes: dict | None = None) -> Path:
        open_ends = {"training_config.max_epochs": 40, "training_config.actual_epochs": None, "status": "running"}
        directory = write_run(run_id, {**open_ends, "process": identity(), "ended_utc": None, **(changes or {})})
        text = "".join(line(n, train_loss=2 / n, val_loss=1 / n, seconds=6.0 * n) for n in range(1, 11))
        (directory / "history.jsonl").write_text(text)
        return directory

    return make


def only(view: View) -> Watched:
    (run,) = (*view.running, *view.ended)
    return run


def text_of(picture) -> list[str]:
    return ["".join(part for part, _ in parts) for parts in picture]


def test_a_run_in_progress_shows_where_it_is(experiments, running):
    directory = running(changes={"guard": {"enabled": True, "state": "quiet"}})
    now = os.stat(directory / "history.jsonl").st_mtime
    run = only(Watcher(str(experiments), clock=lambda: now + 2).look())
    assert (run.status, run.phase, run.epoch, run.max_epochs, run.guard) == ("running", "training", 10, 40, "quiet")
    assert (run.train_loss, run.val_loss, run.best) == (0.2, 0.1, (10, 0.1))
    assert run.seconds_left == pytest.approx(30 * 6 - 2)
    assert run.ended_ago is None
    shown = "\n".join(text_of(lines(View([run], [], 0), "experiments", 80)))
    for part in ("epoch 10/40", "train 0.2", "val 0.1", "best 0.1 at 10", "2:58 min left", "guard quiet", "█"):
        assert part in shown


def test_an_epoch_that_takes_longer_than_the_others_does_not_count_below_it(experiments, running):
    directory = running()
    now = os.stat(directory / "history.jsonl").st_mtime
    assert only(Watcher(str(experiments), clock=lambda: now + 1000).look()).seconds_left == pytest.approx(29 * 6)


def test_new_lines_are_read_and_old_ones_are_not(tmp_path, monkeypatch):
    path = tmp_path / "history.jsonl"
    path.write_text(line(1, val_loss=1.0) * 1000)
    tail = HistoryTail(str(path))
    tail.read_on()
    read = []
    pread = os.pread
    monkeypatch.setattr(os, "pread", lambda *args: read.append(pread(*args)) or read[-1])
    tail.read_on()
    assert read == []
    with path.open("a") as file:
        file.write(line(2, val_loss=0.5))
    tail.read_on()
    assert b"".join(read) == line(2, val_loss=0.5).encode()
    assert tail.losses() == [(1, 1.0), (2, 0.5)]


def test_a_line_that_is_half_written_counts_once_it_is_whole(tmp_path):
    path = tmp_path / "history.jsonl"
    whole = line(1, val_loss=0.25)
    path.write_text(whole[:9])
    tail = HistoryTail(str(path))
    tail.read_on()
    assert tail.epoch is None
    with path.open("a") as file:
        file.write(whole[9:])
    tail.read_on()
    assert tail.losses() == [(1, 0.25)]


def test_torn_lines_and_other_peoples_values_are_skipped(tmp_path):
    path = tmp_path / "history.jsonl"
    odd = ['{"epoch": 1, "val', "[1]", '{"epoch": true}', '{"epoch": -3}', '{"epoch": "4"}', "[" * 5000, "\0\0"]
    odd += ['{"epoch": 2, "val_loss": "high", "seconds": []}', '{"epoch": 3, "val_loss": "NaN"}']
    path.write_text("\n".join([*odd, line(4, val_loss=0.5)]))
    tail = HistoryTail(str(path))
    tail.read_on()
    assert tail.epoch == 4
    (three, lost), four = tail.losses()
    assert (three, four) == (3, (4, 0.5))
    assert math.isnan(lost)


def test_a_resumed_run_counts_from_where_it_goes_on(tmp_path):
    path = tmp_path / "history.jsonl"
    path.write_text("".join(line(n, val_loss=float(n)) for n in (1, 2, 3, 4, 2)))
    tail = HistoryTail(str(path))
    tail.read_on()
    assert tail.epoch == 2
    assert [epoch for epoch, _ in tail.losses()] == [1, 2]


def test_a_history_that_is_replaced_or_cut_is_read_from_its_start(tmp_path):
    path = tmp_path / "history.jsonl"
    path.write_text(line(1, val_loss=1.0) + line(2, val_loss=0.5))
    tail = HistoryTail(str(path))
    tail.read_on()
    path.write_text(line(7, val_loss=0.7))
    tail.read_on()
    assert tail.losses() == [(7, 0.7)]
    path.unlink()
    tail.read_on()
    assert tail.epoch == 7


def test_of_a_huge_history_the_end_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(tail_module, "LIMIT_BYTES", 100)
    path = tmp_path / "history.jsonl"
    path.write_text("".join(line(n, val_loss=1.0) for n in range(1, 1000)))
    tail = HistoryTail(str(path))
    tail.read_on()
    assert tail.epoch == 999
    assert len(tail.points) < 5


def test_a_loop_that_logs_no_seconds_is_timed_by_the_growth_of_its_history(experiments, running):
    directory = running()
    path = directory / "history.jsonl"
    path.write_text(line(1, loss=3.0))
    os.utime(path, (1_000_000.0, 1_000_000.0))
    watcher = Watcher(str(experiments), clock=lambda: 1_000_020.0)
    assert only(watcher.look()).seconds_left is None
    with path.open("a") as file:
        file.write(line(2, loss=2.0))
    os.utime(path, (1_000_020.0, 1_000_020.0))
    run = only(watcher.look())
    assert run.seconds_left == pytest.approx(38 * 20)
    assert run.losses == [3.0, 2.0]


def test_before_the_first_epoch_the_estimate_of_preflight_counts(experiments, running):
    changes = {"preflight.estimate": {"total_seconds": 600.0}, "started_utc": "2026-03-01T12:00:00Z"}
    directory = running(changes=changes)
    (directory / "history.jsonl").write_text("")
    run = only(Watcher(str(experiments), clock=lambda: 1772366400.0 + 100).look())
    assert (run.phase, run.epoch, run.seconds_left) == ("starting", None, 500.0)


def test_after_the_fit_the_run_is_being_evaluated(experiments, running):
    running(changes={"training_config.actual_epochs": 10})
    run = only(Watcher(str(experiments)).look())
    assert (run.phase, run.seconds_left) == ("evaluating", None)


def test_runs_that_end_say_so_and_stay(experiments, running, write_run):
    running()
    now = [1772366400.0]
    watcher = Watcher(str(experiments), recent=60, clock=lambda: now[0])
    watcher.look()
    shutil.rmtree(experiments / RUN)
    write_run(RUN, {"status": "failed", "ended_utc": "2026-03-01T11:00:00Z", "error": {"type": "E", "message": "no"}})
    write_run("old_20260301_120001", {"ended_utc": "2026-03-01T11:00:00Z"})
    view = watcher.look()
    run = only(view)
    assert (run.status, run.said, view.earlier) == ("failed", "E: no", 1)
    assert run.ended_ago == 3600.0
    assert "1 ended earlier" in text_of(lines(view, "e", 80))[-1]


def test_a_lost_run_and_an_unreadable_one_are_said(experiments, running):
    running(changes={"process": {**identity(), "start_time": 1}})
    broken = experiments / "broken_20260301_120001"
    broken.mkdir()
    (broken / "metadata.json").write_text('{"model')
    by_id = {run.run_id: run for run in Watcher(str(experiments)).look().ended}
    assert by_id[RUN].status == "lost"
    assert by_id[RUN].said == "its process is gone"
    assert by_id[broken.name].status == "unreadable"
    assert "metadata.json" in by_id[broken.name].said


def test_runs_appear_and_vanish(experiments, running):
    watcher = Watcher(str(experiments))
    assert watcher.look() == View([], [], 0)
    directory = running()
    assert only(watcher.look()).status == "running"
    shutil.rmtree(directory)
    gone = only(watcher.look())
    assert (gone.status, gone.epoch) == ("removed", 10)
    running()
    assert only(watcher.look()).status == "running"


def test_a_directory_that_is_being_made_is_no_lost_run(experiments):
    directory = experiments / RUN
    directory.mkdir()
    made = directory.stat().st_mtime
    watcher = Watcher(str(experiments), clock=lambda: made + 1)
    assert watcher.look() == View([], [], 0)
    later = Watcher(str(experiments), clock=lambda: made + 60)
    assert only(later.look()).status == "lost"


def test_a_folder_that_goes_away_keeps_the_last_picture(experiments, running):
    running()
    watcher = Watcher(str(experiments))
    view = watcher.look()
    experiments.rename(experiments.with_name("elsewhere"))
    after = look_again(watcher, view)
    assert after.running == view.running
    assert "no experiments folder" in after.problem
    with pytest.raises(RunLogError, match="no experiments folder"):
        Watcher(str(experiments)).look()


def test_metadata_that_did_not_change_is_not_read_again(experiments, running, monkeypatch):
    from decaylab.runlog.watching import watch

    running()
    watcher = Watcher(str(experiments))
    watcher.look()
    monkeypatch.setattr(watch, "read_entry", lambda *args: pytest.fail("read again"))
    watcher.look()


def test_nothing_is_written_into_a_run(experiments, running):
    directory = running()
    (directory / "heartbeat").write_text("")
    before = {path: os.stat(path) for path in (directory, *directory.iterdir())}
    watcher = Watcher(str(experiments))
    watcher.look()
    watcher.look()
    after = {path: os.stat(path) for path in (directory, *directory.iterdir())}
    assert {p: s.st_mtime_ns for p, s in before.items()} == {p: s.st_mtime_ns for p, s in after.items()}


def test_every_shape_of_run_is_shown_or_counted(legacy_folder):
    view = Watcher(str(legacy_folder), clock=lambda: time.time() + 60).look()
    assert view.running == []
    assert len(view.ended) + view.earlier == 12
    for width in (20, 80):
        assert all(columns(text) <= width for text in text_of(lines(view, str(legacy_folder), width)))


TEXT = st.text(max_size=60)
LOSS = st.one_of(st.none(), st.floats())
HOSTILE = st.builds(
    Watched,
    run_id=TEXT,
    status=st.sampled_from(["running", "failed", "lost", "removed"]),
    phase=st.sampled_from(["starting", "training", "evaluating", ""]),
    epoch=st.one_of(st.none(), st.integers(0, 10**18)),
    max_epochs=st.one_of(st.none(), st.integers(1, 10**12)),
    train_loss=LOSS,
    val_loss=LOSS,
    best=st.one_of(st.none(), st.tuples(st.integers(0, 10**18), st.floats(allow_nan=False, allow_infinity=False))),
    losses=st.lists(st.floats(), max_size=40),
    seconds_left=st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False, min_value=0)),
    guard=st.one_of(st.none(), TEXT),
    said=st.one_of(st.none(), TEXT),
    ended_ago=st.one_of(st.none(), st.floats(0, 1e9)),
)


@given(st.lists(HOSTILE, max_size=4), st.integers(10, 130), st.integers(1, 30), st.sampled_from(["utf-8", "ascii"]))
def test_no_line_is_wider_or_taller_than_the_terminal_or_obeyed_by_it(runs, width, height, encoding):
    picture = text_of(lines(View(runs, [], 3, "gone\x1b[2J"), "where\n", width, height, encoding))
    for text in picture:
        assert text.isprintable() or text == ""
        assert columns(text) <= width
        text.encode(encoding)
    assert len(picture) <= max(height, 6)
    for run in runs:
        cells = row(run)
        assert len(cells) == len(COLUMNS)
        assert all(cell and cell.isprintable() for cell in cells)


def test_styles_stand_beside_the_text_and_never_in_it(experiments, running):
    running(changes={"guard": {"state": "[bold]odd[/]", "message": "x"}})
    parts = [part for parts in lines(Watcher(str(experiments)).look(), "e", 80) for part in parts]
    assert ("[bold]odd...", "dim") in parts or ("[bold]odd[/]", "dim") in parts


@given(st.lists(st.floats(), max_size=50), st.integers(0, 20), st.sampled_from([BLOCKS, PLAIN]))
def test_a_curve_fits_its_width(values, width, ramp):
    drawn = curve(values, width, ramp)
    assert len(drawn) == min(width, len(values))
    assert set(drawn) <= {*ramp, "x"}


def test_a_curve_falls_as_its_values_do():
    assert curve([1000, 100, 10, 1], 4) == "█▆▃▁"
    assert curve([1, 1], 4) == "▁▁"
    assert curve([2.0, math.nan, 1.0], 3, PLAIN) == "#x_"
    assert curve([4, 4, 1, 1], 2) == "█▁"
    assert can_show(BLOCKS, "utf-8")
    assert not can_show(BLOCKS, "latin-1")


def test_the_pace_is_that_of_the_last_ten_epochs():
    slow = [(n, 100.0 * n) for n in range(1, 6)]
    fast = [(n, 500.0 + 2.0 * (n - 5)) for n in range(6, 17)]
    assert epoch_seconds([*slow, *fast]) == pytest.approx(2.0)
    assert epoch_seconds([(4, 20.0)]) == 5.0
    assert epoch_seconds([]) is None
    assert epoch_seconds([(3, 1.0), (3, 2.0)]) is None
    assert seconds_left(40, 40, 5.0, 100.0) == 0.0
    assert seconds_left(50, 40, 5.0) == 0.0
