"""Runs on other data, on other test rows or by other definitions are told apart in every view."""

from __future__ import annotations

from pathlib import Path

import pytest

from decaylab.cli.main import main


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"data_config.digest": "other"}, "data set other"),
        ({"data_config.digest": None}, "data set unknown"),
        ({"data_config.test_digest": "feed" * 8}, "test rows feedfeedfeed"),
        ({"data_config.split_seed": 7}, "test rows split=random split_seed=7"),
        ({"data_config.split": None}, "test rows unknown"),
        ({"metrics_definitions": "predecessor"}, "definitions predecessor"),
        ({"metrics_definitions": None}, "definitions unknown"),
    ],
)
def test_each_difference_is_marked(changes: dict, said: str, write_run, experiments: Path, capsys) -> None:
    write_run("a_20260301_120000")
    write_run("b_20260301_120001", changes)
    assert main(["compare", str(experiments), "--sort-by", "run_id"]) == 0
    shown = capsys.readouterr().out.splitlines()
    letters = [line.split()[1] for line in shown if line.startswith(("a_2026", "b_2026"))]
    assert letters == ["A", "B"]
    assert any(line.startswith("  B: ") and said in line for line in shown)
    assert main(["diff", "a", "b", "--experiments", str(experiments)]) == 0
    assert capsys.readouterr().out.startswith("not comparable: ")
    assert main(["compare", str(experiments), "--group-by", "loss_type"]) == 0
    assert "2 runs in 2 groups" in capsys.readouterr().out, "never pooled"


def test_runs_of_one_kind_are_not_marked(write_run, experiments: Path, capsys) -> None:
    write_run("a_20260301_120000")
    write_run("b_20260301_120001", {"metrics.t20.mae": 0.5})
    assert main(["compare", str(experiments)]) == 0
    assert "same letter" not in capsys.readouterr().out
