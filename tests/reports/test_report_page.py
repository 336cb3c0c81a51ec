"""What a report says: its parts, what it makes of names from elsewhere, and of runs that lack most of what it shows."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from decaylab.cli.main import main

RUN = "compact_20260301_120000"
PARTS = (
    "verdict", "run", "metrics", "loss", "scatter", "errors", "decay", "decay-error", "findings", "settings",
    "environment",
)  # fmt: skip
HOSTILE = "<script>alert(1)</script><b>&amp;\"'</style>"
LIMIT = 8_000_000


class Reader(HTMLParser):
    """Tags, and the text outside scripts and styles."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._open = ""
        self.feed(page.replace("<wbr>", ""))  # where a name may break is no space in it
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._open = tag

    def handle_endtag(self, tag: str) -> None:
        self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open not in ("script", "style"):
            self.words.append(data)

    def count(self, tag: str) -> int:
        return [name for name, _ in self.tags].count(tag)


@pytest.fixture
def report(experiments: Path, tmp_path: Path):
    """Writes a report and gives its text."""

    def write(*arguments: str) -> str:
        path = tmp_path / "page.html"
        assert main(["report", *arguments, "--output", str(path), "--experiments", str(experiments)]) == 0
        return path.read_text(encoding="utf-8")

    return write


def test_one_run(write_pictured_run, report) -> None:
    write_pictured_run(RUN, {"metrics.t20.mae": 0.0151, "environment": {"python": "3.11.9"}})
    page = report(RUN, "--title", "A title", "--note", "a note of mine")
    reader = Reader(page)
    assert [own["id"] for tag, own in reader.tags if tag == "section" and own["id"] in PARTS] == [*PARTS]
    assert "completed. 2 of 3 targets met." in reader.text
    assert "0.0151 s, met" in reader.text
    assert "0.0729 s, missed" in reader.text
    assert "a note of mine" in reader.text
    assert "<title>A title</title>" in page
    assert "best epoch 6" in reader.text
    assert "training_config.batch_size" in reader.text
    assert "environment.python 3.11.9" in reader.text
    assert page.count("Plotly.newPlot(") >= 1 + 3 + 3 + 3 + 1


def test_a_page_needs_nothing_but_itself(write_pictured_run, report) -> None:
    write_pictured_run(RUN)
    page = report(RUN)
    assert len(page.encode()) < LIMIT
    tags = Reader(page).tags
    assert not [own for tag, own in tags if "src" in own or (tag != "link" and "href" in own)]
    assert [own["href"] for tag, own in tags if tag == "link"] == ["data:,"]
    assert "default-src 'none'" in page
    assert page.count("plotly.js v") == 1, "the library is there once"


def test_several_runs(write_pictured_run, report) -> None:
    write_pictured_run(RUN)
    write_pictured_run("lstm_20260301_130000", {"training_config.batch_size": 8, "metrics.t20.mae": 0.3}, error=0.2)
    reader = Reader(report(RUN, "lstm"))
    ids = [own["id"] for tag, own in reader.tags if tag == "section"]
    assert {"differences", "parallel"} <= set(ids)
    assert "training_config.batch_size 2 8" in reader.text
    assert "T20 MAE in s 0.7265 no 0.3000 no" in reader.text


def test_findings_are_those_of_diagnose(write_pictured_run, report, experiments: Path, capsys) -> None:
    write_pictured_run(RUN)
    text = Reader(report(RUN)).text
    capsys.readouterr()
    assert main(["diagnose", RUN, "--json", "--experiments", str(experiments)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found
    for finding in found:
        assert f"{finding['severity']} : {finding['code']}" in text


def test_names_and_notes_stay_text(write_pictured_run, report, experiments: Path) -> None:
    path = write_pictured_run(
        RUN, {"model_name": HOSTILE, "loss_config.loss_type": HOSTILE, "environment": {HOSTILE: HOSTILE}}
    )
    rooms = (path / "targets.npy").read_bytes()
    other = write_pictured_run("lstm_20260301_130000")
    other.rename(experiments / "lstm<img src=x onerror=alert(1)>_20260301_130000")
    (experiments / "NOTES.md").write_text(f"{RUN} - {HOSTILE}\n")
    plain = Reader(report(RUN, "20260301_130000"))
    page = report(RUN, "20260301_130000", "--title", HOSTILE, "--note", HOSTILE)
    reader = Reader(page)
    for tag in ("script", "style", "b", "img", "title"):
        assert reader.count(tag) == plain.count(tag), tag
    assert reader.count("img") == 0
    assert reader.count("b") == 0
    assert reader.text.count(HOSTILE) >= 5
    # In the data of figures nothing can end the script, and what plotly would take for markup is escaped twice.
    data = page[page.index("<body>") :]
    assert "<img" not in data
    assert "\\u003cimg" not in data
    assert "\\u003cscript" not in data
    assert rooms


def test_what_figures_show_is_escaped_for_plotly(write_pictured_run, report) -> None:
    write_pictured_run(RUN, {"loss_config.loss_type": "<b>bold</b>"})
    page = report(RUN)
    assert "loss (&lt;b&gt;bold&lt;\\u002fb&gt;)" in page


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("documented", "loss"),
        ("flat_", "a run of the older kind 'flat'"),
        ("flatnan", "a run of the older kind 'flat'"),
        ("early", "'flat early'"),
        ("multihead", "edc_targets.npy is missing"),
        ("2025-06-01/12-30-05", "'published'"),
        ("killed", "the run was lost"),
        ("arrays", "targets.npy is missing"),
        ("empty", "the run was lost"),
        ("truncated", "unreadable"),
        ("blank", "unreadable"),
        ("directory", "unreadable"),
    ],
)
def test_every_older_kind_of_run_comes_out(name: str, said: str, legacy_folder: Path, report) -> None:
    reader = Reader(report(name))
    assert said in reader.text
    assert [own["id"] for tag, own in reader.tags if tag == "section" and own["id"] in PARTS] == [*PARTS]
    assert "Not shown: " in reader.text


def test_all_of_them_on_one_page(legacy_folder: Path, report) -> None:
    names = [path.name for path in legacy_folder.iterdir() if path.is_dir() and path.name[0].isalpha()]
    chosen = [name for name in names if re.search(r"_2026\d{4}_\d{6}$", name)]
    page = report(*chosen)
    assert len(chosen) == 11
    assert all(f"<h3>{name}</h3>" in page for name in chosen)
    assert len(page.encode()) < LIMIT


def test_a_run_in_progress(experiments: Path, report) -> None:
    from decaylab import runlog

    with runlog.start("compact", experiments=experiments) as run:
        run.log(epoch=1, train_loss=0.5, val_loss=0.4)
        text = Reader(report("latest")).text
        run.finish()
    assert "the run is in progress" in text
    assert "not yet known" in text
    assert "its curves are written at its end" in text
    assert "best epoch 1" in text


@pytest.mark.parametrize("output", ["page.txt", "nowhere/page.html", "page"])
def test_where_no_page_can_be_written(output: str, write_run, experiments: Path, tmp_path: Path, monkeypatch, capsys):
    write_run(RUN)
    monkeypatch.chdir(tmp_path)
    assert main(["report", RUN, "--output", output, "--experiments", str(experiments)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not list(tmp_path.glob("page*"))


def test_a_report_is_made_without_torch(write_pictured_run, experiments: Path, tmp_path: Path) -> None:
    import subprocess
    import sys

    write_pictured_run(RUN)
    code = (
        "import sys\nfrom decaylab.cli.main import main\n"
        f"status = main(['report', {RUN!r}, '--output', {str(tmp_path / 'a.html')!r},"
        f" '--experiments', {str(experiments)!r}])\n"
        "assert not {'torch', 'pandas', 'matplotlib'} & set(sys.modules)\nsys.exit(status)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
