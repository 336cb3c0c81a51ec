"""The table of runs, of groups, of differences; and the exports."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decaylab.runlog.query import sort
from decaylab.runlog.store import scan
from decaylab.runlog.tables import compare, diff, show
from decaylab.runlog.tables.compare import Look, Order
from decaylab.runlog.tables.table import Cell, Column, fit, render
from decaylab.runlog.text import columns

DURATION = Order("duration", False)


def lines(folder: Path, look: Look = Look(), wanted: tuple[str, ...] = (), order: Order = DURATION) -> list[str]:  # noqa: B008
    runs = scan(str(folder))
    return compare.table(sort(runs, order.field, order.descending), runs, "experiments", order, wanted, look)


def row(text: list[str], run_id: str) -> str:
    return next(line for line in text if line.startswith(run_id) and ": " not in line)


class TestTable:
    def test_targets_met_and_missed_without_colour(self, write_run, experiments: Path) -> None:
        write_run("good_20260101_000000", {"metrics.t20.mae": 0.02, "metrics.edt.mae": 0.0086, "metrics.c50.mae": 0.9})
        write_run(
            "bad_20260101_000001", {"metrics.t20.mae": 0.0651, "metrics.edt.mae": 0.0201, "metrics.c50.mae": None}
        )
        text = lines(experiments)
        assert re.search(r"0\.0086 ok .*0\.0200 ok .*0\.900 ok", row(text, "good"))
        assert re.search(r"0\.0201 no .*0\.0651 no .*- no", row(text, "bad"))
        assert "\x1b" not in "".join(text)
        head = "\n".join(text[:3])
        assert "broadband" in head
        assert "targets: edt_mae <= 0.02 s, t20_mae <= 0.02 s, c50_mae <= 0.9 dB" in head

    @pytest.mark.parametrize(
        ("definitions", "marked"),
        [("iso", ()), (None, ("edt", "c50")), ("predecessor", ("edt", "t20", "c50")), (["iso"], ("edt", "c50"))],
    )
    def test_other_definitions_are_marked(self, definitions, marked, write_run, experiments: Path) -> None:
        write_run("m_20260101_000000", {"metrics_definitions": definitions})
        cells = dict(zip(*(re.split(r"  +", line.strip()) for line in self.grid(experiments)), strict=True))
        assert {name for name in ("edt", "t20", "c50") if "?" in cells[f"{name}_mae"]} == set(marked)

    def grid(self, experiments: Path) -> list[str]:
        text = lines(experiments)
        start = next(index for index, line in enumerate(text) if line.startswith("run_id"))
        return text[start : start + 2]

    def test_what_all_runs_share_is_said_once(self, write_run, experiments: Path) -> None:
        write_run("a_20260101_000000", {"precision_config.precision": 32})
        write_run("b_20260101_000000", {"precision_config.precision": 32, "training_config.batch_size": 8})
        text = lines(experiments)
        shared = next(line for line in text if line.startswith("the same in all 2 runs"))
        assert "precision 32" in shared
        assert "batch_size" not in shared
        header = next(line for line in text if line.startswith("run_id"))
        assert "batch_size" in header
        assert "precision" not in header
        assert {"duration", "edt_mae", "t20_mae", "c50_mae"} < set(header.split())

    def test_settings_that_differ_get_a_column(self, write_run, experiments: Path) -> None:
        write_run("a_20260101_000000", {"training_config.learning_rate": 0.01})
        write_run("b_20260101_000000")
        assert "learning_rate" in next(line for line in lines(experiments) if line.startswith("run_id"))

    def test_runs_that_went_wrong_are_marked(self, write_run, experiments: Path) -> None:
        for status in ("failed", "diverged", "interrupted", "completed"):
            write_run(f"{status}_20260101_000000", {"status": status})
        (experiments / "empty_20260101_000000").mkdir()
        text = lines(experiments)
        for status in ("failed", "diverged", "interrupted"):
            assert f"! {status}" in row(text, status)
        assert "! lost" in row(text, "empty")
        assert "!" not in row(text, "completed")

    def test_other_data_and_other_test_rows_are_told_apart(self, write_run, experiments: Path) -> None:
        write_run("a_20260101_000000")
        write_run("b_20260101_000000", {"data_config.digest": "sha256:other"})
        write_run("c_20260101_000000", {"data_config.split": "room"})
        write_run("d_20260101_000000", {"data_config.split": "room"})
        text = lines(experiments)
        letters = {run_id: row(text, f"{run_id}_").split()[1] for run_id in "abcd"}
        assert letters == {"a": "A", "b": "B", "c": "C", "d": "C"}
        assert any(line.startswith("  B: data set other, test rows split=random") for line in text)

    def test_one_test_set_needs_no_letters(self, write_run, experiments: Path) -> None:
        write_run("a_20260101_000000")
        write_run("b_20260101_000000")
        assert not any("same letter" in line for line in lines(experiments))

    def test_unreadable_runs_are_counted_with_their_reason(self, legacy_folder: Path) -> None:
        text = lines(legacy_folder)
        at = text.index("3 runs could not be read:")
        assert "metadata.json is empty" in text[at + 1]
        assert "! unreadable" in row(text, "blank_20260101_000009")
        runs = scan(str(legacy_folder))
        assert "3 runs could not be read:" in compare.table([], runs, "x", DURATION, (), Look())

    def test_notes_are_shown(self, write_run, experiments: Path) -> None:
        write_run("a_20260101_000000")
        assert "note" not in "".join(lines(experiments))
        (experiments / "NOTES.md").write_text("20260101_000000 - the " + "very " * 50 + "good one\n")
        assert row(lines(experiments), "a").endswith("very good one")

    def test_nothing_hostile_reaches_the_terminal(self, write_run, experiments: Path) -> None:
        evil = "\x1b]0;owned\x07\x9b2J\u202e\r\n\x00"
        error = {"type": evil, "message": evil}
        evil_texts = {"model_name": evil, "loss_config.loss_type": evil, "data_config.digest": evil}
        write_run("a_20260101_000000", {**evil_texts, "status": "failed", "error": error})
        write_run("b_20260101_000000", {"status": evil, "schema_version": evil, "timestamp": evil})
        (experiments / f"c{evil[:5]}_20260101_000000").mkdir()
        (experiments / "NOTES.md").write_text(f"20260101_000000 - {evil}\n", newline="")
        (experiments / "a_20260101_000000" / "tags.txt").write_text(evil, newline="")
        (experiments / "caf\udce9").mkdir()
        (experiments / "caf\udce9" / "metadata.json").write_text("{")
        shown = [lines(experiments), show.lines(scan(str(experiments))[0]), diff.table(scan(str(experiments))[:2])]
        shown.append(lines(experiments, wanted=("model", "problems", "tags", "metrics")))
        for text in shown:
            assert all(line.isprintable() for line in text), [line for line in text if not line.isprintable()]
        assert r"caf\xe9" in "\n".join(shown[0])

    def test_an_empty_folder_says_so(self, experiments: Path) -> None:
        assert lines(experiments) == ["no runs in experiments"]


class TestFit:
    def test_a_narrow_terminal_drops_columns_and_names_them(self, legacy_folder: Path) -> None:
        wide = lines(legacy_folder)
        for width in (200, 120, 80, 60, 20):
            text = lines(legacy_folder, Look(width))
            start = next(index for index, line in enumerate(text) if line.startswith("run_id"))
            grid = text[start : start + 13]
            assert all(line.split("  ")[0] in "\n".join(wide) for line in grid)
            if width >= 60:
                assert max(map(len, grid)) <= width
            shown = set(grid[0].split())
            assert {"run_id", "duration"} <= shown
            dropped = next((line for line in text if line.startswith("no room for: ")), "no room for: ")
            named = set(dropped.removeprefix("no room for: ").partition(" (")[0].split(", ")) - {""}
            all_columns = set(next(line for line in wide if line.startswith("run_id")).split())
            assert shown | named == all_columns

    @given(st.lists(st.lists(st.text(alphabet="ab\u4e2d", max_size=9), min_size=2, max_size=2), min_size=1, max_size=6),
           st.integers(1, 60))  # fmt: skip
    def test_columns_fit_or_are_named(self, texts: list[list[str]], width: int) -> None:
        table = [Column(f"c{i}", [Cell(t) for t in cells], False, i) for i, cells in enumerate(texts)]
        kept, dropped = fit(table, width)
        assert [c.name for c in kept] + sorted(dropped) == sorted(c.name for c in table)
        assert kept[0].name == "c0"
        if len(kept) > 1:
            assert max(columns(line) for line in render(kept, colour=False)) <= width
        assert fit(table, None) == (table, [])

    def test_colour_changes_no_text(self, write_run, experiments: Path) -> None:
        write_run("a_20260101_000000", {"metrics.t20.mae": 0.01})
        write_run("b_20260101_000000", {"status": "failed"})
        coloured = "\n".join(lines(experiments, Look(None, True)))
        assert "\x1b[32m" in coloured
        assert re.sub(r" +\n", "\n", re.sub(r"\x1b\[\d+m", "", coloured)) == "\n".join(lines(experiments))
