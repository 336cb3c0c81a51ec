"""Run directories for tests: the document's own example, and one of every shape that users have."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

#: The example of the run-log document, as its users' programs wrote it.
EXAMPLE: dict[str, Any] = {
    "model_name": "hybrid_v2",
    "timestamp": "20260122_020157",
    "model_parameters": {"total": 197885568, "trainable": 197885568},
    "training_config": {
        "max_epochs": 200,
        "actual_epochs": 121,
        "batch_size": 2,
        "eval_batch_size": 2,
        "learning_rate": 0.001,
        "training_duration_seconds": 1593840,
        "training_duration_minutes": 26564,
    },
    "loss_config": {"loss_type": "auxiliary", "gradient_clip_val": None, "aux_weight": 0.3},
    "precision_config": {"precision": 16, "mixed_precision_enabled": True},
    "data_loader_config": {
        "num_workers": 8,
        "pin_memory": True,
        "persistent_workers": True,
        "scaler_type": "standard",
    },
    "data_config": {
        "num_samples": 17639,
        "input_dim": 16,
        "output_length": 96000,
        "train_size": 3600,
        "val_size": 1200,
        "test_size": 1200,
        "train_ratio": 0.6,
        "val_ratio": 0.2,
    },
    "early_stopping_config": {"enabled": True, "patience": 50, "stopped_at_epoch": 121},
    "metrics": {
        "overall_edc": {"mae": 0.250203, "rmse": 0.896025, "r2": -97.985860},
        "edt": {"mae": 0.072854, "rmse": 0.090517, "r2": -1.840263},
        "t20": {"mae": 0.726452, "rmse": 0.887151, "r2": -2.027245},
        "c50": {"mae": None, "rmse": None, "r2": None},
    },
    "best_model_path": "experiments/hybrid_v2_20260122_020157/checkpoints/best_model.ckpt",
}

WriteRun = Callable[..., Path]


@pytest.fixture
def experiments(tmp_path: Path) -> Path:
    """An empty experiments folder."""
    folder = tmp_path / "experiments"
    folder.mkdir()
    return folder


@pytest.fixture
def write_run(experiments: Path) -> WriteRun:
    """Writes a run of today's form: `write_run("compact_20260301_120000", {"metrics.t20.mae": 0.01})`.

    The document's example, made sound (sizes that add up, iso definitions, completed), with dotted paths replaced.
    """

    def write(run_id: str, changes: dict[str, Any] | None = None, *, own: bool = True) -> Path:
        document = copy.deepcopy(EXAMPLE)
        document["model_name"], document["timestamp"] = run_id.split("_2026")[0], "2026" + run_id.split("_2026")[1][:11]
        if own:
            document |= {"schema_version": 1, "status": "completed", "metrics_definitions": "iso"}
            document["data_config"] |= {"num_samples": 6000, "digest": "sha256:data", "split": "random"}
            document["metrics"]["c50"] = {"mae": 0.5, "rmse": 0.6, "r2": 0.9}
        for path, value in (changes or {}).items():
            *parents, last = path.split(".")
            place = document
            for parent in parents:
                place = place.setdefault(parent, {})
            place[last] = value
        directory = experiments / run_id
        directory.mkdir()
        (directory / "metadata.json").write_text(json.dumps(document, indent=2))
        return directory

    return write


@pytest.fixture
def write_pictured_run(write_run: WriteRun) -> WriteRun:
    """A run of `write_run` with what pictures need: a history of eight epochs and the curves of twelve rooms."""
    import numpy as np

    def write(run_id: str, changes: dict[str, Any] | None = None, *, error: float = 0.02) -> Path:
        sizes = {"data_config.test_size": 12, "data_config.test_digest": "rooms", "best_epoch": 6}
        directory = write_run(run_id, {**sizes, **(changes or {})})
        epochs = range(1, 9)
        lines = [{"epoch": n, "train_loss": 1 / n, "val_loss": 1 / n + 0.01 * (n - 6) ** 2} for n in epochs]
        (directory / "history.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        time = np.arange(19_200) / 48_000
        decay_times = np.linspace(0.15, 0.4, 12)
        off = 1 + error * np.linspace(-1, 1.5, 12)
        for name, seconds in (("targets", decay_times), ("predictions", decay_times * off)):
            curves = 10 ** (-6 * time / seconds[:, None])
            np.save(directory / f"{name}.npy", curves.astype(np.float32))
        return directory

    return write


@pytest.fixture
def legacy_folder(experiments: Path) -> Path:
    """One run of every shape in the document on legacy runs; the key of each is part of its id."""

    def put(run_id: str, text: str, name: str = "metadata.json") -> Path:
        if name == "metadata.json" and text.startswith("{") and run_id.count("_") == 2:
            text = text.replace('"20260122_020157"', json.dumps(run_id.split("_", 1)[1]))
        (experiments / run_id).mkdir(parents=True, exist_ok=True)
        (experiments / run_id / name).write_text(text)
        return experiments / run_id

    put("documented_20260122_020157", json.dumps(EXAMPLE, indent=2))

    flat = copy.deepcopy(EXAMPLE)
    flat["metrics"] = {"mae": 0.0012, "rmse": 0.02, "r2": 0.9946, "t20_mae": 0.065, "t20_rmse": 0.1, "t20_r2": 0.9}
    put("flat_20260101_000001", json.dumps(flat))
    not_finite = flat["metrics"] | {"c50_mae": float("nan"), "r2": float("-inf")}
    put("flatnan_20260101_000002", json.dumps(flat | {"metrics": not_finite}))

    early = {key: flat[key] for key in ("model_name", "model_parameters", "data_config", "metrics")}
    early["training_config"] = {"max_epochs": 5, "actual_epochs": 5, "batch_size": 8, "learning_rate": 0.001}
    put("early_20260101_000003", json.dumps(early | {"timestamp": "20260101_000003"}))

    multihead = copy.deepcopy(EXAMPLE)
    multihead["metrics"] = {"edc_mae": 0.00026, "edc_rmse": 0.01, "edc_r2": 0.9995, "t20_mae": 0.065, "c50_mae": 0.34}
    multihead["loss_config"] = {"loss_type": "multi", "edc_weight": 1.0, "t20_weight": 0.5, "c50_weight": 0.1}
    multihead["data_config"] = {"num_samples": 6000, "scaler_type": "minmax"}
    del multihead["data_loader_config"]["scaler_type"]
    path = put("multihead_20260101_000004", json.dumps(multihead))
    (path / "edc_predictions.npy").write_bytes(b"")

    published = {"Training Dataset Size": 3600, "maxEpochs": 200, "customLoss": "edc_rir", "mae": 0.01, "mse": 0.0004}
    put("2025-06-01/12-30-05", json.dumps(published | {"Batch Size": 8}), "experiment_metadata.json")

    put("killed_20260101_000005/checkpoints", "", "best_model.ckpt")
    put("arrays_20260101_000006", "", "predictions.npy")
    (experiments / "empty_20260101_000007").mkdir()

    put("truncated_20260101_000008", json.dumps(EXAMPLE)[:200])
    put("blank_20260101_000009", "")
    (experiments / "directory_20260101_000010" / "metadata.json").mkdir(parents=True)

    put("lightning_logs/version_0", "{}")
    put(".hidden_20260101_000011", json.dumps(EXAMPLE))
    put("plots", "", "loss.png")
    (experiments / "NOTES.md").write_text("20260122_020157 - Auxiliary loss test (too long, model degraded)\n")
    return experiments
