"""Room to curve with pyroomacoustics, repeatable bit for bit. What the settings guard against: docs/simulation.md."""

from __future__ import annotations

import hashlib
import importlib.metadata
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from decaylab.acoustics import EDC_SAMPLES, SAMPLING_RATE, edc_from_rir
from decaylab.acoustics.physics import BAND_CENTRES, hold_last_band
from decaylab.errors import DecaylabError, InputError, MissingExtraError, SimulationError
from decaylab.rooms.features import ABSORPTION, RECEIVER, SIZE, SOURCE
from decaylab.rooms.response import RESPONSE_VERSION, ResponseBuilder

DEFAULT_RAYS = 16_000

#: Who makes a response of a room: `decaylab.rooms.response`, or the library's own `compute_rir`, several times slower.
BUILDERS = ("decaylab", "pyroomacoustics")

#: What settings were before they had a key in the manifest.
FORMER_SETTINGS: dict[str, Any] = {"builder": "pyroomacoustics"}


@dataclass(frozen=True)
class SimulationSettings:
    """Everything besides the room and the seed that decides a curve.

    Attributes:
        preset: "default", or "published" for the settings behind the published data set.
        rays: number of rays traced; None: the library's own number, 20 hits per 4 ms of a 0.5 m receiver, which grows
            with the volume (417 to 1,781 in the published rooms).
        time_limit: seconds after which a ray is given up.
        max_order: highest order of image sources; rays take over above it.
        air_absorption: whether air attenuates.
        realisations: simulations under different seeds whose EDCs are averaged.
        builder: one of `BUILDERS`. None: that of the data set that is gone on with, else "decaylab", and for the
            published preset, which is to reproduce what that library made, "pyroomacoustics".
        sampling_rate, samples: of the curve, from the start of the response.
    """

    preset: str = "default"
    rays: int | None = DEFAULT_RAYS
    time_limit: float = EDC_SAMPLES / SAMPLING_RATE
    max_order: int = 3
    air_absorption: bool = True
    realisations: int = 1
    builder: str | None = None
    sampling_rate: int = SAMPLING_RATE
    samples: int = EDC_SAMPLES

    def __post_init__(self) -> None:
        if self.rays is not None and self.rays < 1:
            raise InputError(f"the number of rays must be at least 1, not {self.rays}")
        if self.realisations < 1:
            raise InputError(f"the number of realisations must be at least 1, not {self.realisations}")
        if self.builder not in (None, *BUILDERS):
            raise InputError(f"the builder must be one of {', '.join(BUILDERS)}, not {self.builder!r}")

    @classmethod
    def published(cls, realisations: int = 1, builder: str | None = None) -> SimulationSettings:
        """The library's own number of rays and time limit (10 s), as the published data set was made."""
        return cls(preset="published", rays=None, time_limit=10.0, realisations=realisations, builder=builder)

    def with_builder(self, recorded: dict[str, Any] | None = None) -> SimulationSettings:
        """The same with a builder chosen, where none is: that of a data set's `recorded` settings, or the default."""
        if self.builder is not None:
            return self
        if recorded is not None:
            return replace(self, builder={**FORMER_SETTINGS, **recorded}["builder"])
        return replace(self, builder="pyroomacoustics" if self.preset == "published" else "decaylab")

    def to_json(self) -> dict[str, Any]:
        """For the manifest: with the builder that is used, and the version of our own."""
        chosen = self.with_builder()
        version = {"builder_version": RESPONSE_VERSION} if chosen.builder == "decaylab" else {}
        return {**asdict(chosen), **version}


def simulate_edc(features: ArrayLike, seed: int, settings: SimulationSettings | None = None) -> NDArray[np.float32]:
    """Energy decay curve of one room: hybrid image sources and ray tracing, as its row of a data set holds it.

    Args:
        features: (16,), `FEATURE_NAMES`.
        seed: of the data set; the room's own seed follows from it and the features (`room_seed`).
        settings: None: the defaults.

    Returns:
        (samples,) float32, linear energy, 1.0 at index 0, never rising, zeros after the response's end.

    Raises:
        MissingExtraError: pyroomacoustics is not installed. SimulationError: the library failed on this room.
    """
    settings = settings or SimulationSettings()
    room = np.asarray(features, dtype=np.float64)
    total = np.zeros(settings.samples)
    seeds = [room_seed(seed, room, realisation) for realisation in range(settings.realisations)]
    for rir in simulate_rirs(room, seeds, settings):
        # Responses end at different times, by the room and by the time limit: always integrate the same first samples.
        total += edc_from_rir(rir, settings.samples)
    return (total / settings.realisations).astype(np.float32)


def room_seed(seed: int, features: ArrayLike, realisation: int = 0) -> int:
    """A room's seed in 0..2^64 - 1: a hash of the data set's seed, its 16 features and the realisation.

    The same whatever the order, the ids or the number of jobs, and different for the rows of one geometry: a shared
    seed would correlate their noise.

    Args:
        seed: of the data set.
        features: (16,).
        realisation: counted from 0.
    """
    canonical = np.ascontiguousarray(features, dtype="<f8") + 0.0  # + 0.0 makes -0.0 and 0.0 one number
    text = f"decaylab room seed\0{seed}\0{realisation}\0".encode()
    return int.from_bytes(hashlib.sha256(text + canonical.tobytes()).digest()[:8], "little")


def simulate_rir(
    features: NDArray[np.float64], seed: int, settings: SimulationSettings | None = None
) -> NDArray[np.float64]:
    """One simulated impulse response, (samples of its own length,), under the seed as given.

    Args:
        features: (16,).
        seed: of this response.
        settings: None: the defaults.
    """
    return next(simulate_rirs(features, [seed], settings))


def simulate_rirs(
    features: NDArray[np.float64], seeds: Sequence[int], settings: SimulationSettings | None = None
) -> Iterator[NDArray[np.float64]]:
    """Impulse responses of one room, (samples of its own length,) each, one after the other under these seeds.

    Each is, bit for bit, what a simulation under its seed alone gives. Our own builder computes once what no seed
    decides: image sources, and the traced energy, as rays start in a fixed pattern and walls do not scatter.

    Args:
        features: (16,).
        seeds: one for each response.
        settings: None: the defaults.

    Raises:
        MissingExtraError: pyroomacoustics is not installed. SimulationError: the library failed on this room.
    """
    settings = (settings or SimulationSettings()).with_builder()
    try:
        import pyroomacoustics
    except ImportError:
        raise MissingExtraError("pyroomacoustics", "train", "simulating rooms") from None
    # Two threads change the last bits.
    pyroomacoustics.constants.set("num_threads", 1)
    try:
        if settings.builder == "decaylab":
            builder = ResponseBuilder(_shoebox(features, settings), settings.samples)
            for seed in seeds:
                yield builder.rir(seed)
            return
        for seed in seeds:
            # numpy.random.seed reaches neither of the library's two generators.
            pyroomacoustics.random.seed(seed)
            room = _shoebox(features, settings)
            room.compute_rir()
            yield np.asarray(room.rir[0][0], dtype=np.float64)
    except (ValueError, AssertionError, RuntimeError) as error:
        raise SimulationError(f"pyroomacoustics cannot simulate the room {features.tolist()}: {error}") from error


def _shoebox(features: NDArray[np.float64], settings: SimulationSettings) -> Any:
    """The room as the library has it, with its source and its receiver."""
    import pyroomacoustics

    # Eight bands at 48 kHz: given seven coefficients the library extrapolates the eighth, down to 0 in places.
    absorption = {
        "description": "",
        "coeffs": hold_last_band(features[ABSORPTION]).tolist(),
        "center_freqs": list(BAND_CENTRES),
    }
    room = pyroomacoustics.ShoeBox(
        features[SIZE],
        fs=settings.sampling_rate,
        materials=pyroomacoustics.Material(absorption),
        max_order=settings.max_order,
        air_absorption=settings.air_absorption,
        ray_tracing=True,
    )
    # Everything not named keeps the library's default; n_rays=None is its own number.
    room.set_ray_tracing(n_rays=settings.rays, time_thres=settings.time_limit)
    room.add_source(features[SOURCE])
    room.add_microphone(features[RECEIVER])
    return room


def simulator_versions() -> dict[str, str]:
    """Versions of what decides the curves' bits, for the manifest. MissingExtraError without the simulator.

    Raises:
        MissingExtraError: the simulator is not installed.
    """
    versions = {}
    for package in ("decaylab", "pyroomacoustics", "numpy", "scipy"):
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            raise MissingExtraError(package, "train", "simulating rooms") from None
    return versions


def simulate_row(
    row: int, room: str, features: NDArray[np.float64], seed: int, settings: SimulationSettings
) -> tuple[int, NDArray[np.float32]]:
    """One row of a data set, for a worker process; an error names the room.

    Args:
        row, room: of the data set, and its id, for the message.
        features: (16,).
        seed: of the data set.
        settings: everything else that decides a curve.

    Raises:
        SimulationError: the simulator failed. MissingExtraError: it is not installed.
    """
    try:
        return row, simulate_edc(features, seed, settings)
    except MissingExtraError:
        raise
    except DecaylabError as error:
        raise SimulationError(f"room {room} (row {row + 1}): {error}") from error
