"""NOTES.md of careless people, while `note` and four others write to it: no byte and no note is lost."""

from __future__ import annotations

import multiprocessing
import os
from pathlib import Path

import pytest

from decaylab.cli.main import main
from decaylab.runlog.notes import append_note, parse_notes, read_notes
from decaylab.runlog.store import scan

RUN = "compact_20260101_000000"
TEXTS = [f"{number} " + "x" * 2000 for number in range(10)]

CARELESS = {
    "crlf": b"# mine\r\n20260101_000000 - first\r\n",
    "crlf, no final newline": b"20260101_000000 - first\r\n20260101_000000 - second",
    "no final newline": b"20260101_000000 - first",
    "tabs": b"\t20260101_000000\t-\tfirst\t\n\tgoes on\t\n",
    "byte order mark": b"\xef\xbb\xbf20260101_000000 - first\n",
    "byte order mark alone": b"\xef\xbb\xbf",
    "duplicate lines": b"20260101_000000 - same\n" * 3,
    "invalid utf-8": b"20260101_000000 - caf\xe9 \xff\xfe\x80\n\xc3(\n",
    "id and timestamp": b"compact_20260101_000000 - by id\n20260101_000000 - by time\n",
    "a huge line": b"20260101_000000 - " + b"y" * 3_000_000,
    "old line ends": b"20260101_000000 - first\r20260101_000000 - second",
    "zeros": b"20260101_000000 - a\0b\n\0\0\0",
    "blank": b"\n\n  \n",
    "empty": b"",
}


def _note(folder: str, run_id: str) -> None:
    for text in TEXTS:
        append_note(folder, run_id, text)


def _note_by_command(folder: str, run_id: str) -> None:
    for text in TEXTS:
        if main(["note", run_id, text, "--experiments", folder]) != 0:
            os._exit(1)


def _note_by_hand(folder: str, run_id: str) -> None:
    """As `echo ... >> NOTES.md` in a script does it."""
    for text in TEXTS:
        with open(f"{folder}/NOTES.md", "ab", buffering=0) as file:
            file.write(f"\n{run_id} - {text}\n".encode())


@pytest.mark.parametrize("before", CARELESS.values(), ids=CARELESS)
def test_nothing_is_lost(before: bytes, write_run, experiments: Path) -> None:
    others = [f"w{number}_2026020{number + 1}_000000" for number in range(4)]
    for run_id in (RUN, *others):
        write_run(run_id)
    path = experiments / "NOTES.md"
    path.write_bytes(before)
    noted = parse_notes(before)
    context = multiprocessing.get_context("fork")
    jobs = [(_note_by_command, RUN), *((_note, run_id) for run_id in others[:3]), (_note_by_hand, others[3])]
    writers = [context.Process(target=job, args=(str(experiments), run_id)) for job, run_id in jobs]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
        assert writer.exitcode == 0
    after = path.read_bytes()
    assert after.startswith(before), "what was there is there, byte for byte"
    found = parse_notes(after)
    assert found[: len(noted)] == noted
    for run_id in (RUN, *others):
        names = (run_id, run_id.split("_", 1)[1])
        assert [text for name, text in found[len(noted) :] if name in names] == TEXTS
    assert len(found) == len(noted) + 5 * len(TEXTS)
    notes = read_notes(str(experiments))
    for record in scan(str(experiments)):
        assert (notes.of(record) or "").endswith("; ".join(TEXTS))
