"""What the stored curves of a run are called, why they are missing, and the split beside them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from decaylab.errors import RunLogError
from decaylab.runlog.arrays import present_pair, sampling_rate, why_missing
from decaylab.runlog.digests import add_pruned
from decaylab.runlog.record import Record
from decaylab.runlog.split import ids_of, read_split, rows_of
from decaylab.runlog.store import is_run, read_run


def recorded(run: Path, document: dict[str, Any] | None = None) -> Record:
    run.mkdir(exist_ok=True)
    (run / "metadata.json").write_text(json.dumps({"model_name": "m", **(document or {})}))
    return read_run(str(run))


@pytest.mark.parametrize(
    ("there", "pair", "why"),
    [
        (["predictions.npy", "targets.npy"], ("predictions.npy", "targets.npy"), None),
        (["edc_predictions.npy", "edc_targets.npy"], ("edc_predictions.npy", "edc_targets.npy"), None),
        (["edc_predictions.npy"], None, "edc_targets.npy is missing"),
        (["targets.npy"], None, "predictions.npy is missing"),
        ([], None, "predictions.npy and targets.npy are missing"),
    ],
)
def test_curves_are_a_pair(tmp_path: Path, there: list[str], pair: tuple[str, str] | None, why: str | None) -> None:
    record = recorded(tmp_path / "m_20260301_120000")
    for name in there:
        (Path(record.path) / name).touch()
    assert present_pair(record) == pair
    assert why is None or why_missing(record) == why


def test_pruned_curves_are_said_to_be(tmp_path: Path) -> None:
    record = recorded(tmp_path / "m_20260301_120000")
    add_pruned(record.path, {"predictions.npy": 1})
    assert why_missing(record) == "predictions.npy and targets.npy are missing"
    (Path(record.path) / "targets.npy").touch()
    assert why_missing(record) == "predictions.npy was pruned"
    (Path(record.path) / "targets.npy").unlink()
    add_pruned(record.path, {"targets.npy": 1})
    assert why_missing(record) == "predictions.npy and targets.npy were pruned"


@pytest.mark.parametrize(
    ("rate", "read"), [(44_100, 44_100.0), (True, None), ("48000", None), (0, None), (float("inf"), None)]
)
def test_a_sampling_rate_is_a_number_of_hertz(tmp_path: Path, rate: Any, read: float | None) -> None:
    assert sampling_rate(recorded(tmp_path / "m", {"data_config": {"sampling_rate": rate}})) == read


def test_parts_of_a_split(tmp_path: Path) -> None:
    content = {"test": {"rows": [3, 1], "ids": ["c", "a"]}, "train": {"rows": [True], "ids": ["b", 2]}, "validation": 7}
    (tmp_path / "split.json").write_text(json.dumps(content))
    split = read_split(str(tmp_path))
    assert (rows_of(split, "test"), ids_of(split, "test")) == ([3, 1], ["c", "a"])
    for part in ("train", "validation", "none"):
        assert (rows_of(split, part), ids_of(split, part)) == (None, None)
    (tmp_path / "split.json").write_text("[1]")
    with pytest.raises(RunLogError, match=r"split\.json holds a list"):
        read_split(str(tmp_path))


def test_a_run_is_told_from_a_folder_of_runs(tmp_path: Path) -> None:
    for place, name in enumerate(("metadata.json", "edc_targets.npy", "checkpoints")):
        (tmp_path / f"{place}").mkdir()
        (tmp_path / f"{place}" / name).touch()
        assert is_run(str(tmp_path / f"{place}")), name
    (tmp_path / "lstm_20260301_120000").mkdir()
    assert is_run(str(tmp_path / "lstm_20260301_120000"))
    assert not is_run(str(tmp_path))
