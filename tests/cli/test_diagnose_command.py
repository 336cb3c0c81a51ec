"""`decaylab diagnose` as it is called: a run, a folder, JSON, arrays, hostile text; exit status 0 whatever it finds."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import numpy as np
import pytest

from decaylab.cli.main import main
from decaylab.diagnosis.diagnose import RULES

KEYS = ["code", "severity", "evidence", "basis", "cause", "change", "command"]


def answer(capsys: pytest.CaptureFixture[str], *words: Any) -> Any:
    assert main(["diagnose", *map(str, words), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_run_for_people(experiments: pathlib.Path, write_run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    write_run("hybrid_v2_20260122_020157", own=False)
    assert main(["diagnose", "latest", "--experiments", str(experiments)]) == 0
    shown = capsys.readouterr()
    lines = shown.out.splitlines()
    assert lines[0] == "hybrid_v2_20260122_020157 (unknown): 6 severe, 3 warnings, 3 notes"
    assert lines[2:4] == ["severe    no_clipping", "  evidence loss auxiliary, gradient_clip_val null [experience]"]
    commands = [line for line in lines if line.startswith("decaylab train ")]
    assert len(commands) == 1
    assert "--loss weighted_edc" in commands[0]
    assert "DATA_SET stands for" in shown.err


def test_json_has_the_keys(experiments: pathlib.Path, write_run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    write_run("hybrid_v2_20260122_020157", own=False)
    found = answer(capsys, "20260122_020157", "--experiments", experiments)
    assert [list(one) for one in found] == [KEYS] * len(found)


def test_every_shape_by_its_id(legacy_folder: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    for directory in sorted(legacy_folder.iterdir()):
        if "_2026" in directory.name and not directory.name.startswith("."):
            found = answer(capsys, directory.name, "--experiments", legacy_folder)
            assert found or directory.name.startswith("arrays"), directory.name


def test_the_arrays_are_looked_at(
    experiments: pathlib.Path, write_run: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    run = write_run("m_20260301_000001", {"metrics.overall_edc": {"mae": 0.002, "rmse": 0.01, "r2": 0.99}})
    decays = np.exp(-np.linspace(0, 9, 300)[None, :] * np.linspace(1, 2, 10)[:, None]).astype(np.float32)
    np.save(run / "targets.npy", decays)
    np.save(run / "predictions.npy", np.where(np.arange(300) == 200, 0.9, decays).astype(np.float32))
    found = {one["code"]: one for one in answer(capsys, run)}
    assert found["predictions_no_decays"]["severity"] == "severe"
    assert "10 of 10 rising" in found["predictions_no_decays"]["evidence"]
    assert next(iter(found)) == "no_clipping"  # the cause of it comes first
    assert "predictions_no_decays" not in {one["code"] for one in answer(capsys, run, "--no-arrays")}
    np.save(run / "predictions.npy", decays)
    assert "predictions_no_decays" not in {one["code"] for one in answer(capsys, run)}
    (run / "predictions.npy").write_bytes(b"no array")
    assert main(["diagnose", str(run)]) == 0
    assert "the arrays were not looked at: predictions.npy is no NumPy array file" in capsys.readouterr().err


def test_a_data_set_that_has_changed(
    tmp_path: pathlib.Path, write_run: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "rooms"
    data.mkdir()
    run = write_run("m_20260301_000001", {"data_config.path": str(data)})
    manifest = {"format": "decaylab-data", "format_version": 1, "rooms": 9, "samples": 9, "sampling_rate": 48000}
    for digest, is_said in (("sha256:data", False), ("sha256:other", True)):
        whole = manifest | {"settings": {}, "complete": True, "digest": digest}
        (data / "manifest.json").write_text(json.dumps(whole))
        assert ("data_changed" in {one["code"] for one in answer(capsys, run)}) is is_said


def test_a_folder(experiments: pathlib.Path, write_run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diagnose", str(experiments)]) == 0
    assert "0 runs" in capsys.readouterr().out
    for number in range(4):
        good = {"metrics.overall_edc": {"mae": 0.002, "rmse": 0.01, "r2": 0.99}, "training_config.batch_size": 8}
        write_run(f"m_20260301_00000{number}", good if number % 2 else None)
    found = answer(capsys, experiments)
    assert {one["code"] for one in found} == {"batch_size_goes_with_bad"}
    assert [list(one) for one in found] == [KEYS] * len(found)
    assert "Few runs" in found[0]["evidence"]


def test_what_does_not_exist(experiments: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diagnose", "nothing", "--experiments", str(experiments)]) == 2
    assert main(["diagnose", "--experiments", str(experiments / "gone")]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 2


def test_text_of_a_record_is_shown_not_obeyed(
    experiments: pathlib.Path, write_run: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    write_run("m_20260301_000001", {"status": "failed", "error": {"type": "E", "message": "\x1b[2Jgone\nx"}})
    assert main(["diagnose", "latest", "--experiments", str(experiments)]) == 0
    assert "\x1b" not in capsys.readouterr().out


def test_the_table_marks_severe_runs(
    experiments: pathlib.Path, write_run: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    sound = {"metrics.overall_edc": {"mae": 0.002, "rmse": 0.01, "r2": 0.99}}
    write_run("m_20260301_000001", sound)
    assert main(["compare", str(experiments)]) == 0
    assert "decaylab diagnose" not in capsys.readouterr().out
    write_run("m_20260301_000002")
    assert main(["compare", str(experiments), "--where", "severe~r2"]) == 0
    shown = capsys.readouterr().out
    assert "1 of 2 runs" in shown
    assert main(["compare", str(experiments)]) == 0
    (row,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("m_20260301_000002")]
    assert "r2_below_zero" in row


def test_the_page_names_every_rule() -> None:
    page = (pathlib.Path(__file__).parents[2] / "docs" / "diagnose.md").read_text()
    assert [rule.code for rule in RULES if f"`{rule.code}`" not in page] == []
