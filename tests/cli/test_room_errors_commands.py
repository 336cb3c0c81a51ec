"""`show --worst`, errors by distance in `show`, and the paired errors of `diff`, as a user sees them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from decaylab.cli.main import main
from decaylab.evaluation.errors import RoomErrors, write_errors
from decaylab.runlog.query import direction

NAMES = ("edt", "t20", "t30", "c50", "ts")
A, B = "a_20260301_120000", "b_20260301_130000"


def errors_of(t20_errors, **changes):
    error = np.asarray(t20_errors, dtype=float)
    count = len(error)
    true = {name: np.full(count, 0.5) for name in NAMES}
    predicted = {name: values + 0.01 for name, values in true.items()}
    predicted["t20"] = true["t20"] + error
    fields = {
        "rows": np.arange(count) + 100,
        "rooms": [f"room{n:03d}" for n in range(count)],
        "sizes": np.stack([np.arange(count) + 3.0, np.full(count, 4.0), np.full(count, 2.5)], axis=1),
        "material_distance": np.linspace(0.0, 0.3, count),
        "edc_mae": np.linspace(1e-3, 2e-3, count),
        "edc_db_mae": np.full(count, 0.5),
        "true": true,
        "predicted": predicted,
    }
    return RoomErrors(**{**fields, **changes})


@pytest.fixture
def pair(write_run, monkeypatch, experiments: Path) -> tuple[Path, Path]:
    """Two runs of thirty rooms; B's T20 is better by 0.02 s, the rest is the same."""
    monkeypatch.chdir(experiments.parent)
    a, b = write_run(A), write_run(B)
    error = np.linspace(0.03, 0.06, 30) * np.tile([1, -1], 15)
    write_errors(a / "errors.csv", errors_of(error))
    write_errors(b / "errors.csv", errors_of(error - 0.02 * np.sign(error)))
    return a, b


def lines_of(capsys) -> list[str]:
    return capsys.readouterr().out.splitlines()


def test_the_worst_rooms_with_their_errors_in_jnd(pair, capsys) -> None:
    assert main(["show", A, "--worst", "2"]) == 0
    lines = lines_of(capsys)
    assert lines[0].startswith(f"2 of 30 test rooms of {A}, worst first by the error of T20")
    assert " ".join(lines[-3].split()) == "room size m distance true in s predicted error in JND"
    assert " ".join(lines[-2].split()) == "room029 32.00 x 4.00 x 2.50 0.300 0.5000 0.4400 -0.0600 2.4"
    assert lines[-1].split()[0] == "room028"


@pytest.mark.parametrize(
    ("by", "row"),
    [
        ("edc_mae", "room029 32.00 x 4.00 x 2.50 0.300 0.00200"),
        ("c50", "room000 3.00 x 4.00 x 2.50 0.000 0.500 0.510 0.010 0.0"),
        ("ts", "room000 3.00 x 4.00 x 2.50 0.000 0.5000 0.5100 0.0100 1.0"),
    ],
)
def test_worst_by_another_field(pair, capsys, by: str, row: str) -> None:
    assert main(["show", A, "--worst", "1", "--by", by]) == 0
    assert " ".join(lines_of(capsys)[-1].split()).startswith(row)


def test_a_prediction_without_a_value_is_said_and_a_missing_target_counted(pair, capsys) -> None:
    errors = errors_of(np.zeros(5))
    errors.predicted["t20"][3] = np.nan
    errors.true["t20"][1] = np.nan
    write_errors(pair[0] / "errors.csv", errors)
    assert main(["show", A, "--worst", "9"]) == 0
    lines = lines_of(capsys)
    assert lines[0].endswith("1 without a valid target left out")
    assert lines[0].startswith("4 of 5")
    assert lines[4].split()[0] == "room003"
    assert "invalid" in lines[4]


def test_names_of_rooms_cannot_command_the_terminal(pair, capsys) -> None:
    write_errors(pair[0] / "errors.csv", errors_of([0.1], rooms=["\x1b[2Jevil"]))
    assert main(["show", A, "--worst", "1"]) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\\x1b[2Jevil" in out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--by", "t20"], "--worst N"),
        (["--worst", "0"], "whole number from 1"),
        (["--worst", "3", "--by", "d50"], "edc_db_mae"),
    ],
)
def test_wrong_options_are_one_line(pair, capsys, options: list[str], said: str) -> None:
    assert main(["show", A, *options]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_a_run_without_errors_and_arrays_is_one_line(pair, capsys) -> None:
    (pair[0] / "errors.csv").unlink()
    assert main(["show", A, "--worst", "3"]) == 2
    error = capsys.readouterr().err
    assert f"{A} has no errors.csv, and no split.json" in error
    assert error.count("\n") == 1


def arrays_of(run: Path, split: object, rooms: int = 3) -> None:
    (run / "errors.csv").unlink()
    time = np.arange(96_000) / 48_000
    for name, times in (("targets", [0.4, 0.6, 0.8]), ("predictions", [0.41, 0.66, 0.8])):
        curves = np.exp(-13.8155 * time / np.array(times)[:rooms, None]).astype(np.float32)
        np.save(run / f"{name}.npy", curves)
    (run / "split.json").write_text(json.dumps(split))


def test_without_errors_csv_they_are_computed_from_the_arrays(pair, capsys) -> None:
    arrays_of(pair[0], {"test": {"rows": [5, 1, 9], "ids": ["five", "one", "nine"]}})
    assert main(["show", A, "--worst", "2"]) == 0
    captured = capsys.readouterr()
    assert "computed from its arrays" in captured.err
    rows = [line.split() for line in captured.out.splitlines()[-2:]]
    assert [row[0] for row in rows] == ["one", "five"]
    assert float(rows[0][-2]) == pytest.approx(0.06, abs=2e-4)
    assert not (pair[0] / "errors.csv").exists(), "a run is not written to by who reads it"


@pytest.mark.parametrize(
    "split",
    [
        {},
        [1],
        {"test": {"rows": [1, 2], "ids": ["a", "b"]}},
        {"test": {"rows": [1, 2, "3"], "ids": ["a", "b", "c"]}},
        {"test": {"rows": [1, 2, 3], "ids": ["a", None, "c"]}},
        {"test": {"rows": [1, 2, -3], "ids": ["a", "b", "c"]}},
    ],
)
def test_a_split_that_does_not_fit_is_one_line(pair, capsys, split: object) -> None:
    arrays_of(pair[0], split)
    assert main(["show", A, "--worst", "2"]) == 2
    error = capsys.readouterr().err
    assert "split.json" in error
    assert error.count("\n") == 1


def test_damaged_errors_are_one_line(pair, capsys) -> None:
    text = (pair[0] / "errors.csv").read_text()
    (pair[0] / "errors.csv").write_text(text[: len(text) // 2])
    assert main(["show", A, "--worst", "2"]) == 2
    assert "errors.csv is damaged: room" in capsys.readouterr().err


def test_show_tells_the_distance_for_unseen_materials_only(pair, write_run, capsys) -> None:
    assert main(["show", A]) == 0
    assert "nearest one of the training" not in capsys.readouterr().out
    run = write_run("m_20260301_140000", {"data_config.split": "material"})
    assert main(["show", run.name]) == 0
    assert "nearest one of the training" not in capsys.readouterr().out, "a run of before errors.csv shows as it did"
    write_errors(run / "errors.csv", errors_of(np.repeat([0.01, 0.02, 0.03], 10)))
    assert main(["show", run.name]) == 0
    lines = lines_of(capsys)
    assert lines[-4].split()[:2] == ["distance", "rooms"]
    assert [line.split()[3:7] for line in lines[-3:]] == [
        ["10", "0.00116", "0.0100", "0.0100"],
        ["10", "0.00150", "0.0100", "0.0200"],
        ["10", "0.00184", "0.0100", "0.0300"],
    ]


def test_show_has_the_terciles_as_a_table(write_run, capsys, experiments: Path) -> None:
    part = {"t20_range": [0.25, 0.5], "rooms": 40, "mae": 0.0123, "bias": -0.004, "within_jnd": 0.9}
    write_run(A, {"metrics.t20.by_tercile": [part, {**part, "t20_range": None, "mae": None}, "damaged"]})
    assert main(["show", A, "--experiments", str(experiments)]) == 0
    out = capsys.readouterr().out
    assert re.search(r"t20 +0\.250 to 0\.500 +40 +0\.0123 +-0\.0040 +0\.900\n", out)
    assert re.search(r"t20 +- +40 +- +-0\.0040 +0\.900\n", out)
    assert "by_tercile" not in out


def paired_rows(out: str) -> dict[str, str]:
    rows = out[out.index("errors, paired") :].splitlines()[1:6]
    return {row.split()[0]: row for row in rows}


def test_diff_says_which_of_two_runs_is_better_room_by_room(pair, capsys) -> None:
    assert main(["diff", A, B]) == 0
    out = capsys.readouterr().out
    rows = paired_rows(out)
    assert re.search(r"t20 in s +0\.04500 +0\.02500 +-0\.02000 +-0\.02000 to -0\.02000 +30  B better", rows["t20"])
    assert {row.rsplit("30  ")[-1] for name, row in rows.items() if name != "t20"} == {"no clear difference"}
    assert f"A = {A} and B = {B}" in out
    assert "30 geometries" in out
    assert main(["diff", B, A]) == 0
    assert "A better" in paired_rows(capsys.readouterr().out)["t20"]


def test_diff_says_in_one_line_why_errors_are_not_paired(pair, write_run, capsys) -> None:
    def last_line(*runs: str) -> str:
        assert main(["diff", *runs]) == 0
        return lines_of(capsys)[-1]

    write_run("o_20260301_150000", {"data_config.digest": "sha256:other"})
    assert last_line(A, "o_20260301_150000").startswith("errors, paired: not possible: other data set")
    write_errors(pair[1] / "errors.csv", errors_of(np.zeros(30), rows=np.arange(30)))
    assert "tested on other rooms" in last_line(A, B)
    (pair[1] / "errors.csv").write_text("not a table")
    assert "does not begin with the header" in last_line(A, B)
    (pair[1] / "errors.csv").unlink()
    assert last_line(A, B) == f"errors, paired: not possible: {B} has no errors.csv"


def test_diff_of_three_runs_pairs_nothing(pair, write_run, capsys) -> None:
    write_run("c_20260301_160000")
    assert main(["diff", A, B, "c_20260301_160000"]) == 0
    assert "paired" not in capsys.readouterr().out


def test_pruning_the_arrays_leaves_the_errors(pair, capsys) -> None:
    np.save(pair[0] / "predictions.npy", np.zeros((2, 2), dtype=np.float32))
    assert main(["prune", "--only", "arrays", "--yes"]) == 0
    assert not (pair[0] / "predictions.npy").exists()
    assert (pair[0] / "errors.csv").exists()
    capsys.readouterr()
    assert main(["show", A, "--worst", "1"]) == 0


def test_an_archive_holds_the_errors(pair, capsys, experiments: Path) -> None:
    before = (pair[0] / "errors.csv").read_bytes()
    assert main(["archive", A, "--remove"]) == 0
    assert not pair[0].exists()
    (archive,) = experiments.parent.glob("archive/*.tar.gz")
    assert main(["restore", str(archive)]) == 0
    assert (pair[0] / "errors.csv").read_bytes() == before


def test_the_new_fields_sort_and_filter(write_run, capsys, experiments: Path) -> None:
    for second, share in enumerate((0.7, 0.9, 0.8)):
        changes = {"metrics.t20.within_jnd": share, "metrics.t20.bias": -share, "metrics.ts.mae": share}
        write_run(f"m_20260301_17000{second}", changes)
    arguments = ["compare", str(experiments), "--columns", "run_id,t20_within_jnd,t20_bias,ts_mae", "--sort-by"]
    assert main([*arguments, "t20_within_jnd"]) == 0
    out = capsys.readouterr().out
    assert re.findall(r"m_20260301_17000(\d)", out) == ["1", "2", "0"], "the greater share is the better one"
    assert "t20_bias, ts_mae in s" in out
    assert main([*arguments, "ts_mae", "--where", "t20_within_jnd>0.75"]) == 0
    assert re.findall(r"m_20260301_17000(\d)", capsys.readouterr().out) == ["2", "1"]


def test_a_share_within_the_jnd_is_better_the_greater_it_is_wherever_it_stands() -> None:
    assert direction("baselines.mean_curve.t20.within_jnd", []) == ("max", True)
    assert direction("baselines.mean_curve.t20.p95", []) == ("min", True)
    assert direction("t20_bias", []) == (None, True), "neither the lowest bias nor the highest is the best"
