"""`decaylab export`: where the file goes, what is said of it, what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from decaylab import load_model
from decaylab.cli.main import main
from decaylab.models import build_model
from decaylab.training.checkpoint import save_checkpoint


@pytest.fixture
def run(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    directory = tmp_path / "experiments" / "compact_20260301_120000"
    about: dict[str, Any] = {
        "model_name": "compact", "model_path": None, "input_dim": 16, "output_length": 96_000, "sampling_rate": 48_000,
        "scaler_X": None, "scaler_y": None,
    }  # fmt: skip
    save_checkpoint(str(directory / "checkpoints" / "best_model.ckpt"), build_model("compact").state_dict(), about)
    return directory


@pytest.mark.heavy
def test_a_run_is_exported_into_its_directory(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("onnxscript")
    pytest.importorskip("onnxruntime")
    assert main(["export", str(run / "checkpoints" / "best_model.ckpt"), "--output", str(run / "model.onnx")]) == 0
    out, err = capsys.readouterr()
    assert out == f"{run / 'model.onnx'}\n"
    assert "limit 0.001" in err
    model = load_model(run / "model.onnx")
    assert model.backend == "onnxruntime"
    assert model.can_be_heard
    assert sorted(path.name for path in run.iterdir()) == ["checkpoints", "model.onnx"]


def test_what_cannot_be_exported_is_one_line(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    checkpoint = str(run / "checkpoints" / "best_model.ckpt")
    (tmp_path / "m.onnx").write_text("")
    for argv, said in (
        ([checkpoint, "--output", "model.pb"], ".onnx"),
        ([checkpoint, "--output", str(tmp_path / "none" / "m.onnx")], "there is no folder"),
        ([str(tmp_path / "m.onnx")], "an ONNX file already"),
        ([checkpoint, "--format", "torchscript"], "torchscript"),
        (["compact_x", "--experiments", str(tmp_path / "experiments")], "compact_x"),
    ):
        assert main(["export", *argv]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert said in err
        assert err.count("\n") == 1
    assert not list(run.glob("*.onnx*"))


def test_a_file_that_computes_something_else_is_not_taken_for_good(
    run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from decaylab.inference import export

    far = export.Difference(5, 0.5, {"t20": 0.0})
    monkeypatch.setattr(export, "export_onnx", lambda *args, **options: far)
    assert main(["export", str(run / "checkpoints" / "best_model.ckpt")]) == 1
    assert "do not rely on it" in capsys.readouterr().err
