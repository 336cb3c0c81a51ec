"""Stored curves scored again: read in blocks whatever their layout, by either definitions."""

import tracemalloc

import numpy as np
import pytest

from decaylab.errors import DataError, InputError
from decaylab.evaluation.curve_file import CurveFile
from decaylab.evaluation.recompute import score_arrays
from decaylab.evaluation.reevaluate import reevaluate

RATE = 8_000
SAMPLES = 12_000


def decays(times):
    return np.exp(-6 * np.log(10) * np.arange(SAMPLES) / RATE / np.asarray(times)[:, None]).astype(np.float32)


@pytest.mark.parametrize("dtype", ["<f4", ">f4", "<f8", "<f2"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_blocks_of_a_file_are_those_of_its_array(tmp_path, dtype, order):
    curves = np.asarray(np.random.default_rng(0).random((7, 50)), dtype=dtype, order=order)
    np.save(tmp_path / "a.npy", curves)
    file = CurveFile(str(tmp_path / "a.npy"))
    assert (file.shape, len(file), file.ndim, file.size) == ((7, 50), 7, 2, 350)
    assert file.dtype == (np.float64 if dtype == "<f8" else np.float32)
    for block in (slice(0, 3), slice(3, 7), slice(5, 99)):
        assert file[block].dtype == file.dtype
        np.testing.assert_array_equal(file[block], curves[block].astype(file.dtype))


def test_files_that_hold_no_curves_are_refused(tmp_path):
    np.save(tmp_path / "flat.npy", np.ones(5, dtype=np.float32))
    np.save(tmp_path / "whole.npy", np.ones((2, 5), dtype=np.int32))
    (tmp_path / "text.npy").write_text("no array")
    for name, what in (("flat", r"float32 \(5,\)"), ("whole", "int32"), ("text", "cannot be read")):
        with pytest.raises(DataError, match=what):
            CurveFile(str(tmp_path / f"{name}.npy"))
    np.save(tmp_path / "a.npy", np.ones((4, 50), dtype=np.float32))
    file = CurveFile(str(tmp_path / "a.npy"))
    with open(tmp_path / "a.npy", "r+b") as stream:
        stream.truncate(300)
    with pytest.raises(DataError, match="became shorter"):
        file[slice(2, 4)]


def test_iso_is_what_every_run_is_scored_by(tmp_path):
    times = np.linspace(0.3, 0.8, 70)  # more than a block
    np.save(tmp_path / "predictions.npy", decays(times * 1.02))
    np.save(tmp_path / "targets.npy", decays(times))
    predictions, targets = (CurveFile(str(tmp_path / f"{name}.npy")) for name in ("predictions", "targets"))
    found = reevaluate(predictions, targets, "iso", RATE)
    assert found.metrics == score_arrays(decays(times * 1.02), decays(times), RATE).result()
    assert found.metrics["t20"]["mae"] == pytest.approx(0.02 * times.mean(), rel=1e-3)
    assert found.notes == []


def test_the_predecessors_definitions_on_an_exponential():
    times, factor = np.linspace(0.3, 0.8, 40), 1.02
    found = reevaluate(decays(times * factor), decays(times), "predecessor", RATE).metrics
    assert set(found) == {"overall_edc", "edt", "t20", "c50"}
    assert found["edt"]["mae"] == pytest.approx(0.02 * times.mean() / 6, rel=0.02)  # the time of -10 dB itself
    assert found["t20"]["mae"] == pytest.approx(0.02 * times.mean(), rel=0.02)

    def summed_c50(seconds):
        late = np.exp(-6 * np.log(10) * 0.050 / seconds)
        rest = np.exp(-6 * np.log(10) * SAMPLES / RATE / seconds)
        return 10 * np.log10((1 - late) / (late - rest))

    expected = np.abs(summed_c50(times * factor) - summed_c50(times)).mean()
    assert found["c50"]["mae"] == pytest.approx(expected, rel=0.01)
    iso = reevaluate(decays(times * factor), decays(times), "iso", RATE).metrics
    assert found["overall_edc"] == iso["overall_edc"]


def test_the_predecessor_counts_from_the_files_start_and_from_the_maximum():
    target = decays(np.full(30, 0.5)) * 0.5
    shifted = np.concatenate([np.full((30, 80), target[0, 0], dtype=np.float32), target[:, :-80]], axis=1)
    found = reevaluate(shifted * 3, target, "predecessor", RATE).metrics
    assert found["edt"]["mae"] == pytest.approx(80 / RATE)
    assert found["t20"]["mae"] == pytest.approx(0.0, abs=1e-6)


def test_what_is_null_is_explained():
    target = decays(np.linspace(0.3, 0.8, 120))
    prediction = target.copy()
    prediction[0] = 1.0
    found = reevaluate(prediction, target, "iso", RATE)
    assert found.metrics["t20"]["mae"] is None
    assert "t20 is null: 1 of 120 predictions have no valid one, and the training rooms' median" in found.notes[1]
    known = reevaluate(prediction, target, "iso", RATE, {"t20": 0.9, "edt": 0.9, "t30": None})
    assert known.metrics["t20"]["mae"] == pytest.approx(0.6 / 120, rel=0.01)
    prediction[:2] = 1.0
    assert "2 of 120 predictions have no valid one (limit: 1 %)" in " ".join(reevaluate(prediction, target).notes)
    never = np.ones((3, SAMPLES), dtype=np.float32)
    assert "t20 is null: no target has a valid one" in reevaluate(never, never, "iso", RATE).notes
    assert "t20 is null: no target has a valid one" in reevaluate(never, never, "predecessor", RATE).notes


def test_other_definitions_and_shapes_are_refused():
    curves = decays([0.5, 0.6])
    with pytest.raises(InputError, match="unknown definitions 'old'"):
        reevaluate(curves, curves, "old")
    with pytest.raises(DataError, match="not curves of the same shape"):
        reevaluate(curves[:1], curves)


@pytest.mark.parametrize("definitions", ["iso", "predecessor"])
def test_memory_does_not_grow_with_the_number_of_rooms(tmp_path, definitions):
    def peak(rooms):
        curves = decays(np.linspace(0.3, 0.8, rooms))
        for name in ("predictions", "targets"):
            np.save(tmp_path / f"{name}.npy", curves)
        del curves
        files = [CurveFile(str(tmp_path / f"{name}.npy")) for name in ("predictions", "targets")]
        tracemalloc.start()
        reevaluate(*files, definitions, RATE)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    few, many = peak(64), peak(384)
    assert many < few * 1.2
    assert few > 64 * SAMPLES * 4  # a block was really counted
