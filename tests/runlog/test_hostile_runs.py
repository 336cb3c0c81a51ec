"""Run directories that somebody made to break a reader: none stops a table, none touches the run beside it."""

from __future__ import annotations

import json
import os
import socket
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from decaylab.runlog import parse, store
from decaylab.runlog.record import Record
from decaylab.runlog.store import scan
from decaylab.runlog.tables.export import FORMATS, encode, rows_of


@pytest.fixture(autouse=True, params=["few", "many"])
def decoder(request, monkeypatch) -> None:
    """Both decoders must hold: the standard library's for few runs, msgspec with it for many."""
    monkeypatch.setattr(parse, "_decode_strictly", None)
    monkeypatch.setattr(store, "_MANY", 1 if request.param == "many" else 10**9)


def by_id(folder: Path) -> dict[str, Record]:
    return {record.run_id: record for record in scan(str(folder))}


HOSTILE = {
    "deep": b"[" * 200_000,
    "deepobject": b'{"metrics":' * 100_000,
    "list": b"[1, 2]",
    "number": b"5",
    "bytes": bytes(range(256)) * 10,
    "huge": b'{"seed": ' + b"9" * 5000 + b"}",
    "latin": '{"model_name": "caf\xe9"}'.encode("latin-1"),
    "cut": b'{"model_name": "m", "metr',
    "nul": b"\0" * 100,
}
READABLE = {
    "bom": b'\xef\xbb\xbf{"model_name": "m"}',
    "utf16": '{"model_name": "m"}'.encode("utf-16"),
    "duplicate": b'{"model_name": "x", "model_name": "m"}',
    "metricslist": b'{"model_name": "m", "metrics": [1, 2]}',
    "metricstext": b'{"model_name": "m", "metrics": {"t20": "good", "edt": {"mae": "0.1"}, "overall_edc": 7}}',
    "sections": b'{"model_name": "m", "training_config": 3, "data_config": [], "loss_config": "x", "metrics": null}',
    "overflow": b'{"model_name": "m", "training_config": {"training_duration_minutes": 1e999, "batch_size": "8"}}',
    "bigint": b'{"model_name": "m", "metrics": {"t20": {"mae": ' + b"9" * 400 + b"}}}",
    "surrogate": b'{"model_name": "m", "note": "\\ud800"}',
    "names": b'{"model_name": ["m"], "timestamp": 5, "status": {}, "process": 3, "error": [], "data_config": {"split": 1}}',  # noqa: E501
    "history": b'{"model_name": "m", "status": "running", "process": {"pid": 99999999999999999999, "start_time": "x"}}',
}


def touch_everything(record: Record) -> None:
    """Ask for every field, as an export does."""
    for form in FORMATS:
        encode(*rows_of([record]), form)


@pytest.mark.parametrize("name", [*HOSTILE, *READABLE])
def test_hostile_metadata_harms_no_run_beside_it(name: str, write_run, experiments: Path) -> None:
    write_run("a_20260101_000000")
    (write_run(f"{name}_20260101_000000") / "metadata.json").write_bytes((HOSTILE | READABLE)[name])
    write_run("zz_20260101_000000")
    runs = by_id(experiments)
    assert len(runs) == 3
    assert runs["a_20260101_000000"].get("t20_mae") == runs["zz_20260101_000000"].get("t20_mae") == 0.726452
    hostile = runs[f"{name}_20260101_000000"]
    assert hostile.problems
    assert (hostile.status == "unreadable") == (name in HOSTILE)
    touch_everything(hostile)


def test_what_is_no_file_does_not_hang(write_run, experiments: Path) -> None:
    write_run("good_20260101_000000")
    for name in ("fifo", "socket", "folder"):
        (experiments / f"{name}_20260101_000000").mkdir()
    for name in ("metadata.json", "history.jsonl", "tags.txt"):
        os.mkfifo(experiments / "fifo_20260101_000000" / name)
    os.mkfifo(experiments / "NOTES.md")
    os.mkfifo(experiments / "pipe_20260101_000000")
    (experiments / "folder_20260101_000000" / "metadata.json").mkdir()
    here = os.getcwd()
    os.chdir(experiments / "socket_20260101_000000")
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind("metadata.json")
    finally:
        os.chdir(here)
    start = time.monotonic()
    runs = by_id(experiments)
    for run in runs.values():
        touch_everything(run)
    assert time.monotonic() - start < 5
    assert runs["fifo_20260101_000000"].problems == ("metadata.json is a named pipe, not a file",)
    assert runs["socket_20260101_000000"].status == runs["folder_20260101_000000"].status == "unreadable"
    assert runs["good_20260101_000000"].get("t20_mae") == 0.726452
    assert len(runs) == 4


def test_a_huge_file_is_refused_unread(experiments: Path) -> None:
    path = experiments / "m_20260101_000000"
    path.mkdir()
    with open(path / "metadata.json", "wb") as file:
        file.truncate(10**12)
    (run,) = scan(str(experiments))
    assert run.status == "unreadable"
    assert "too large" in run.problems[0]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_files_that_no_one_may_read(write_run, experiments: Path) -> None:
    path = write_run("m_20260101_000000")
    (path / "metadata.json").chmod(0)
    closed = experiments / "closed"
    closed.mkdir(mode=0)
    try:
        (run,) = scan(str(experiments))
    finally:
        closed.chmod(0o700)
    assert run.status == "unreadable"
    assert "Permission denied" in run.problems[0]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=200))
def test_any_bytes_are_a_row(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "m_20260101_000000"
    path.mkdir(exist_ok=True)
    (path / "metadata.json").write_bytes(data)
    (run,) = scan(str(tmp_path))
    touch_everything(run)


KEYS = [
    *("metrics", "metrics_raw", "mae", "edc_mae", "t20", "overall_edc", "baselines", "metrics_definitions"),
    *("data_config", "loss_config", "training_config", "training_duration_minutes", "num_samples", "split", "x"),
    *("model_name", "timestamp", "status", "error", "process", "schema_version"),
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=15,
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(document=st.dictionaries(st.sampled_from(KEYS), JSON))
def test_any_types_are_a_row(document: dict, tmp_path: Path) -> None:
    for run_id, name in (("m_20260101_000000", "metadata.json"), ("2025-01-01/12-00-00", "experiment_metadata.json")):
        (tmp_path / run_id).mkdir(exist_ok=True, parents=True)
        (tmp_path / run_id / name).write_text(json.dumps(document))
    runs = scan(str(tmp_path))
    assert len(runs) == 2
    for run in runs:
        touch_everything(run)


def test_many_runs_are_read_by_the_fast_decoder(write_run, experiments: Path, request) -> None:
    write_run("a_20260101_000000")
    scan(str(experiments))
    assert (parse._decode_strictly is not None) == (request.node.callspec.params["decoder"] == "many")
