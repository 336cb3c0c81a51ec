"""`decaylab archive`, `restore`, `prune` and `compare --archived`, as a user calls them."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from decaylab.cli.main import main
from decaylab.runlog import process
from decaylab.runlog.keeping import archive


@pytest.fixture
def home(write_run, experiments: Path, monkeypatch) -> Path:
    write_run("hybrid_v2_20260122_020157", {"metrics.t20.mae": 0.726})
    write_run("compact_20260122_030000", {"metrics.t20.mae": 0.0086})
    write_run("lstm_20260122_040000", {"metrics.t20.mae": None, "status": "failed"})
    (experiments / "lstm_20260122_040000" / "checkpoints").mkdir()
    (experiments / "lstm_20260122_040000" / "checkpoints" / "last.ckpt").write_bytes(b"w" * 2_500_000)
    monkeypatch.chdir(experiments.parent)
    return experiments.parent


def test_archive_remove_compare_restore(home: Path, capsys) -> None:
    assert main(["note", "20260122_030000", "GOOD"]) == 0
    capsys.readouterr()
    assert main(["archive", "20260122_030000", "--remove"]) == 0
    out, err = capsys.readouterr()
    path = os.path.join(os.getcwd(), "archive", "run_20260122_030000.tar.gz")
    assert out == f"{path}\n"
    assert "checked" in err
    assert not (home / "experiments" / "compact_20260122_030000").exists()
    assert main(["compare"]) == 0
    assert "compact" not in capsys.readouterr().out
    assert main(["compare", "--archived", "--sort-by", "t20_mae"]) == 0
    out = capsys.readouterr().out
    row = next(line for line in out.splitlines() if line.startswith("compact_20260122_030000"))
    assert "completed, archived" in row
    assert "GOOD" in row
    assert f"  compact_20260122_030000: {path}" in out
    assert main(["restore", path]) == 0
    assert capsys.readouterr().out == "experiments/compact_20260122_030000\n"
    assert main(["compare", "--archived"]) == 0
    assert "completed, also archived" in capsys.readouterr().out
    assert main(["verify", "compact_20260122_030000"]) in (0, 1)
    assert main(["restore", path]) == 2
    assert "nothing is overwritten" in capsys.readouterr().err


def test_archived_runs_in_exports_groups_and_conditions(home: Path, capsys) -> None:
    for run in ("compact", "hybrid"):
        assert main(["archive", run, "--remove"]) == 0
    capsys.readouterr()
    assert main(["compare", "--archived", "--export", "json", "--output", "-"]) == 0
    rows = {row["run_id"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["lstm_20260122_040000"]["archive"] is None
    assert rows["compact_20260122_030000"]["archive"].endswith("archive/run_20260122_030000.tar.gz")
    assert rows["compact_20260122_030000"]["status"] == "completed"
    assert main(["compare", "--archived", "--columns", "t20_mae", "--export", "csv", "--output", "-"]) == 0
    (first, *_) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert list(first) == ["run_id", "t20_mae", "archive"]
    assert main(["compare", "--archived", "--group-by", "loss_type"]) == 0
    assert "auxiliary     3" in capsys.readouterr().out.replace("      ", "     ")
    assert main(["compare", "--archived", "--where", "t20_mae<0.1", "--columns", "t20_mae"]) == 0
    out = capsys.readouterr().out
    assert "compact" in out
    assert "hybrid" not in out
    assert main(["compare", "--export", "json", "--output", "-"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["archive"] is None, "every FIELD, and archives were not asked for"


def test_a_failed_check_is_exit_1_and_removes_nothing(home: Path, capsys, monkeypatch) -> None:
    monkeypatch.setattr(archive, "_forget_cached", lambda descriptor: os.ftruncate(descriptor, 500))
    assert main(["archive", "compact", "--remove"]) == 1
    assert "check failed" in capsys.readouterr().err
    assert (home / "experiments" / "compact_20260122_030000").is_dir()
    assert os.listdir(home / "archive") == []


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["archive"], "RUN"),
        (["archive", "nothing"], "no run 'nothing'"),
        (["restore"], "FILE"),
        (["restore", "missing.tar.gz"], "no archive 'missing.tar.gz'"),
        (["restore", "experiments/compact_20260122_030000/metadata.json"], "cannot be taken"),
        (["restore", "x.tar.gz", "--max-size", "0"], "whole number"),
        (["prune"], "--where EXPR"),
        (["prune", "--yes", "--noted"], "--where EXPR"),
        (["prune", "--keep-best", "3"], "go together"),
        (["prune", "--only", "everything"], "invalid choice"),
        (["prune", "--where", "status"], "no FIELD OP VALUE"),
        (["prune", "--where", "status=lost", "--experiments", "nowhere"], "no experiments folder"),
    ],
)
def test_mistakes_are_one_line_and_exit_2(argv: list[str], said: str, home: Path, capsys) -> None:
    before = sorted(os.listdir(home / "experiments"))
    assert main(argv) == 2
    err = capsys.readouterr().err
    assert err.startswith("decaylab: error: ")
    assert err.count("\n") == 1
    assert said in err
    assert sorted(os.listdir(home / "experiments")) == before


def test_prune_lists_and_removes_only_with_yes(home: Path, capsys) -> None:
    assert main(["prune", "--where", "status=failed"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("lstm_20260122_040000  failed  2.5 MB\n1 run in experiments: 2.5 MB, would free 2.5 MB\n")
    assert "nothing was removed" in err
    assert len(os.listdir(home / "experiments")) == 3
    assert main(["prune", "--where", "status=failed", "--yes"]) == 0
    assert "removed: 1 of 1 runs" in capsys.readouterr().err
    assert sorted(os.listdir(home / "experiments")) == ["compact_20260122_030000", "hybrid_v2_20260122_020157"]
    assert main(["prune", "--where", "status=failed", "--yes"]) == 0
    assert capsys.readouterr().out == "nothing to remove in experiments\n"


def test_prune_says_what_it_keeps_and_why(home: Path, write_run, capsys) -> None:
    write_run("busy_20260122_050000", {"status": "running", "process": process.identity()})
    assert main(["tag", "compact", "good"]) == 0
    capsys.readouterr()
    assert main(["prune", "--where", "timestamp>2026", "--yes"]) == 0
    out = capsys.readouterr().out
    assert "kept: busy_20260122_050000: it is running" in out
    assert "kept: compact_20260122_030000: this is the only copy of a run with a note or tag (tags good)" in out
    assert sorted(os.listdir(home / "experiments")) == ["busy_20260122_050000", "compact_20260122_030000"]
    assert main(["prune", "--where", "model=compact", "--noted", "--yes"]) == 0
    assert os.listdir(home / "experiments") == ["busy_20260122_050000"]


def test_prune_keep_best_and_only(home: Path, capsys) -> None:
    assert main(["prune", "--keep-best", "1", "--by", "t20_mae"]) == 0
    out = capsys.readouterr().out
    assert [line.split()[0] for line in out.splitlines()[:2]] == ["hybrid_v2_20260122_020157", "lstm_20260122_040000"]
    assert "the best 1 by t20_mae of each data set and test split stay" in out
    assert main(["prune", "--only", "checkpoints", "--yes"]) == 0
    out, err = capsys.readouterr()
    assert "2.5 MB, 1 files" in out
    assert "removed: checkpoints of 1 of 1 runs" in err
    assert len(os.listdir(home / "experiments")) == 3
    assert (home / "experiments" / "lstm_20260122_040000" / "pruned.json").exists()


def test_a_removal_that_fails_is_said_and_the_rest_goes_on(home: Path, capsys, monkeypatch) -> None:
    from decaylab.runlog.keeping import removable

    rename = os.rename

    def refuse(source: str, target: str) -> None:
        if "hybrid" in source:
            raise PermissionError(1, "Operation not permitted", source)
        rename(source, target)

    monkeypatch.setattr(removable.os, "rename", refuse)
    assert main(["prune", "--where", "timestamp>2026", "--yes"]) == 2
    assert "hybrid_v2_20260122_020157 cannot be removed: Operation not permitted" in capsys.readouterr().err
    assert os.listdir(home / "experiments") == ["hybrid_v2_20260122_020157"]


def test_escape_sequences_are_shown_not_obeyed(home: Path, capsys) -> None:
    os.rename("experiments/lstm_20260122_040000", "experiments/\x1b[31mlstm")
    for argv in (["prune", "--where", "status=failed"], ["archive", "experiments/\x1b[31mlstm"]):
        main(argv)
        out, err = capsys.readouterr()
        assert "\x1b" not in out + err
        assert r"\x1b[31mlstm" in out + err


def test_a_table_without_archives_pays_nothing_for_them(home: Path) -> None:
    code = "import sys; from decaylab.cli.main import main; main(['compare', *sys.argv[1:]]); print(*sys.modules)"
    loaded = {}
    for option in ([], ["--archived"]):
        done = subprocess.run([sys.executable, "-c", code, *option], capture_output=True, text=True, check=True)
        loaded[bool(option)] = {"tarfile", "gzip", "decaylab.runlog.keeping.archived"} & set(done.stdout.split())
    assert loaded == {False: set(), True: {"tarfile", "gzip", "decaylab.runlog.keeping.archived"}}
