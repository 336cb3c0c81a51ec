"""`decaylab evaluate`: metrics again from stored curves, beside the record and never into it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from decaylab.cli.main import main
from decaylab.evaluation.recompute import score_arrays
from decaylab.runlog import process
from decaylab.runlog.digests import add_pruned

SAMPLES = 24_000
TIMES = np.linspace(0.15, 0.25, 20)


def decays(times: Any, rate: int = 48_000) -> Any:
    return np.exp(-6 * np.log(10) * np.arange(SAMPLES) / rate / np.asarray(times)[:, None]).astype(np.float32)


@pytest.fixture
def run(write_run, experiments: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A completed run whose predictions decay 2 % too slowly."""
    monkeypatch.chdir(experiments.parent)
    directory = write_run("compact_20260301_120000", {"data_config.sampling_rate": 48_000})
    np.save(directory / "predictions.npy", decays(TIMES * 1.02))
    np.save(directory / "targets.npy", decays(TIMES))
    return directory


def evaluation(run: Path, definitions: str = "iso") -> Any:
    return json.loads((run / f"evaluation_{definitions}.json").read_text())


def test_metrics_go_into_a_file_of_their_own_and_beside_the_recorded_ones(run: Path, capsys) -> None:
    before = (run / "metadata.json").read_bytes()
    assert main(["evaluate", "latest"]) == 0
    out, err = capsys.readouterr()
    assert err == "written to experiments/compact_20260301_120000/evaluation_iso.json\n"
    assert out.startswith("compact_20260301_120000: 20 stored curves")
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert "metric recorded (iso) computed (iso)" in lines
    assert "T20 MAE (s) 0.7265 0.0040" in lines
    found = evaluation(run)
    assert found["metrics"] == score_arrays(decays(TIMES * 1.02), decays(TIMES)).result()
    assert (found["definitions"], found["run_id"], found["rooms"], found["samples"], found["sampling_rate"]) == (
        "iso", "compact_20260301_120000", 20, SAMPLES, 48_000,
    )  # fmt: skip
    assert (run / "metadata.json").read_bytes() == before
    assert not [path for path in run.iterdir() if path.name.endswith(".tmp")]


def test_the_predecessors_definitions_are_said_to_be_for_old_figures(run: Path, capsys) -> None:
    assert main(["evaluate", "latest", "--definitions", "predecessor"]) == 0
    out = capsys.readouterr().out
    assert "predecessor definitions (only to read old figures)" in out
    found = evaluation(run, "predecessor")
    assert found["metrics"]["edt"]["mae"] == pytest.approx(0.02 * TIMES.mean() / 6, rel=0.02)
    assert not (run / "evaluation_iso.json").exists()
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert "metric recorded (iso) computed (predecessor)" in lines
    assert not [line for line in lines if line.startswith("T30")]


def test_the_sampling_rate_is_the_recorded_one_else_said(write_run, run: Path, capsys) -> None:
    assert main(["evaluate", "latest"]) == 0
    half = write_run("compact_20260301_120001", {"data_config.sampling_rate": 24_000})
    other = write_run("compact_20260301_120002")
    for directory in (half, other):
        for name in ("predictions.npy", "targets.npy"):
            (directory / name).write_bytes((run / name).read_bytes())
        assert main(["evaluate", directory.name]) == 0
    assert "no sampling rate is recorded: taken as 48,000 Hz" in capsys.readouterr().err
    at_48, at_24, assumed = (evaluation(path)["metrics"]["t20"]["mae"] for path in (run, half, other))
    assert at_24 == pytest.approx(2 * at_48)
    assert assumed == at_48


def test_legacy_runs_with_arrays_work(experiments: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(experiments.parent)
    only = experiments / "lstm_20260101_000006"
    multihead = experiments / "multihead_20260101_000004"
    for directory, prefix in ((only, ""), (multihead, "edc_")):
        directory.mkdir()
        np.save(directory / f"{prefix}predictions.npy", np.asfortranarray(decays(TIMES * 1.02).astype(">f8")))
        np.save(directory / f"{prefix}targets.npy", decays(TIMES))
    (multihead / "metadata.json").write_text(json.dumps({"model_name": "multihead", "metrics": {"edc_mae": 0.1}}))
    for directory in (only, multihead):
        assert main(["evaluate", directory.name]) == 0
        assert evaluation(directory)["metrics"]["t20"]["mae"] == pytest.approx(0.02 * TIMES.mean(), rel=1e-3)
        assert "recorded (unknown)" in capsys.readouterr().out
    assert evaluation(multihead)["arrays"] == ["edc_predictions.npy", "edc_targets.npy"]


def test_a_prediction_that_needs_an_unknown_median_makes_a_null_that_is_explained(write_run, run: Path, capsys) -> None:
    times = np.linspace(0.15, 0.25, 120)
    prediction = decays(times)
    prediction[0] = 1.0
    np.save(run / "predictions.npy", prediction)
    np.save(run / "targets.npy", decays(times))
    assert main(["evaluate", "latest"]) == 0
    assert "t20 is null: 1 of 120 predictions have no valid one" in capsys.readouterr().err
    assert evaluation(run)["metrics"]["t20"]["mae"] is None
    document = json.loads((run / "metadata.json").read_text()) | {"training_medians": {"t20": 0.45}}
    (run / "metadata.json").write_text(json.dumps(document))
    assert main(["evaluate", "latest"]) == 0
    assert evaluation(run)["metrics"]["t20"]["mae"] == pytest.approx(0.30 / 120, rel=0.01)


def refused(capsys, *arguments: str) -> str:
    assert main(["evaluate", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    return str(err)


def test_missing_pruned_and_broken_arrays_are_one_line(run: Path, capsys) -> None:
    whole = (run / "targets.npy").read_bytes()
    for content, reason in (
        (whole[:-100], "promises"),
        (b"text", "is no NumPy array file"),
        (b"", "is no NumPy array file"),
    ):
        (run / "targets.npy").write_bytes(content)
        assert reason in refused(capsys, "latest")
    np.save(run / "targets.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    assert "does not hold plain numbers" in refused(capsys, "latest")
    np.save(run / "targets.npy", decays(TIMES)[:-1])
    assert "targets.npy (19, 24000)" in refused(capsys, "latest")
    np.save(run / "targets.npy", np.ones((20, 5), dtype=np.int32))
    assert "not curves (rooms, samples) of floats" in refused(capsys, "latest")
    os.remove(run / "targets.npy")
    assert "targets.npy is missing; only stored curves can be" in refused(capsys, "latest")
    os.remove(run / "predictions.npy")
    assert "predictions.npy and targets.npy are missing" in refused(capsys, "latest")
    add_pruned(str(run), {"predictions.npy": 1, "targets.npy": 1})
    assert "predictions.npy and targets.npy were pruned" in refused(capsys, "latest")
    os.mkfifo(run / "predictions.npy")
    (run / "targets.npy").write_bytes(whole)
    assert "is a named pipe, not a file" in refused(capsys, "latest")
    (run / "predictions.npy").unlink()
    (run / "predictions.npy").symlink_to(run / "targets.npy")
    assert "is a link, not a file" in refused(capsys, "latest")
    assert not list(run.glob("evaluation_*"))


def test_a_running_run_and_an_archive_are_refused(write_run, run: Path, capsys) -> None:
    write_run("compact_20260301_130000", {"status": "running", "process": process.identity()})
    assert "is running: its curves are written at its end" in refused(capsys, "compact_20260301_130000")
    assert main(["archive", run.name]) == 0
    path = capsys.readouterr().out.strip()
    assert "is a file, not a run: unpack an archive with decaylab restore first" in refused(capsys, path)
    assert "no run 'nothing'" in refused(capsys, "nothing")
    assert main(["evaluate", "latest", "--definitions", "old"]) == 2


def test_a_linked_run_is_never_written_through(run: Path, capsys) -> None:
    os.rename(run, "elsewhere")
    run.symlink_to(Path("elsewhere").resolve())
    assert main(["evaluate", run.name]) == 0
    out, err = capsys.readouterr()
    assert "T20 MAE" in out
    assert "is linked to" in err
    assert "nothing is written there" in err
    assert not list(Path("elsewhere").glob("evaluation_*"))


def test_neither_is_one_below_a_linked_folder(run: Path, capsys, tmp_path: Path) -> None:
    published = tmp_path / "elsewhere" / "12-30-05"
    published.mkdir(parents=True)
    for name in ("predictions.npy", "targets.npy"):
        os.rename(run / name, published / name)
    (run.parent / "2025-06-01").symlink_to(tmp_path / "elsewhere")
    assert main(["evaluate", "experiments/2025-06-01/12-30-05"]) == 0
    assert "nothing is written there" in capsys.readouterr().err
    assert not list(published.glob("evaluation_*"))


def test_a_full_disk_leaves_the_earlier_file(run: Path, capsys, monkeypatch) -> None:
    assert main(["evaluate", "latest"]) == 0
    before = evaluation(run)
    capsys.readouterr()

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("decaylab.runlog.files.write_all", full)
    assert "evaluation_iso.json cannot be written: No space left on device" in refused(capsys, "latest")
    assert evaluation(run) == before
    assert not [path for path in run.iterdir() if path.name.endswith(".tmp")]


def test_a_link_in_the_place_of_the_result_is_replaced(run: Path, tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("mine")
    (run / "evaluation_iso.json").symlink_to(tmp_path / "precious")
    assert main(["evaluate", "latest"]) == 0
    assert (tmp_path / "precious").read_text() == "mine"
    assert evaluation(run)["rooms"] == 20


def test_names_from_records_are_shown_not_obeyed(run: Path, capsys) -> None:
    os.rename(run, run.parent / "a\x1b[31m_20260301_120000")
    assert main(["evaluate", "latest"]) == 0
    out, err = capsys.readouterr()
    assert "\x1b" not in out + err
