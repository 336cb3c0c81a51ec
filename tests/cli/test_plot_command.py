"""`decaylab plot`: the files that it writes, and what it refuses."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import numpy as np
import pytest

from decaylab.cli import plot
from decaylab.cli.main import main
from decaylab.reports.pictures import KINDS
from decaylab.reports.render_matplotlib import FORMATS, WIDTHS, matplotlib_figure
from decaylab.reports.spec import Axis, Line, Panel, Picture

RUN = "compact_20260301_120000"


def draw(experiments: Path, *arguments: str) -> int:
    return main(["plot", *arguments, "--experiments", str(experiments)])


def test_the_help_offers_what_there_is() -> None:
    assert tuple(KINDS) == plot.KINDS
    assert plot.FORMATS == FORMATS
    assert plot.WIDTHS == WIDTHS


@pytest.mark.parametrize("kind", ["loss", "decay", "scatter", "errors", "decay-error"])
def test_every_kind_becomes_a_png(kind: str, write_pictured_run, experiments: Path, tmp_path: Path, capsys) -> None:
    write_pictured_run(RUN)
    path = tmp_path / "figure.png"
    assert draw(experiments, RUN, "--kind", kind, "--output", str(path)) == 0
    data = path.read_bytes()
    assert data.startswith(b"\x89PNG")
    assert struct.unpack(">I", data[16:20])[0] == pytest.approx(170 / 25.4 * 300, abs=2)
    said = capsys.readouterr()
    assert said.out == f"{path}\n"
    assert "Traceback" not in said.err


def test_several_runs_in_parallel_coordinates(write_pictured_run, experiments: Path, tmp_path: Path) -> None:
    write_pictured_run(RUN)
    write_pictured_run("lstm_20260301_130000", {"training_config.batch_size": 8})
    path = tmp_path / "runs.svg"
    assert draw(experiments, RUN, "lstm", "--kind", "parallel", "--output", str(path)) == 0
    assert path.read_text().startswith("<?xml")


def test_a_run_named_twice_is_drawn_once_and_said(
    write_pictured_run, experiments: Path, tmp_path: Path, capsys
) -> None:
    write_pictured_run(RUN)
    path = tmp_path / "loss.svg"
    assert draw(experiments, RUN, "latest", "--kind", "loss", "--output", str(path)) == 0
    assert f"latest: {RUN} again; it is shown once" in capsys.readouterr().err


def test_a_column_of_a_journal_as_svg(write_pictured_run, experiments: Path, tmp_path: Path) -> None:
    write_pictured_run(RUN)
    path = tmp_path / "loss.svg"
    assert draw(experiments, RUN, "--kind", "loss", "--width", "single", "--output", str(path)) == 0
    text = path.read_text()
    width = re.search(r'<svg [^>]*width="([\d.]+)pt"', text)
    assert width is not None
    assert float(width[1]) == pytest.approx(85 / 25.4 * 72, abs=0.1)
    assert "<image" not in text, "a vector picture"
    assert "<text" not in text, "letters are outlines: no font is needed to see it"
    assert not re.search(r"\n |<!--|M \d+\.\d{3}", text), "nothing in it that only makes it longer"
    assert "scale(0.015625)" in text, "what letters are scaled by is no place, and stays exact"


def test_a_pdf_has_its_fonts_in_it(write_pictured_run, experiments: Path, tmp_path: Path) -> None:
    write_pictured_run(RUN)
    path = tmp_path / "loss.pdf"
    assert draw(experiments, RUN, "--kind", "loss", "--output", str(path)) == 0
    data = path.read_bytes()
    assert data.startswith(b"%PDF")
    assert b"/FontFile2" in data
    assert b"/Type3" not in data


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--kind", "pie", "--output", "a.png"], "invalid choice: 'pie'"),
        (["--kind", "loss", "--output", "a.gif"], ".png, .svg, .pdf"),
        (["--kind", "loss", "--output", "a"], ".png, .svg, .pdf"),
        (["--kind", "loss", "--output", "nowhere/a.png"], "there is no folder nowhere"),
        (["--kind", "loss"], "--output"),
        (["--kind", "loss", "--width", "wide", "--output", "a.png"], "invalid choice: 'wide'"),
        (["--kind", "parallel", "--output", "a.png"], "it takes two runs or more"),
    ],
)
def test_what_cannot_be_drawn_is_one_line(
    arguments: list[str], said: str, write_pictured_run, experiments: Path, tmp_path: Path, monkeypatch, capsys
) -> None:
    write_pictured_run(RUN)
    monkeypatch.chdir(tmp_path)
    assert draw(experiments, RUN, *arguments) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert said in error
    assert not list(tmp_path.glob("a*"))


def test_a_run_without_curves_says_so(write_run, experiments: Path, tmp_path: Path, capsys) -> None:
    write_run(RUN)
    assert draw(experiments, RUN, "--kind", "decay", "--output", str(tmp_path / "a.pdf")) == 2
    assert "predictions.npy and targets.npy are missing" in capsys.readouterr().err
    assert not (tmp_path / "a.pdf").exists()


def test_a_failed_drawing_leaves_the_old_file(write_pictured_run, experiments: Path, tmp_path: Path) -> None:
    directory = write_pictured_run(RUN)
    path = tmp_path / "a.png"
    path.write_bytes(b"old")
    (directory / "history.jsonl").unlink()
    assert draw(experiments, RUN, "--kind", "loss", "--output", str(path)) == 2
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir() if entry.name.endswith(".tmp")] == []


def test_no_tick_stands_between_two_epochs() -> None:
    line = Line(np.arange(1.0, 20.0), np.linspace(1.0, 0.5, 19))
    whole, any_number = (
        matplotlib_figure(Picture("loss", "Loss", (Panel("", Axis("epoch", whole=flag), Axis("loss"), (line,)),), ()))
        for flag in (True, False)
    )
    assert all(tick == int(tick) for tick in whole.axes[0].get_xticks())
    assert any(tick != int(tick) for tick in any_number.axes[0].get_xticks())
