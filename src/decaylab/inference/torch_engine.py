"""A model in PyTorch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray

from decaylab.acoustics import onset_index, room_parameters
from decaylab.inference.about import PARAMETERS
from decaylab.inference.drawing import draw_through_knots
from decaylab.inference.engine import Answer, Late
from decaylab.inference.graph import Graph
from decaylab.inference.knot_parameters import parameters_of_knots, with_start

#: Rooms at a time through the physical baseline: its pair matrices then stay in cache.
_BLOCK = 2
#: Below this number of parameters a model is run by one thread.
_SMALL_MODEL = 1_000_000


class TorchEngine:
    """See `engine.Engine`. A model without the baseline has its parameters from its curves, by `acoustics`."""

    name = "PyTorch"

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.has_bands = graph.draws_knots
        self._is_small = sum(p.numel() for p in graph.parameters()) < _SMALL_MODEL

    def run(self, features: NDArray[np.float64], curves: bool) -> Answer:
        """See `engine.Engine.run`."""
        rooms = torch.from_numpy(features).float()
        with torch.inference_mode(), self._threads():
            if not self.graph.draws_knots:
                drawn = self.graph.curve(rooms).numpy()
                parameters = room_parameters(drawn, sampling_rate=self.graph.sampling_rate, names=PARAMETERS)
                return Answer(parameters, onset_index(drawn), drawn if curves else None)
            parts = [self.graph.knots(part) for part in rooms.split(_BLOCK)]
            level, positions = (torch.cat(values) for values in zip(*parts, strict=True))
            found = parameters_of_knots(*with_start(level, positions), self.graph.sampling_rate)
            rendered = draw_through_knots(level.numpy(), positions.numpy(), self.graph.samples) if curves else None
        arrays = {name: value.numpy() for name, value in found.items()}
        onset = arrays.pop("onset").astype(np.int64)
        return Answer({name: arrays[name] for name in PARAMETERS}, onset, rendered)

    def late(self, features: NDArray[np.float64]) -> Late:
        """See `engine.Engine.late`."""
        rooms = torch.from_numpy(features).float()
        baseline = self.graph.model.baseline
        with torch.inference_mode(), self._threads():
            return Late(baseline.knots(rooms).double().numpy(), baseline.late_bands(rooms).double().numpy())

    @contextmanager
    def _threads(self) -> Iterator[None]:
        """One thread for a small model: its tensors are too short to share."""
        before = torch.get_num_threads()
        if self._is_small:
            torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(before)
