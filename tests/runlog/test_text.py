"""Durations as people read them."""

import math

import pytest

from decaylab.runlog.text import about, clock, duration, in_one_unit, minutes_ago


@pytest.mark.parametrize(
    ("form", "seconds", "shown"),
    [
        (clock, (0, 59.4, 187, 26534, 1593840, math.inf), ["0 s", "59 s", "3:07 min", "7:22 h", "18.4 d", "-"]),
        (duration, (8.21, 250, 7500), ["8.2 s", "4 min 10 s", "2 h 05 min"]),
        (about, (0.8412, 42.4, 119, 725, 26640), ["0.84 s", "42 s", "119 s", "12 min", "7.4 h"]),
        (minutes_ago, (-3, 29, 91, 6000), ["0 min ago", "0 min ago", "2 min ago", "100 min ago"]),
        (lambda s: in_one_unit(s, "{:.3g}".format), (5.25, 90, 5400), ["5.25 s", "1.5 min", "1.5 h"]),
    ],
)
def test_durations(form, seconds, shown):
    assert [form(value) for value in seconds] == shown
