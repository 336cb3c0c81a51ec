"""Runs for Python: the same reading as `decaylab compare`, values by every name, filters, order, data frames."""

from __future__ import annotations

import copy
import html
import json
import math
import re
import subprocess
import sys
import time
import warnings
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import polars
import pytest

from decaylab import runlog
from decaylab.catalogue.fields import ALIASES, FIELDS
from decaylab.cli.main import main
from decaylab.errors import DecaylabError, InputError, MissingExtraError, RunLogError
from decaylab.runlog import index, index_table, store
from decaylab.runlog.keeping.archive import archive_run
from decaylab.runlog.notes import add_tags, append_note
from decaylab.runlog.store import read_run

A, B, C = "compact_20260301_120000", "lstm_20260301_130000", "compact_20260301_140000"


@pytest.fixture
def three(write_run, experiments: Path) -> Path:
    own = {"config.depth": 3, "config.best": "NaN", "metrics.accuracy": 0.7, "metric_directions": {"accuracy": "max"}}
    write_run(A, {"metrics.t20.mae": 0.03, "metrics.t20.r2": 0.8, "seed": 1, **own})
    write_run(B, {"metrics.t20.mae": 0.01, "metrics.t20.r2": 0.95, "precision_config.precision": "bf16"})
    write_run(C, {"metrics.t20.mae": None, "metrics.t20.r2": None, "seed": 2, "metrics.accuracy": 0.9})
    return experiments


def exported(folder: Path, capsys, *options: str) -> list[dict[str, Any]]:
    """The rows of `decaylab compare --export json`."""
    assert main(["compare", str(folder), "--export", "json", "--output", "-", *options]) == 0
    rows: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return rows


def ids(runs) -> list[str]:
    return [run.run_id for run in runs]


class TestTheSameAsCompare:
    def test_every_value_of_every_shape(self, legacy_folder: Path, write_run, capsys) -> None:
        write_run(A, {"metrics.t20.mae": 0.0086})
        rows = exported(legacy_folder, capsys, "--sort-by", "run_id")
        runs = runlog.runs(legacy_folder)
        assert len(rows) == 13
        assert runs.to_dicts() == rows
        assert list(rows[0]) == runs.columns == list(FIELDS)
        for run, row in zip(runs, rows, strict=True):
            plain = {name: value for name, value in row.items() if name not in ("tags", "problems", "severe")}
            assert {name: run[name] for name in plain} == plain
            assert {name: getattr(run, name) for name in plain} == plain

    @pytest.mark.parametrize("field", ["t20_mae", "t20_r2", "duration", "model", "accuracy", "seed", "metrics.t20.r2"])
    @pytest.mark.parametrize("way", [(), ("--ascending",), ("--descending",)])
    def test_order(self, field: str, way: tuple[str, ...], three: Path, capsys) -> None:
        chosen = {option.removeprefix("--"): True for option in way}
        rows = exported(three, capsys, "--sort-by", field, *way)
        assert ids(runlog.runs(three).sort(field, **chosen)) == [row["run_id"] for row in rows]

    @pytest.mark.parametrize(
        "expressions",
        [("t20_mae<=0.02",), ("model=compact", "t20_mae=null"), ("precision=bf16",), ("accuracy>0.8",), ("note~x",)],
    )
    def test_filters(self, expressions: tuple[str, ...], three: Path, capsys) -> None:
        rows = exported(three, capsys, "--sort-by", "run_id", *(f"--where={text}" for text in expressions))
        runs = runlog.runs(three)
        assert ids(runs.where(*expressions)) == [row["run_id"] for row in rows]
        one_by_one = runs
        for text in expressions:
            one_by_one = one_by_one.where(text)
        assert ids(one_by_one) == ids(runs.where(*expressions))

    def test_groups(self, three: Path, capsys) -> None:
        rows = exported(three, capsys, "--group-by", "model", "--sort-by", "model")
        assert runlog.runs(three).sort("model").group_by("model") == rows
        (row,) = runlog.runs(three).where(model="compact").group_by("model", metrics="accuracy")
        assert (row["runs"], row["metrics.accuracy"]) == (2, pytest.approx(0.8))

    def test_archived_runs(self, three: Path, capsys) -> None:
        archive = archive_run(read_run(str(three / A)), remove=True).path
        rows = exported(three, capsys, "--sort-by", "run_id", "--archived")
        runs = runlog.runs(three, archived=True)
        assert runs.to_dicts() == rows
        chosen = exported(three, capsys, "--sort-by", "run_id", "--archived", "--columns", "model")
        assert runs.to_dicts("model") == chosen
        assert [row["archive"] for row in chosen] == [archive, None, None]
        assert runs[0].path == archive
        assert runs[0].history() == []
        assert "restore it" in runs[0].history().problem
        assert ids(runlog.runs(three)) == sorted([B, C])

    def test_through_an_index(self, write_run, experiments: Path, monkeypatch, capsys) -> None:
        monkeypatch.setattr(index, "WORTHWHILE", 0)
        monkeypatch.setattr(index_table, "DISTRUST_NS", 0)
        for number in range(12):
            write_run(f"m{number}_20260301_120000", {"metrics.t20.mae": number / 1000, "config.depth": number})
        time.sleep(0.02)  # the file system's clock ticks: what was written is believed
        runlog.runs(experiments)
        rows = exported(experiments, capsys, "--sort-by", "run_id")
        with monkeypatch.context() as patched:
            patched.setattr(store, "read_regular", lambda *a, **k: pytest.fail("a file was opened"))
            runs = runlog.runs(experiments)
            assert runs.to_dicts() == rows, "every short field comes out of the index"
        assert runs.best("t20_mae").depth == 0, "and the rest is read when it is asked for"
        assert ids(runs.where("depth<2")) == ["m0_20260301_120000", "m1_20260301_120000"]


class TestValues:
    def test_by_every_name(self, three: Path) -> None:
        run = runlog.runs(three)[0]
        for name, field in FIELDS.items():
            assert run[name] == getattr(run, name)
            if field.path and name != "epochs":
                assert run[field.path] == run[name]
        for alias, name in ALIASES.items():
            assert run[alias] == getattr(run, alias) == run[name]
        assert run.t20_mae == run["metrics.t20.mae"] == run.get("t20_mae") == 0.03
        assert run.depth == run["config.depth"] == 3
        assert run["data_loader_config.pin_memory"] is True

    def test_what_is_not_finite_is_a_float(self, three: Path) -> None:
        assert math.isnan(runlog.runs(three)[0].best)

    def test_a_known_field_without_a_value_is_none(self, three: Path) -> None:
        (run,) = runlog.runs(three).where(run_id=C)
        assert run.t20_mae is None
        assert run["t20_mae"] is None
        assert run.depth is None, "another run of the folder has it"
        assert run.tags is None
        assert run["best_epoch"] is None
        assert run.get("t20_mae", 5) == 5

    def test_an_unknown_name_is_an_error_with_near_misses(self, three: Path) -> None:
        run = runlog.runs(three)[0]
        with pytest.raises(AttributeError, match="did you mean t20_mae"):
            _ = run.t20_mea
        with pytest.raises(KeyError, match="did you mean t20_mae"):
            _ = run["t20_mea"]
        with pytest.raises(KeyError, match="unknown field"):
            _ = run["no.such.path"]
        with pytest.raises(TypeError, match="by name"):
            _ = run[0]
        assert run.get("t20_mea", 7) == 7
        assert not hasattr(run, "_ipython_canary_method_should_not_exist_")

    def test_metadata_is_a_copy(self, three: Path) -> None:
        run = runlog.runs(three)[0]
        metadata = run.metadata
        assert metadata == json.loads((three / A / "metadata.json").read_text())
        metadata["metrics"]["t20"]["mae"] = 99
        run["metrics"]["t20"]["mae"] = 99
        assert run.t20_mae == run.metadata["metrics"]["t20"]["mae"] == 0.03

    def test_metadata_nested_deeper_than_python_calls(self, experiments: Path) -> None:
        (experiments / A).mkdir()
        depth = sys.getrecursionlimit() - 200
        (experiments / A / "metadata.json").write_text('{"deep": ' + "[" * depth + "]" * depth + "}")
        (run,) = runlog.runs(experiments)
        assert run.status == "unknown", run.problems
        value, levels = run.metadata["deep"], 1
        while value:
            value, levels = value[0], levels + 1
        assert levels == depth

    def test_history(self, three: Path) -> None:
        (three / A / "history.jsonl").write_text('{"epoch": 1, "loss": "NaN"}\n{"epoch": 2, "lo\n{"epoch": 2}\n')
        first, second, third = runlog.runs(three).sort("timestamp")
        lines = first.history()
        assert [line["epoch"] for line in lines] == [1, 2]
        assert math.isnan(lines[0]["loss"])
        assert (lines.torn, lines.problem) == (1, None)
        assert (second.history(), second.history().problem) == ([], "no history.jsonl")
        assert third.history().torn == 0

    def test_notes_and_tags(self, three: Path) -> None:
        append_note(str(three), A, "the best so far")
        add_tags(str(three / A), ["good", "paper"])
        run = runlog.runs(three).where("tags=paper")[0]
        assert (run.run_id, run.notes, run.note) == (A, "the best so far", "the best so far")
        assert run.tags == ["good", "paper"]
        assert runlog.runs(three).to_dicts(["tags"])[0] == {"run_id": A, "tags": "good paper"}

    def test_completion_lists_fields(self, three: Path) -> None:
        run = runlog.runs(three)[0]
        assert {*FIELDS, *ALIASES, "depth", "accuracy", "history", "metadata", "run_id"} <= set(dir(run))
        assert {"t20_mae", "depth", "metrics.t20.mae"} <= set(run._ipython_key_completions_())
        assert "t20_mae" in run
        assert "t20_mea" not in run
        assert list(dict(run)) == list(run) == list(FIELDS)
        assert {"runs", "start", "Run"} <= set(dir(runlog))

    def test_the_directory_may_change_after_the_reading(self, three: Path, monkeypatch, tmp_path: Path) -> None:
        append_note(str(three), A, "noted")
        (three / A / "history.jsonl").write_text('{"epoch": 1}\n')
        monkeypatch.chdir(three.parent)
        run = runlog.runs()[0]
        monkeypatch.chdir("/")
        assert run.path == str(three / A)
        assert (run.note, len(run.history())) == ("noted", 1)

    def test_a_run_can_be_copied(self, three: Path) -> None:
        run = runlog.runs(three)[0]
        assert copy.copy(run).t20_mae == run.t20_mae


class TestSequence:
    def test_it_is_one(self, three: Path) -> None:
        runs = runlog.runs(three)
        assert (len(runs), bool(runs), bool(runs[:0])) == (3, True, False)
        assert ids(runs) == [A, C, B]
        assert ids(runs[1:]) == [C, B]
        assert ids(runs[::-1]) == ids(reversed(runs)) == [B, C, A]
        assert runs[-1] is runs[2]
        assert runs[1] in runs
        assert runs.index(runs[1]) == 1
        assert isinstance(runs[:2], runlog.Runs)
        assert isinstance(runs[np.int64(0)], runlog.RunRecord)
        assert ids(runs.top(2)) == [A, C]
        with pytest.raises(IndexError):
            _ = runs[3]
        with pytest.raises(TypeError, match="by number"):
            _ = runs["t20_mae"]
        with pytest.raises(InputError, match="1 or more"):
            runs.top(0)

    def test_selecting_changes_nothing_in_place(self, three: Path) -> None:
        runs = runlog.runs(three)
        runs.where("t20_mae<1").sort("t20_mae").top(1)
        assert ids(runs) == [A, C, B]

    def test_the_function_stays_a_function(self) -> None:
        # A module `decaylab.runlog.runs` would take its place in the package at the second use.
        assert callable(runlog.runs)
        assert runlog.runs is runlog.runs

    def test_an_empty_folder_is_an_empty_sequence(self, experiments: Path) -> None:
        runs = runlog.runs(experiments)
        assert (len(runs), bool(runs), runs.to_dicts(), list(runs)) == (0, False, [], [])
        assert runs.where("t20_mae<1").sort("t20_mae").to_pandas().shape == (0, len(FIELDS))
        assert runs.to_polars().shape == (0, len(FIELDS))
        assert "no runs in" in repr(runs)
        assert "0 runs in" in runs._repr_html_()
        with pytest.raises(RunLogError, match="none of 0 runs"):
            runs.best("t20_mae")

    @pytest.mark.parametrize("name", ["nowhere", "file"])
    def test_no_folder_is_the_line_of_the_command(self, name: str, tmp_path: Path, monkeypatch, capsys) -> None:
        monkeypatch.chdir(tmp_path)
        Path("file").write_text("")
        assert main(["compare", name]) == 2
        said = capsys.readouterr().err
        with pytest.raises(InputError) as raised:
            runlog.runs(name)
        assert str(raised.value) in said

    def test_unreadable_runs_are_there_with_their_reason(self, legacy_folder: Path) -> None:
        unreadable = runlog.runs(legacy_folder).where("status=unreadable")
        assert {run.run_id: run.problems for run in unreadable}["blank_20260101_000009"] == ["metadata.json is empty"]
        assert len(unreadable) == 3
        assert unreadable[0].metadata == {}
        assert "metadata.json is empty" in repr(unreadable[0])


class TestWhere:
    @pytest.mark.parametrize(
        ("equal", "found"),
        [
            ({"model": "lstm"}, [B]),
            ({"model": "compact", "seed": 2}, [C]),
            ({"seed": 1.0}, [A]),
            ({"seed": np.int64(1)}, [A]),
            ({"seed": None}, [B]),
            ({"t20_mae": np.float64(0.01)}, [B]),
            ({"metrics.t20.mae": 0.03}, [A]),
            ({"precision_config.mixed_precision_enabled": True}, [A, C, B]),
            ({"precision": "bf16"}, [B]),
            ({"model": "null"}, []),
            ({"model": "'lstm'"}, []),
        ],
    )
    def test_by_keyword(self, equal: dict[str, Any], found: list[str], three: Path) -> None:
        assert ids(runlog.runs(three).where(**equal)) == found

    def test_mistakes(self, three: Path) -> None:
        runs = runlog.runs(three)
        for wrong in ("t20_mae", "t20_mea<1", "t20_mae<abc", "__import__('os').abort()=1"):
            with pytest.raises(InputError):
                runs.where(wrong)
        with pytest.raises(InputError, match="did you mean model"):
            runs.where(modle="compact")
        with pytest.raises(InputError, match="list is no value"):
            runs.where(model=["compact"])
        with pytest.raises(InputError, match="a condition is text"):
            runs.where(lambda run: True)

    def test_a_field_of_a_run_that_was_left_out_is_still_a_field(self, three: Path) -> None:
        lstm = runlog.runs(three).where(model="lstm")
        assert len(lstm.where("accuracy>0")) == 0
        assert len(lstm[:0].where("depth=3")) == 0


class TestOrder:
    def test_missing_last_and_both_ways(self, three: Path) -> None:
        runs = runlog.runs(three)
        assert ids(runs.sort("t20_mae")) == [B, A, C]
        assert ids(runs.sort("t20_r2")) == [B, A, C]
        assert ids(runs.sort("t20_mae", descending=True)) == ids(runs.sort("t20_mae", ascending=False)) == [A, B, C]
        assert ids(runs.sort("t20_r2", ascending=True)) == ids(runs.sort("t20_r2", descending=False)) == [A, B, C]
        with pytest.raises(InputError, match="give one"):
            runs.sort("t20_mae", ascending=True, descending=True)
        with pytest.raises(InputError, match="did you mean t20_mae"):
            runs.sort("t20_mea")

    def test_a_direction_that_nobody_recorded_is_said(self, write_run, experiments: Path) -> None:
        write_run(A, {"metrics.accuracy": 0.7})
        write_run(B, {"metrics.accuracy": 0.6})
        with pytest.warns(UserWarning, match="less is taken as better") as said:
            assert ids(runlog.runs(experiments).sort("accuracy")) == [B, A]
        assert said[0].filename == __file__
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            runlog.runs(experiments).sort("accuracy", descending=True)

    def test_best_is_the_one_of_the_command(self, three: Path, write_run, capsys) -> None:
        write_run("failed_20260302_120000", {"metrics.t20.mae": 0.001, "status": "failed"})
        write_run("other_20260101_120000", {"metrics.t20.mae": 0.002, "data_config.digest": "sha256:other"})
        assert main(["show", "best:t20_mae", "--experiments", str(three)]) == 0
        shown = capsys.readouterr()
        runs = runlog.runs(three)
        with pytest.warns(UserWarning, match="left out") as said:
            best = runs.best("t20_mae")
        assert best.run_id == B
        assert best is next(run for run in runs if run.run_id == B)
        assert B in shown.out.splitlines()[0]
        assert str(said[0].message) == shown.err.strip()
        assert said[0].filename == __file__

    def test_best_of_what_has_none(self, three: Path) -> None:
        runs = runlog.runs(three)
        with pytest.raises(InputError, match="a setting has no best"):
            runs.best("batch_size")
        with pytest.raises(InputError, match="unknown field"):
            runs.best("t21_mae_of_nobody")
        with pytest.raises(RunLogError, match="no run to choose from"):
            runs.where(model="lstm").best("accuracy")


class TestShown:
    def test_as_text(self, three: Path) -> None:
        runs = runlog.runs(three).sort("t20_mae")
        text = repr(runs)
        assert text.splitlines()[0] == f"3 runs in {three}, by t20_mae, least first"
        assert text.index(B) < text.index(A) < text.index(C)
        assert "0.0100 ok" in text
        assert "greatest first" in repr(runs[::-1]).splitlines()[0]
        assert repr(runs[0]).startswith(f"<run {B}, completed, ")
        assert "t20_mae 0.0100 ok" in repr(runs[0])

    def test_a_long_one_is_cut_and_says_so(self, write_run, experiments: Path) -> None:
        for number in range(53):
            write_run(f"m{number}_20260301_120000")
        runs = runlog.runs(experiments)
        for text in (repr(runs), runs._repr_html_()):
            assert "shown are the first 50 of 53" in text
            assert len(set(re.findall(r"m\d+_20260301_120000", text))) == 50

    def test_the_html_is_the_table(self, three: Path, write_run) -> None:
        write_run("pre_20260303_120000", {"metrics_definitions": "predecessor", "metrics.t20.mae": 0.5})
        text = runlog.runs(three).sort("batch_size")._repr_html_()
        assert text.count("<tr>") == 5
        assert "<th>t20_mae (s)</th>" in text
        assert "<td>0.0100 ok</td>" in text
        assert "<td>0.5000 no?</td>" in text
        assert "not comparable" in text
        assert "<th>set</th>" in text, "other definitions, another set"
        assert "broadband" in text
        assert "t20_mae &lt;= 0.02 s" in text

    def test_nothing_of_other_people_is_markup(self, write_run, experiments: Path) -> None:
        evil = "<script>alert(1)</script><img src=x onerror=\"a('&')\">\x1b[31m $x^2$"
        path = write_run(A, {"loss_config.loss_type": evil, "model_name": evil, "environment": {"device": evil}})
        add_tags(str(path), ["<b>"])
        append_note(str(experiments), A, evil)
        for name in ("<i>_20260101_000001", "\x1b[31m_20260101_000002"):
            (experiments / name).mkdir()
            (experiments / name / "metadata.json").write_text("<u>")
        runs = runlog.runs(experiments)
        assert len(runs) == 3
        for text in (runs._repr_html_(), *(run._repr_html_() for run in runs)):
            tags = Tags(text)
            assert tags.found <= {"div", "table", "thead", "tbody", "tr", "th", "td"}
            assert tags.attributes == {("class", "tex2jax_ignore mathjax_ignore")}
            assert "\x1b" not in text
        assert html.escape("<script>alert(1)</script>") in runs._repr_html_()
        assert "\x1b" not in repr(runs)
        assert "\x1b" not in "".join(map(repr, runs))


class Tags(HTMLParser):
    """The names of the elements in a text, and their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.attributes: set[tuple[str, str | None]] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.add(tag)
        self.attributes |= set(attrs)


class TestFrames:
    def test_pandas(self, three: Path) -> None:
        frame = runlog.runs(three).to_pandas()
        assert list(frame.columns) == list(FIELDS)
        assert list(frame.run_id) == [A, C, B]
        assert list(frame.t20_mae[[0, 2]]) == [0.03, 0.01]
        assert math.isnan(frame.t20_mae[1])
        assert frame.t20_mae.dtype == frame.seed.dtype == frame.best_epoch.dtype == "float64"
        assert frame.batch_size.dtype == frame.parameters.dtype == "int64"
        assert list(frame.precision) == [16, 16, "bf16"]
        assert frame.note.isna().all()

    def test_polars(self, three: Path) -> None:
        frame = runlog.runs(three).to_polars()
        assert frame.columns == list(FIELDS)
        assert frame["t20_mae"].to_list() == [0.03, None, 0.01]
        assert frame["seed"].to_list() == [1, 2, None]
        assert frame["best_epoch"].dtype == polars.Float64
        assert frame["precision"].to_list() == ["16", "16", "bf16"]
        assert frame["note"].dtype == polars.String

    @pytest.mark.parametrize("columns", [["mae", "metrics.t20.mae", "depth"], "mae, metrics.t20.mae, depth"])
    def test_columns_are_named_as_in_an_export(self, columns: Any, three: Path, capsys) -> None:
        rows = exported(three, capsys, "--sort-by", "run_id", "--columns", "mae,metrics.t20.mae,depth")
        runs = runlog.runs(three)
        assert list(rows[0]) == ["run_id", "edc_mae", "t20_mae", "config.depth"]
        assert runs.to_dicts(columns) == rows
        assert runs.to_polars(columns).to_dicts() == rows
        assert list(runs.to_pandas(columns).columns) == list(rows[0])
        with pytest.raises(InputError, match="did you mean t20_mae"):
            runs.to_pandas(["t20_mea"])

    def test_every_shape_and_hostile_values(self, legacy_folder: Path, write_run) -> None:
        write_run(A, {"seed": 2**70, "training_config.batch_size": "8", "loss_config.loss_type": [1, {"a": None}]})
        write_run(
            B,
            {
                "seed": True,
                "training_config.batch_size": 8.5,
                "early_stopping_config.patience": 2**64,
                "loss_config.loss_type": {"x": "y"},
            },
        )
        write_run(C, {"seed": 10**400, "best_val_loss": "-Infinity", "precision_config.precision": [[]]})
        write_run("d_20260301_150000", {"environment": {"device": "\udce9"}})
        runs = runlog.runs(legacy_folder)
        frames = runs.to_pandas(), runs.to_polars()
        for frame in frames:
            assert frame.shape == (16, len(FIELDS))
            assert str(2**70) in map(str, frame["seed"])
            assert -math.inf in list(frame["best_val_loss"])
            assert "\\udce9" in list(frame["device"])

    @pytest.mark.parametrize("package", ["pandas", "polars"])
    def test_without_the_package(self, package: str, three: Path, monkeypatch) -> None:
        monkeypatch.setitem(sys.modules, package, None)
        with pytest.raises(MissingExtraError) as raised:
            getattr(runlog.runs(three), f"to_{package}")()
        assert f"pip install {package}" in str(raised.value)
        assert "\n" not in str(raised.value)
        assert isinstance(raised.value, DecaylabError)

    def test_a_frame_is_pandas_own(self, three: Path) -> None:
        frame = runlog.runs(three).to_pandas(["model", "t20_mae"])
        assert isinstance(frame, pandas.DataFrame)
        assert frame.groupby("model").t20_mae.mean()["lstm"] == 0.01


def test_reading_runs_imports_nothing_heavy(three: Path) -> None:
    code = """
import sys
from decaylab import runlog
assert not {"decaylab.runlog.notebook", "decaylab.runlog.recorder"} & set(sys.modules), "importing is lazy"
runs = runlog.runs(sys.argv[1]).where("t20_mae<1").sort("t20_mae")
repr(runs), runs._repr_html_(), runs.to_dicts(), runs.group_by("model"), runs[0].history()
print(*sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code, str(three)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert not {"numpy", "pandas", "polars", "torch", "decaylab.runlog.recorder"} & set(done.stdout.split())
