"""Text made safe, and runs as CSV, JSON and Markdown."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decaylab.catalogue.fields import FIELDS
from decaylab.errors import RunLogError
from decaylab.runlog.store import scan
from decaylab.runlog.tables import export
from decaylab.runlog.tables.compare import Order
from decaylab.runlog.text import columns, csv_cell, markdown_cell, printable, shorten

DURATION = Order("duration", False)


class TestText:
    @given(st.text())
    def test_printable_is_printable_and_leaves_the_rest(self, text: str) -> None:
        assert printable(text).isprintable()
        if text.isprintable():
            assert printable(text) == text

    @given(st.text(alphabet=st.characters(codec="utf-8")), st.integers(3, 20))
    def test_shortened_text_fits(self, text: str, most: int) -> None:
        assert columns(shorten(printable(text), most)) <= most

    @given(st.text())
    def test_no_cell_is_a_formula(self, text: str) -> None:
        cell = csv_cell(text)
        assert cell.isprintable()
        assert cell.lstrip()[:1] not in ("=", "+", "-", "@") or not cell

    @given(st.lists(st.text(max_size=8), min_size=1, max_size=4))
    def test_markdown_rows_have_their_cells(self, texts: list[str]) -> None:
        line = f"| {' | '.join(markdown_cell(text) for text in texts)} |"
        cells = re.split(r"(?<!\\)(?:\\\\)*\|", line)[1:-1]
        assert len(cells) == len(texts)
        assert "<" not in line


class TestExport:
    def test_every_short_field_in_full_precision(self, write_run, experiments: Path) -> None:
        write_run("a_20260101_000000", {"metrics.t20.mae": 0.1 + 0.2, "data_config.digest": None})
        names, rows = export.rows_of(scan(str(experiments)))
        assert names == list(FIELDS)
        assert names[0] == "run_id"
        (record,) = json.loads(export.encode(names, rows, "json"))
        assert record["t20_mae"] == 0.1 + 0.2
        assert record["duration"] == 26564
        assert record["data_digest"] is None
        assert all(not isinstance(value, (dict, list)) for value in record.values())
        (cells,) = csv.DictReader(io.StringIO(export.encode(names, rows, "csv").decode()))
        assert float(cells["t20_mae"]) == 0.1 + 0.2
        assert cells["data_digest"] == ""
        header, _, line = export.encode(names, rows, "markdown").decode().splitlines()
        assert header.count("|") == line.count("|") == len(FIELDS) + 1
        assert "| null |" in line

    def test_cells_are_harmless(self, write_run, experiments: Path) -> None:
        formula = '=HYPERLINK("http://x","y")'
        write_run(
            "a_20260101_000000", {"model_name": formula, "loss_config.loss_type": "a|b\n<img>", "metrics.edt.r2": -9.5}
        )
        names, rows = export.rows_of(scan(str(experiments)))
        (cells,) = csv.DictReader(io.StringIO(export.encode(names, rows, "csv").decode()))
        assert cells["model"] == "'" + formula
        assert cells["edt_r2"] == "-9.5"
        assert r"a\|b\\n&lt;img&gt;" in export.encode(names, rows, "markdown").decode()
        (record,) = json.loads(export.encode(names, rows, "json"))
        assert record["loss_type"] == "a|b\n<img>"

    @given(
        st.lists(st.lists(st.none() | st.booleans() | st.integers() | st.text(), min_size=2, max_size=2), max_size=4)
    )
    def test_json_comes_back_and_no_form_holds_control_characters(self, rows: list) -> None:
        data = export.encode(["a", "b"], rows, "json")
        assert json.loads(data) == [dict(zip("ab", row, strict=True)) for row in rows]
        for form in export.FORMATS:
            text = export.encode(["a", "b"], rows, form).decode("utf-8")
            assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", text)

    def test_non_finite_numbers_are_named(self) -> None:
        assert [export.flat(v) for v in (math.inf, -math.inf, math.nan)] == ["Infinity", "-Infinity", "NaN"]

    def test_nothing_is_overwritten_beside_the_runs(self, experiments: Path, monkeypatch) -> None:
        monkeypatch.setattr(export.time, "strftime", lambda form: "20260101_000000")
        paths = [export.write_beside_runs(str(experiments), data, "csv") for data in (b"1", b"2", b"3")]
        assert [Path(path).name for path in paths] == [
            f"runs_comparison_20260101_000000{n}.csv" for n in ("", "_2", "_3")
        ]
        assert [Path(path).read_bytes() for path in paths] == [b"1", b"2", b"3"]
        assert len(list(experiments.iterdir())) == 3

    def test_a_named_file_is_replaced_and_a_pipe_is_not(self, tmp_path: Path) -> None:
        target = tmp_path / "out.csv"
        target.write_text("old")
        export.write_to(str(target), b"new")
        assert target.read_bytes() == b"new"
        # A pipe of our own stands for /dev/null: a faulty writer, run as root, would replace the system's.
        pipe = tmp_path / "pipe"
        os.mkfifo(pipe)
        reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        try:
            export.write_to(str(pipe), b"new")
            assert pipe.is_fifo()
            assert os.read(reader, 10) == b"new"
        finally:
            os.close(reader)
        with pytest.raises(RunLogError, match="cannot be written"):
            export.write_to(str(tmp_path / "missing" / "out.csv"), b"")
        with pytest.raises(RunLogError, match="cannot be written"):
            export.write_to(str(tmp_path), b"")
