"""Intervals for means and ratios over rooms, by resampling whole geometries.

Rooms of one geometry (length, width, height) share their errors: they are drawn together, so that an interval does not
claim more than there are geometries. Percentile bootstrap (B. Efron and R. Tibshirani, An Introduction to the
Bootstrap, 1993, chapter 13), on the sums of each cluster: a resample is a vector of multinomial counts, and its sums
are the counts times the clusters' sums. The seed is fixed: the same rooms give the same interval, and two calls over
the same clusters draw the same resamples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

#: Resamples of an interval. The ends of a 95 % interval then vary by about 3 % of its width with the seed.
RESAMPLES = 2_000
#: Of the resampling; fixed, so that a record's figures can be computed again.
SEED = 20_240_229
#: Share of the resamples that an interval holds.
LEVEL = 0.95

#: Counts held at once, at most: 8 MB.
_BLOCK = 1_000_000


class Interval(NamedTuple):
    """A figure with its interval; `low` and `high` are NaN where fewer than two clusters give none."""

    value: float
    low: float
    high: float


def cluster_sums(values: ArrayLike, clusters: ArrayLike) -> NDArray[np.float64]:
    """Sums of `values` (rooms,) or (rooms, k) over the rooms of each cluster, (clusters, k).

    Args:
        clusters: what makes a cluster, (rooms, n), such as length, width and height: equal rows are one cluster.
    """
    columns = np.asarray(values, dtype=np.float64)
    columns = columns.reshape(len(columns), columns.shape[1] if columns.ndim == 2 else 1)
    labels, count = _labels(clusters, len(columns))
    return np.stack([np.bincount(labels, column, count) for column in columns.T], axis=1)


def resampled_sums(sums: NDArray[np.float64], resamples: int = RESAMPLES, seed: int = SEED) -> NDArray[np.float64]:
    """Sums of each resample, (resamples, k), from those of the clusters, (clusters, k).

    Args:
        sums: (clusters, k).
        resamples: how many.
        seed: of the resampling.
    """
    rng = np.random.default_rng(seed)
    blocks = [np.einsum("rc,ck->rk", weights, sums) for weights in _weights(rng, len(sums), resamples)]
    return np.concatenate(blocks)


def bootstrap_ratio(
    numerator: ArrayLike, denominator: ArrayLike, clusters: ArrayLike, *, resamples: int = RESAMPLES, seed: int = SEED
) -> Interval:
    """sum(numerator) / sum(denominator) with its 95 % interval, both (rooms,), paired room by room.

    NaN where there is no room, or the denominator's sum is 0.

    Args:
        numerator, denominator: (rooms,).
        clusters: (rooms, n), what makes a cluster.
        resamples, seed: of the resampling.
    """
    sums = cluster_sums(np.stack([np.asarray(numerator), np.asarray(denominator)], axis=1), clusters)
    return _interval(sums.sum(axis=0), len(sums), lambda: resampled_sums(sums, resamples, seed))


def bootstrap_ratio_crossed(
    numerator: ArrayLike,
    denominator: ArrayLike,
    rows: ArrayLike,
    columns: ArrayLike,
    *,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> Interval:
    """`bootstrap_ratio` of rooms that are a grid of two things which both share errors, such as sizes and materials.

    Both are drawn, independently, and a room counts as often as the product says (A. B. Owen, The pigeonhole bootstrap,
    Annals of Applied Statistics 1, 2007): somewhat too wide rather than too narrow. Each of `rows` and `columns` is
    (rooms, n); NaN as in `bootstrap_ratio`, and without limits where either has fewer than two values.

    Args:
        numerator, denominator: (rooms,).
        rows, columns: (rooms, n) each, what makes a cluster of the one thing and of the other.
        resamples, seed: of the resampling.
    """
    pairs = np.stack([np.asarray(numerator, np.float64), np.asarray(denominator, np.float64)], axis=1)
    (of_rows, many_rows), (of_columns, many_columns) = (_labels(keys, len(pairs)) for keys in (rows, columns))
    cells = np.zeros((many_rows, many_columns, 2))
    np.add.at(cells, (of_rows, of_columns), pairs)

    def drawn() -> NDArray[np.float64]:
        rng = np.random.default_rng(seed)
        first, second = (np.concatenate(list(_weights(rng, n, resamples))) for n in (many_rows, many_columns))
        return np.asarray(np.einsum("ra,rb,abk->rk", first, second, cells, optimize=True))

    return _interval(pairs.sum(axis=0), min(many_rows, many_columns), drawn)


def bootstrap_mean(values: ArrayLike, clusters: ArrayLike, *, resamples: int = RESAMPLES, seed: int = SEED) -> Interval:
    """Mean of `values` (rooms,) with its 95 % interval; NaN where there is no room.

    Args:
        values: (rooms,).
        clusters: (rooms, n), what makes a cluster.
        resamples, seed: of the resampling.
    """
    return bootstrap_ratio(values, np.ones(np.shape(values)), clusters, resamples=resamples, seed=seed)


def _labels(keys: ArrayLike, rooms: int) -> tuple[NDArray[np.int64], int]:
    """Number of each room's cluster, (rooms,), and of clusters, from what makes one, (rooms, n)."""
    if not rooms:
        return np.zeros(0, dtype=np.int64), 0
    table = np.asarray(keys, dtype=np.float64).reshape(rooms, -1)
    found, labels = np.unique(table, axis=0, return_inverse=True)
    return labels.reshape(-1), len(found)


def _interval(totals: NDArray[np.float64], clusters: int, draw: Callable[[], NDArray[np.float64]]) -> Interval:
    """The ratio of two totals, with its limits from those of each resample, (resamples, 2)."""
    top, bottom = totals
    value = float(top / bottom) if bottom else float("nan")
    if clusters < 2 or not np.isfinite(value):
        return Interval(value, float("nan"), float("nan"))
    drawn = draw()
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = drawn[:, 0] / drawn[:, 1]
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(ratios[~np.isnan(ratios)], [tail, 1 - tail])
    return Interval(value, float(low), float(high))


def _weights(rng: np.random.Generator, clusters: int, resamples: int) -> Iterator[NDArray[np.float64]]:
    """How often each cluster is drawn, (resamples in a block, clusters)."""
    rows = max(1, _BLOCK // max(clusters, 1))
    for start in range(0, resamples, rows):
        count = min(rows, resamples - start)
        yield rng.multinomial(clusters, np.full(clusters, 1 / clusters), size=count).astype(np.float64)
