"""Splits: disjoint, complete, leak-free where they say so."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decaylab.errors import InputError
from decaylab.rooms import split_rows


def grid(geometries: int = 20, materials: int = 10) -> np.ndarray:
    rng = np.random.default_rng(0)
    features = np.repeat(rng.uniform(2, 6, (geometries, 16)), materials, axis=0)
    features[:, 9:] = np.tile(rng.uniform(0, 1, (materials, 7)), (geometries, 1))
    return features


def groups(features: np.ndarray, kind: str) -> list[tuple[float, ...]]:
    columns = features[:, :3] if kind == "room" else features[:, 9:]
    return [tuple(row) for row in columns.tolist()]


def test_random_is_60_20_20_of_the_rows() -> None:
    split = split_rows(grid())
    assert [len(part) for part in split] == [120, 40, 40]
    assert sorted(np.concatenate(split).tolist()) == list(range(200))
    assert all((np.diff(part) > 0).all() for part in split)


@pytest.mark.parametrize(("kind", "sizes"), [("room", [120, 40, 40]), ("material", [120, 40, 40])])
def test_groups_never_share(kind: str, sizes: list[int]) -> None:
    features = grid()
    split = split_rows(features, kind)
    assert [len(part) for part in split] == sizes
    names = groups(features, kind)
    parts = [{names[row] for row in part} for part in split]
    assert sum(map(len, parts)) == len(set(names)) == len(set.union(*parts))


@pytest.mark.parametrize(("kind", "folds"), [("room", 5), ("room", 7), ("material", 3), ("material", 10)])
def test_folds_test_every_group_once(kind: str, folds: int) -> None:
    features = grid()
    splits = [split_rows(features, kind, fold=(number, folds)) for number in range(1, folds + 1)]
    assert sorted(np.concatenate([split.test for split in splits]).tolist()) == list(range(200))
    for split in splits:
        assert min(map(len, split)) > 0
        assert sorted(np.concatenate(split).tolist()) == list(range(200))


def test_seed_moves_the_split_and_row_order_does_not_move_groups() -> None:
    features = grid()
    assert (split_rows(features, "room", seed=1).test != split_rows(features, "room", seed=2).test).any()
    order = np.random.default_rng(5).permutation(200)
    names, shuffled = groups(features, "room"), groups(features[order], "room")
    here, there = split_rows(features, "room").test, split_rows(features[order], "room").test
    assert {names[row] for row in here} == {shuffled[row] for row in there}


@given(st.integers(3, 60), st.floats(0.05, 0.9), st.floats(0.02, 0.9), st.integers(0, 5))
def test_no_part_is_empty(count: int, train: float, validation: float, seed: int) -> None:
    if train + validation >= 1:
        return
    split = split_rows(grid(count, 1), seed=seed, train_ratio=train, val_ratio=validation)
    assert min(map(len, split)) >= 1
    assert sum(map(len, split)) == count


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(InputError, match="random, room, material"):
        split_rows(grid(), "rooms")
    with pytest.raises(InputError, match="leave no test part"):
        split_rows(grid(), train_ratio=0.8, val_ratio=0.2)
    with pytest.raises(InputError, match="at least 3"):
        split_rows(grid(2, 30), "room")
    with pytest.raises(InputError, match="--split room"):
        split_rows(grid(), fold=(1, 5))
    for fold in ((0, 5), (6, 5), (1, 1), (1, 21)):
        with pytest.raises(InputError, match="does not exist"):
            split_rows(grid(), "room", fold=fold)
