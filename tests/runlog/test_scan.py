"""Which directories are runs, what each holds, and that hostile ones harm nobody."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from decaylab.errors import RunLogError
from decaylab.runlog.process import identity
from decaylab.runlog.store import read_run, scan


def by_id(folder: Path) -> dict:
    return {record.run_id: record for record in scan(str(folder))}


def test_every_legacy_shape_is_a_row(legacy_folder: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in legacy_folder.rglob("*")}
    runs = by_id(legacy_folder)
    assert {run_id: record.raw for run_id, record in runs.items()} == {
        "2025-06-01/12-30-05": "published",
        "arrays_20260101_000006": "arrays only",
        "blank_20260101_000009": "broken",
        "directory_20260101_000010": "broken",
        "documented_20260122_020157": "documented",
        "early_20260101_000003": "flat early",
        "empty_20260101_000007": "empty",
        "flat_20260101_000001": "flat",
        "flatnan_20260101_000002": "flat",
        "killed_20260101_000005": "no metadata",
        "multihead_20260101_000004": "multihead",
        "truncated_20260101_000008": "broken",
    }
    for record in runs.values():
        assert record.status in ("unknown", "lost", "unreadable")
        assert record.problems, f"{record.run_id} says nothing of what is missing"
    assert {path: path.stat().st_mtime_ns for path in legacy_folder.rglob("*")} == before


def test_values_of_the_documented_example(legacy_folder: Path) -> None:
    run = by_id(legacy_folder)["documented_20260122_020157"]
    assert (run.get("model"), run.get("duration"), run.get("epochs"), run.get("lr")) == ("hybrid_v2", 26564, 121, 0.001)
    assert run.get("t20_mae") == run.get("metrics.t20.mae") == 0.726452
    assert run.get("mae") == run.get("overall_edc_mae") == 0.250203
    assert run.get("c50_mae") is None
    assert run.get("no.such.path") is None
    assert "num_samples 17639, but train + val + test = 6000" in run.problems


def test_values_of_the_flat_shapes(legacy_folder: Path) -> None:
    runs = by_id(legacy_folder)
    flat, early, heads = (
        runs[f"{name}"] for name in ("flat_20260101_000001", "early_20260101_000003", "multihead_20260101_000004")
    )
    assert (flat.get("edc_mae"), flat.get("t20_mae"), flat.get("edt_mae")) == (0.0012, 0.065, None)
    assert flat.get("metrics.overall_edc.r2") == 0.9946
    assert early.get("duration") is None
    assert "num_samples is what was asked for, not what was used" in early.problems
    assert (heads.get("edc_mae"), heads.get("c50_mae"), heads.get("scaler_type")) == (0.00026, 0.34, "minmax")
    assert "no sizes of the splits" in heads.problems
    not_finite = runs["flatnan_20260101_000002"]
    assert (not_finite.get("c50_mae"), not_finite.get("edc_r2"), not_finite.get("t20_mae")) == (None, None, 0.065)
    assert not_finite.get("metrics_raw") == {"r2": "-Infinity", "c50_mae": "NaN"}


def test_values_of_the_published_shape(legacy_folder: Path) -> None:
    run = by_id(legacy_folder)["2025-06-01/12-30-05"]
    assert (run.model, run.timestamp) == (None, "20250601_123005")
    wanted = {"train_size": 3600, "max_epochs": 200, "loss_type": "edc_rir", "edc_mae": 0.01, "batch_size": 8}
    assert {name: run.get(name) for name in wanted} == wanted
    assert run.get("edc_rmse") == pytest.approx(0.02)
    assert "no model name" in run.problems


def test_killed_runs_are_known_by_their_folder(legacy_folder: Path) -> None:
    runs = by_id(legacy_folder)
    assert (runs["killed_20260101_000005"].model, runs["killed_20260101_000005"].timestamp) == (
        "killed",
        "20260101_000005",
    )
    assert runs["empty_20260101_000007"].status == runs["killed_20260101_000005"].status == "lost"
    assert runs["arrays_20260101_000006"].status == "unknown"


def test_other_folders_are_no_runs(legacy_folder: Path) -> None:
    (legacy_folder / "2025-06-02" / "plots").mkdir(parents=True)
    (legacy_folder / "2025-06-02" / "model_20260101_000001").mkdir()
    (legacy_folder / "my best attempt" / "checkpoints").mkdir(parents=True)
    assert by_id(legacy_folder).pop("my best attempt").status == "lost"
    (legacy_folder / "my best attempt" / "checkpoints").rmdir()
    assert not {"lightning_logs", "plots", ".hidden_20260101_000011"} & set(by_id(legacy_folder))
    assert len(by_id(legacy_folder)) == 12


@pytest.mark.parametrize("stored", ["completed", "failed", "interrupted", "diverged"])
def test_stored_statuses(write_run, experiments: Path, stored: str) -> None:
    write_run("m_20260101_000000", {"status": stored, "error": {"type": "ValueError", "message": "bad"}})
    (run,) = scan(str(experiments))
    assert run.status == stored
    assert "ValueError: bad" in run.problems


@pytest.mark.parametrize("stored", ["finished", 7, ["completed"], {"a": 1}])
def test_unknown_statuses_are_said(write_run, experiments: Path, stored: object) -> None:
    write_run("m_20260101_000000", {"status": stored})
    (run,) = scan(str(experiments))
    assert run.status == "unknown"
    assert any("none that the format knows" in problem for problem in run.problems)


def test_running_is_believed_only_of_a_living_process(write_run, experiments: Path) -> None:
    write_run("alive_20260101_000000", {"status": "running", "process": identity()})
    write_run("dead_20260101_000000", {"status": "running", "process": identity() | {"start_time": 1}})
    write_run("nobody_20260101_000000", {"status": "running"})
    assert {run.model: run.status for run in scan(str(experiments))} == {
        "alive": "running",
        "dead": "lost",
        "nobody": "lost",
    }


def test_epochs_of_a_lost_run_come_from_its_history(write_run, experiments: Path) -> None:
    path = write_run("m_20260101_000000", {"status": "running", "training_config.actual_epochs": None})
    lines = [json.dumps({"epoch": epoch, "val_loss": "NaN"}) for epoch in range(1, 8)]
    (path / "history.jsonl").write_text("\n".join([*lines[:3], '{"epoch": 99, "va', *lines[3:]]) + "\n")
    (run,) = scan(str(experiments))
    assert run.get("epochs") == 7
    assert "1 torn line in history.jsonl skipped" in run.problems


def test_durations(write_run, experiments: Path) -> None:
    write_run(
        "a_20260101_000000",
        {"training_config.training_duration_minutes": None, "training_config.training_duration_seconds": 90},
    )
    write_run(
        "b_20260101_000000",
        {"training_config.training_duration_minutes": 442.24, "training_config.training_duration_seconds": 60},
    )
    derived, contradictory = scan(str(experiments))
    assert derived.get("duration") == 1.5
    assert not derived.problems
    assert contradictory.get("duration") == 442.24
    assert any("durations contradict" in problem for problem in contradictory.problems)


def test_edc_against_the_mean_curve(write_run, experiments: Path) -> None:
    write_run("m_20260101_000000", {"metrics.overall_edc.mae": 0.002, "baselines.mean_curve.overall_edc.mae": 0.02})
    write_run("n_20260101_000000", {"baselines.mean_curve": None})
    write_run("p_20260101_000000", {"metrics.overall_edc.mae": 0.002, "baselines.physics.overall_edc.mae": 0.001})
    assert [run.get("edc_vs_mean") for run in scan(str(experiments))] == [pytest.approx(0.1), None, None]
    assert [run.get("edc_vs_physics") for run in scan(str(experiments))] == [None, None, pytest.approx(2.0)]


def test_size_counts_files_and_follows_no_link(write_run, experiments: Path, tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"x" * 1_000_000)
    path = write_run("m_20260101_000000")
    (path / "checkpoints").mkdir()
    (path / "checkpoints" / "best_model.ckpt").write_bytes(b"x" * 500_000)
    (path / "link").symlink_to(tmp_path / "large")
    (path / "loop").symlink_to(path)
    (run,) = scan(str(experiments))
    assert 0.5 < run.get("size") < 0.6


def test_a_newer_schema_is_read_and_said(write_run, experiments: Path) -> None:
    write_run("m_20260101_000000", {"schema_version": 9})
    (run,) = scan(str(experiments))
    assert run.get("t20_mae") == 0.726452
    assert any("schema_version 9" in problem for problem in run.problems)


class TestLinks:
    def test_a_linked_run_is_listed_as_linked(self, write_run, experiments: Path, tmp_path: Path) -> None:
        path = write_run("m_20260101_000000")
        moved = path.rename(tmp_path / "elsewhere")
        path.symlink_to(moved)
        (run,) = scan(str(experiments))
        assert run.linked == str(moved)
        assert run.get("t20_mae") == 0.726452
        assert f"linked to {moved}" in run.problems

    def test_links_lead_nowhere_in_circles(self, write_run, experiments: Path) -> None:
        write_run("m_20260101_000000")
        (experiments / "up").symlink_to(experiments)
        (experiments / "2025-01-01").mkdir()
        (experiments / "2025-01-01" / "12-00-00").symlink_to(experiments)
        (experiments / "2025-01-01" / "12-00-01").symlink_to(experiments / "m_20260101_000000")
        (experiments / "2025-02-02").symlink_to(experiments / "2025-01-01")
        (experiments / "self_20260101_000001").symlink_to("self_20260101_000001")
        (experiments / "gone_20260101_000002").symlink_to("nowhere")
        runs = by_id(experiments)
        linked = {"2025-01-01/12-00-01", "self_20260101_000001", "gone_20260101_000002"}
        assert {run_id for run_id, record in runs.items() if record.linked is not None} == linked
        assert set(runs) == {"m_20260101_000000", *linked}
        assert runs["self_20260101_000001"].status == runs["gone_20260101_000002"].status == "unreadable"

    def test_a_linked_metadata_file_is_not_read(self, write_run, experiments: Path, tmp_path: Path) -> None:
        path = write_run("m_20260101_000000") / "metadata.json"
        path.rename(tmp_path / "secret.json")
        path.symlink_to(tmp_path / "secret.json")
        (run,) = scan(str(experiments))
        assert run.status == "unreadable"
        assert run.problems == ("metadata.json is a link, not a file",)


class TestReadRun:
    def test_reads_a_directory_by_any_path(self, write_run, experiments: Path, monkeypatch) -> None:
        path = write_run("m_20260101_000000")
        monkeypatch.chdir(path)
        for name in (".", str(path), f"{path}/", "../m_20260101_000000"):
            assert read_run(name).run_id == "m_20260101_000000"

    def test_reads_the_published_layout(self, legacy_folder: Path) -> None:
        assert read_run(str(legacy_folder / "2025-06-01" / "12-30-05")).run_id == "2025-06-01/12-30-05"

    @pytest.mark.parametrize("name", ["plots", "missing", "NOTES.md"])
    def test_refuses_what_is_no_run(self, name: str, legacy_folder: Path) -> None:
        with pytest.raises(RunLogError, match=name):
            read_run(str(legacy_folder / name))


@pytest.mark.parametrize("name", ["missing", "file"])
def test_a_folder_that_is_none(name: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RunLogError, match=name):
        scan(str(tmp_path / name))
