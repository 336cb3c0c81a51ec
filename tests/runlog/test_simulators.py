"""Data sets of other simulators, or other versions of one, are named where two runs are compared."""

from __future__ import annotations

from pathlib import Path

import pytest

from decaylab.cli.main import main

OLD = {"simulator": "pyroomacoustics 0.8.6", "rays": None, "realisations": 1}
NEW = {
    "simulator": "pyroomacoustics 0.10.1",
    "builder": "decaylab",
    "builder_version": 1,
    "rays": 16_000,
    "realisations": 4,
}


def said(experiments: Path, capsys: pytest.CaptureFixture[str], *command: str) -> list[str]:
    assert main([*command, "--experiments", str(experiments)]) == 0
    return [line for line in capsys.readouterr().out.splitlines() if "other simulators" in line]


def test_two_simulators_are_named_with_what_they_made(write_run, experiments: Path, capsys) -> None:
    write_run("a_20260301_120000", {"data_config.simulation": NEW, "data_config.digest": "sha256:new"})
    write_run("b_20260301_120001", {"data_config.simulation": OLD, "data_config.digest": "sha256:old"})
    write_run("c_20260301_120002", {"data_config.digest": "sha256:unknown"})
    own = "pyroomacoustics 0.10.1 with the builder of decaylab, version 1"
    line = f"data sets made by other simulators: {own} (A), pyroomacoustics 0.8.6 (B)"
    assert said(experiments, capsys, "compare", "--sort-by", "run_id") == [line]
    assert said(experiments, capsys, "compare", "--group-by", "run_id") == [line]
    named = line.replace("(A)", "(a_20260301_120000)").replace("(B)", "(b_20260301_120001)")
    assert said(experiments, capsys, "diff", "a_2026", "b_2026") == [named]
    assert main(["diff", "a_2026", "b_2026", "--experiments", str(experiments)]) == 0
    shown = capsys.readouterr().out
    for key in ("simulator", "builder", "rays", "realisations"):
        assert f"data_config.simulation.{key}" in shown


@pytest.mark.parametrize("other", [{**NEW, "rays": 800}, None, "not an object", {"simulator": 3}])
def test_one_simulator_and_unknown_ones_are_not(other: object, write_run, experiments: Path, capsys) -> None:
    write_run("a_20260301_120000", {"data_config.simulation": NEW, "data_config.digest": "sha256:new"})
    write_run("b_20260301_120001", {"data_config.simulation": other, "data_config.digest": "sha256:other"})
    assert said(experiments, capsys, "compare") == []
    assert said(experiments, capsys, "diff", "a_2026", "b_2026") == []


def test_a_builder_that_is_not_recorded_was_the_simulator_s_own(write_run, experiments: Path, capsys) -> None:
    former = {"simulator": "pyroomacoustics 0.10.1"}
    write_run("a_20260301_120000", {"data_config.simulation": former, "data_config.digest": "sha256:a"})
    written = {**former, "builder": "pyroomacoustics"}
    write_run("b_20260301_120001", {"data_config.simulation": written, "data_config.digest": "sha256:b"})
    assert said(experiments, capsys, "diff", "a_2026", "b_2026") == []
    write_run("c_20260301_120002", {"data_config.simulation": {**former, "builder": "x\x1b[2J"}})
    assert said(experiments, capsys, "diff", "a_2026", "c_2026") == [
        "data sets made by other simulators: pyroomacoustics 0.10.1 (a_20260301_120000), "
        "pyroomacoustics 0.10.1 with the builder of x\\x1b[2J (c_20260301_120002)"
    ]
