"""A model in onnxruntime: neither PyTorch nor onnx is needed. The file is `inference.export`'s."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from decaylab.errors import DataError, MissingExtraError
from decaylab.inference.about import PARAMETERS, About
from decaylab.inference.engine import Answer, Late

#: Key of the file's metadata that holds `About.to_json`.
METADATA_KEY = "decaylab"
#: Rooms at a time: their tables then stay in cache.
_BLOCK = 4


class OnnxEngine:
    """See `engine.Engine`."""

    name = "onnxruntime"

    def __init__(self, session: Any, options: Any) -> None:
        self._session = session
        self._options = options
        self.has_bands = "late" in {output.name for output in session.get_outputs()}

    def run(self, features: NDArray[np.float64], curves: bool) -> Answer:
        """See `engine.Engine.run`."""
        names = [*PARAMETERS, "onset", *(["curve"] if curves else [])]
        found = dict(zip(names, self._run(names, features), strict=True))
        onset = found.pop("onset").astype(np.int64)
        drawn = found.pop("curve") if curves else None
        return Answer({name: found[name].astype(np.float64) for name in PARAMETERS}, onset, drawn)

    def late(self, features: NDArray[np.float64]) -> Late:
        """See `engine.Engine.late`."""
        positions, amplitude = self._run(["positions", "late"], features)
        return Late(positions.astype(np.float64), amplitude.astype(np.float64))

    def _run(self, names: list[str], features: NDArray[np.float64]) -> list[NDArray[Any]]:
        rooms = features.astype(np.float32)
        parts = [
            self._session.run(names, {"features": rooms[first : first + _BLOCK]}, self._options)
            for first in range(0, len(rooms), _BLOCK)
        ]
        return [np.concatenate(values) for values in zip(*parts, strict=True)]


def open_onnx(path: str) -> tuple[OnnxEngine, About]:
    """The model of an ONNX file that `decaylab export` wrote.

    Raises:
        MissingExtraError: onnxruntime is not installed. DataError: no such file, or none of decaylab's.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # or its import leaves files in the user's home directory
    try:
        import onnxruntime
    except ImportError:
        raise MissingExtraError("onnxruntime", "onnx", f"reading {path}") from None
    if not os.path.isfile(path):
        raise DataError(f"there is no file {path}")
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = 1  # the tensors are too short to share
    settings.log_severity_level = 3
    # The runtime's own errors derive from Exception, each by itself; RuntimeException is no RuntimeError either.
    own = (RuntimeError, *vars(onnxruntime.capi.onnxruntime_pybind11_state).values())
    kinds = tuple(kind for kind in own if isinstance(kind, type) and issubclass(kind, Exception))
    try:
        session = onnxruntime.InferenceSession(path, settings, providers=["CPUExecutionProvider"])
    except kinds as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise DataError(f"{path} is no ONNX file that onnxruntime can run: {first[:200]}") from None
    stored = session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
    if stored is None:
        raise DataError(f"{path} is an ONNX file, but not of `decaylab export`: it says nothing of rooms and units")
    about = About.from_json(stored, path)
    options = onnxruntime.RunOptions()
    options.only_execute_path_to_fetches = True  # parameters alone need no curve
    return OnnxEngine(session, options), about
