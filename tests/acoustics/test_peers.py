"""Parameters beside other people's: pyrato and pyroomacoustics, on simulated and measured responses, per band."""

import pathlib

import numpy as np
import pytest

from decaylab.acoustics import edc_from_rir, response_parameters, usable_bands
from decaylab.acoustics.bands import band_gain, spread_samples

pyrato = pytest.importorskip("pyrato")
pyfar = pytest.importorskip("pyfar")

RATE = 48_000
MEASURED = pathlib.Path(__file__).parents[3] / "shared" / "data" / "measured_rirs"
needs_measured = pytest.mark.skipif(not MEASURED.is_dir(), reason="the measured responses are not there")
fit = pyrato.parameters.reverberation_time_linear_regression


def filtered_from_onset(rir: np.ndarray, band: float, onset: int) -> np.ndarray:
    length = spread_samples(rir.size, RATE)
    return np.fft.irfft(np.fft.rfft(rir, length) * band_gain(band, length, RATE), length)[onset : rir.size]


def as_curve(edc: np.ndarray) -> object:
    return pyfar.TimeData(edc / edc[0], np.arange(edc.size) / RATE)


@pytest.fixture(scope="module")
def simulated() -> np.ndarray:
    """A box of 6 x 5 x 3 m, its low bands living three times as long as the high ones; the end is silent."""
    pra = pytest.importorskip("pyroomacoustics")
    pra.random.seed(1)
    bands = [125.0 * 2**k for k in range(8)]
    walls = pra.Material(energy_absorption={"coeffs": [0.1 + 0.03 * k for k in range(8)], "center_freqs": bands})
    room = pra.ShoeBox([6, 5, 3], fs=RATE, materials=walls, max_order=3, ray_tracing=True, air_absorption=True)
    room.set_ray_tracing(n_rays=4000)
    room.add_source([2, 1.5, 1.4])
    room.add_microphone([4.1, 3.4, 1.6])
    room.compute_rir()
    rir = np.asarray(room.rir[0][0])
    return rir[: int(np.flatnonzero(rir)[-1]) + 1]


def test_a_simulated_response_agrees_per_band(simulated: np.ndarray) -> None:
    rt60 = pytest.importorskip("pyroomacoustics.experimental").measure_rt60
    for found in response_parameters(simulated, bands=usable_bands(RATE)[0]):
        part = simulated[found.onset :]
        if found.band is not None:
            part = filtered_from_onset(simulated, found.band, found.onset)
        curve = as_curve(edc_from_rir(part))
        # What ends in digital silence has no noise but the last, faint part of what was simulated.
        assert found.truncation is None or found.noise_db_below_peak > 100
        assert fit(curve, T="T20")[0] == pytest.approx(found.values["t20"], rel=2e-3)
        assert fit(curve, T="T30")[0] == pytest.approx(found.values["t30"], rel=2e-3)
        assert rt60(part, fs=RATE, decay_db=20) == pytest.approx(found.values["t20"], rel=5e-3)
        # Splitting first and filtering first differ least where the filter is short.
        limit = 0.005 if found.band is None else 0.35 if found.band >= 1000 else 0.8
        clarity = pyrato.parameters.clarity(curve, early_time_limit=50)
        assert float(np.squeeze(clarity)) == pytest.approx(found.values["c50"], abs=limit), found.band


@needs_measured
def test_a_measured_response_agrees_per_band_in_spite_of_its_noise() -> None:
    rir = np.loadtxt(MEASURED / "pyrato_room_impulse_response_with_noise.csv")
    for found in response_parameters(rir, bands=usable_bands(RATE)[0]):
        part = rir[found.onset :]
        if found.band is not None:
            part = filtered_from_onset(rir, found.band, found.onset)
        curve = pyrato.edc.energy_decay_curve_lundeby(
            pyfar.Signal(part, RATE), smoothing_parameter=found.band or "broadband", time_shift=False
        )
        # Lundeby's curve keeps the noise before its truncation: T30 comes out a little longer.
        assert fit(curve, T="T20")[0] == pytest.approx(found.values["t20"], rel=0.02), found.band
        assert fit(curve, T="T30")[0] == pytest.approx(found.values["t30"], rel=0.04), found.band
        assert found.noise_db_below_peak > 50
        assert found.truncation is not None


@needs_measured
def test_our_bands_carry_the_modulation_that_a_commercial_program_found() -> None:
    rir = np.loadtxt(MEASURED / "pyrato_room_impulse_response_with_noise.csv")
    reference = np.loadtxt(MEASURED / "pyrato_mtf_ir_WINMF.csv", delimiter=";")
    modulation = np.array([0.63, 0.8, 1.0, 1.25, 1.6, 2.0, 2.5, 3.15, 4.0, 5.0, 6.3, 8.0, 10.0, 12.5])
    time = np.arange(rir.size) / RATE
    for column, band in enumerate(usable_bands(RATE)[0][:7]):
        energy = np.square(filtered_from_onset(rir, band, 0))
        transfer = [abs((energy * np.exp(-2j * np.pi * f * time)).sum()) / energy.sum() for f in modulation]
        difference = np.abs(np.array(transfer) - reference[:, column])
        assert difference.max() < (0.015 if band >= 500 else 0.07), band


@needs_measured
def test_a_room_with_documented_values() -> None:
    """University of Surrey, room A: from the responses C50 15.95 dB and, over 500 Hz and 1 kHz, T20 0.27 s."""
    from decaylab.responses import read_records

    pytest.importorskip("h5py")
    clarity, times = [], []
    for record in read_records(str(MEASURED / "UniS_Room_A_BRIR_16k.sofa")).records:
        found = response_parameters(record.samples, sampling_rate=record.sampling_rate, bands=(500.0, 1000.0))
        clarity.append(found[0].values["c50"])
        times += [one.values["t20"] for one in found[1:]]
    assert np.mean(clarity) == pytest.approx(15.95, abs=0.02)
    assert np.mean(times) == pytest.approx(0.27, abs=0.03)
