"""`decaylab simulate`, as a person and as a script uses it, killed and interrupted for real."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from decaylab.cli.main import main
from decaylab.cli.progress import SimulationProgress
from decaylab.rooms import draw_rooms, draw_wide_rooms, open_data, write_rooms_csv

pytest.importorskip("pyroomacoustics")

QUICK = ["--rays", "50"]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    file = tmp_path / "rooms.csv"
    with open(file, "w", encoding="utf-8") as stream:
        write_rooms_csv(draw_rooms(7, seed=1), stream)
    return file


def test_the_folder_goes_to_stdout_and_a_larger_limit_extends(
    tmp_path: Path, table: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "data")
    arguments = ["simulate", "--out", out, "--rooms", str(table), "--jobs", "1", *QUICK]
    assert main([*arguments, "--limit", "1"]) == 0
    printed = capfd.readouterr()
    assert printed.out == f"{out}\n"
    assert re.search(r"1 rooms \(simulated 1 in [\d.]+ s\), sha256:[0-9a-f]{64}\n$", printed.err)
    first = open_data(out)
    assert main([*arguments, "--limit", "2"]) == 0
    assert open_data(out).ids[:1] == first.ids
    assert len(open_data(out)) == 2
    assert open_data(out).manifest["source"] == {"kind": "table", "file": "rooms.csv", "rows": 7}
    capfd.readouterr()
    assert main([*arguments, "--limit", "1"]) == 0
    assert "2 rooms (nothing left to do; 1 more than asked for)" in capfd.readouterr().err
    assert main([*arguments, "--limit", "2", "--realisations", "2", "--seed", "5"]) == 2
    error = capfd.readouterr().err
    assert error.startswith("decaylab: error: ")
    assert "realisations is 1 there, 2 here; seed is 0 there, 5 here" in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--rooms", "nowhere.csv"], "no file nowhere.csv"),
        (["--count", "0"], "--count: expected a whole number from 1, got '0'"),
        (["--count", "5", "--rooms", "x.csv"], "not allowed with"),
        ([], "one of the arguments --rooms --count is required"),
        (["--count", "2", "--preset", "published", "--rays", "9"], "leave out --rays or the preset"),
        (["--count", "2", "--preset", "none"], "invalid choice"),
        (["--count", "2", "--seed", "-1"], "--seed: expected a whole number from 0"),
    ],
)
def test_bad_usage_is_one_line_and_status_2(
    tmp_path: Path, arguments: list[str], message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["simulate", "--out", str(tmp_path / "data"), *arguments]) == 2
    error = capfd.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not (tmp_path / "data").exists()


def test_a_source_outside_its_room_is_named(tmp_path: Path, table: Path, capfd: pytest.CaptureFixture[str]) -> None:
    lines = table.read_text().splitlines()
    cells = lines[3].split(",")
    cells[4] = "77"
    table.write_text("\n".join([*lines[:3], ",".join(cells), *lines[4:]]) + "\n")
    assert main(["simulate", "--out", str(tmp_path / "data"), "--rooms", str(table)]) == 2
    assert f"({cells[0]}): Source_X = 77 m lies outside the room" in capfd.readouterr().err


@pytest.mark.parametrize(("sent", "status"), [(signal.SIGKILL, -9), (signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_killed_or_interrupted_it_goes_on_where_it_stopped(tmp_path: Path, table: Path, sent: int, status: int) -> None:
    folder = tmp_path / "data"
    command = [sys.executable, "-m", "decaylab.cli.main", "simulate", "--out", str(folder), "--rooms", str(table)]
    command += ["--jobs", "2", *QUICK]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    digests = folder / "digests.txt"
    deadline = time.monotonic() + 40
    while not (digests.exists() and digests.stat().st_size > 60) and time.monotonic() < deadline:
        time.sleep(0.01)
    if sent != signal.SIGKILL:
        os.killpg(process.pid, sent)  # as a terminal and a scheduler do: to the workers too
    else:
        process.send_signal(sent)
    # A worker that outlived its parent would keep stderr open: this ends only when all of them are gone.
    error = process.communicate(timeout=60)[1]
    if process.returncode == 0 and len(digests.read_text().splitlines()) == 7:
        pytest.skip("all rooms were done before the signal arrived: this machine was too busy to interrupt in time")
    assert process.returncode == status, error
    if sent != signal.SIGKILL:
        said = [line for line in error.splitlines() if not line.startswith("simulat")]
        assert re.fullmatch(r"[1-6] of 7 rooms are kept: the same command goes on from there", said[0])
        assert said[1:] == (["decaylab: interrupted"] if sent == signal.SIGINT else [])
    done = len(digests.read_text().splitlines())
    assert 1 <= done < 7
    again = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert again.returncode == 0
    assert re.search(r"7 rooms \(simulated [1-6] in", again.stderr)
    whole = tmp_path / "whole"
    assert main(["simulate", "--out", str(whole), "--rooms", str(table), "--jobs", "1", *QUICK]) == 0
    assert open_data(folder).digest == open_data(whole).digest


def test_lines_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr("decaylab.cli.progress.time.monotonic", lambda: clock[0])
    with SimulationProgress(sys.stderr) as progress:
        for done in range(20, 101):
            progress(done, 100)
            clock[0] += 1.0
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "simulating 100 rooms, 20 there already"
    assert lines[1] == "simulated 30 of 100 rooms, about 1 min 10 s left"
    assert len(lines) == 9


def test_wide_rooms_are_drawn_from_a_bathroom_to_a_small_hall(tmp_path: Path) -> None:
    out = str(tmp_path / "wide")
    assert main(["simulate", "--out", out, "--count", "2", "--wide", "--jobs", "1", *QUICK]) == 0
    data = open_data(out)
    assert data.ids == draw_wide_rooms(2, seed=0).ids
    assert data.manifest["settings"]["rooms"] == "drawn wide, version 1"
    assert main(["simulate", "--out", out, "--count", "3", "--jobs", "1", *QUICK]) == 2, "other rooms: another folder"


def test_wide_says_how_to_draw_and_nothing_of_a_table(
    tmp_path: Path, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["simulate", "--out", str(tmp_path / "x"), "--rooms", str(table), "--wide"]) == 2
    assert "--wide says how --count draws rooms" in capsys.readouterr().err
