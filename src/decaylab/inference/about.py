"""What a model's file says of itself beside its weights: which model, its ranges and its intervals.

The same in a checkpoint (keys of their own, `models.checkpoint`) and, as JSON, in the metadata of an ONNX file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from decaylab.errors import DataError
from decaylab.rooms.features import ABSORPTION_NAMES, FEATURE_NAMES

FORMAT = "decaylab onnx"
VERSION = 1

#: What is predicted of a room, in this order, with units. `onset` is t = 0 of all others: a sample of the curve.
UNITS = {"edt": "s", "t20": "s", "t30": "s", "c50": "dB", "c80": "dB", "d50": "", "ts": "s", "onset": "samples"}
PARAMETERS = tuple(name for name in UNITS if name != "onset")
#: Said wherever parameters are shown: they are not the ISO single number.
BAND = "broadband (48 kHz, white source)"


@dataclass(frozen=True)
class About:
    """Attributes:
    name: of the model.
    sampling_rate, samples: of its curves.
    ranges: feature -> (least, greatest) value of the training rooms, in its unit; None: not recorded.
    intervals: as `evaluation.intervals.fit_intervals` gives them; None: not recorded.
    """

    name: str
    sampling_rate: int
    samples: int
    ranges: Mapping[str, tuple[float, float]] | None = None
    intervals: Mapping[str, Any] | None = None

    def to_json(self) -> str:
        """For the file's metadata."""
        return json.dumps(
            {
                "format": FORMAT,
                "version": VERSION,
                "model": self.name,
                "band": BAND,
                "definitions": "iso",
                "sampling_rate": self.sampling_rate,
                "samples": self.samples,
                "features": {name: unit_of(name) for name in FEATURE_NAMES},
                "units": {"curve": "linear energy, 1 at the file's start", **UNITS},
                "ranges": None if self.ranges is None else {name: list(pair) for name, pair in self.ranges.items()},
                "intervals": self.intervals,
            }
        )

    @classmethod
    def from_json(cls, text: str, path: str) -> About:
        """What `to_json` wrote. DataError for anything else, with `path` in the message.

        Raises:
            DataError: it is of another format or version, or damaged.
        """
        try:
            stored = json.loads(text)
            if (stored["format"], stored["version"]) != (FORMAT, VERSION):
                raise DataError(
                    f"{path} is version {stored['version']!r} of '{stored['format']}', which is not known here"
                )
            ranges, intervals = stored["ranges"], stored["intervals"]
            return cls(
                str(stored["model"]),
                int(stored["sampling_rate"]),
                int(stored["samples"]),
                None
                if ranges is None
                else {name: (float(ranges[name][0]), float(ranges[name][1])) for name in FEATURE_NAMES},
                None if intervals is None else checked_intervals(intervals),
            )
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise DataError(
                f"{path}: what the file says of itself is damaged ({type(error).__name__}: {error})"
            ) from None


def checked_intervals(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Intervals with nothing but numbers where numbers belong; raises KeyError, TypeError or ValueError otherwise."""
    widths = stored["half_width"]
    return {
        "level": float(stored["level"]),
        "rooms": int(stored["rooms"]),
        "relative": [str(name) for name in stored["relative"]],
        "half_width": {name: None if widths[name] is None else float(widths[name]) for name in PARAMETERS},
    }


def unit_of(feature: str) -> str:
    """Metres; absorption is a ratio of energies."""
    return "" if feature in ABSORPTION_NAMES else "m"
