"""The physical baseline of `compact` against closed forms and numpy, and at the ends of what a room can be."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from decaylab.acoustics import SAMPLING_RATE
from decaylab.acoustics.physics import (
    AIR_ABSORPTION,
    BAND_CENTRES,
    SIMULATOR_DELAY,
    SPEED_OF_SOUND,
    direct_arrival_index,
    volume_and_surface,
)
from decaylab.models.bands import DELAY_LOSS, BandJoin
from decaylab.models.baseline import FLOOR_DB, PhysicalBaseline
from decaylab.models.grid import FIRST
from decaylab.models.images import EarlyEnergy, HighPass
from decaylab.models.specular import (
    BIN,
    IMAGE_ORDER,
    LateEnergy,
    _exponential_integral,
    carrier_gain,
    receiver_share,
)
from decaylab.rooms import SimulationSettings, simulate_edc

ROOM = [6.0, 4.0, 3.0, 1.3, 1.1, 1.2, 4.6, 2.9, 1.7]


def room(absorption: float = 0.3, geometry: list[float] | None = None) -> torch.Tensor:
    return torch.tensor([[*(geometry or ROOM), *[absorption] * 7]])


#: Where the spectrum of an image ends on average: its delay filter loses half of DELAY_LOSS.
HIGHEST = 24_000 * (1 - DELAY_LOSS / 2)


def spectrum(bands: np.ndarray, frequency: np.ndarray) -> np.ndarray:
    """Amplitude over frequency of amplitudes in eight bands: raised cosines around the edges, sample by sample."""
    total = np.zeros_like(frequency)
    for band, amplitude in enumerate(bands):
        weight = np.ones_like(frequency)
        for upper, falls in ((band, False), (band + 1, True)):
            if 0 < upper < 8:
                centre = BAND_CENTRES[upper]
                fade = (np.sqrt(2) - 1) / 2 * centre
                place = np.clip((frequency - centre / np.sqrt(2) + fade) / (2 * fade), 0, 1)
                weight *= np.cos(np.pi / 2 * place) ** 2 if falls else np.sin(np.pi / 2 * place) ** 2
        total += amplitude * weight
    return total


BAND_WIDTHS = np.diff([0.0, *(centre * 2**0.5 for centre in BAND_CENTRES[:-1]), 24_000.0])


def grid(count: int, highest: float = 24_000.0) -> np.ndarray:
    return (np.arange(count) + 0.5) * highest / count


def rooms(size: st.SearchStrategy[float]) -> st.SearchStrategy[list[float]]:
    """Any room: source and receiver anywhere inside, also at the same place, absorption anything from 0 to 1."""
    share = st.floats(0.001, 0.999)
    absorption = st.one_of(st.sampled_from([0.0, 1.0]), st.floats(0, 1))

    def build(values: tuple[list[float], list[float], list[float], bool, list[float]]) -> list[float]:
        lengths, source, receiver, together, bands = values
        receiver = source if together else receiver
        places = [s * extent for shares in (source, receiver) for s, extent in zip(shares, lengths, strict=True)]
        return [*lengths, *places, *bands]

    triple = st.lists(share, min_size=3, max_size=3)
    bands = st.lists(absorption, min_size=7, max_size=7)
    return st.tuples(st.lists(size, min_size=3, max_size=3), triple, triple, st.booleans(), bands).map(build)


@given(rooms(st.one_of(st.floats(0.5, 2.0), st.floats(2.0, 20.0), st.floats(20.0, 100.0))))
@settings(max_examples=40, deadline=None)
def test_any_room_has_a_finite_falling_baseline_and_finite_gradients(features: list[float]) -> None:
    tensor = torch.tensor([features], requires_grad=True)
    level = PhysicalBaseline()(tensor)
    assert level.isfinite().all()
    assert -0.5 < level[0, 0] <= 0
    assert (level.diff() <= 0).all()
    assert level.min() >= FLOOR_DB
    level.sum().backward()
    assert tensor.grad is not None
    assert tensor.grad.isfinite().all()


def test_the_knots_follow_the_direct_arrival_of_acoustics() -> None:
    features = room()
    arrival = direct_arrival_index(features[:, 3:6].numpy(), features[:, 6:9].numpy())
    knots = PhysicalBaseline().knots(features)
    assert knots[0, -FIRST].item() == math.floor(arrival[0])


def test_a_batch_is_its_rooms_one_by_one() -> None:
    batch = torch.cat([room(0.05 + 0.1 * k) for k in range(9)])
    baseline = PhysicalBaseline()
    torch.testing.assert_close(baseline(batch), torch.cat([baseline(one[None]) for one in batch]))


def test_image_distances_are_those_of_mirrored_sources() -> None:
    size, source, receiver = (np.array(ROOM[k : k + 3]) for k in (0, 3, 6))
    expected = set()
    for x in range(-3, 4):
        for y in range(-3, 4):
            for z in range(-3, 4):
                if abs(x) + abs(y) + abs(z) <= 3:
                    image = [
                        m * extent + (place if m % 2 == 0 else extent - place)
                        for m, extent, place in zip((x, y, z), size, source, strict=True)
                    ]
                    expected.add(round(float(np.linalg.norm(np.array(image) - receiver)), 4))
    early = EarlyEnergy()
    features = room()
    distances = early._distances(features[:, :3], features[:, 3:6], features[:, 6:9])[0]
    assert len(distances) == 63
    assert {round(value, 4) for value in distances.tolist()} == expected
    assert distances[0] == pytest.approx(float(np.linalg.norm(source - receiver)))


def test_the_energy_of_a_pair_is_that_of_two_band_limited_pulses() -> None:
    """Two pulses d seconds apart: the integral of their squared sum over a white band, done numerically."""
    early = EarlyEnergy()
    apart = 0.37e-3
    arrival = torch.zeros(1, 63)
    arrival[0, 1:] = torch.arange(62) * 1000.0 + 500
    arrival[0, 1] = apart * SAMPLING_RATE
    amplitude = torch.zeros(1, 63, 8)
    amplitude[0, :2] = torch.linspace(0.2, 0.9, 8)  # the two pulses, each with its spectrum
    energy = early._pair_energy(amplitude, arrival)
    frequency = grid(200_000, HIGHEST)
    one = spectrum(amplitude[0, 0].numpy(), frequency)
    both = np.mean(np.abs(one * (1 + np.exp(2j * np.pi * frequency * apart))) ** 2)
    # The direct sound's own energy is not among the pairs.
    expected = (both - np.mean(one**2)) * HIGHEST / 24_000
    assert energy.sum().item() == pytest.approx(expected, rel=1e-3)


def test_bands_that_differ_share_their_fades() -> None:
    bands = np.array([0.9, 0.1, 0.8, 0.3, 0.2, 0.7, 0.05, 0.6])
    expected = np.mean(spectrum(bands, grid(400_000)) ** 2)
    got = BandJoin()(torch.from_numpy(bands).float()[None])
    assert got.item() == pytest.approx(expected, rel=1e-4)
    assert abs(expected - sum(BAND_WIDTHS * bands**2) / 24_000) > 0.02  # sharp edges would give another number


def test_all_early_energy_is_that_of_the_images_summed_as_spectra() -> None:
    early, features = EarlyEnergy(), room()
    share = np.linspace(0.9, 0.5, 8)  # energy that the walls reflect in each band
    knots = PhysicalBaseline().knots(features)
    geometry = (features[:, :3], features[:, 3:6], features[:, 6:9])
    after, before = early(*geometry, torch.from_numpy(np.log(share)).float()[None], knots)
    got = (after[0, 0] + before[0, 0]).item()
    distance = early._distances(*geometry)[0].double().numpy()
    frequency = grid(40_000)
    pressure = np.zeros_like(frequency, dtype=complex)
    for path, order in zip(distance, early.order.numpy(), strict=True):
        amplitude = np.sqrt(share**order) * np.exp(-np.array(AIR_ABSORPTION) * path / 2) / path
        pressure += spectrum(amplitude, frequency) * np.exp(-2j * np.pi * frequency * path / SPEED_OF_SOUND)
    pressure *= 1 - 1 / (1 + (frequency / 10.0) ** 4)  # Butterworth, forwards and backwards
    assert got == pytest.approx(np.mean(np.abs(pressure) ** 2), rel=0.015)  # a hundredth: what delay filters lose


def test_an_image_is_heard_until_it_has_arrived_and_not_after() -> None:
    early, features = EarlyEnergy(), room(0.0)
    geometry = (features[:, :3], features[:, 3:6], features[:, 6:9])
    arrival = early._distances(*geometry)[0] / SPEED_OF_SOUND * SAMPLING_RATE + SIMULATOR_DELAY
    second = arrival.sort().values[1].item()
    base = math.floor(arrival[0].item())
    knots = PhysicalBaseline().knots(features)
    knots[0, -2:] = torch.tensor([math.floor(second) - 1.0, math.floor(second) + 2.0])
    energy = early(*geometry, torch.zeros(1, 8), knots)[0][0]
    assert second - base > 50
    assert energy[-2] - energy[-1] > 0.8 / ((second - SIMULATOR_DELAY) * 343 / 48_000) ** 2


def test_the_baseline_is_near_the_simulator() -> None:
    """Two rooms, the mean of four simulations: both parts, their scale, their bands. (One alone is off by 0.1 dB.)"""
    batch = torch.cat([room(0.25), room(0.5, [9.0, 7.0, 3.5, 2.0, 2.0, 1.5, 6.0, 5.0, 1.2])])
    batch[:, 9:12] *= 0.2  # unequal bands: the order of the bands counts
    curves = np.stack([simulate_edc(row.numpy(), 0, SimulationSettings(rays=8_000, realisations=4)) for row in batch])
    baseline = PhysicalBaseline()
    at_knots = np.take_along_axis(curves, baseline.knots(batch).long().numpy(), axis=1)
    level = 10 * np.log10(np.maximum(at_knots, 1e-9))
    error = (baseline(batch).numpy() - level)[level > -35]
    assert np.abs(error).mean() < 0.07
    assert np.abs(error).max() < 0.5


def test_coincident_reflections_add_in_amplitude() -> None:
    centre = [4.0, 4.0, 4.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.3]  # four side walls reflect at the same time
    early = EarlyEnergy()
    features = room(0.0, centre)
    distance = early._distances(features[:, :3], features[:, 3:6], features[:, 6:9])
    amplitude = (1 / distance)[:, :, None].expand(-1, -1, 8)
    side = (distance[0] - math.hypot(4.0, 0.3)).abs() < 1e-4
    energy = early._pair_energy(amplitude, distance / SPEED_OF_SOUND * SAMPLING_RATE)[0]
    among = side[early.first] & side[early.second]
    assert side.sum() == 4
    assert energy[among].sum().item() == pytest.approx(16 / (4.0**2 + 0.3**2) * HIGHEST / 24_000, rel=1e-4)


def test_without_reflections_the_curve_is_the_direct_sound_alone() -> None:
    level = PhysicalBaseline()(room(1.0))
    assert level[0, 2] > -0.2
    assert level[0, -FIRST + 20] < -25.0  # lobes of the delay filter
    assert level[0, 40] < -35.0  # the wave of the high-pass filter


def test_the_direct_sound_falls_where_its_filter_lies() -> None:
    early = EarlyEnergy()
    knots = PhysicalBaseline().knots(room())
    base = knots[0, -FIRST].item()
    on_a_sample = early._direct_share(torch.tensor([base]), knots)[0]
    between = early._direct_share(torch.tensor([base + 0.5]), knots)[0]
    assert on_a_sample[-FIRST].item() == pytest.approx(1.0, abs=1e-6)
    assert on_a_sample[-FIRST + 1].item() == pytest.approx(0.0, abs=1e-6)
    # sinc(0.5)^2 = 4 / pi^2 on either side, next to nothing lost to the window
    drop = between[-FIRST] - between[-FIRST + 1]
    assert drop.item() == pytest.approx(4 / math.pi**2, abs=0.01)
    assert between[-FIRST + 1].item() == pytest.approx(0.5, abs=0.01)


def test_survivors_are_counted_as_a_simulation_of_rays_counts_them() -> None:
    late = LateEnergy()
    size = torch.tensor([[6.0, 4.0, 3.0]])
    travelled = torch.tensor([[5.0, 40.0, 70.0, 120.0]])
    absorption = 0.4
    got = late._survivors(size, size / 2, torch.full((1, 8), math.log(1 - absorption)), travelled)[0, 0].numpy()
    rng = np.random.default_rng(0)
    u = rng.normal(size=(400_000, 3))
    u = np.abs(u / np.linalg.norm(u, axis=1, keepdims=True))
    start = rng.uniform(size=u.shape)
    for value, path in zip(got, travelled[0].tolist(), strict=True):
        count = np.floor(u * path / size.numpy() + start).sum(axis=1)
        expected = np.mean(np.where(count > IMAGE_ORDER, (1 - absorption) ** count, 0.0))
        assert value == pytest.approx(expected, rel=0.05, abs=1e-9)


def test_in_a_long_corridor_the_late_decay_is_slower_than_eyrings() -> None:
    size = torch.tensor([[20.0, 2.0, 2.0]])
    path = torch.tensor([[60.0, 120.0]])
    left, right = LateEnergy()._survivors(size, size / 2, torch.full((1, 8), math.log(0.7)), path)[0, 0].tolist()
    volume, surface = volume_and_surface(size.numpy())
    eyring = 0.7 ** (60.0 * surface[0] / (4 * volume[0]))
    assert right / left > 3 * eyring


def test_of_a_receiver_near_walls_the_part_inside_the_room_hears() -> None:
    """Points at random on the disc across each direction, counted where they lie inside the room."""
    size, places = np.array([4.0, 3.0, 2.5]), np.array([[2.0, 1.5, 1.2], [0.2, 1.5, 1.2], [3.9, 1.5, 2.3]])
    directions = np.array([[1.0, 0.0, 0.0], [0.0, 0.6, 0.8], [0.6, 0.0, 0.8], [0.48, 0.6, 0.64]])
    rng = np.random.default_rng(0)
    radius, angle = 0.5 * np.sqrt(rng.random(100_000)), rng.uniform(0, 2 * np.pi, 100_000)
    expected = np.empty((3, 4))
    for column, u in enumerate(directions):
        first = np.cross(u, [0.3, 0.9, -0.2])
        first /= np.linalg.norm(first)
        offset = np.outer(radius * np.cos(angle), first) + np.outer(radius * np.sin(angle), np.cross(u, first))
        for row, place in enumerate(places):
            expected[row, column] = np.mean(((place + offset > 0) & (place + offset < size)).all(axis=1))
    given = (torch.from_numpy(values).float() for values in (np.tile(size, (3, 1)), places, directions[None]))
    got = receiver_share(*given).numpy()
    np.testing.assert_allclose(got[:2], expected[:2], atol=0.005)
    np.testing.assert_allclose(got[2], expected[2], atol=0.06)  # in an edge: two cuts, as if each for itself
    assert (got[0] == 1.0).all()
    assert got[1, 1] == pytest.approx(0.7477, abs=1e-3)


def test_the_exponential_integral() -> None:
    time = torch.linspace(0, 1, 41)
    for rate in (0.0, 0.5, 30.0, 200.0):
        pieces = _exponential_integral(torch.exp(-rate * time), time.diff())
        exact = 1.0 if rate == 0 else (1 - math.exp(-rate)) / rate
        assert pieces.sum().item() == pytest.approx(exact, rel=1e-3)


def test_early_and_late_part_stand_on_one_scale() -> None:
    """In a lossless room energy density grows to that of a source that has sent c t of sound into the volume."""
    baseline = PhysicalBaseline()
    features = room(0.0)
    knots = baseline.knots(features)
    late = baseline.late(features[:, :3], features[:, 3:6], features[:, 6:9], torch.zeros(1, 8), knots)[0]
    start, end = 200, 215
    path = (knots[0, end] - knots[0, start]).item() * SPEED_OF_SOUND / SAMPLING_RATE
    middle = (knots[0, end] + knots[0, start]).item() / 2 * SPEED_OF_SOUND / SAMPLING_RATE
    air = np.mean(spectrum(np.exp(-np.array(AIR_ABSORPTION) * middle / 2), grid(100_000)) ** 2)
    gain = 10_000 / 48_000 / (1 - math.exp(-10_000 / 48_000))
    expected = 4 * math.pi * path / 72.0 * air * gain
    assert (late[start] - late[end]).item() == pytest.approx(expected, rel=0.02)


def test_single_images_of_rays_are_those_of_a_brute_force_lattice() -> None:
    late, features = LateEnergy(), room()
    size, source, receiver = (np.array(ROOM[k : k + 3]) for k in (0, 3, 6))
    histogram = np.zeros(600)
    for m in np.ndindex(23, 23, 23):
        lattice = np.array(m) - 11
        order = np.abs(lattice).sum()
        if 3 <= order <= IMAGE_ORDER:
            image = lattice * size + np.where(lattice % 2 == 0, source, size - source)
            distance = np.linalg.norm(image - receiver)
            histogram[int(distance / SPEED_OF_SOUND * SAMPLING_RATE / BIN)] += 0.6**order / distance**2
    centres = torch.tensor([[SIMULATOR_DELAY + (k + 0.5) * BIN for k in range(12)]])
    got = late._images(features[:, :3], features[:, 3:6], features[:, 6:9], torch.full((1, 8), math.log(0.6)), centres)[
        0, 0
    ]
    np.testing.assert_allclose(got.numpy() * BIN, histogram[:12], rtol=1e-3, atol=1e-7)


def test_thecarrier_gains_what_a_simulated_pulse_sequence_gains() -> None:
    """Pulses that grow denser, each levelled by the SAMPLES that hold one within 4 ms: mean of 4,000 draws."""
    rng = np.random.default_rng(0)
    volume, away = 50.0, 2.0
    start = round(away / SPEED_OF_SOUND * SAMPLING_RATE)
    path = np.arange(3_000) / SAMPLING_RATE * SPEED_OF_SOUND
    rate = np.minimum(4 * np.pi * SPEED_OF_SOUND * (away + path) ** 2 / volume, 10_000.0)
    rate[:start] = 0.0
    energy = np.zeros(3_000)
    for _ in range(4_000):
        pulses = rng.poisson(rate / SAMPLING_RATE)
        nearby = np.convolve(pulses > 0, np.ones(2 * BIN), "same") / 2
        energy += np.where(nearby > 0, pulses / np.maximum(nearby, 0.5), 0.0)
    for sample in (600, 1_000, 1_500, 2_500):
        here = torch.tensor([[float(path[sample])]])
        gain = carrier_gain(torch.tensor([[volume]]), torch.tensor([[away]]), here)
        around = slice(sample - 40, sample + 40)
        assert gain.item() == pytest.approx(energy[around].mean() / 4_000 * BIN, rel=0.03)


def test_the_slow_wave_is_what_the_filter_takes_away() -> None:
    """Three pulses of one sign through scipy's zero-phase Butterworth filter: energy after each point in time."""
    arrival, amplitude = np.array([700, 1_400, 2_600]), np.array([1.0, 0.7, 0.4])
    response = np.zeros(30_000)
    response[arrival] = amplitude
    filtered = signal.sosfiltfilt(signal.butter(2, 10.0, "highpass", fs=48_000, output="sos"), response)
    knots = np.array([0, 500, 1_000, 2_000, 4_000, 9_000])
    expected = [np.sum(filtered[k:] ** 2) - np.sum(response[k:] ** 2) for k in knots]
    taken, wave = HighPass()(*(torch.from_numpy(values).float()[None] for values in (amplitude, arrival, knots)))
    got = [wave[0, i].item() + taken[0][torch.from_numpy(arrival) >= int(k)].sum().item() for i, k in enumerate(knots)]
    np.testing.assert_allclose(got, expected, atol=2e-5)
    assert abs(expected[2]) > 5e-4
