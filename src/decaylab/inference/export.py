"""A trained model as an ONNX file: features in physical units in, curve and parameters out. `decaylab[export]`."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import warnings
from typing import Any, NamedTuple

import numpy as np
import torch

from decaylab.errors import MissingExtraError, ModelError
from decaylab.inference.about import PARAMETERS, About
from decaylab.inference.graph import Graph, load_graph
from decaylab.inference.onnx_engine import METADATA_KEY, open_onnx
from decaylab.inference.predictor import Prediction, Predictor, room_table
from decaylab.inference.torch_engine import TorchEngine
from decaylab.models.compact import CompactTraced
from decaylab.rooms.features import FEATURE_NAMES, SIZE_NAMES

OPSET = 20
#: The file against PyTorch, largest differences allowed: curves in dB above -60 dB; times in s; C50, C80 in dB; D50.
CURVE_TOLERANCE_DB = 1e-3
TOLERANCES = {**dict.fromkeys(PARAMETERS, 1e-4), "c50": 1e-3, "c80": 1e-3}
_SEEN_DB = -60.0
_CHECKED_ROOMS = 5


class Difference(NamedTuple):
    """Largest differences between onnxruntime and PyTorch over the rooms checked.

    curve_db: levels in dB above -60 dB. parameters: name -> in its unit; infinite where one alone is valid.
    """

    rooms: int
    curve_db: float
    parameters: dict[str, float]

    @property
    def within(self) -> bool:
        """Whether all lie within the tolerances that the file is written for."""
        return self.curve_db <= CURVE_TOLERANCE_DB and all(
            value <= TOLERANCES[name] for name, value in self.parameters.items()
        )


def export_onnx(checkpoint: str, path: str, *, own_model: str | None = None) -> Difference:
    """Write the model of a checkpoint as an ONNX file, whole or not at all, and hold it against PyTorch.

    Input: `features` (rooms, 16), float32, physical units. Outputs: `curve` (rooms, samples) float32, each of
    `PARAMETERS` and `onset` (rooms,) float64, NaN where invalid; of a model with the physical baseline `level` (dB) and
    `positions` (samples) at its knots and `late` (rooms, 8, knots), the amplitude of the octave bands. Any number of
    rooms. What the file says of itself (features, units, ranges, intervals) is JSON under the metadata key `decaylab`.

    Args:
        checkpoint: path of a .ckpt file.
        path: of the ONNX file.
        own_model: `package.module:Class` of a model that is not one of decaylab's.

    Returns:
        How far the file is from PyTorch on a few rooms; it is written whatever that says.

    Raises:
        MissingExtraError: onnx, onnxscript or onnxruntime is not installed. DataError, InputError: the checkpoint.
        ModelError: `compact_traced`, which traces rays.
    """
    for package in ("onnx", "onnxscript", "onnxruntime"):
        try:
            __import__(package)
        except ImportError:
            raise MissingExtraError(package, "export", "writing an ONNX file") from None
    graph, about = load_graph(checkpoint, own_model)
    if isinstance(graph.model, CompactTraced):
        raise ModelError(
            f"{checkpoint} holds compact_traced, which traces rays: no graph of operators. Export compact instead"
        )
    temporary = f"{path}.{os.getpid()}.tmp"
    try:
        _program(graph, about).save(temporary, external_data=False)
        difference = compare(graph, about, temporary)
        os.replace(temporary, path)
    finally:
        if os.path.exists(temporary):
            os.unlink(temporary)
    return difference


def compare(graph: Graph, about: About, path: str) -> Difference:
    """The file in onnxruntime against the model in PyTorch, on rooms within the training ranges.

    Args:
        graph: the model in PyTorch.
        about: what the file says of itself.
        path: of the ONNX file.
    """
    rooms = room_table(_rooms(about))
    torch_says = Predictor(TorchEngine(graph), about, path).predict(rooms)
    file_says = Predictor(open_onnx(path)[0], about, path).predict(rooms)
    parameters = {name: _largest(torch_says.parameters[name], file_says.parameters[name]) for name in PARAMETERS}
    return Difference(len(rooms), _curve_difference(torch_says, file_says), parameters)


def _program(graph: Graph, about: About) -> Any:
    example = torch.from_numpy(_rooms(about)[:2]).float()
    for name in ("torch.onnx", "torch.onnx._internal.exporter._registration", "onnxscript", "onnx_ir"):
        logging.getLogger(name).setLevel(logging.ERROR)
    # The exporter says on stdout how far it is, and warns of its own parts.
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), torch.no_grad():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            graph,
            (example,),
            dynamo=True,
            opset_version=OPSET,
            input_names=["features"],
            output_names=list(graph.output_names),
            dynamic_shapes={"features": {0: torch.export.Dim("rooms")}},
            verbose=False,
        )
    if program is None:
        raise TypeError("torch.onnx.export gave no program although dynamo is True")
    program.model.metadata_props[METADATA_KEY] = about.to_json()
    return program


def _rooms(about: About) -> Any:
    """A few rooms, (5, 16), within the training ranges where these are known."""
    random = np.random.default_rng(0)
    size = random.uniform([3.5, 3.5, 2.6], [6.0, 5.0, 3.5], (_CHECKED_ROOMS, 3))
    absorption = random.uniform(0.05, 0.6, (_CHECKED_ROOMS, 7))
    if about.ranges is not None:
        low, high = (np.array([about.ranges[name][end] for name in FEATURE_NAMES]) for end in (0, 1))
        count = len(SIZE_NAMES)
        size = random.uniform(low[:count], high[:count], (_CHECKED_ROOMS, count))
        absorption = random.uniform(low[9:], high[9:], (_CHECKED_ROOMS, 7))
    source, receiver = 0.3 * size, random.uniform(0.55, 0.75, size.shape) * size
    return np.concatenate([size, source, receiver, np.clip(absorption, 0.02, 1.0)], axis=1)


def _curve_difference(first: Prediction, second: Prediction) -> float:
    if first.curves is None or second.curves is None:
        return float("inf")
    seen = first.curves > 10.0 ** (_SEEN_DB / 10.0)
    ratio = np.maximum(second.curves[seen].astype(np.float64), 1e-30) / first.curves[seen]
    return float(np.abs(10.0 * np.log10(ratio)).max(initial=0.0))


def _largest(first: Any, second: Any) -> float:
    if (np.isfinite(first) != np.isfinite(second)).any():
        return float("inf")
    return float(np.nanmax(np.abs(first - second), initial=0.0))
