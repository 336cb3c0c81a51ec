"""SOFA (AES69): impulse responses of any convention whose data are FIR, `Data.IR`.

A SOFA file is a netCDF-4 file, that is HDF5, and is read as such: only four variables matter here, and a file of an
unknown or outdated convention has them too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from decaylab.errors import DataError, MissingExtraError
from decaylab.responses.record import MOST_VALUES, Contents, Record, checked_rate

#: Data types whose Data.IR are impulse responses, and their axes where the file does not name them.
_AXES = {"FIR": "MRN", "FIRE": "MREN", "FIR-E": "MRNE"}
_HERTZ = {"hertz": 1.0, "hz": 1.0, "": 1.0, "kilohertz": 1e3, "khz": 1e3}
_SECONDS = {"second", "seconds", "s", "sec"}
_SAMPLES = {"", "sample", "samples"}
#: Two receivers this near to each other (m) on either side of a listener are ears.
_EARS = 0.30


def read_sofa(path: str, sampling_rate: float | None, kind: str) -> Contents:
    """The responses of a SOFA file, measurement by measurement; a channel is a receiver.

    Where there are emitters as well, channel = receiver x emitters + emitter. `Data.SamplingRate` and `Data.Delay` may
    be given once or for each measurement, with their units.

    Args:
        path: the file.
        sampling_rate: in Hz, instead of the file's; None: the file's.
        kind: one of `read.KINDS`; "edc" is refused.

    Raises:
        MissingExtraError: h5py is not installed. InputError, DataError: no SOFA file, other data than FIR, variables
            missing or of the wrong shape.
    """
    try:
        import h5py
    except ImportError:
        raise MissingExtraError("h5py", "measure", f"reading {path}") from None
    if kind == "edc":
        raise DataError(f"{path}: a SOFA file holds impulse responses; leave out --kind edc")
    try:
        with h5py.File(path, "r") as file:
            return _read(path, file, sampling_rate)
    # h5py passes on what the HDF5 library makes of a damaged file.
    except (OSError, RuntimeError, ValueError, KeyError, TypeError, MemoryError, OverflowError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
        raise DataError(f"{path} cannot be read as SOFA (netCDF-4): {reason}") from None


def _read(path: str, file: Any, sampling_rate: float | None) -> Contents:
    convention = _text(file.attrs.get("SOFAConventions"))
    data_type = _text(file.attrs.get("DataType"))
    if _text(file.attrs.get("Conventions")) != "SOFA":
        raise DataError(f"{path} is a netCDF or HDF5 file, but no SOFA file (no attribute Conventions = SOFA)")
    if data_type not in _AXES:
        raise DataError(f"{path} holds data of the type {data_type or 'unknown'}; only FIR is an impulse response")
    responses, delay = _responses(path, file, data_type)
    measurements, channels = responses.shape[:2]
    notes = _nature(file, convention, channels)
    rates = _rates(path, file, measurements, sampling_rate, notes)
    delays = _delays(path, file, delay, (measurements, channels), rates)
    if delays.any():
        notes.append("Data.Delay is added to onset_s and truncation_s")
    return Contents(_records(responses, rates, delays), notes)


def _records(
    responses: NDArray[np.float64], rates: NDArray[np.float64], delays: NDArray[np.float64]
) -> Iterator[Record]:
    for measurement, block in enumerate(responses):
        for channel, samples in enumerate(block):
            delay = float(delays[measurement, channel])
            yield Record(measurement, channel, samples, float(rates[measurement]), False, delay)


def _responses(path: str, file: Any, data_type: str) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
    """Data.IR as (measurements, channels, samples) and Data.Delay, if any, as (measurements or 1, channels or 1)."""
    expected = _AXES[data_type]
    values = _variable(path, file, "Data.IR")
    if values.ndim != len(expected):
        raise DataError(f"{path}: Data.IR has the shape {values.shape}; {data_type} has {len(expected)} axes")
    named = "".join(_axis_name(file["Data.IR"], axis) for axis in range(values.ndim))
    # An axis of one may be called I, and old files name none: then they stand as the standard has them.
    axes = named if sorted(named) == sorted(expected) else expected
    ordered = np.transpose(values, [axes.index(axis) for axis in "MREN" if axis in axes])
    if ordered.shape[-1] < 2:
        raise DataError(f"{path}: Data.IR holds responses of {ordered.shape[-1]} samples")
    responses = ordered.reshape(ordered.shape[0], -1, ordered.shape[-1])
    if "Data.Delay" not in file:
        return responses, None
    delay = _variable(path, file, "Data.Delay")
    if delay.ndim < 2:
        delay = delay.reshape(-1, 1)
    if delay.ndim == 3:  # one value for all receivers, or all emitters, is repeated for each
        if any(size not in (1, many) for size, many in zip(delay.shape[1:], ordered.shape[1:-1], strict=False)):
            raise DataError(f"{path}: Data.Delay has the shape {delay.shape}, Data.IR {values.shape}")
        delay = np.broadcast_to(delay, (delay.shape[0], *ordered.shape[1:-1]))
    return responses, delay.reshape(delay.shape[0], -1)


def _variable(path: str, file: Any, name: str) -> NDArray[np.float64]:
    """A variable's values as float64, stored in this file and in no other."""
    import h5py

    if not isinstance(file.get(name, getlink=True), h5py.HardLink) or not isinstance(file[name], h5py.Dataset):
        raise DataError(f"{path} lacks the variable {name}")
    variable = file[name]
    if variable.external or variable.is_virtual:
        raise DataError(f"{path}: {name} points to other files; a SOFA file holds its data")
    if variable.dtype.kind not in "fiu":
        raise DataError(f"{path}: {name} holds no real numbers")
    # A header may announce any size: nothing is allocated for it that is not there.
    if variable.size > MOST_VALUES or variable.size == 0 or variable.id.get_storage_size() == 0:
        raise DataError(f"{path}: {name} has the shape {variable.shape}: too large, or nothing is stored in it")
    values = np.asarray(variable[()], dtype=np.float64)
    if not np.isfinite(values).all():
        raise DataError(f"{path}: {name} holds values that are not finite")
    return values


def _axis_name(variable: Any, axis: int) -> str:
    scales = variable.dims[axis].values() if len(variable.dims[axis]) else []
    name = str(scales[0].name).rpartition("/")[2] if scales and scales[0].name else ""
    return name if len(name) == 1 else "?"


def _rates(path: str, file: Any, measurements: int, asked: float | None, notes: list[str]) -> NDArray[np.float64]:
    if asked is not None:
        notes.append(f"its own Data.SamplingRate is put aside for {asked:g} Hz")
        return np.full(measurements, checked_rate(asked, path))
    values = _variable(path, file, "Data.SamplingRate")
    unit = _text(file["Data.SamplingRate"].attrs.get("Units")).lower()
    if unit not in _HERTZ:
        raise DataError(f"{path}: the unit of Data.SamplingRate is '{unit}', not hertz: give --sampling-rate")
    rates = values.reshape(-1) * _HERTZ[unit]
    if rates.size not in (1, measurements):
        raise DataError(f"{path}: {rates.size} sampling rates for {measurements} measurements")
    for rate in rates:
        checked_rate(float(rate), path)
    return np.broadcast_to(rates, (measurements,))


def _delays(
    path: str, file: Any, delay: NDArray[np.float64] | None, shape: tuple[int, int], rates: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Data.Delay in samples, (measurements, channels)."""
    if delay is None:
        return np.zeros(shape)
    unit = _text(file["Data.Delay"].attrs.get("Units")).lower()
    if unit not in _SAMPLES | _SECONDS:
        raise DataError(f"{path}: the unit of Data.Delay is '{unit}', neither samples nor seconds")
    if delay.shape[0] not in (1, shape[0]) or delay.shape[1] not in (1, shape[1]):
        raise DataError(f"{path}: Data.Delay has the shape {delay.shape}; (1 or {shape[0]}, {shape[1]}) was expected")
    spread = np.broadcast_to(delay, shape)
    return spread * rates[:, None] if unit in _SECONDS else spread


def _nature(file: Any, convention: str, channels: int) -> list[str]:
    """What the receivers are, where they are not the omnidirectional microphone that ISO 3382-1 asks for."""
    shown = convention or "convention not named"
    position = file.get("ReceiverPosition")
    kind = _text(position.attrs.get("Type")).lower() if position is not None else ""
    if "harmonic" in kind:
        return [f"{shown}: channels are spherical harmonics; only channel 0 is omnidirectional (ISO 3382-1, 4.2.2)"]
    name = convention.lower()
    if any(word in name for word in ("hrir", "brir", "headphone", "binaural")) or _are_ears(position):
        return [
            f"{shown}, {channels} channels: binaural responses (BRIR); ears are directional, ISO 3382-1 (4.2.2) asks "
            "for an omnidirectional receiver, so the parameters are those of this head and direction"
        ]
    if "drir" in name or "srir" in name or "directiv" in name:
        return [
            f"{shown}, {channels} channels: directional receivers; ISO 3382-1 (4.2.2) asks for an omnidirectional one"
        ]
    return []


def _are_ears(position: Any) -> bool:
    if position is None or position.shape[0] != 2 or position.ndim < 2 or position.size > 1024:
        return False
    places = np.asarray(position[()], dtype=np.float64).reshape(2, 3, -1)[..., 0] if position.size % 6 == 0 else None
    if places is None or _text(position.attrs.get("Type")).lower() not in ("", "cartesian"):
        return False
    return bool(0 < np.linalg.norm(places[0] - places[1]) < _EARS and np.allclose(places[0], -places[1]))


def _text(value: object) -> str:
    """An attribute as text; empty for one that is absent or empty."""
    if isinstance(value, np.ndarray):
        value = value.reshape(-1)[0] if value.size else ""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace").strip()
    return str(value).strip() if isinstance(value, str) else ""
