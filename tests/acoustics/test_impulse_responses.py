"""Impulse responses against closed forms, noise that is known, and cases in which a plausible mistake shows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decaylab.acoustics import edc_from_rir, response_parameters, room_parameters, usable_bands
from decaylab.acoustics.bands import FILTER_TIME_BANDWIDTH, band_gain, bandwidth, spread_samples
from decaylab.acoustics.onset import onset_of, response_onset
from decaylab.acoustics.parameters import PARAMETERS
from decaylab.errors import DataError

RATE = 48_000
TIME = np.arange(96_000) / RATE


def exponential(seconds: float, samples: int = 96_000) -> np.ndarray:
    return np.exp(-6.907755 * TIME[:samples] / seconds)


def carrier(seed: int, samples: int = 96_000) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=samples)


def broadband(rir: np.ndarray, **options: object) -> dict[str, float]:
    return response_parameters(rir, **options)[0].values  # type: ignore[arg-type]


@pytest.mark.parametrize("seconds", [0.2, 0.5, 1.0])
def test_one_exponential_is_exact_and_counts_from_the_onset(seconds: float) -> None:
    rir = np.concatenate([np.zeros(3000), exponential(seconds)])
    found = response_parameters(rir)[0]
    assert found.onset == 3000
    for name in ("edt", "t20", "t30"):
        assert found.values[name] == pytest.approx(seconds, rel=1e-5)
    assert found.values["c50"] == pytest.approx(10 * np.log10(10 ** (0.3 / seconds) - 1), abs=1e-3)
    assert found.values["c80"] == pytest.approx(10 * np.log10(10 ** (0.48 / seconds) - 1), abs=1e-3)
    assert found.values["d50"] == pytest.approx(1 - 10 ** (-0.3 / seconds), abs=1e-4)
    assert found.values["ts"] == pytest.approx(seconds / 13.81551 - 0.5 / RATE, rel=1e-4)
    assert found.values["curvature"] == pytest.approx(0, abs=1e-3)
    # From the file's start, 62.5 ms earlier, nothing would have decayed at 50 ms.
    assert np.isnan(broadband(rir, onset=0)["c50"]) or abs(broadband(rir, onset=0)["c50"] - found.values["c50"]) > 1


@pytest.mark.parametrize("seconds", [0.3, 1.0, 2.5, 3.1, 3.6])
def test_without_noise_a_response_has_the_parameters_of_its_curve(seconds: float) -> None:
    rir = np.concatenate([1e-4 * carrier(1, 500), carrier(2, 90_000) * exponential(seconds, 90_000)])
    found = response_parameters(rir)[0]
    curve = edc_from_rir(rir)
    assert found.truncation is None
    assert np.isnan(found.noise_db_below_peak)
    assert found.onset == onset_of(curve)
    expected = room_parameters(curve, names=PARAMETERS)
    for name in PARAMETERS:
        np.testing.assert_allclose(found.values[name], expected[name][0], rtol=1e-9, atol=1e-9, err_msg=name)


def test_seven_seconds_cut_at_two_are_invalid() -> None:
    for rir in (exponential(7.0), carrier(1) * exponential(7.0), carrier(1) * exponential(30.0), exponential(30.0)):
        values = broadband(rir)
        assert all(np.isnan(values[name]) for name in ("edt", "t20", "t30", "curvature"))
    # Four seconds hold it.
    whole = np.exp(-6.907755 * np.arange(10 * RATE) / RATE / 7.0)
    assert broadband(whole)["t20"] == pytest.approx(7.0, rel=1e-3)


def test_steady_noise_holds_no_parameter() -> None:
    for found in response_parameters(carrier(3), bands=(250.0, 1000.0, 4000.0)):
        # Integrated over its two seconds it would seem to decay, with a T20 of about 2 s.
        assert all(np.isnan(value) for name, value in found.values.items() if name != "ts")
    assert room_parameters(edc_from_rir(carrier(3)), names=("t20",))["t20"][0] > 1.5


@pytest.mark.parametrize(("noise", "valid"), [(-60, ("t20", "t30")), (-30, ("t20",)), (-20, ())])
def test_noise_is_measured_subtracted_and_limits_what_is_valid(noise: int, valid: tuple[str, ...]) -> None:
    for seed in range(5):
        clean = carrier(seed) * exponential(1.0)
        noisy = clean + carrier(seed + 100) * 10 ** (noise / 20)
        found, truth = response_parameters(noisy, onset=0)[0], response_parameters(clean, onset=0)[0]
        peak = 10 * np.log10(np.square(noisy).max())
        assert found.noise_db_below_peak == pytest.approx(peak - noise, abs=0.3)
        # The decay meets the noise where exp(-13.8 t) has fallen to it.
        assert found.truncation is not None
        assert found.truncation / RATE == pytest.approx(-noise / 60, abs=0.03)
        for name in ("t20", "t30"):
            if name in valid:
                assert found.values[name] == pytest.approx(truth.values[name], rel=0.02)
            else:
                assert np.isnan(found.values[name])
        assert found.values["c50"] == pytest.approx(truth.values["c50"], abs=0.15)
        assert found.values["ts"] == pytest.approx(truth.values["ts"], rel=0.03)


def test_integrating_over_the_noise_would_give_another_time() -> None:
    noisy = carrier(1) * exponential(0.5) + carrier(2) * 10 ** (-45 / 20)
    naive = room_parameters(edc_from_rir(noisy), onset=0, names=("t20", "t30"))
    found = broadband(noisy, onset=0)
    assert found["t30"] == pytest.approx(0.5, rel=0.02)
    assert not abs(naive["t30"][0] / 0.5 - 1) < 0.1


def test_t20_needs_35_db_and_t30_45_db_above_the_noise() -> None:
    # A decay that is one spike and its reverberation: the peak is known, and the noise exactly what is added.
    flips = np.where(np.arange(96_000) % 2, 1.0, -1.0)
    for level, t20, t30 in ((-34.0, False, False), (-36.0, True, False), (-44.0, True, False), (-46.5, True, True)):
        sign = np.sign(carrier(5))
        noisy = exponential(0.8) * flips + sign * 10 ** (level / 20)
        found = response_parameters(noisy / noisy.max(), onset=0)[0]
        peak = 20 * np.log10(np.abs(noisy).max())
        assert found.noise_db_below_peak == pytest.approx(peak - level, abs=0.1)
        assert np.isfinite(found.values["t20"]) == t20, level
        assert np.isfinite(found.values["t30"]) == t30, level


def test_a_silent_tail_is_no_noise_and_no_nan() -> None:
    decay = carrier(4, 48_000) * exponential(0.6, 48_000)
    padded = np.concatenate([decay, np.zeros(48_000)])
    bands = usable_bands(RATE)[0]
    for alone, silent in zip(
        response_parameters(decay, bands=bands), response_parameters(padded, bands=bands), strict=True
    ):
        assert silent.truncation is None
        assert np.isfinite(list(silent.values.values())).all(), silent.band
        for name, value in alone.values.items():
            assert silent.values[name] == pytest.approx(value, rel=1e-6, abs=1e-9)
    # Silence does not lengthen the record: 0.2 s of a decay of 2 s hold no T20.
    cut = np.concatenate([exponential(2.0, 9_600), np.zeros(86_400)])
    assert np.isnan(broadband(cut)["t20"])


def test_an_impulse_alone_is_all_early() -> None:
    impulse = np.zeros(RATE)
    impulse[500] = -0.5
    for found in response_parameters(impulse, bands=(125.0, 1000.0, 8000.0)):
        assert found.onset == 500
        assert found.values["d50"] == pytest.approx(1.0)
        assert found.values["ts"] == pytest.approx(0, abs=1e-6)
        assert all(np.isnan(found.values[name]) for name in ("edt", "t20", "t30", "c50", "c80")), found


def test_the_squares_of_all_gains_add_up_to_one() -> None:
    length = 1 << 15
    frequency = np.fft.rfftfreq(length, 1 / RATE)
    gains = [band_gain(centre, length, RATE) for centre in usable_bands(RATE)[0]]
    inside = (frequency >= 125) & (frequency <= 16_000)
    np.testing.assert_allclose(sum(np.square(gain) for gain in gains)[inside], 1.0, atol=1e-12)
    one = gains[3]
    assert one[np.argmin(abs(frequency - 1000))] == pytest.approx(1.0)
    for edge in (1000 * 2**0.5, 1000 / 2**0.5):
        assert one[np.argmin(abs(frequency - edge))] == pytest.approx(2**-0.5, abs=5e-3)
    assert not one[(frequency < 1000 * 2**-0.75) | (frequency > 1000 * 2**0.75)].any()


def test_a_filter_alone_rings_as_long_as_is_said() -> None:
    length = spread_samples(RATE, RATE)
    for centre in (125.0, 4000.0):
        ringing = np.fft.irfft(band_gain(centre, length, RATE), length)[: length // 2]
        found = room_parameters(edc_from_rir(ringing), onset=0, names=("t20", "t30"))
        assert found["t20"][0] * bandwidth(centre) == pytest.approx(6.7, abs=0.1)
        assert found["t30"][0] * bandwidth(centre) == pytest.approx(FILTER_TIME_BANDWIDTH, abs=0.1)


def test_a_time_that_is_the_filters_own_is_invalid() -> None:
    # 0.05 s: 4.4 over the bandwidth at 125 Hz, 35 at 1 kHz.
    rir = carrier(6) * exponential(0.05)
    low, high = response_parameters(rir, onset=0, bands=(125.0, 1000.0))[1:]
    assert np.isnan([low.values["t20"], low.values["t30"]]).all()
    assert np.isfinite(low.values["c50"])
    assert high.values["t30"] == pytest.approx(0.05, rel=0.3)


def test_each_band_has_its_own_decay() -> None:
    wanted = {125.0: 1.6, 250.0: 1.2, 500.0: 0.9, 1000.0: 0.7, 2000.0: 0.5, 4000.0: 0.4, 8000.0: 0.3, 16000.0: 0.25}
    length = spread_samples(96_000, RATE)
    found: dict[float, list[float]] = {band: [] for band in wanted}
    for seed in range(6):
        spectrum = np.fft.rfft(carrier(seed), length)
        parts = [
            np.fft.irfft(spectrum * band_gain(c, length, RATE), length)[:96_000] * exponential(t)
            for c, t in wanted.items()
        ]
        # Neighbours overlap, so each is looked at without them.
        for (band, seconds), part in zip(wanted.items(), parts, strict=True):
            values = response_parameters(part, onset=0, bands=(band,))[1].values
            found[band].append(values["t30"] / seconds)
    for band, ratios in found.items():
        assert np.mean(ratios) == pytest.approx(1.0, abs=0.06), band


def test_bands_are_split_in_time_before_they_are_filtered() -> None:
    # A click at the onset and one 55 ms later: C50 is their ratio in every band. Filtering first spreads the later
    # one over the split in the low bands.
    rir = np.zeros(RATE)
    rir[4800], rir[4800 + 2640] = 1.0, 0.5
    for found in response_parameters(rir, bands=usable_bands(RATE)[0]):
        assert found.values["c50"] == pytest.approx(10 * np.log10(4), abs=1e-6), found.band
        assert found.values["d50"] == pytest.approx(0.8, abs=1e-9)
    length = spread_samples(rir.size, RATE)
    filtered = np.fft.irfft(np.fft.rfft(rir, length) * band_gain(125.0, length, RATE), length)
    first, late = np.square(filtered[4800:7200]).sum(), np.square(filtered[7200:]).sum()
    assert abs(10 * np.log10(first / late) - 10 * np.log10(4)) > 0.5


def test_zero_phase_moves_neither_the_centre_of_gravity_nor_the_onset() -> None:
    rir = np.zeros(RATE)
    rir[1000], rir[1000 + 1440] = 1.0, 1.0  # 30 ms apart: broadband Ts is 15 ms
    found = response_parameters(rir, bands=(2000.0, 4000.0, 8000.0))
    assert {one.onset for one in found} == {1000}
    for one in found:
        assert one.values["ts"] == pytest.approx(0.015, abs=3e-4), one.band


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 3000), st.floats(1e-150, 1e150), st.integers(0, 1000))
def test_neither_silence_nor_scale_changes_a_parameter(silence: int, scale: float, seed: int) -> None:
    rir = carrier(seed, 30_000) * exponential(0.4, 30_000) + 1e-3 * carrier(seed + 1, 30_000)
    moved = np.concatenate([np.zeros(silence), rir * scale, np.zeros(silence)])
    for one, other in zip(
        response_parameters(rir, bands=(1000.0,)), response_parameters(moved, bands=(1000.0,)), strict=True
    ):
        assert other.onset == one.onset + silence
        for name, value in one.values.items():
            np.testing.assert_allclose(other.values[name], value, rtol=1e-6, atol=1e-9, equal_nan=True)


def test_bands_that_reach_above_half_the_rate_are_left_out() -> None:
    assert usable_bands(48_000) == ([125.0 * 2**k for k in range(8)], [])
    assert usable_bands(44_100)[1] == [16_000.0]
    assert usable_bands(16_000)[1] == [8000.0, 16_000.0]
    assert usable_bands(100)[0] == []
    with pytest.raises(DataError, match="holds no octave band at 8000 Hz"):
        response_parameters(carrier(1, 16_000), sampling_rate=16_000, bands=(1000.0, 8000.0))


def test_the_onset_is_the_rule_for_curves_on_the_square() -> None:
    energy = np.array([0.01, 100 * 10**-2.1, 100 * 10**-1.9, 50.0, 100.0, 30.0])
    assert response_onset(np.sqrt(energy) * [1, -1, 1, -1, 1, -1]) == 2


def test_bad_responses_say_what_was_found() -> None:
    with pytest.raises(DataError, match=r"shape \(samples,\).*\(2, 5\)"):
        response_parameters(np.ones((2, 5)))
    with pytest.raises(DataError, match=r"sample 3 .* not finite"):
        response_parameters([1.0, 0.5, 0.2, np.nan, 0.1])
    with pytest.raises(DataError, match="silent"):
        response_parameters(np.zeros(100))
    with pytest.raises(DataError, match=r"0\.\.99, not at 100"):
        response_parameters(np.ones(100), onset=100)
    with pytest.raises(DataError, match="sampling rate"):
        response_parameters(np.ones(100), sampling_rate=0)
    with pytest.raises(DataError, match="recording"):
        response_parameters(np.broadcast_to(np.float32(1), (1 << 24) + 1))
