"""Training, validation and test rows of a data set."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from decaylab.errors import InputError
from decaylab.rooms.features import ABSORPTION, SIZE

SPLITS = ("random", "room", "material")
#: What the rows of a group have in common: length, width and height, or the seven absorptions.
_GROUPED_BY = {"room": SIZE, "material": ABSORPTION}


class Split(NamedTuple):
    """Row indices of `train`, `validation` and `test`, int64 (n,), ascending; disjoint, and together all rows."""

    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]


def split_rows(
    features: NDArray[np.float64],
    kind: str = "random",
    seed: int = 0,
    train_ratio: float = 0.6,
    val_ratio: float = 0.2,
    fold: tuple[int, int] | None = None,
) -> Split:
    """Divide rows into training, validation and test.

    `random` divides the rows: on a grid it puts the same rooms and materials in every part. `room` keeps all rows of
    one (length, width, height) in one part, `material` all of one absorption vector: ratios then count groups. The
    groups of a seed are the same whatever the order of the rows.

    Args:
        features: (n, 16).
        kind: one of `SPLITS`.
        seed: which division.
        train_ratio, val_ratio: shares of the rows or groups, rounded, none empty; the rest is the test part.
        fold: (k, n) with k in 1..n, for `room` and `material`: the test part is the k-th of n equal shares of the
            groups, so that n folds test each group once; the others are divided as train_ratio : val_ratio.

    Raises:
        InputError: an unknown kind, impossible ratios or fold, or fewer than three rows or groups.
    """
    if kind not in SPLITS:
        raise InputError(f"unknown split '{kind}': choose from {', '.join(SPLITS)}")
    if not (0 < train_ratio < 1 and 0 < val_ratio < 1 and train_ratio + val_ratio < 1):
        raise InputError(
            f"train and validation ratios {train_ratio:g} and {val_ratio:g} leave no test part: "
            "each must be above 0 and their sum below 1"
        )
    group_of_row = np.arange(len(features)) if kind == "random" else group_numbers(features, _GROUPED_BY[kind])
    groups = int(group_of_row.max()) + 1 if len(group_of_row) else 0
    what = "rooms" if kind == "random" else f"groups ({kind})"
    if groups < 3:
        raise InputError(f"a {kind} split needs at least 3 {what}, one for each part; the data set has {groups}")
    shuffled = np.random.default_rng(seed).permutation(groups)
    if fold is None:
        rest, test_count = shuffled, _share(groups, 1.0 - train_ratio - val_ratio, most=groups - 2)
    else:
        rest, test_count = _fold_last(shuffled, kind, fold)
    others = groups - test_count
    val_count = _share(others, val_ratio / (train_ratio + val_ratio), most=others - 1)
    part = np.zeros(groups, dtype=np.int64)
    part[rest[others:]] = 2
    part[rest[others - val_count : others]] = 1
    of_row = part[group_of_row]
    return Split(*(np.flatnonzero(of_row == number) for number in range(3)))


def group_numbers(features: NDArray[np.float64], columns: slice) -> NDArray[np.int64]:
    """Number of each row's group, (n,): rows that are equal in these columns, counted in the order of their values."""
    return np.unique(features[:, columns], axis=0, return_inverse=True)[1].reshape(-1)


def _share(count: int, ratio: float, most: int) -> int:
    return min(max(round(count * ratio), 1), most)


def _fold_last(shuffled: NDArray[np.int64], kind: str, fold: tuple[int, int]) -> tuple[NDArray[np.int64], int]:
    """The groups with those of the fold at the end, and how many these are."""
    number, folds = fold
    groups = len(shuffled)
    if kind == "random":
        raise InputError("folds are for the splits room and material: give --split room or --split material")
    if not (2 <= folds <= groups and 1 <= number <= folds):
        raise InputError(
            f"fold {number}/{folds} does not exist: with {groups} groups give K/N with 2 <= N <= {groups}, 1 <= K <= N"
        )
    edges = np.linspace(0, groups, folds + 1).round().astype(np.int64)
    first, last = edges[number - 1], edges[number]
    if groups - (last - first) < 2:
        raise InputError(f"fold {number}/{folds} leaves no groups to train and validate on: use more folds")
    return np.concatenate([shuffled[:first], shuffled[last:], shuffled[first:last]]), int(last - first)
