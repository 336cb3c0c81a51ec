"""Scalers against scikit-learn's own, and the streaming pass against the array."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

from decaylab.errors import InputError
from decaylab.rooms import SCALERS, DataSet, RoomTable, Scaler, fit_curves, fit_features, scaling

preprocessing = pytest.importorskip("sklearn.preprocessing")
PEERS = {"minmax": "MinMaxScaler", "standard": "StandardScaler", "robust": "RobustScaler"}


class ArrayData(DataSet):
    """Curves in memory, as a data set."""

    def __init__(self, curves: NDArray[np.float32]) -> None:
        table = RoomTable([str(row) for row in range(len(curves))], np.zeros((len(curves), 16)))
        super().__init__(Path(), table, "", {"samples": curves.shape[1]})
        self.curves = curves
        self.values_read = 0

    def read(self, rows: ArrayLike, columns: slice = slice(None)) -> NDArray[np.float32]:
        part = self.curves[np.asarray(rows), columns]
        self.values_read += part.size
        return part


def curves() -> NDArray[np.float32]:
    """Decays with constant columns at 1 before the direct sound, and columns that are exactly 0."""
    rng = np.random.default_rng(0)
    decay = np.exp(-np.outer(rng.uniform(1, 30, 37), np.linspace(0, 3, 200)))
    decay[:, :5] = 1.0
    decay[:, 195:] = 0.0
    return decay.astype(np.float32)


@pytest.mark.parametrize("kind", SCALERS)
def test_streaming_equals_scikit_learn(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scaling, "BLOCK_BYTES", 8 * 200 * 10)  # several blocks, the last one smaller
    data = ArrayData(curves())
    rows = np.arange(1, 37)[::-1]
    ours = fit_curves(kind, data, rows)
    array = data.curves[rows].astype(np.float64)
    peer = getattr(preprocessing, PEERS[kind])().fit(array)
    np.testing.assert_allclose(ours.transform(array), peer.transform(array), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(ours.inverse(ours.transform(array)), array, atol=1e-12)
    assert data.values_read == array.size  # one pass
    assert ours.scale[:5].tolist() == [1.0] * 5


@pytest.mark.parametrize("kind", SCALERS)
def test_the_scikit_learn_object_is_genuine(kind: str) -> None:
    X = np.random.default_rng(1).normal(size=(30, 16))
    X[:, 3] = 1.5
    ours, peer = fit_features(kind, X), getattr(preprocessing, PEERS[kind])().fit(X)
    made = ours.sklearn()
    assert type(made) is type(peer)
    assert set(vars(made)) >= {name for name in vars(peer) if not name.startswith("feature_names")}
    for name, value in vars(peer).items():
        if isinstance(value, np.ndarray):
            np.testing.assert_allclose(vars(made)[name], value, rtol=1e-9, atol=1e-12, err_msg=name)
    np.testing.assert_allclose(made.transform(X), peer.transform(X), atol=1e-9)
    np.testing.assert_allclose(made.inverse_transform(made.transform(X)), X, atol=1e-9)


@pytest.mark.parametrize("kind", SCALERS)
def test_json_keeps_it_exactly(kind: str) -> None:
    ours = fit_features(kind, np.random.default_rng(2).normal(size=(9, 4)))
    again = Scaler.from_json(json.loads(json.dumps(ours.to_json())))
    assert again.kind == kind
    assert again.samples == 9
    assert (again.center == ours.center).all()
    assert (again.scale == ours.scale).all()


def test_bad_arguments_are_refused() -> None:
    with pytest.raises(InputError, match="minmax, standard, robust"):
        fit_features("max", np.ones((2, 2)))
    with pytest.raises(InputError, match="at least one"):
        fit_curves("standard", ArrayData(curves()), [])
