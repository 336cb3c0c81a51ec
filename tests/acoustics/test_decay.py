"""Schroeder integration: from a response to its curve."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from decaylab.acoustics import edc_from_rir
from decaylab.errors import DataError


def test_a_known_response() -> None:
    assert edc_from_rir([0.0, 3.0, 0.0, -4.0]).tolist() == [1.0, 1.0, 16 / 25, 16 / 25]


def test_only_the_first_samples_count_and_a_short_response_is_followed_by_zeros() -> None:
    assert edc_from_rir([3.0, 4.0, 100.0], samples=2).tolist() == [1.0, 16 / 25]
    assert edc_from_rir([3.0, 4.0], samples=4).tolist() == [1.0, 16 / 25, 0.0, 0.0]


def test_small_energies_at_the_end_survive_large_ones_at_the_start() -> None:
    rir = np.concatenate([[1e4], np.full(1000, 1e-6)])
    assert edc_from_rir(rir)[-1] == pytest.approx(1e-12 / (1e8 + 1e-9), rel=1e-12)


@pytest.mark.parametrize("rir", [[], [0.0, 0.0], [1.0, np.nan], [np.inf], [[[1.0]]]])
def test_what_is_no_response_is_refused(rir: list[float]) -> None:
    with pytest.raises(DataError):
        edc_from_rir(rir)


def test_silence_in_the_integrated_part_is_refused() -> None:
    with pytest.raises(DataError, match="silent in its first 2 samples"):
        edc_from_rir([0.0, 0.0, 1.0], samples=2)


@given(arrays(np.float32, st.tuples(st.integers(1, 4), st.integers(2, 60)), elements=st.floats(-100, 100, width=32)))
def test_every_curve_starts_at_one_and_never_rises(rir: np.ndarray) -> None:
    rir[:, 0] = 1.0
    edc = edc_from_rir(rir)
    assert edc.dtype == np.float64
    assert (edc[:, 0] == 1.0).all()
    assert (np.diff(edc, axis=1) <= 0).all()
    assert (edc >= 0).all()
    assert (np.diff(edc.astype(np.float32), axis=1) <= 0).all()
