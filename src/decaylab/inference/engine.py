"""What runs a model: PyTorch or onnxruntime. Both answer the same in numpy arrays."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray


class Answer(NamedTuple):
    """Of n rooms: `parameters` name -> float64 (n,), NaN if invalid; `onset` int64 (n,); `curves` float32 or None."""

    parameters: dict[str, NDArray[np.float64]]
    onset: NDArray[np.int64]
    curves: NDArray[np.float32] | None


class Late(NamedTuple):
    """Traced rays band by band: `positions` (n, K) in samples, `amplitude` (n, 8, K); `models.specular`."""

    positions: NDArray[np.float64]
    amplitude: NDArray[np.float64]


class Engine(Protocol):
    """Attributes:
    name: "PyTorch" or "onnxruntime".
    has_bands: whether it knows how each octave band decays.
    """

    name: str
    has_bands: bool

    def run(self, features: NDArray[np.float64], curves: bool) -> Answer:
        """Parameters of rooms (n, 16) in physical units, and their curves if wanted."""
        ...

    def late(self, features: NDArray[np.float64]) -> Late:
        """How the octave bands decay; only where `has_bands`."""
        ...
