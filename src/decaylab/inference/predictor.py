"""A trained model in use: rooms in, curves and parameters with units and intervals out. numpy alone at this border."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from decaylab.errors import DataError
from decaylab.evaluation.intervals import half_widths
from decaylab.inference.about import PARAMETERS, UNITS, About
from decaylab.inference.engine import Engine
from decaylab.inference.rir import impulse_response, noise_response
from decaylab.rooms.features import FEATURE_NAMES, RoomTable, check_rooms
from decaylab.rooms.simulate import room_seed

#: Rooms predicted at a time where nothing else is said: 64 curves are 25 MB.
BLOCK_ROOMS = 64
#: Shares of a range's width by which rounding may pass its ends.
_ROUNDING = 1e-6


@dataclass(frozen=True)
class Prediction:
    """n rooms, in the order they were given.

    Attributes:
        ids: n names.
        parameters: edt, t20, t30, ts (s), c50, c80 (dB), d50 (a ratio): float64 (n,), NaN where invalid. All broadband,
            48 kHz, white source; definitions of `decaylab.acoustics`, from the curve's own onset.
        onset: int64 (n,), the sample of each curve that is t = 0.
        half_width: the same names -> (n,): parameter +- half-width holds one simulation of the room in `level` of the
            cases, for rooms like those of the training; NaN where not known.
        level: of the intervals, 0.9; NaN where not known.
        curves: float32 (n, samples), linear energy, 1 at the file's start; None where not asked for.
        sampling_rate: in Hz.
        units: of each parameter and of `onset`.
    """

    ids: list[str]
    parameters: Mapping[str, NDArray[np.float64]]
    onset: NDArray[np.int64]
    half_width: Mapping[str, NDArray[np.float64]]
    level: float
    curves: NDArray[np.float32] | None
    sampling_rate: int
    units: Mapping[str, str] = field(default_factory=lambda: dict(UNITS))

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class Outside:
    """One input of one room outside the range of the training rooms.

    Attributes:
        row: of the room, from 0.
        feature: its name, one of `FEATURE_NAMES`.
        value: of the room, in metres; of absorption a ratio.
        low, high: least and greatest value of the training rooms, in the same unit.
    """

    row: int
    feature: str
    value: float
    low: float
    high: float


class Predictor:
    """What `load_model` gives: a model that predicts rooms.

    Args:
        engine: what runs the model.
        about: the model's name, ranges and intervals.
        path: the file it was read from.

    Attributes:
        about: the model's name, ranges and intervals.
        path: the file it was read from.
        backend: "PyTorch" or "onnxruntime".
        can_be_heard: whether its impulse responses decay in each octave band as the room does; else they are noise
            under the predicted curve, not for auralisation.
    """

    def __init__(self, engine: Engine, about: About, path: str) -> None:
        self._engine = engine
        self.about = about
        self.path = path
        self.backend = engine.name
        self.can_be_heard = engine.has_bands

    @property
    def ranges(self) -> Mapping[str, tuple[float, float]] | None:
        """Feature -> (least, greatest) value of the training rooms, in its unit; None where not recorded."""
        return self.about.ranges

    def outside(self, rooms: RoomTable | ArrayLike) -> list[Outside]:
        """Every input outside the range that the training rooms have, room by room; none where ranges are not known."""
        features = room_table(rooms).features
        rows, columns = np.nonzero(self.is_outside(features))
        return [
            Outside(row, FEATURE_NAMES[column], float(features[row, column]), *self.ranges[FEATURE_NAMES[column]])
            for row, column in zip(rows.tolist(), columns.tolist(), strict=True)
            if self.ranges is not None
        ]

    def is_outside(self, rooms: RoomTable | ArrayLike) -> NDArray[np.bool_]:
        """The same as a mask (n, 16), for tables of any length; all False where ranges are not known."""
        features = room_table(rooms).features
        if self.ranges is None:
            return np.zeros(features.shape, dtype=np.bool_)
        low, high = (np.array([self.ranges[name][end] for name in FEATURE_NAMES]) for end in (0, 1))
        slack = _ROUNDING * np.maximum(high - low, 1e-3)
        return np.asarray((features < low - slack) | (features > high + slack))

    def predict(self, rooms: RoomTable | ArrayLike, *, curves: bool = True) -> Prediction:
        """Curves and parameters of rooms.

        Args:
            rooms: a table, or features (n, 16) or (16,) in the order of `rooms.FEATURE_NAMES`, physical units.
            curves: False for parameters alone; the arrays of many rooms are large (384 kB each), see `blocks`.

        Raises:
            DataError: rooms that cannot be.
        """
        parts = list(self.blocks(rooms, curves=curves))
        first = parts[0]
        return Prediction(
            [name for part in parts for name in part.ids],
            {name: np.concatenate([part.parameters[name] for part in parts]) for name in PARAMETERS},
            np.concatenate([part.onset for part in parts]),
            {name: np.concatenate([part.half_width[name] for part in parts]) for name in PARAMETERS},
            first.level,
            np.concatenate([part.curves for part in parts if part.curves is not None]) if curves else None,
            first.sampling_rate,
        )

    def blocks(
        self, rooms: RoomTable | ArrayLike, *, curves: bool = True, size: int = BLOCK_ROOMS
    ) -> Iterator[Prediction]:
        """The same, some rooms at a time: memory does not grow with their number.

        Args:
            rooms, curves: see `predict`.
            size: rooms at a time; 64 curves are 25 MB.

        Raises:
            DataError: rooms that cannot be, before anything is predicted.
        """
        table = room_table(rooms)
        check_rooms(table)
        for first in range(0, len(table), size):
            yield self._block(table.rows(np.arange(first, min(first + size, len(table)))), curves)

    def predict_receivers(
        self, size: ArrayLike, source: ArrayLike, receivers: ArrayLike, absorption: ArrayLike, *, curves: bool = True
    ) -> Prediction:
        """One room with one source, heard at several places: one row a receiver.

        Args:
            size, source: (3,), metres. receivers: (m, 3) or (3,), metres. absorption: (7,), 125 Hz to 8 kHz.
            curves: see `predict`.

        Raises:
            DataError: other shapes, or a room that cannot be.
        """
        return self.predict(rooms_at_receivers(size, source, receivers, absorption), curves=curves)

    def impulse_responses(self, rooms: RoomTable | ArrayLike, *, seed: int = 0) -> NDArray[np.float32]:
        """An impulse response of each room, (n, samples), whose curve is the predicted one.

        The generator is `inference.rir`'s, seeded by a hash of `seed` and the room's 16 features: the same response
        whatever other rooms are asked for. 1 is the direct sound's amplitude at 1 m where `can_be_heard`.
        """
        table = room_table(rooms)
        responses = np.empty((len(table), self.about.samples), dtype=np.float32)
        row = 0
        for part in self.blocks(table, size=16):
            features = table.features[row : row + len(part)]
            late = self._engine.late(features) if self.can_be_heard else None
            for k, curve in enumerate(part.curves if part.curves is not None else ()):
                own = room_seed(seed, features[k])
                if late is None:
                    responses[row + k] = noise_response(curve, own)
                else:
                    responses[row + k] = impulse_response(features[k], curve, late.positions[k], late.amplitude[k], own)
            row += len(part)
        return responses

    def _block(self, table: RoomTable, curves: bool) -> Prediction:
        answer = self._engine.run(table.features, curves)
        intervals = self.about.intervals
        return Prediction(
            table.ids,
            answer.parameters,
            answer.onset,
            half_widths(intervals, answer.parameters),
            float("nan") if intervals is None else float(intervals["level"]),
            answer.curves,
            self.about.sampling_rate,
        )


def room_table(rooms: RoomTable | ArrayLike) -> RoomTable:
    """Rooms as a table; without names they are `room_000001` ... by their row. DataError for a wrong shape, or none.

    Raises:
        DataError: another shape, or no room.
    """
    if not isinstance(rooms, RoomTable):
        features = np.asarray(rooms, dtype=np.float64)
        if features.ndim == 1:
            features = features[None]
        if features.ndim != 2 or features.shape[1] != len(FEATURE_NAMES):
            raise DataError(
                f"rooms need the shape (n, {len(FEATURE_NAMES)}): {', '.join(FEATURE_NAMES)}; not {features.shape}"
            )
        rooms = RoomTable([f"room_{row:06d}" for row in range(1, len(features) + 1)], features)
    if not len(rooms):
        raise DataError("there is no room to predict: the table is empty")
    return rooms


def rooms_at_receivers(size: ArrayLike, source: ArrayLike, receivers: ArrayLike, absorption: ArrayLike) -> RoomTable:
    """One room with one source and m receivers as a table of m rooms, `receiver_1` and so on.

    Args:
        size, source: (3,), metres.
        receivers: (m, 3) or (3,), metres.
        absorption: (7,), of all walls, 125 Hz to 8 kHz, from 0 to 1.

    Raises:
        DataError: other shapes.
    """
    places = np.atleast_2d(np.asarray(receivers, dtype=np.float64))
    fixed = [np.asarray(values, dtype=np.float64) for values in (size, source, absorption)]
    if [values.shape for values in fixed] != [(3,), (3,), (7,)] or places.ndim != 2 or places.shape[1] != 3:
        raise DataError(
            "a room needs size (3,), source (3,), receivers (m, 3) and absorption (7,), not "
            + ", ".join(str(values.shape) for values in (fixed[0], fixed[1], places, fixed[2]))
        )
    rows = [np.concatenate([fixed[0], fixed[1], place, fixed[2]]) for place in places]
    return RoomTable(
        [f"receiver_{k}" for k in range(1, len(places) + 1)], np.array(rows).reshape(-1, len(FEATURE_NAMES))
    )
