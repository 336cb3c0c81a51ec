"""Scalers of features and curves, fitted on the training rows in one pass over the data.

They do what scikit-learn's scalers of the same name do to an array (rows, columns), without holding that array, and
turn into genuine fitted scikit-learn objects for the run directory (`Scaler.sklearn`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from decaylab.errors import InputError, MissingExtraError
from decaylab.rooms.dataset import DataSet

SCALERS = ("minmax", "standard", "robust")

#: Memory that one block of curves may take, in bytes.
BLOCK_BYTES = 128 * 2**20

_EPSILON = float(np.finfo(np.float64).eps)
#: A column whose spread is smaller is constant; of a curve that starts at 1 it is -147 dB.
_LEAST_SCALE = 10 * _EPSILON


@dataclass(frozen=True)
class Scaler:
    """scaled = (physical - center) / scale, per column.

    Attributes:
        kind: one of `SCALERS`.
        center: float64 (d,): minimum, mean or median of each column.
        spread: float64 (d,): range, standard deviation or interquartile range, as measured.
        samples: number of rows it was fitted on.
        constant: bool (d,): columns without a spread that could be told from rounding; their scale is 1.
    """

    kind: str
    center: NDArray[np.float64]
    spread: NDArray[np.float64]
    samples: int
    constant: NDArray[np.bool_]

    @property
    def scale(self) -> NDArray[np.float64]:
        """What columns are divided by, (d,): the spread, and 1 where a column is constant."""
        return np.where(self.constant, 1.0, self.spread)

    def transform(self, physical: ArrayLike) -> NDArray[np.float64]:
        """(..., d) in physical units to scaled, float64."""
        return np.asarray((np.asarray(physical, dtype=np.float64) - self.center) / self.scale)

    def inverse(self, scaled: ArrayLike) -> NDArray[np.float64]:
        """(..., d) scaled to physical units, float64."""
        return np.asarray(np.asarray(scaled, dtype=np.float64) * self.scale + self.center)

    def to_json(self) -> dict[str, Any]:
        """Everything of it as JSON-able values; numbers survive exactly."""
        return {
            "kind": self.kind,
            "samples": self.samples,
            "center": self.center.tolist(),
            "spread": self.spread.tolist(),
            "constant": np.flatnonzero(self.constant).tolist(),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Scaler:
        """The scaler that `to_json` wrote."""
        center = np.array(data["center"], dtype=np.float64)
        constant = np.zeros(center.shape, dtype=bool)
        constant[data["constant"]] = True
        return cls(data["kind"], center, np.array(data["spread"], dtype=np.float64), data["samples"], constant)

    def sklearn(self) -> Any:
        """The same scaler as a fitted MinMaxScaler, StandardScaler or RobustScaler.

        Raises:
            MissingExtraError: scikit-learn is not installed.
        """
        try:
            from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler
        except ImportError:
            raise MissingExtraError("scikit-learn", "train", "storing a scaler") from None
        if self.kind == "minmax":
            made = MinMaxScaler()
            made.data_min_, made.data_max_ = self.center.copy(), self.center + self.spread
            made.data_range_ = self.spread.copy()
            made.scale_ = 1.0 / self.scale
            made.min_ = -self.center * made.scale_
            made.n_samples_seen_ = self.samples
        elif self.kind == "standard":
            made = StandardScaler()
            made.mean_, made.var_, made.scale_ = self.center.copy(), self.spread**2, self.scale
            made.n_samples_seen_ = self.samples
        else:
            made = RobustScaler()
            made.center_, made.scale_ = self.center.copy(), self.scale
        made.n_features_in_ = len(self.center)
        return made


def fit_features(kind: str, X: ArrayLike) -> Scaler:
    """Fit on features (n, d), in memory.

    Args:
        kind: one of `SCALERS`.
        X: (n, d), physical units.

    Raises:
        InputError: an unknown kind, or no rows.
    """
    features = np.asarray(X, dtype=np.float64)
    _check(kind, len(features))
    if kind == "robust":
        return _robust(np.quantile(features, (0.25, 0.5, 0.75), axis=0), len(features))
    moments = _Moments(features.shape[1])
    moments.add(features)
    return moments.scaler(kind)


def fit_curves(kind: str, data: DataSet, rows: ArrayLike) -> Scaler:
    """Fit on the curves of these rows, one column per sample, reading each value once.

    `minmax` and `standard` go through the rows in blocks (running moments, Chan et al. 1983). `robust` needs all values
    of a column for its quartiles: it goes through blocks of columns instead. Both take `BLOCK_BYTES` at a time.

    Args:
        kind: one of `SCALERS`.
        data: the data set.
        rows: (n,) rows of it, the training's.

    Raises:
        InputError: an unknown kind, or no rows.
    """
    chosen = np.asarray(rows, dtype=np.int64)
    _check(kind, len(chosen))
    if kind == "robust":
        width = max(BLOCK_BYTES // (8 * len(chosen)), 1)
        quartiles = np.empty((3, data.samples))
        for first in range(0, data.samples, width):
            columns = slice(first, min(first + width, data.samples))
            block = data.read(chosen, columns).astype(np.float64)
            quartiles[:, columns] = np.quantile(block, (0.25, 0.5, 0.75), axis=0, overwrite_input=True)
        return _robust(quartiles, len(chosen))
    height = max(BLOCK_BYTES // (8 * data.samples), 1)
    moments = _Moments(data.samples)
    for first in range(0, len(chosen), height):
        moments.add(data.read(chosen[first : first + height]).astype(np.float64))
    return moments.scaler(kind)


def usable_scale(scale: ArrayLike) -> NDArray[np.float64]:
    """The scale of each sample of curves as networks see it, 1 where it is next to nothing, as in scikit-learn.

    Late in a record the spread is so small that float32 would make it 0. One rule for training and for use.
    """
    values = np.asarray(scale, dtype=np.float64)
    return np.where(values < _LEAST_SCALE, 1.0, values)


class _Moments:
    """Minimum, maximum, mean and sum of squared deviations of columns, (d,) each, over blocks of rows."""

    def __init__(self, columns: int) -> None:
        self.count = 0
        self.low = np.full(columns, np.inf)
        self.high = np.full(columns, -np.inf)
        self.mean = np.zeros(columns)
        self.squares = np.zeros(columns)

    def add(self, block: NDArray[np.float64]) -> None:
        """Take in rows (n, d); deviations are merged around the means, so that nothing cancels."""
        total = self.count + len(block)
        mean = block.mean(axis=0)
        shift = mean - self.mean
        self.squares += ((block - mean) ** 2).sum(axis=0) + shift**2 * (self.count * len(block) / total)
        self.mean += shift * (len(block) / total)
        self.low = np.minimum(self.low, block.min(axis=0))
        self.high = np.maximum(self.high, block.max(axis=0))
        self.count = total

    def scaler(self, kind: str) -> Scaler:
        if kind == "minmax":
            spread = self.high - self.low
            return Scaler(kind, self.low, spread, self.count, spread < _LEAST_SCALE)
        variance = self.squares / self.count
        # scikit-learn's bound on what rounding makes of a constant column.
        bound = self.count * _EPSILON * variance + (self.count * self.mean * _EPSILON) ** 2
        return Scaler(kind, self.mean, np.sqrt(variance), self.count, variance <= bound)


def _robust(quartiles: NDArray[np.float64], count: int) -> Scaler:
    spread = quartiles[2] - quartiles[0]
    return Scaler("robust", quartiles[1].copy(), spread, count, spread < _LEAST_SCALE)


def _check(kind: str, rows: int) -> None:
    if kind not in SCALERS:
        raise InputError(f"unknown scaler '{kind}': choose from {', '.join(SCALERS)}")
    if rows == 0:
        raise InputError("a scaler needs at least one training row")
