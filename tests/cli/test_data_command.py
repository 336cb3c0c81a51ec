"""`decaylab data check` and `data export`, as a person and as a script use them."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from decaylab.cli import data as command
from decaylab.cli import main as program
from decaylab.cli.main import main
from decaylab.cli.parser import subcommands
from decaylab.cli.progress import Progress
from decaylab.rooms import RoomTable, open_data
from decaylab.rooms.store_writer import StoreWriter

SAMPLES = 96_000


@pytest.fixture
def store(tmp_path):
    """Six sound rooms of two sizes."""
    features = np.empty((6, 16))
    features[:] = [4, 5, 3, 1, 1.2, 1.5, 3, 4, 1.4, *[0.3] * 7]
    features[3:, 0] = 4.5
    features[:, 9] = [0.2, 0.3, 0.4, 0.2, 0.3, 0.4]
    with StoreWriter(tmp_path / "rooms", RoomTable(list("abcdef"), features), {}, {}, SAMPLES, 48_000) as writer:
        for row in range(6):
            curve = np.ones(SAMPLES)
            curve[520:] = 0.5 * np.exp(-13.8 * np.arange(SAMPLES - 520) / 48_000 / (0.5 + 0.1 * row))
            writer.write(row, curve.astype(np.float32))
        writer.finish()
    return tmp_path / "rooms"


def spoil(store):
    """A bit of room c's curve flips on the disk."""
    with open(store / "curves.npy", "r+b") as stream:
        stream.seek(128 + 2 * SAMPLES * 4 + 400)
        stream.write(b"\xff\xff\xff\x7f")


def test_notices_alone_are_status_0(store, capfd):
    assert main(["data", "check", str(store)]) == 0
    printed = capfd.readouterr()
    assert printed.err == ""
    assert printed.out.splitlines()[:2] == [
        f"{store}: store, 6 rooms, 6 curves read",
        "random split, seed 0: 4 training, 1 validation, 1 test rooms",
    ]
    assert "notice: shared_rooms, 1 of 1 test rooms" in printed.out
    assert "to do: --split room shows the error in unseen rooms" in printed.out
    assert printed.out.endswith("\n0 faults, 2 notices\n")


def test_a_fault_is_status_1_and_says_what_and_where(store, capfd):
    spoil(store)
    assert main(["data", "check", str(store), "--split", "material", "--fold", "1/3"]) == 1
    out = capfd.readouterr().out
    assert "material split fold 1/3, seed 0: 2 training, 2 validation, 2 test rooms" in out
    assert "fault: digests, 1 of 6 rooms\n" in out
    assert "fault: non_finite, 1 of 6 curves\n" in out
    assert "  c: 1 of 96000 values, the first at sample 100\n" in out
    assert "shared_materials" not in out
    assert out.endswith("\n2 faults, 1 notice\n")


def test_json_is_the_whole_report_and_nothing_else(store, capfd):
    spoil(store)
    assert main(["data", "check", str(store), "--json", "--split-seed", "3"]) == 1
    report = json.loads(capfd.readouterr().out)
    assert (report["rooms"], report["curves"], report["faults"], report["notices"]) == (6, 6, 2, 1)
    assert report["split"] == {"kind": "random", "seed": 3, "fold": None, "train": 4, "validation": 1, "test": 1}
    assert [finding["code"] for finding in report["findings"]] == ["digests", "non_finite", "shared_rooms"]
    first = report["findings"][0]
    assert set(first) == {
        "code", "severity", "count", "of", "unit", "rooms", "examples", "meaning", "action",
    }  # fmt: skip
    assert first["rooms"] == ["c"]


def test_names_of_a_published_layout_cannot_command_the_terminal(store, tmp_path, capfd):
    assert main(["data", "export", str(store), "--out", str(tmp_path / "out")]) == 0
    np.save(tmp_path / "out" / "EDC" / "\x1b[31mred.npy", np.ones(3))
    capfd.readouterr()
    main(["data", "check", str(tmp_path / "out")])
    out = capfd.readouterr().out
    assert "extra_curves" in out
    assert "\x1b" not in out


def test_export_prints_the_folder_and_round_trips(store, tmp_path, capfd):
    target = tmp_path / "published"
    assert main(["data", "export", str(store), "--out", str(target)]) == 0
    printed = capfd.readouterr()
    assert printed.out == f"{target}\n"
    assert printed.err == "6 rooms, 2.3 MB of curves\n"
    assert (open_data(target).read(range(6)) == open_data(store).read(range(6))).all()
    assert main(["data", "check", str(target)]) == 0
    capfd.readouterr()
    assert main(["data", "export", str(store), "--out", str(target)]) == 2
    assert "is there already" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["check", "nowhere"], "no data set at nowhere"),
        (["check", "."], "holds no data set"),
        (["check", "{store}", "--split", "rooms"], "--split 'rooms'"),
        (["check", "{store}", "--fold", "1/5"], "folds are for the splits room and material"),
        (["check", "{store}", "--split", "room", "--fold", "one"], "--fold 'one' is not of the form K/N"),
        (["check", "{store}", "--split", "material", "--fold", "1/4"], "fold 1/4 does not exist"),
        (["check", "{store}", "--train-ratio", "1.5"], "--train-ratio is 1.5"),
        (["check", "{store}", "--split-seed", "-1"], "--split-seed is -1"),
        (
            ["check", "{store}", "--splti", "room"],
            "did you mean --split or --split-seed? (`decaylab data check --help`",
        ),
        (["export", "{store}"], "required: --out"),
        (["export", "nowhere", "--out", "x"], "no data set at nowhere"),
        (["chek"], "invalid choice: 'chek'"),
        ([], "required: SUBCOMMAND"),
    ],
)
def test_bad_usage_is_one_line_and_status_2(store, arguments, message, capfd, monkeypatch, tmp_path):
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    assert main(["data", *(argument.format(store=store) for argument in arguments)]) == 2
    printed = capfd.readouterr()
    assert printed.out == ""
    assert message in printed.err
    assert printed.err.count("\n") == 1
    assert os.listdir(".") == []


@pytest.mark.parametrize("name", command.SUBCOMMANDS)
def test_the_help_of_a_subcommand_shows_an_example(name, capsys):
    assert main(["data", name, "--help"]) == 0
    shown = capsys.readouterr().out
    assert f"usage: decaylab data {name}" in shown
    assert f"example:\n  decaylab data {name}" in shown


def test_the_reference_has_a_section_for_each_subcommand():
    _, parser = program.command("data")
    assert list(subcommands(parser)) == ["check", "export"]
    page = subprocess.run(
        [sys.executable, str(Path(__file__).parents[2] / "scripts" / "pages.py"), "cli"], capture_output=True, text=True
    ).stdout
    assert "\n## decaylab data\n" in page
    assert "\n### decaylab data check\n\n```text\nusage: decaylab data check" in page
    assert "\n### decaylab data export\n" in page


def test_progress_is_a_line_every_ten_seconds_on_stderr(monkeypatch):
    clock, stream = [0.0], io.StringIO()
    monkeypatch.setattr("decaylab.cli.progress.time.monotonic", lambda: clock[0])
    with Progress(stream, "checked", "curves") as progress:
        for done in range(1, 26):
            clock[0] += 1.0
            progress(done, 30)
    lines = ["checked 10 of 30 curves, about 20.0 s left", "checked 20 of 30 curves, about 10.0 s left"]
    assert stream.getvalue().splitlines() == lines


def test_progress_is_one_line_on_a_terminal(monkeypatch):
    clock, stream = [0.0], io.StringIO()
    monkeypatch.setattr("decaylab.cli.progress.time.monotonic", lambda: clock[0])
    monkeypatch.setattr(stream, "isatty", lambda: True)
    with Progress(stream, "checked", "curves") as progress:
        for done in range(1, 5):
            clock[0] += 0.25
            progress(done, 30)
    first, second, end = stream.getvalue().split("\x1b[K")
    assert (first, second[:22], end) == ("\rchecked 2 of 30 curves, about 7.0 s left", "\rchecked 4 of 30 curve", "\n")
