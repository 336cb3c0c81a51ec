"""`diagnose` on the document's example, on every shape that users have, and over a whole folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from decaylab.diagnosis import diagnose_all
from decaylab.diagnosis.diagnose import findings
from decaylab.diagnosis.findings import Finding
from decaylab.runlog import index, index_table
from decaylab.runlog.record import Record
from decaylab.runlog.store import scan


def example(folder: Path, write_run: Any, note: str = "") -> dict[str, Finding]:
    """What is found in the run-log document's own example."""
    run = write_run("hybrid_v2_20260122_020157", own=False)
    if note:
        (folder / "NOTES.md").write_text(f"20260122_020157 - {note}\n")
    others = scan(str(folder))
    record = next(one for one in others if one.run_id == run.name)
    return {finding.code: finding for finding in findings(record, others, here="/home/me")}


def test_the_documents_example(experiments: Path, write_run: Any) -> None:
    found = example(experiments, write_run, "Small batch size (2) + 4800 batches/epoch = 7+ hours")
    duration = found["duration_implausible"].evidence
    assert "26,564 minutes (18.4 days)" in duration
    assert "7.3 s a step" in duration
    assert "if the field in minutes holds seconds: then 442.7 min" in duration
    sizes = found["sizes_contradict"].evidence
    assert "num_samples 17639, but train + val + test = 6000" in sizes
    assert "4,800 batches an epoch" in sizes
    assert "9,600 rooms" in sizes
    assert "make 1,800" in sizes
    assert "-97.99" in found["r2_below_zero"].evidence
    assert "C50 is null" in found["null_parameter"].evidence
    assert "0.2502 against about 0.002" in found["degraded"].evidence
    assert found["degraded"].basis == "experience"
    assert next(iter(found)) == "no_clipping"
    assert {found[code].severity for code in ("no_clipping", "half_precision_logs", "tiny_batch")} == {"severe"}


def test_the_next_run_is_the_one_that_the_document_calls_good(experiments: Path, write_run: Any) -> None:
    line = str(example(experiments, write_run)["no_clipping"].command)
    for words in ("--data DATA_SET", "--loss weighted_edc", "--batch-size 8", "--gradient-clip-val 1.0"):
        assert f" {words} " in line
    assert "--aux-weight" not in line
    assert "17639" not in line
    assert "\n" not in line


def test_comparable_runs_say_what_a_step_takes_and_what_could_be_reached(experiments: Path, write_run: Any) -> None:
    good = {
        "metrics.overall_edc": {"mae": 0.0021, "rmse": 0.01, "r2": 0.99},
        "training_config.training_duration_seconds": 13612.5,
        "training_config.training_duration_minutes": 226.875,
        "training_config.batch_size": 8,
    }
    write_run("hybrid_v2_20260122_030000", good)
    found = example(experiments, write_run)
    assert "0.0021 of run hybrid_v2_20260122_030000" in found["degraded"].evidence
    assert found["duration_implausible"].basis == "comparable runs"
    assert "took 0.25 s a step" in found["duration_implausible"].evidence


def test_every_legacy_shape_has_an_answer(legacy_folder: Path) -> None:
    records = scan(str(legacy_folder))
    assert len(records) > 10
    for record in records:
        found = findings(record, records)
        if record.status == "unreadable":
            assert [one.code for one in found] == ["unreadable"]
        if record.raw in ("no metadata", "empty"):
            assert [one.code for one in found] == ["lost"]
            assert found[0].command is None
    by_id = {record.run_id: [one.code for one in findings(record, records)] for record in records}
    assert "not_finite" in by_id["flatnan_20260101_000002"]


def folder_of(write_run: Any, unclipped_bad: int, clipped_bad: int = 0, loss: bool = False) -> None:
    bad = {"metrics.overall_edc": {"mae": 0.2, "rmse": 0.5, "r2": -3.0}}
    good = {"metrics.overall_edc": {"mae": 0.002, "rmse": 0.01, "r2": 0.99}, "training_config.batch_size": 8}
    for number in range(6):
        for clip, count in ((None, unclipped_bad), (1.0, clipped_bad)):
            own = {"loss_config.gradient_clip_val": clip, "training_config.batch_size": 8}
            if loss:
                own["loss_config.loss_type"] = "auxiliary" if clip is None else "mse"
            stamp = f"m_20260{1 + (clip is None)}01_00000{number}"
            write_run(stamp, good | (bad if number < count else {}) | own)


def test_a_setting_that_goes_with_bad_results_is_counted(experiments: Path, write_run: Any) -> None:
    folder_of(write_run, unclipped_bad=5)
    (found,) = diagnose_all.findings(scan(str(experiments)))
    assert found.code == "gradient_clip_val_goes_with_bad"
    assert found.severity == "warning"
    assert "gradient_clip_val off: 5 of 6 runs bad; otherwise 0 of 6" in found.evidence


def test_settings_that_go_together_are_not_told_apart(experiments: Path, write_run: Any) -> None:
    folder_of(write_run, unclipped_bad=5, loss=True)
    found = diagnose_all.findings(scan(str(experiments)))
    assert {one.code for one in found} == {"gradient_clip_val_goes_with_bad", "loss_type_goes_with_bad"}
    assert all("cannot be told apart" in one.evidence and one.severity == "note" for one in found)


@pytest.mark.parametrize(("off", "on"), [(1, 0), (3, 3), (0, 0)])
def test_no_setting_is_blamed_where_none_stands_out(experiments: Path, write_run: Any, off: int, on: int) -> None:
    folder_of(write_run, unclipped_bad=off, clipped_bad=on)
    assert diagnose_all.findings(scan(str(experiments))) == []


def test_the_mark_is_the_same_out_of_the_index_and_a_running_run_is_not_in_it(
    experiments: Path, write_run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "WORTHWHILE", 1)
    monkeypatch.setattr(index_table, "DISTRUST_NS", -1)
    sound = {"metrics.overall_edc": {"mae": 0.002, "rmse": 0.01, "r2": 0.99}}
    write_run("m_20260301_000001")
    write_run("m_20260301_000002", sound)
    write_run("m_20260301_000003", {"status": "running", "process": None})
    for _ in range(2):  # the second reading comes out of the index
        records = index.scan(str(experiments), ["severe", "status"])
        assert [record.get("severe") for record in records] == [["r2_below_zero"], None, ["r2_below_zero"]]
        assert [type(record) is Record for record in records] == [False, False, True]
