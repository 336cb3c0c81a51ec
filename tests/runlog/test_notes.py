"""NOTES.md as careless people leave it, appending to it, and tags."""

from __future__ import annotations

import multiprocessing
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decaylab.errors import RunLogError
from decaylab.runlog.notes import add_tags, append_note, parse_notes, read_notes, read_tags
from decaylab.runlog.store import scan

CARELESS = """\ufeff# My notes
```
20260122_020157 - Auxiliary loss test (too long, model degraded)
20260122_030000 - Weighted EDC, batch 8, gradient clip 1.0 (GOOD)
```
- 20260101_000001 - a bullet
* `20260101_000002`: in backticks
  + **20260101_000003** \u2013 bold, with an en dash
1. 20260101_000004 - numbered - with a dash
- [x] 20260101_000005 | ticked
20260101_000006\ta tab
20260101_000007-no spaces
> 20260101_000008 -   quoted, spaces at the end   
hybrid_v2_20260101_000009 - by its id
hybrid_v2_20260101_000009_2 = the second of that second
2025-06-01/12-30-05 - published
20260101_000010 - first line
    and its second
20260101_000011 -

See also 20260122_020157 for the first attempt.
20260101_00001 - a digit short
"""  # noqa: W291

READ = [
    ("20260122_020157", "Auxiliary loss test (too long, model degraded)"),
    ("20260122_030000", "Weighted EDC, batch 8, gradient clip 1.0 (GOOD)"),
    ("20260101_000001", "a bullet"),
    ("20260101_000002", "in backticks"),
    ("20260101_000003", "bold, with an en dash"),
    ("20260101_000004", "numbered - with a dash"),
    ("20260101_000005", "ticked"),
    ("20260101_000006", "a tab"),
    ("20260101_000007", "no spaces"),
    ("20260101_000008", "quoted, spaces at the end"),
    ("hybrid_v2_20260101_000009", "by its id"),
    ("hybrid_v2_20260101_000009_2", "the second of that second"),
    ("2025-06-01/12-30-05", "published"),
    ("20260101_000010", "first line and its second"),
]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_hand_written_notes(end: str, encoding: str) -> None:
    text = CARELESS if encoding == "utf-8" else CARELESS.removeprefix("\ufeff")
    assert parse_notes(text.replace("\n", end).encode(encoding)) == READ


def test_lines_of_other_encodings() -> None:
    data = "20260101_000001 - caf\xe9\n".encode("latin-1") + "20260101_000002 - caf\xe9\n".encode()
    assert parse_notes(data) == [("20260101_000001", "caf\xe9"), ("20260101_000002", "caf\xe9")]


@given(st.binary(max_size=300))
def test_any_bytes_are_notes_or_none(data: bytes) -> None:
    parse_notes(data)


def test_a_long_line_takes_no_time() -> None:
    parse_notes(b"-" * 200_000 + b" \n" + b"1. " * 50_000 + b"\n" + b"20260101_000001" + b" -" * 100_000 + b"\n")


def test_notes_reach_their_runs(write_run, experiments: Path) -> None:
    for run_id in ("a_20260101_000000", "a_20260101_000000_2", "b_20260102_000000"):
        write_run(run_id)
    (experiments / "NOTES.md").write_text(
        "20260102_000000 - one\n20260101_000000 - both\na_20260101_000000_2 - second\n20260102_000000 - two\n"
    )
    notes = {run.run_id: run.get("note") for run in scan(str(experiments))}
    assert notes == {
        "a_20260101_000000": "both",
        "a_20260101_000000_2": "second; both",
        "b_20260102_000000": "one; two",
    }


def test_appending_touches_nothing_else(write_run, experiments: Path) -> None:
    write_run("a_20260101_000000")
    path = experiments / "NOTES.md"
    path.write_bytes(b"caf\xe9, no newline at the end")
    assert (
        append_note(str(experiments), "a_20260101_000000", " two\nlines \x1b[31m ")
        == r"20260101_000000 - two lines \x1b[31m"
    )
    assert path.read_bytes() == b"caf\xe9, no newline at the end\n20260101_000000 - two lines \\x1b[31m\n"
    append_note(str(experiments), "a_20260101_000000", "again")
    assert path.read_bytes().endswith(b"[31m\n20260101_000000 - again\n")
    assert read_notes(str(experiments)).of(scan(str(experiments))[0]) == r"two lines \x1b[31m; again"


def test_the_id_is_written_where_the_timestamp_is_not_unique(write_run, experiments: Path) -> None:
    write_run("a_20260101_000000")
    write_run("a_20260101_000000_2")
    assert append_note(str(experiments), "a_20260101_000000", "x") == "a_20260101_000000 - x"


def test_line_ends_of_the_file_are_kept(write_run, experiments: Path) -> None:
    write_run("a_20260101_000000")
    (experiments / "NOTES.md").write_bytes(b"mine\r\n")
    append_note(str(experiments), "a_20260101_000000", "x")
    assert (experiments / "NOTES.md").read_bytes() == b"mine\r\n20260101_000000 - x\r\n"


def test_notes_that_cannot_be_written(write_run, experiments: Path, tmp_path: Path) -> None:
    write_run("a_20260101_000000")
    with pytest.raises(RunLogError, match="empty note"):
        append_note(str(experiments), "a_20260101_000000", " \n ")
    notes = experiments / "NOTES.md"
    (tmp_path / "outside").write_text("mine")
    notes.symlink_to(tmp_path / "outside")
    with pytest.raises(RunLogError, match="link"):
        append_note(str(experiments), "a_20260101_000000", "x")
    assert (tmp_path / "outside").read_text() == "mine"
    notes.unlink()
    os.mkfifo(notes)
    with pytest.raises(RunLogError, match="pipe"):
        append_note(str(experiments), "a_20260101_000000", "x")
    notes.unlink()
    notes.write_text("mine", encoding="utf-16")
    with pytest.raises(RunLogError, match="UTF-16"):
        append_note(str(experiments), "a_20260101_000000", "x")


def _append_many(folder: str, run_id: str, count: int) -> None:
    for number in range(count):
        append_note(folder, run_id, f"{number} " + "x" * 3000)


def test_eight_writers_at_once_lose_nothing(write_run, experiments: Path) -> None:
    ids = [f"w{index}_2026010{index + 1}_000000" for index in range(8)]
    for run_id in ids:
        write_run(run_id)
    (experiments / "NOTES.md").write_text("mine, without a newline")
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_append_many, args=(str(experiments), run_id, 10)) for run_id in ids]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    data = (experiments / "NOTES.md").read_bytes()
    assert data.startswith(b"mine, without a newline\n")
    found = parse_notes(data)
    for run_id in ids:
        texts = [text for name, text in found if name == run_id.split("_", 1)[1]]
        assert texts == [f"{number} " + "x" * 3000 for number in range(10)]


def test_tags(write_run, experiments: Path) -> None:
    path = write_run("a_20260101_000000")
    assert read_tags(str(path)) == []
    assert add_tags(str(path), ["good", "good", "baseline"]) == ["good", "baseline"]
    assert add_tags(str(path), ("good", "new")) == ["new"]
    (path / "tags.txt").write_text((path / "tags.txt").read_text() + "by hand, twice  good")
    assert add_tags(str(path), ["last"]) == ["last"]
    assert read_tags(str(path)) == ["good", "baseline", "new", "by", "hand", "twice", "last"]


@pytest.mark.parametrize("tag", ["two words", "a,b", "", "a\x1b", "\n"])
def test_tags_that_cannot_be_used(tag: str, write_run) -> None:
    path = write_run("a_20260101_000000")
    with pytest.raises(RunLogError, match="cannot be used"):
        add_tags(str(path), ["fine", tag])
    assert not (path / "tags.txt").exists()


def test_nothing_is_tagged_through_a_link(write_run, experiments: Path, tmp_path: Path) -> None:
    path = write_run("a_20260101_000000")
    moved = path.rename(tmp_path / "elsewhere")
    path.symlink_to(moved)
    with pytest.raises(RunLogError, match="link"):
        add_tags(str(path), ["good"])
