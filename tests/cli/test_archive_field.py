"""`archive`, where the archive of a run lies, is a FIELD like the others."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from decaylab.catalogue.fields import FIELDS
from decaylab.cli.main import main
from decaylab.runlog.keeping.archive import archive_run
from decaylab.runlog.store import read_run

GONE, KEPT, HERE = "a_20260301_120000", "b_20260301_120001", "c_20260301_120002"


@pytest.fixture
def archives(write_run, experiments: Path) -> dict[str, str | None]:
    """One run in an archive alone, one there and in one, one without."""
    for run_id in (GONE, KEPT, HERE):
        write_run(run_id)
    found = {
        run_id: archive_run(read_run(str(experiments / run_id)), remove=run_id == GONE).path for run_id in (GONE, KEPT)
    }
    return {**found, HERE: None}


@pytest.mark.parametrize(
    ("options", "runs"),
    [
        (["--where", "archive!=null"], [GONE, KEPT]),
        (["--where", "archive=null"], [HERE]),
        (["--where", "archive~120001"], [KEPT]),
        (["--where", "status=completed", "--sort-by", "archive", "--descending"], [KEPT, GONE, HERE]),
        (["--sort-by", "archive"], [GONE, KEPT, HERE]),
    ],
)
@pytest.mark.parametrize("columns", [[], ["--columns", "model"], ["--columns", "archive,model"]])
def test_as_a_field(options: list[str], runs: list[str], columns: list[str], archives, experiments, capsys) -> None:
    line = ["compare", str(experiments), "--archived", *options, *columns, "--export", "json", "--output", "-"]
    assert main(line) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["run_id"] for row in rows] == runs
    assert [row["archive"] for row in rows] == [archives[run_id] for run_id in runs]
    if not columns:
        assert list(rows[0]) == list(FIELDS)
        assert main(line[:-4]) == 0
        assert runs[0] in capsys.readouterr().out


def test_without_archived_nothing_is_looked_up(archives, experiments: Path, capsys) -> None:
    line = ["compare", str(experiments), "--columns", "archive", "--export", "json", "--output", "-"]
    assert main(line) == 0
    assert [row["archive"] for row in json.loads(capsys.readouterr().out)] == [None, None]


def test_as_a_group(archives, experiments: Path, capsys) -> None:
    line = ["compare", str(experiments), "--archived", "--group-by", "archive", "--export", "json", "--output", "-"]
    assert main(line) == 0
    assert {row["archive"] for row in json.loads(capsys.readouterr().out)} == set(archives.values())
