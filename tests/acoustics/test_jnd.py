"""Just noticeable differences: shares of a time, fixed steps of a clarity."""

import numpy as np
import pytest

from decaylab.acoustics.jnd import JND, just_noticeable
from decaylab.errors import InputError


def test_times_are_judged_by_their_share_and_the_others_by_a_fixed_step():
    for name in ("edt", "t20", "t30"):
        np.testing.assert_allclose(just_noticeable(name, [0.5, 2.0]), [0.025, 0.1])
    np.testing.assert_allclose(just_noticeable("c50", [-5.0, 20.0]), [1.1, 1.1])
    np.testing.assert_allclose(just_noticeable("ts", [0.01, 0.2]), [0.010, 0.010])


def test_an_invalid_value_of_a_time_has_none():
    assert np.isnan(just_noticeable("t20", [np.nan])[0])


def test_a_parameter_without_one_is_refused_by_name():
    assert "d50" not in JND
    with pytest.raises(InputError, match="d50"):
        just_noticeable("d50", [0.5])
