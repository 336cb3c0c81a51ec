"""Parameters against closed forms, and cases in which a plausible mistake gives another number."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decaylab.acoustics import curvature, room_parameters
from decaylab.acoustics.parameters import PARAMETERS
from decaylab.errors import DataError, InputError

RATE = 48_000
TIME = np.arange(96_000) / RATE
NEPERS = 6 * np.log(10)  # of energy, in 60 dB


def exponential(seconds: float, samples: int = 96_000) -> np.ndarray:
    return np.exp(-NEPERS * TIME[:samples] / seconds)


def one(edc: np.ndarray, name: str, **options: object) -> float:
    return float(room_parameters(edc[None], names=(name,), **options)[name][0])  # type: ignore[arg-type]


@pytest.mark.parametrize("seconds", [0.15, 0.5, 1.0, 2.0])
def test_one_exponential_is_exact(seconds: float) -> None:
    found = {name: value[0] for name, value in room_parameters(exponential(seconds)[None], names=PARAMETERS).items()}
    for name in ("edt", "t20", "t30"):
        assert found[name] == pytest.approx(seconds, rel=1e-9)
    assert found["c50"] == pytest.approx(10 * np.log10(10 ** (0.3 / seconds) - 1), abs=1e-9)
    assert found["c80"] == pytest.approx(10 * np.log10(10 ** (0.48 / seconds) - 1), abs=1e-9)
    assert found["d50"] == pytest.approx(1 - 10 ** (-0.3 / seconds), abs=1e-12)
    # Half a sample less than T / 13.8, for energy in samples; what lies behind 2 s is missing.
    missing = exponential(seconds)[-1] * (2 + seconds / NEPERS)
    assert found["ts"] == pytest.approx(seconds / NEPERS - 0.5 / RATE, abs=1e-6 + missing)


def test_float32_is_as_good_as_float64() -> None:
    edc = np.stack([exponential(seconds) for seconds in (0.3, 1.0, 1.9)])
    exact, single = room_parameters(edc), room_parameters(edc.astype(np.float32))
    for name, values in exact.items():
        np.testing.assert_allclose(single[name], values, rtol=2e-6, atol=1e-5)


def test_two_slopes_are_fitted_not_joined_by_two_points() -> None:
    edc = 0.9 * exponential(0.3) + 0.1 * exponential(1.5)
    level = 10 * np.log10(edc)
    for name, upper, lower in (("edt", 0, -10), ("t20", -5, -25), ("t30", -5, -35)):
        first, last = (0 if upper == 0 else np.argmax(level <= upper)), np.argmax(level <= lower)
        slope = np.polyfit(TIME[first : last + 1], level[first : last + 1], 1)[0]
        assert one(edc, name) == pytest.approx(-60 / slope, rel=1e-9)
    two_points = 3 * (TIME[np.argmax(level <= -25)] - TIME[np.argmax(level <= -5)])
    assert abs(one(edc, "t20") / two_points - 1) > 0.03
    summed = 10 * np.log10(edc[:2400].sum() / edc[2400:].sum())
    assert abs(one(edc, "c50") - summed) > 2
    assert one(edc, "c50") == pytest.approx(10 * np.log10((edc[0] - edc[2400]) / edc[2400]))


def test_a_limit_belongs_to_the_fit_and_is_the_first_sample_at_or_below() -> None:
    # Steps of exactly 1 dB with one deep last step: whether its sample belongs to the fit decides the slope.
    level = np.concatenate([-np.arange(25.0), [-30.0], np.linspace(-31, -90, 200)])
    expected = -60 / np.polyfit(np.arange(5, 26) / 100, level[5:26], 1)[0]
    assert one(10 ** (level / 10), "t20", sampling_rate=100, onset=0) == pytest.approx(expected, rel=1e-9)


def test_a_strong_direct_sound_counts_from_the_onset() -> None:
    delay = 700
    edc = np.concatenate([np.ones(delay + 1), 0.5 * exponential(0.8)])[:96_000]  # 3 dB fall with the direct sound
    onset = room_parameters(edc[None], names=("c50",))["c50"][0]
    assert onset == pytest.approx(one(edc, "c50", onset=delay))
    late = 0.5 * 10 ** (-6 * (2399 / RATE) / 0.8)
    assert onset == pytest.approx(10 * np.log10((1 - late) / late), abs=1e-9)
    assert abs(onset - one(edc, "c50", onset=0)) > 0.5
    # A fit hardly sees the step; 6 times the -10 dB time would give 0.56 s.
    assert one(edc, "t20") == pytest.approx(0.8, rel=1e-6)
    assert one(edc, "edt") == pytest.approx(0.8, rel=1e-3)


def test_direct_sound_alone_has_no_edt() -> None:
    edc = np.concatenate([[1.0], 0.05 * exponential(0.8)])[:96_000]  # -13 dB after one sample
    assert np.isnan(one(edc, "edt"))
    assert one(edc, "t20") > 0
    assert np.isnan(one(exponential(0.058), "edt"))  # -10 dB after 9.7 ms
    assert one(exponential(0.066), "edt") == pytest.approx(0.066)  # after 11 ms


@pytest.mark.parametrize(("name", "headroom"), [("edt", 20), ("t20", 35), ("t30", 45)])
def test_a_time_is_valid_up_to_what_the_record_holds(name: str, headroom: int) -> None:
    longest = 60 / headroom * 2
    assert one(exponential(longest * 0.999), name) == pytest.approx(longest * 0.999, rel=1e-6)
    assert np.isnan(one(exponential(longest * 1.001), name))
    # Counted after the onset: 0.5 s of silence leave 1.5 s.
    shifted = np.concatenate([np.ones(24_000), exponential(longest * 0.8, 72_000)])
    assert np.isnan(one(shifted, name))
    assert one(np.concatenate([np.ones(24_000), exponential(longest * 0.7, 72_000)]), name) == pytest.approx(
        longest * 0.7
    )


def test_seven_seconds_cut_at_two_are_invalid() -> None:
    edc = exponential(7.0)
    cut = edc - edc[-1] * (1 - 1e-9)  # integrated over 2 s: it always seems to decay
    cut /= cut[0]
    found = room_parameters(cut[None])
    assert all(np.isnan(found[name][0]) for name in ("edt", "t20", "t30"))
    assert np.isfinite(found["c50"][0])


def test_what_cannot_be_computed_is_nan() -> None:
    flat, rising = np.ones(96_000), np.linspace(0.5, 1, 96_000)
    silent_tail = np.where(TIME < 0.1, exponential(1.0), 0.0)  # the first sample at or below -25 dB is 0
    empty, broken = np.zeros(96_000), exponential(1.0)
    broken[5_000] = np.nan
    found = room_parameters(np.stack([flat, rising, silent_tail, empty, broken]), onset=0, names=PARAMETERS)
    assert np.isnan(found["t20"]).all()
    assert np.isnan(found["t30"]).all()
    assert np.isnan(found["edt"]).all()
    assert np.isnan(found["c50"]).tolist() == [True, True, False, True, False]
    assert np.isnan(found["c80"]).tolist() == [True, True, False, True, False]
    assert np.isnan(found["d50"]).tolist() == [False, True, False, True, False]
    assert np.isnan(found["ts"]).tolist() == [False, False, False, True, True]
    assert found["d50"][0] == 0.0


def test_a_slope_that_does_not_fall_has_no_time() -> None:
    # A prediction that dips below -5 dB, recovers, and drops at its end: the line through it rises.
    level = np.concatenate([[0.0, -5.5], np.linspace(-5.4, -0.5, 20_000), [-26.0, -36.0]])
    edc = np.concatenate([10 ** (level / 10), np.full(1000, 1e-4)])
    found = room_parameters(edc[None], onset=0)
    assert np.isnan(found["t20"][0])
    assert np.isnan(found["t30"][0])


def test_a_record_too_short_for_50_ms_has_no_c50() -> None:
    assert np.isnan(one(exponential(0.1, 2400), "c50"))
    assert np.isfinite(one(exponential(0.1, 2401), "c50"))


def test_other_rates_and_a_given_onset_per_curve() -> None:
    time = np.arange(16_000) / 8_000
    edc = np.stack([np.concatenate([np.ones(n), np.exp(-NEPERS * time / 0.5)])[:16_000] for n in (10, 500)])
    found = room_parameters(edc, sampling_rate=8_000, onset=np.array([10, 500]))
    np.testing.assert_allclose(found["edt"], 0.5, rtol=1e-9)
    np.testing.assert_allclose(found["c50"], 10 * np.log10(10**0.6 - 1), rtol=1e-9)


def test_predecessor_definitions_read_old_figures() -> None:
    edc = np.concatenate([np.ones(480), exponential(1.0)])[:96_000] * 3.0
    found = room_parameters(edc[None], definitions="predecessor", names=("edt", "t20", "t30", "c50"))
    assert found["edt"][0] == pytest.approx(0.010 + 1 / 6, abs=2 / RATE)  # the -10 dB time of the file, not times 6
    assert found["t20"][0] == pytest.approx(1.0, abs=6 / RATE)
    assert np.isnan(found["t30"][0])
    assert found["c50"][0] == pytest.approx(10 * np.log10(edc[:2400].sum() / edc[2400:].sum()))


def test_bad_arguments_say_what_there_is() -> None:
    edc = exponential(1.0)[None]
    with pytest.raises(InputError, match=r"unknown parameter t60.*edt, t20"):
        room_parameters(edc, names=("t60",))
    with pytest.raises(InputError, match="iso, predecessor"):
        room_parameters(edc, definitions="mine")
    with pytest.raises(DataError, match="shape"):
        room_parameters(edc[None])
    with pytest.raises(DataError, match=r"0\.\.95999, not at 96000"):
        room_parameters(edc, onset=96_000)
    with pytest.raises(DataError, match="one sample index or 1"):
        room_parameters(edc, onset=[1, 2])
    with pytest.raises(DataError, match="one sample index"):
        room_parameters(edc, onset=1.5)


def test_curvature_in_per_cent() -> None:
    np.testing.assert_allclose(curvature([1.0, 2.0], [1.1, 1.9]), [10.0, -5.0])


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0.05, 1.0), st.floats(0.1, 1.8)), min_size=1, max_size=3),
    st.integers(0, 2000),
    st.floats(1e-3, 1e3),
)
def test_neither_scale_nor_silence_nor_company_changes_a_parameter(
    slopes: list[tuple[float, float]], silence: int, scale: float
) -> None:
    decay = sum(weight * exponential(seconds, 60_000) for weight, seconds in slopes)
    assert isinstance(decay, np.ndarray)
    decay = decay / decay[0]
    edc = np.stack([np.concatenate([np.ones(silence), decay]), np.concatenate([decay, np.full(silence, decay[-1])])])
    alone, first = room_parameters(decay[None]), room_parameters(edc * scale)
    for name, values in first.items():
        if np.isfinite(alone[name][0]):
            np.testing.assert_allclose(values[0], alone[name][0], rtol=1e-6, atol=1e-7)
    for times in (first["edt"], first["t20"], first["t30"]):
        assert (np.isnan(times) | (times > 0)).all()
    slowest, fastest = max(seconds for _, seconds in slopes), min(seconds for _, seconds in slopes)
    for name in ("edt", "t20"):
        if np.isfinite(first[name][0]):
            assert fastest * (1 - 1e-6) <= first[name][0] <= slowest * (1 + 1e-6)
