"""Each rule of `diagnose` with a run that triggers it and a near miss that does not; and the ranking."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from decaylab.diagnosis.causes import CAUSES
from decaylab.diagnosis.diagnose import RULES, findings
from decaylab.diagnosis.findings import BASES, SEVERITIES, Finding
from decaylab.runlog.record import Folder, Record

#: A sound run of `decaylab train`: nothing is found wrong with it.
SOUND: dict[str, Any] = {
    "model_name": "hybrid_v2",
    "timestamp": "20260301_120000",
    "schema_version": 1,
    "status": "completed",
    "model_parameters": {"total": 1_000_000},
    "training_config": {
        "max_epochs": 100, "actual_epochs": 100, "batch_size": 8, "eval_batch_size": 16, "learning_rate": 0.001,
        "training_duration_seconds": 4500.0, "training_duration_minutes": 75.0, "weight_decay": 0.0,
        "schedule": "constant", "input_noise": 0.0,
    },
    "loss_config": {"loss_type": "weighted_edc", "gradient_clip_val": 1.0, "aux_weight": None, "space": "physical"},
    "precision_config": {"precision": 32},
    "data_loader_config": {
        "num_workers": 0, "pin_memory": False, "persistent_workers": False, "scaler_type": "standard",
    },
    "data_config": {
        "num_samples": 6000, "num_samples_requested": None, "output_length": 96000, "train_size": 3600,
        "val_size": 1200, "test_size": 1200, "train_ratio": 0.6, "val_ratio": 0.2, "split": "random", "split_seed": 0,
        "fold": None, "path": "rooms", "digest": "sha256:aa", "test_digest": "bb", "notes": [],
    },
    "early_stopping_config": {"enabled": True, "patience": 25, "stopped_at_epoch": None},
    "metrics": {
        "overall_edc": {"mae": 0.002, "rmse": 0.01, "r2": 0.99},
        "edt": {"mae": 0.02, "r2": 0.9, "targets": 1200, "invalid_targets": 0, "invalid_predictions": 0},
        "t20": {"mae": 0.02, "r2": 0.9, "targets": 1200, "invalid_targets": 0, "invalid_predictions": 0},
        "c50": {"mae": 0.3, "r2": 0.9, "targets": 1200, "invalid_targets": 0, "invalid_predictions": 0},
    },
    "baselines": {
        "mean_curve": {"overall_edc": {"mae": 0.03}, "t20": {"mae": 0.5}},
        "physics": {"overall_edc": {"mae": 0.0018}},
    },
    "metrics_definitions": "iso",
    "best_epoch": 90,
    "best_val_loss": 0.01,
    "seed": 0,
    "total_duration_seconds": 4600.0,
    "environment": {"device": "cpu", "cpu_count": 4, "code": "cc"},
    "command": ["/home/me/decaylab", "train", "--data", "rooms"],
    "working_directory": "/home/me",
}  # fmt: skip

BAD = {"metrics.overall_edc": {"mae": 0.25, "rmse": 0.9, "r2": -97.99}}
AUXILIARY = {"loss_config": {"loss_type": "auxiliary", "gradient_clip_val": None, "aux_weight": 0.3}}
RISING = [0.5 - 0.02 * epoch for epoch in range(20)] + [0.2 + 0.1 * epoch for epoch in range(20)]


def run(
    folder: Path,
    changes: dict[str, Any] | None = None,
    history: list[dict[str, Any]] | None = None,
    name: str = "hybrid_v2_20260301_120000",
) -> Record:
    """A run like SOUND, with dotted paths replaced, and a history with these lines."""
    document = copy.deepcopy(SOUND)
    for path, value in (changes or {}).items():
        *parents, last = path.split(".")
        place = document
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = copy.deepcopy(value)
    directory = folder / name
    directory.mkdir(parents=True, exist_ok=True)
    lines = [{"epoch": number, **line} for number, line in enumerate(history or [], 1)]
    (directory / "history.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return Record(Folder(str(folder)), name, str(directory), document, "documented")


def losses(validation: list[float], training: list[float] | None = None) -> list[dict[str, Any]]:
    return [{"val_loss": v, "train_loss": t} for v, t in zip(validation, training or validation, strict=True)]


def codes(record: Record, others: list[Record] | None = None, **more: Any) -> list[str]:
    return [finding.code for finding in findings(record, others or [], here="/home/me", **more)]


#: code -> (changes and history that trigger it, changes and history that just do not).
Case = tuple[dict[str, Any], list[dict[str, Any]]]
FALLING = losses([1 / epoch for epoch in range(1, 41)])
PAIRS: dict[str, tuple[Case, Case]] = {
    "failed": (({"status": "failed", "error": {"type": "RuntimeError", "message": "boom"}}, []), ({}, [])),
    "interrupted": (({"status": "interrupted"}, FALLING), ({"status": "completed"}, FALLING)),
    "wrong_join": (
        ({"baselines.physics.overall_edc.mae": 0.031}, []),
        ({"baselines.physics.overall_edc.mae": 0.015}, []),
    ),
    "data_faults": (({"metrics.t20.invalid_targets": 500}, []), ({"metrics.t20.invalid_targets": 200}, [])),
    "data_left_out": (
        ({"data_config.notes": ["3 curves have no room, left out: a, b, c"]}, []),
        ({"data_config.notes": ["all is well"]}, []),
    ),
    "diverged": (
        ({"status": "diverged"}, []),
        ({}, losses([1.0, 0.5])),
    ),
    "not_finite": (({"metrics_raw": {"overall_edc.r2": "-Infinity"}}, []), ({"metrics_raw": {"c50.mae": "NaN"}}, [])),
    "r2_below_zero": (({"metrics.overall_edc.r2": -0.01}, []), ({"metrics.overall_edc.r2": 0.01}, [])),
    "worse_than_mean": (({"metrics.overall_edc.mae": 0.031}, []), ({"metrics.overall_edc.mae": 0.029}, [])),
    "degraded": ((BAD, []), ({"metrics.overall_edc": {"mae": 0.0035, "r2": -0.1}}, [])),
    "null_parameter": (({"metrics.c50.mae": None}, []), ({"metrics.c50.mae": 0.9}, [])),
    "worse_than_physics": (({"metrics.overall_edc.mae": 0.003}, []), ({"metrics.overall_edc.mae": 0.0025}, [])),
    "loss_rises": (({}, losses(RISING)), ({}, losses([1.0, 0.5, 0.6, 0.7, 0.8]))),
    "overfitting": (
        ({}, losses([1.0, 0.5, 0.6, 0.7, 0.8], [1.0, 0.5, 0.3, 0.2, 0.1])),
        ({}, losses([1.0, 0.5, 0.52, 0.53, 0.54], [1.0, 0.5, 0.3, 0.2, 0.1])),
    ),
    "loss_bought_nothing": (({"metrics.t20.mae": 0.5}, []), ({"metrics.t20.mae": 0.49}, [])),
    "split_leaks": (
        ({"data_config.notes": ["the random split shares rooms: 700 of 1,200 test rows are in rooms (l, w, h)"]}, []),
        ({"data_config.notes": ["the random split shares materials: 7 of 1,200 test rows have a material"]}, []),
    ),
    "learning_rate": (
        ({"training_config.learning_rate": 0.02}, []),
        ({"training_config.learning_rate": 0.01}, []),
    ),
    "learning_rate_low": (
        ({"training_config.learning_rate": 1e-5}, losses([1.0, 0.99, 0.98])),
        ({"training_config.learning_rate": 1e-5}, losses([1.0, 0.6, 0.3])),
    ),
    "weight_decay": (
        ({"training_config.weight_decay": 10.0}, []),
        ({"training_config.weight_decay": 9.9}, []),
    ),
    "input_noise": (({"training_config.input_noise": 1.0}, []), ({"training_config.input_noise": 0.9}, [])),
    "weight_rules": (({"loss_config.t20_weight": 40.0}, []), ({"loss_config.t20_weight": 39.0}, [])),
    "scaler_unfit": (
        ({"loss_config.loss_type": "mse", "loss_config.space": "scaled"}, losses([106.0, 101.0])),
        ({"loss_config.loss_type": "mse", "loss_config.space": "scaled"}, losses([1.2, 0.9])),
    ),
    "no_clipping": ((AUXILIARY, []), (AUXILIARY | {"loss_config.gradient_clip_val": 1.0}, [])),
    "half_precision_logs": (
        ({"precision_config.precision": 16, "loss_config.loss_type": "auxiliary"}, []),
        ({"precision_config.precision": 16}, []),
    ),
    "auxiliary_loss": ((AUXILIARY | BAD, []), (AUXILIARY, [])),
    "tiny_batch": (({"training_config.batch_size": 3}, []), ({"training_config.batch_size": 4}, [])),
    "patience_too_short": (
        ({"early_stopping_config": {"enabled": True, "patience": 2, "stopped_at_epoch": 9}}, []),
        ({"early_stopping_config": {"enabled": True, "patience": 5, "stopped_at_epoch": 9}}, []),
    ),
    "too_few_epochs": (({}, FALLING), ({"training_config.schedule": "onecycle"}, FALLING)),
    "model_too_large": (
        (BAD | {"model_parameters.total": 36_000_000}, []),
        (BAD | {"model_parameters.total": 35_999_999}, []),
    ),
    "duration_implausible": (
        ({"training_config.training_duration_seconds": 1593840, "total_duration_seconds": 1593900}, []),
        ({"training_config.training_duration_seconds": 26564, "training_config.training_duration_minutes": 442.733,
          "total_duration_seconds": 26600}, []),
    ),
    "duration_contradicts": (({"total_duration_seconds": 4000.0}, []), ({"total_duration_seconds": 4500.0}, [])),
    "sizes_contradict": (({"data_config.num_samples": 17639}, []), ({"data_config.num_samples": 6000}, [])),
    "patience_too_long": (
        ({"early_stopping_config.patience": 100}, []),
        ({"early_stopping_config.patience": 99}, []),
    ),
    "other_weights": (({"evaluated_epoch": 100}, []), ({"evaluated_epoch": 90}, [])),
    "workers_cost": (({"data_loader_config.num_workers": 8}, []), ({"data_loader_config.num_workers": 4}, [])),
    "not_reproducible": (({"seed": None}, []), ({"seed": 1}, [])),
    "preflight_warned": (
        ({"preflight": {"findings": [{"code": "tiny_batch", "severity": "warning", "evidence": "batch 2"}]}}, []),
        ({"preflight": {"findings": [{"code": "tiny_batch", "severity": "note", "evidence": "batch 2"}]}}, []),
    ),
}  # fmt: skip
#: Rules whose pairs need files or other runs: tested below by name.
ELSEWHERE = {"unreadable", "lost", "differs_from_better", "data_changed", "history_missing"}


@pytest.mark.parametrize("code", PAIRS)
def test_each_rule_fires_and_just_does_not(code: str, tmp_path: Path) -> None:
    (changes, history), (near, near_history) = PAIRS[code]
    assert code in codes(run(tmp_path / "a", changes, history))
    near_run = run(tmp_path / "b", near, near_history)
    if code == "degraded":  # without R2 below zero and far from what is expected, nothing is said
        near_run = run(tmp_path / "c", {"metrics.overall_edc": {"mae": 0.0035, "r2": 0.9}})
    assert code not in codes(near_run)


def test_every_rule_has_a_pair_and_a_cause() -> None:
    assert {rule.code for rule in RULES} == set(PAIRS) | ELSEWHERE
    for rule in RULES:
        assert rule.kind != "cause" or rule.text or rule.code == "differs_from_better"
    assert all(entry.cause.endswith(".") and entry.known for entry in CAUSES.values())


def test_nothing_is_found_wrong_with_a_sound_run(tmp_path: Path) -> None:
    assert codes(run(tmp_path)) == []


def test_every_finding_is_whole(tmp_path: Path) -> None:
    for changes, history in (pair[0] for pair in PAIRS.values()):
        for finding in findings(run(tmp_path, changes, history), here="/home/me"):
            assert finding.severity in SEVERITIES
            assert finding.basis in BASES
            assert finding.evidence
            assert finding.command is None or "\n" not in finding.command
            assert all(option.startswith("--") for option in finding.change)


def test_causes_stand_before_the_symptoms_that_they_explain(tmp_path: Path) -> None:
    found = findings(run(tmp_path, {"training_config.learning_rate": 0.5} | BAD), here="/home/me")
    assert [finding.code for finding in found][:2] == ["learning_rate", "r2_below_zero"]
    assert found[0].severity == "severe"
    assert "--learning-rate 0.001 " in str(found[0].command)


def test_a_cause_in_a_sound_run_is_a_remark(tmp_path: Path) -> None:
    (found,) = findings(run(tmp_path, {"training_config.batch_size": 2}))
    assert (found.code, found.severity) == ("tiny_batch", "note")


def test_a_best_epoch_at_the_start_is_no_remark_where_the_schedule_is_meant_to_be_gone_through(tmp_path: Path) -> None:
    early = {"best_epoch": 1}
    whole = early | {"training_config.schedule": "onecycle"}
    assert "patience_too_long" in codes(run(tmp_path, early))
    assert "patience_too_long" not in codes(run(tmp_path, whole))
    assert "patience_too_long" in codes(run(tmp_path, whole | BAD))


def test_a_better_run_with_the_same_setting_clears_it(tmp_path: Path) -> None:
    bad = run(tmp_path, {"training_config.batch_size": 2, "training_config.learning_rate": 0.5} | BAD)
    good = run(tmp_path, {"training_config.batch_size": 2}, name="hybrid_v2_20260301_130000")
    by_code = {finding.code: finding for finding in findings(bad, [bad, good])}
    assert by_code["tiny_batch"].severity == "note"
    assert "hybrid_v2_20260301_130000 has EDC MAE 0.002 with the same" in by_code["tiny_batch"].evidence
    assert by_code["learning_rate"].severity == "severe"
    assert by_code["learning_rate"].basis == "comparable runs"


def test_what_alone_differs_from_a_better_run_is_named(tmp_path: Path) -> None:
    bad = run(tmp_path, {"training_config.weight_decay": 9.0} | BAD)
    good = run(tmp_path, name="hybrid_v2_20260301_130000")
    first = findings(bad, [good], here="/home/me")[0]
    assert first.code == "differs_from_better"
    assert first.change == {"--weight-decay": 0.0}
    elsewhere = run(tmp_path, {"data_config.digest": "sha256:other"}, name="hybrid_v2_20260301_140000")
    assert "differs_from_better" not in codes(bad, [elsewhere])


def test_the_best_of_the_same_data_set_is_the_measure(tmp_path: Path) -> None:
    bad = run(tmp_path, {"metrics.overall_edc.mae": 0.0045})
    good = run(tmp_path, {"metrics.overall_edc.mae": 0.0020}, name="hybrid_v2_20260301_130000")
    nearly = run(tmp_path, {"metrics.overall_edc.mae": 0.0023}, name="hybrid_v2_20260301_140000")
    (found,) = [one for one in findings(bad, [good]) if one.code == "degraded"]
    assert found.basis == "comparable runs"
    assert "0.002 of run hybrid_v2_20260301_130000" in found.evidence
    assert "degraded" not in codes(bad, [nearly])


def test_broken_data_stand_before_every_setting(tmp_path: Path) -> None:
    given = Finding("data_faults", "severe", "targets: 5 of 10 rising", "this run", "Broken.", {})
    found = findings(run(tmp_path, AUXILIARY | BAD), given=[given], here="/home/me")
    assert found[0].code == "data_faults"
    assert found[0].command == "decaylab data check rooms"
    assert {one.code: one.severity for one in found}["no_clipping"] == "note"


def test_a_training_that_was_forced_past_broken_data(tmp_path: Path) -> None:
    entry = {"code": "data_faults", "severity": "severe", "evidence": "5 non finite"}
    found = findings(run(tmp_path, {"preflight": {"findings": [entry]}}), here="/home/me")
    assert (found[0].code, found[0].severity) == ("data_faults", "warning")
    assert "5 non finite" in found[0].evidence
    passed_over = {"preflight": {"findings": [entry | {"severity": "warning"}]}}
    assert codes(run(tmp_path, passed_over)) == ["preflight_warned"]


def test_lost_and_how_to_go_on(tmp_path: Path) -> None:
    record = run(tmp_path, {"status": "running", "process": None, "metrics": {}}, FALLING)
    found = findings(record, here="/home/me")
    assert found[0].code == "lost"
    assert "40 epochs" in found[0].evidence
    assert str(found[0].command).startswith("decaylab train --data rooms --model hybrid_v2 ")
    (Path(record.path) / "checkpoints").mkdir()
    (Path(record.path) / "checkpoints" / "last.ckpt").write_bytes(b"x")
    resumed = findings(run(tmp_path, {"status": "running", "process": None, "metrics": {}}, FALLING))[0]
    assert resumed.command == f"decaylab resume {record.run_id} --experiments {tmp_path}"
    assert "lost" not in codes(run(tmp_path, {}, FALLING))


def test_a_history_that_was_not_copied(tmp_path: Path) -> None:
    record = run(tmp_path)
    Path(record.path, "history.jsonl").unlink()
    (found,) = findings(record, here="/home/me")
    assert (found.code, found.severity) == ("history_missing", "warning")
    old = run(tmp_path, {"schema_version": None}, name="hybrid_v2_20260301_130000")
    del old.document["schema_version"]
    Path(old.path, "history.jsonl").unlink()
    assert "history_missing" not in codes(old)  # programs of before wrote none


def test_other_data_at_the_same_place(tmp_path: Path) -> None:
    record = run(tmp_path)
    other = run(tmp_path, {"data_config.digest": "sha256:dd"}, name="hybrid_v2_20260301_130000")
    moved = run(
        tmp_path, {"data_config.digest": "sha256:dd", "data_config.path": "b"}, name="hybrid_v2_20260301_140000"
    )
    assert "data_changed" in codes(record, [other])
    assert "data_changed" not in codes(record, [moved])


def test_rooms_of_split_json_that_are_in_two_parts(tmp_path: Path) -> None:
    record = run(tmp_path)
    parts = {"train": {"ids": ["a", "b"]}, "test": {"ids": ["b", "c"]}}
    (Path(record.path) / "split.json").write_text(json.dumps(parts))
    (found,) = findings(record, here="/home/me")
    assert (found.code, found.severity) == ("split_leaks", "severe")
    assert "1 of 2" in found.evidence
    (Path(record.path) / "split.json").write_text(json.dumps(parts | {"train": {"ids": ["a"]}}))
    assert codes(record) == []


def test_a_run_of_the_users_own_loop_gets_no_command_of_train(tmp_path: Path) -> None:
    own = {"command": ["my_training.py"], "environment": {"device": "cpu"}, "model_name": "mine"}
    found = findings(run(tmp_path, own | BAD | {"training_config.learning_rate": 0.5}))
    assert found[0].code == "learning_rate"
    assert found[0].change == {"--learning-rate": 0.001}
    assert found[0].command is None


def test_control_characters_of_a_record_reach_no_command(tmp_path: Path) -> None:
    found = findings(run(tmp_path, BAD | {"training_config.learning_rate": 0.5, "data_config.path": "a\x1b[31m"}))
    assert found
    assert all(one.command is None for one in found)
