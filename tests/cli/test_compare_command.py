"""`decaylab compare` as the run-log document has it, and the commands beside it, as a user calls them."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from decaylab.cli.main import main

SCRIPT = Path(__file__).parents[2] / "scripts" / "compare_runs.py"


@pytest.fixture
def home(write_run, experiments: Path, monkeypatch) -> Path:
    """A folder with `experiments/` in it, where the user stands."""
    write_run("hybrid_v2_20260122_020157", {"metrics.t20.mae": 0.726, "metrics.t20.r2": -2.0})
    minutes, seconds = (f"training_config.training_duration_{unit}" for unit in ("minutes", "seconds"))
    write_run("compact_20260122_030000", {"metrics.t20.mae": 0.0086, "metrics.t20.r2": 0.99, minutes: 1.2, seconds: 72})
    failed = {"metrics.t20.mae": None, "metrics.t20.r2": None, "status": "failed"}
    write_run("lstm_20260122_040000", {**failed, minutes: 5, seconds: 300})
    monkeypatch.chdir(experiments.parent)
    return experiments.parent


def order_of(text: str) -> list[str]:
    return [line.split("_2026")[0] for line in text.splitlines() if "_20260122_" in line and ": " not in line]


@pytest.mark.parametrize(
    ("options", "order"),
    [
        ([], ["compact", "lstm", "hybrid_v2"]),
        (["--descending"], ["hybrid_v2", "lstm", "compact"]),
        (["--sort-by", "t20_mae"], ["compact", "hybrid_v2", "lstm"]),
        (["--sort-by", "t20_mae", "--descending"], ["hybrid_v2", "compact", "lstm"]),
        (["--sort-by", "t20_r2"], ["compact", "hybrid_v2", "lstm"]),
        (["--sort-by", "metrics.t20.r2", "--ascending"], ["hybrid_v2", "compact", "lstm"]),
        (["--sort-by", "run_id"], ["compact", "hybrid_v2", "lstm"]),
        (["--top", "2"], ["compact", "lstm"]),
        (["--where", "status=completed"], ["compact", "hybrid_v2"]),
        (["--where", "t20_mae<1", "--where", "duration>10"], ["hybrid_v2"]),
        (["--where", "t20_mae=null"], ["lstm"]),
        (["experiments"], ["compact", "lstm", "hybrid_v2"]),
        (["--experiments", "experiments"], ["compact", "lstm", "hybrid_v2"]),
    ],
)
def test_order_and_choice(options: list[str], order: list[str], home: Path, capsys) -> None:
    assert main(["compare", *options]) == 0
    assert order_of(capsys.readouterr().out) == order


def test_the_documented_script_is_the_same_command(home: Path) -> None:
    for options in (["--sort-by", "t20_mae"], ["--export", "csv", "--output", "-"], ["--help"], ["--top", "x"]):
        by_script, by_program = (
            subprocess.run([sys.executable, *start, *options], capture_output=True, text=True)
            for start in ([str(SCRIPT)], ["-m", "decaylab.cli.main", "compare"])
        )
        assert (by_script.returncode, by_script.stdout, by_script.stderr) == (
            by_program.returncode, by_program.stdout, by_program.stderr,
        )  # fmt: skip


@pytest.mark.parametrize(("form", "suffix"), [("csv", "csv"), ("json", "json"), ("markdown", "md")])
def test_export_beside_the_runs(form: str, suffix: str, home: Path, capsys) -> None:
    assert main(["compare", "--export", form]) == 0
    out, err = capsys.readouterr()
    (path,) = (home / "experiments").glob("runs_comparison_*")
    assert path.suffix == f".{suffix}"
    assert err == f"written to experiments/{path.name}\n"
    assert order_of(out) == ["compact", "lstm", "hybrid_v2"]
    assert "compact_20260122_030000" in path.read_text()


def test_export_to_stdout_is_data_alone(home: Path, capsys) -> None:
    assert main(["compare", "--export", "json", "--output", "-", "--sort-by", "t20_mae", "--top", "2"]) == 0
    out, err = capsys.readouterr()
    assert [run["model"] for run in json.loads(out)] == ["compact", "hybrid_v2"]
    assert err == ""


def test_export_to_a_named_file(home: Path, capsys) -> None:
    assert main(["compare", "--output", "out.csv", "--columns", "t20_mae,loss"]) == 0
    rows = list(csv.reader(io.StringIO((home / "out.csv").read_text())))
    assert rows[0] == ["run_id", "t20_mae", "loss_type"]
    assert len(rows) == 4


def test_groups(home: Path, capsys) -> None:
    assert main(["compare", "--group-by", "status,loss", "--export", "json", "--output", "-"]) == 0
    groups = json.loads(capsys.readouterr().out)
    assert {(group["status"], group["runs"], group["t20_mae_n"]) for group in groups} == {
        ("completed", 2, 2),
        ("failed", 1, 0),
    }
    assert main(["compare", "--group-by", "status"]) == 0
    out = capsys.readouterr().out
    assert "3 runs in 2 groups" in out
    assert " c50_mae" in out


def test_groups_have_the_columns_that_were_asked_for(home: Path, capsys) -> None:
    words = ["compare", "--group-by", "status", "--columns", "t20_mae,batch_size", "--sort-by", "t20_mae"]
    assert main(words) == 0
    header = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("status "))
    assert header.split() == ["status", "runs", "t20_mae", "batch_size"]
    assert main([*words, "--export", "json", "--output", "-"]) == 0
    assert {key for key in json.loads(capsys.readouterr().out)[0] if key.endswith("_n")} == {
        "t20_mae_n",
        "batch_size_n",
    }


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--sort-by", "t20mae"], "did you mean t20_mae"),
        (["--columns", "model,no_such_field"], "unknown field 'no_such_field'"),
        (["--columns", ","], "names no field"),
        (["--where", "t20_mae"], "no FIELD OP VALUE"),
        (["--export", "xlsx"], "invalid choice"),
        (["--output", "-"], "add --export"),
        (["--output", "out.txt"], "add --export"),
        (["--output", "missing/out.csv"], "cannot be written"),
        (["nowhere"], "no experiments folder 'nowhere'"),
        (["a", "--experiments", "b"], "two folders"),
        (["--archive"], "did you mean --archived"),
    ],
)
def test_mistakes(options: list[str], said: str, home: Path, capsys) -> None:
    assert main(["compare", *options]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert err.count("\n") == 1


def test_an_empty_folder_is_an_empty_table(tmp_path: Path, capsys) -> None:
    assert main(["compare", str(tmp_path)]) == 0
    assert "no runs in" in capsys.readouterr().out
    assert main(["compare", str(tmp_path), "--export", "json", "--output", "-"]) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_own_metrics_sort_by_their_direction(write_run, experiments: Path, capsys) -> None:
    directions = {"metric_directions": {"accuracy": "max"}}
    write_run("a_20260122_000001", {"metrics.accuracy": 0.5, "metrics.cost": 1, **directions})
    write_run("b_20260122_000002", {"metrics.accuracy": 0.9, "metrics.cost": 2, **directions})
    assert main(["compare", str(experiments), "--sort-by", "accuracy"]) == 0
    shown = capsys.readouterr().out
    assert order_of(shown) == ["b", "a"]
    assert "no direction recorded" not in shown
    assert main(["compare", str(experiments), "--sort-by", "cost"]) == 0
    shown = capsys.readouterr().out
    assert order_of(shown) == ["a", "b"]
    assert "no direction recorded: less is taken as better" in shown


def on_terminal(home: Path, environment: dict[str, str]) -> str:
    """What `decaylab compare` writes on a terminal."""
    controller, terminal = pty.openpty()
    done = subprocess.Popen(
        [sys.executable, "-m", "decaylab.cli.main", "compare"],
        stdout=terminal, cwd=home, env={**os.environ, "TERM": "xterm", "NO_COLOR": "", **environment},
    )  # fmt: skip
    os.close(terminal)
    data = b""
    while True:
        try:
            part = os.read(controller, 65536)
        except OSError:
            break
        if not part:
            break
        data += part
    os.close(controller)
    assert done.wait() == 0
    return data.decode().replace("\r\n", "\n")


def test_terminal_width_and_colour(home: Path) -> None:
    narrow = on_terminal(home, {"COLUMNS": "70", "NO_COLOR": "1"})
    assert "\x1b" not in narrow
    assert "no room for: " in narrow
    grid = [line for line in narrow.splitlines() if "_20260122_" in line and ": " not in line]
    assert len(grid) == 3
    assert max(map(len, grid)) <= 70
    assert "\x1b[32m" in on_terminal(home, {"COLUMNS": "200"})
    assert "\x1b" not in on_terminal(home, {"COLUMNS": "200", "TERM": "dumb"})


def test_show_diff_note_and_tag(home: Path, capsys) -> None:
    assert main(["note", "compact", "the good", "one"]) == 0
    assert (home / "experiments" / "NOTES.md").read_text() == "20260122_030000 - the good one\n"
    assert main(["tag", "best:t20_mae", "good"]) == 0
    capsys.readouterr()
    assert main(["compare", "--where", "tags=good"]) == 0
    shown = capsys.readouterr().out
    assert order_of(shown) == ["compact"]
    assert "the good one" in shown
    assert main(["show", "latest"]) == 0
    assert "lstm_20260122_040000" in capsys.readouterr().out
    assert main(["diff", "lstm", "compact", "--experiments", "experiments"]) == 0
    assert "metrics.t20.mae" in capsys.readouterr().out
    for mistake in (
        ["diff", "lstm"],
        ["diff", "lstm", "lstm"],
        ["show", "nothing"],
        ["note", "lstm", " "],
        ["tag", "lstm", "a b"],
    ):
        assert main(mistake) == 2
        assert capsys.readouterr().err.count("\n") == 1
