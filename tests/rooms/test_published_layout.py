"""The published folder layout: joined on ID, never by position."""

from pathlib import Path

import numpy as np
import pytest

from decaylab.errors import DataError
from decaylab.rooms import FEATURE_NAMES, open_data

ROOM = "4,5,3,1,1.2,1.5,3,4,1.4,0.1,0.2,0.3,0.4,0.5,0.6,0.7"


def layout(folder: Path, rows: list[str], curves: dict[str, np.ndarray]) -> Path:
    (folder / "EDC").mkdir(parents=True)
    lines = [f"{room},{ROOM.replace('4', str(4 + row), 1)}" for row, room in enumerate(rows)]
    text = "\n".join([",".join(["ID", *FEATURE_NAMES]), *lines])
    (folder / "roomFeaturesDataset.csv").write_text(text + "\n")
    for room, curve in curves.items():
        np.save(folder / "EDC" / f"{room}.npy", curve)
    return folder


def curve(level: float, samples: int = 96_000) -> np.ndarray:
    return np.linspace(1.0, level, samples)


def test_curves_follow_their_ids_not_their_order(tmp_path: Path) -> None:
    data = open_data(layout(tmp_path / "d", ["c", "a", "b"], {"a": curve(0.1), "b": curve(0.2), "c": curve(0.3)}))
    assert data.ids == ["c", "a", "b"]
    assert data.features[:, 0].tolist() == [4, 5, 6]
    assert data.read([0, 1, 2])[:, -1].tolist() == pytest.approx([0.3, 0.1, 0.2])
    assert data.read([2]).dtype == np.float32
    assert data.notes == []


def test_what_does_not_join_is_counted_and_named(tmp_path: Path) -> None:
    curves = {"a": curve(0.1), "x": curve(0.2), "y": curve(0.2), "short": curve(0.1, 48_000)}
    folder = layout(tmp_path / "d", ["a", "b", "short", "broken"], curves)
    (folder / "EDC" / "broken.npy").write_bytes(b"not an array")
    data = open_data(folder)
    assert data.ids == ["a"]
    missing, extra, unusable = data.notes
    assert missing == "1 of 4 rooms of roomFeaturesDataset.csv have no curve in EDC/, left out: b"
    assert extra == "2 of 5 curves in EDC/ have no room in roomFeaturesDataset.csv, left out: x, y"
    assert "2 curves in EDC/ cannot be used" in unusable
    assert "short.npy has 48000 samples, not about 96000" in unusable
    assert "broken.npy cannot be read" in unusable


def test_lengths_about_96000_are_cut_or_followed_by_zeros(tmp_path: Path) -> None:
    curves = {"a": curve(0.5, 95_848), "b": curve(0.5, 113_512), "c": curve(0.5)[None]}
    data = open_data(layout(tmp_path / "d", ["a", "b", "c"], curves))
    read = data.read([0, 1, 2])
    assert read.shape == (3, 96_000)
    assert read[0, 95_847] == pytest.approx(0.5)
    assert (read[0, 95_848:] == 0).all()
    np.testing.assert_allclose(read[1], curves["b"][:96_000], rtol=1e-6)
    np.testing.assert_allclose(data.read([0, 1], slice(95_800, 95_900)), read[:2, 95_800:95_900])
    np.testing.assert_allclose(data.read([0], slice(95_900, None)), read[:1, 95_900:])


def test_the_digest_follows_rooms_and_curves(tmp_path: Path) -> None:
    first = open_data(layout(tmp_path / "1", ["a", "b"], {"a": curve(0.1), "b": curve(0.2)})).digest
    assert open_data(layout(tmp_path / "2", ["a", "b"], {"a": curve(0.1), "b": curve(0.2)})).digest == first
    assert open_data(layout(tmp_path / "3", ["a", "b"], {"a": curve(0.2), "b": curve(0.1)})).digest != first
    assert open_data(layout(tmp_path / "4", ["b", "a"], {"a": curve(0.1), "b": curve(0.2)})).digest != first


def test_nothing_to_join_is_an_error_that_says_why(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"not one room .*1 of 1 rooms .* no curve"):
        open_data(layout(tmp_path / "1", ["a"], {"x": curve(0.1)}))
    with pytest.raises(DataError, match=r"ids more than once \(a\)"):
        open_data(layout(tmp_path / "2", ["a", "a"], {"a": curve(0.1)}))
    folder = layout(tmp_path / "3", ["a"], {})
    (folder / "EDC").rmdir()
    with pytest.raises(DataError, match="no folder EDC/"):
        open_data(folder)
