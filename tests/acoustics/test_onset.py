"""Where a curve begins."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decaylab.acoustics import edc_from_rir, onset_index
from decaylab.errors import DataError


def test_the_first_drop_within_20_db_of_the_largest() -> None:
    # Energies of single samples; their largest is 100: -21 dB is before the onset, -19 dB is the onset.
    energy = np.array([0.01, 100 * 10**-2.1, 100 * 10**-1.9, 50.0, 100.0, 30.0])
    assert onset_index(edc_from_rir(np.sqrt(energy))) == 2


def test_the_largest_drop_may_be_a_late_reflection() -> None:
    energy = np.zeros(1000)
    energy[[100, 500, 999]] = 0.02, 1.0, 0.5
    assert onset_index(edc_from_rir(np.sqrt(energy))[None]).tolist() == [100]
    energy[100] = 0.005  # -23 dB
    assert onset_index(edc_from_rir(np.sqrt(energy))[None]).tolist() == [500]


def test_a_curve_that_never_drops_begins_at_its_start() -> None:
    assert onset_index(np.ones((2, 50))).tolist() == [0, 0]


def test_float32_and_scale_make_no_difference() -> None:
    rng = np.random.default_rng(1)
    rir = rng.normal(size=(5, 4000)) * np.exp(-np.arange(4000) / 500)
    rir[:, :37] *= 1e-3
    edc = edc_from_rir(rir)
    expected = onset_index(edc)
    assert expected.dtype == np.int64
    assert (onset_index(edc.astype(np.float32)) == expected).all()
    assert (onset_index(edc * 7.5) == expected).all()


def test_a_wrong_shape_is_refused() -> None:
    with pytest.raises(DataError, match="shape"):
        onset_index(np.ones((2, 3, 4)))


@given(st.integers(0, 300), st.floats(0.1, 3.0))
def test_silence_before_a_decay_moves_the_onset_by_its_length(silence: int, seconds: float) -> None:
    decay = np.exp(-6.9 * np.arange(2000) / (seconds * 48_000))
    assert onset_index(edc_from_rir(np.concatenate([np.zeros(silence), decay]))) == silence
