"""What the parts of a split share, and what is said of it."""

import numpy as np
import pytest

from decaylab.rooms import Split, split_rows
from decaylab.rooms.leakage import leakage_note, shared_rows


def grid(geometries, materials):
    features = np.repeat(np.random.default_rng(0).uniform(2, 6, (geometries, 16)), materials, axis=0)
    features[:, 9:] = np.tile(np.random.default_rng(1).uniform(0, 1, (materials, 7)), (geometries, 1))
    return features


def split(train, validation, test):
    return Split(*(np.array(part, dtype=np.int64) for part in (train, validation, test)))


def test_rows_are_shared_when_their_group_is_trained_on():
    features = grid(3, 2)  # rows 0 1 | 2 3 | 4 5, materials alternating
    sharing = shared_rows(features, split([0], [1, 2], [3, 4, 5]), "rooms")
    assert (sharing.validation.tolist(), sharing.test.tolist()) == ([1], [])
    sharing = shared_rows(features, split([0], [1, 2], [3, 4, 5]), "materials")
    assert (sharing.validation.tolist(), sharing.test.tolist()) == ([2], [4])


@pytest.mark.parametrize(
    ("kind", "what", "other"), [("room", "rooms", "materials"), ("material", "materials", "rooms")]
)
def test_group_splits_share_nothing_of_their_kind(kind, what, other):
    features = grid(20, 10)
    parts = split_rows(features, kind, seed=3)
    assert all(len(part) == 0 for part in shared_rows(features, parts, what))
    assert len(shared_rows(features, parts, other).test) == len(parts.test)
    assert leakage_note(features, parts, kind) is None


def test_the_note_of_a_random_split_counts_its_test_rows():
    features = grid(100, 20)
    parts = split_rows(features)
    assert leakage_note(features, parts, "random") == (
        "the random split shares rooms and materials: 400 of 400 test rows are in rooms (length, width, height) that "
        "are also trained on, 400 of 400 have a material (seven absorptions) that is also trained on; "
        "--split room and --split material show the errors in unseen ones"
    )
    features[:, 9] = np.arange(2000)
    assert leakage_note(features, parts, "random") == (
        "the random split shares rooms: 400 of 400 test rows are in rooms (length, width, height) that are also "
        "trained on; --split room shows the error in unseen rooms"
    )
    features = np.random.default_rng(2).uniform(0, 1, (2000, 16))
    features[:1000, 9:] = 0.5
    shared = np.flatnonzero((features[:, 9] == 0.5)[parts.test])
    assert leakage_note(features, parts, "random") == (
        f"the random split shares materials: {len(shared)} of 400 test rows have a material (seven absorptions) that "
        "is also trained on; --split material shows the error for unseen materials"
    )
    features[:, 9] = np.arange(2000)
    assert leakage_note(features, parts, "random") is None
