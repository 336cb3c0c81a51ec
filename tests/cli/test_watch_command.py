"""`decaylab watch` in a terminal of 80 columns, in one that is resized, in a pipe, and without rich."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from decaylab.cli.main import main
from decaylab.runlog.process import identity
from decaylab.runlog.watching.watch_lines import COLUMNS

pytest.importorskip("fcntl")
from terminal import Session

WATCH = [sys.executable, "-m", "decaylab.cli.main", "watch"]
LONG = "a-very-long-name-of-a-model-" * 2 + "_20260301_120000"
EVIL = "[bold red]evil[!]_20260301_120001"
#: Of this very process.
RUNNING = {"status": "running", "process": identity(), "training_config.actual_epochs": None}


@pytest.fixture
def folder(experiments: Path, write_run) -> Path:
    """Two runs of this process with odd names, and one that failed just now with an odd message."""
    for run_id in (LONG, EVIL):
        directory = write_run(run_id, {**RUNNING, "guard": {"state": "warned", "message": "[blink]too high[/blink]"}})
        lines = [
            json.dumps({"epoch": n, "train_loss": 2 / n, "val_loss": 1 / n, "seconds": 60.0 * n}) for n in range(1, 31)
        ]
        (directory / "history.jsonl").write_text("\n".join(lines) + "\n")
    write_run("failed_20260301_120002", {"status": "failed", "error": {"type": "E", "message": "\x1b[2J\x07gone"}})
    return experiments


def test_eighty_columns_and_a_terminal_that_is_resized(folder):
    pytest.importorskip("rich")
    session = Session([*WATCH, str(folder)], 80, 24)
    shown = session.until(lambda text: "epoch 30/200" in text)
    for part in ("a-very-long-name", "...", "[bold red]evil[!]", "guard warned", "[blink]too high[/blink]", "left"):
        assert part in shown
    assert "failed" in shown
    assert "\\x1b[2J\\x07gone" in shown
    assert any(len(line) > 70 for line in shown.splitlines()), "the width is used"
    session.resize(50, 12)
    narrow = session.until(lambda text: "epoch 30/200" in text)
    assert all(len(line) <= 50 for line in narrow.splitlines())
    session.resize(140, 30)
    wide = session.until(lambda text: LONG in text)
    assert "epoch 30/200" in wide
    assert session.screen.wrapped == 0
    assert session.screen.alternate
    assert session.send(signal.SIGINT) == 130
    assert not session.screen.alternate
    assert "Traceback" not in session.raw
    assert session.raw.rindex("epoch 30/200") > session.raw.index("\x1b[?1049l"), "the last picture stays"


def test_runs_appear_grow_and_vanish_while_they_are_watched(folder, write_run):
    pytest.importorskip("rich")
    session = Session([*WATCH, "--experiments", str(folder)], 100, 30)
    session.until(lambda text: "2 runs in progress" in text)
    write_run(
        "new_20260301_120003", {"status": "running", "process": identity(), "training_config.actual_epochs": None}
    )
    session.until(lambda text: "new_20260301_120003" in text and "no epoch yet" in text)
    with (folder / EVIL / "history.jsonl").open("a") as file:
        file.write('{"epoch": 31, "val_loss": 0.01}\n{"epoch": 32, "val')
    session.until(lambda text: "epoch 31/200" in text)
    shutil.rmtree(folder / EVIL)
    session.until(lambda text: "removed" in text)
    (folder / "failed_20260301_120002" / "metadata.json").write_text("{")
    session.until(lambda text: "unreadable" in text)
    folder.rename(folder.with_name("away"))
    session.until(lambda text: "no experiments folder" in text and LONG in text)
    folder.with_name("away").rename(folder)
    session.until(lambda text: "no experiments folder" not in text)
    assert session.send(signal.SIGTERM) == 143
    assert not session.screen.alternate
    assert "Traceback" not in session.raw


def test_once_off_a_terminal_is_columns_with_tabs(folder, capsys):
    assert main(["watch", str(folder), "--once"]) == 0
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split("\t") == list(COLUMNS)
    by_id = {cells[0]: dict(zip(COLUMNS, cells, strict=True)) for cells in (text.split("\t") for text in rows)}
    assert set(by_id) == {LONG, EVIL, "failed_20260301_120002"}
    assert by_id[LONG]["epoch"] == "30"
    assert by_id[LONG]["max_epochs"] == "200"
    assert by_id[EVIL]["status"] == "running"
    assert by_id[EVIL]["guard"] == "warned"
    assert int(by_id[EVIL]["seconds_left"]) <= 170 * 60
    assert by_id["failed_20260301_120002"]["said"] == "E: \\x1b[2J\\x07gone"
    assert "\x1b" not in "".join(rows)


def test_once_on_a_terminal_of_eighty_columns(folder):
    session = Session([*WATCH, "--once", str(folder)], 80, 40, NO_COLOR="1")
    shown = session.until(lambda text: "\\x1b[2J\\x07gone" in text)
    assert "epoch 30/200" in shown
    assert session.screen.wrapped == 0
    assert "\x1b" not in session.raw
    assert session.send(0) == 0


def test_without_a_terminal_the_state_of_now_is_printed_and_said(folder):
    done = subprocess.run([*WATCH, str(folder)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    assert "as with --once" in done.stderr
    assert len(done.stdout.splitlines()) == 4


def test_once_needs_no_rich_and_imports_nothing_heavy(folder):
    code = f"""
import sys
sys.modules["rich"] = None
from decaylab.cli.main import main
status = main(["watch", {str(folder)!r}, "--once"])
print(sorted({{"numpy", "torch", "rich.console"}} & set(sys.modules)), file=sys.stderr)
sys.exit(status)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr.strip()) == (0, "[]")


def test_without_rich_the_live_picture_says_what_to_install(folder):
    code = f"""
import sys
sys.modules["rich"] = None
from decaylab.cli.main import main
sys.exit(main(["watch", {str(folder)!r}]))
"""
    session = Session([sys.executable, "-c", code], 140, 10)
    session.until(lambda text: "pip install 'decaylab[watch]'" in text)
    assert session.send(0) == 2


def test_a_folder_that_is_not_there_and_one_without_runs(tmp_path, capsys):
    assert main(["watch", str(tmp_path / "none"), "--once"]) == 2
    assert "no experiments folder" in capsys.readouterr().err
    assert main(["watch", str(tmp_path), "--once"]) == 0
    assert capsys.readouterr().out.splitlines() == ["\t".join(COLUMNS)]


def test_what_is_recent_can_be_said(folder, write_run, capsys):
    os.utime(write_run("old_20260301_110000") / "metadata.json", (0, 0))
    assert main(["watch", str(folder), "--once"]) == 0
    assert "old_" not in capsys.readouterr().out
    assert main(["watch", str(folder), "--once", "--recent", "1e9"]) == 0
    assert "old_" in capsys.readouterr().out
    assert main(["watch", str(folder), "--once", "--recent", "-1"]) == 2
    assert "minutes from 0" in capsys.readouterr().err
