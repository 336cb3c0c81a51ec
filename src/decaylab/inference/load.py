"""From a run's directory or a file to a model that predicts."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

from decaylab.errors import DataError, MissingExtraError
from decaylab.inference.predictor import Predictor

#: Where a run has its weights and, once it was exported, its ONNX file.
CHECKPOINT = os.path.join("checkpoints", "best_model.ckpt")
EXPORTED = "model.onnx"
#: The model that comes with the package: `compact.ckpt`, `compact.onnx`, its metadata and its card.
SHIPPED = Path(__file__).parent / "shipped"


def load_model(path: str | os.PathLike[str] | None = None, *, model: str | None = None) -> Predictor:
    """A trained model, ready to predict rooms.

    A checkpoint is run by PyTorch, an ONNX file by onnxruntime. Of a run's directory the checkpoint is taken, or, where
    PyTorch is not installed, the ONNX file that `decaylab export` wrote there.

    Args:
        path: a run's directory, a checkpoint (.ckpt) or an ONNX file; None: the model that ships with the package.
        model: `package.module:Class`, for the checkpoint of a model of your own.

    Raises:
        DataError: nothing there, or nothing that can be read. MissingExtraError: what runs it is not installed.
        InputError, ModelError: a checkpoint whose model is not known here.
    """
    if path is None:
        return _shipped()
    place = os.fspath(path)
    if os.path.isdir(place):
        return _of_run(place, model)
    if not os.path.exists(place):
        raise DataError(f"there is no run and no file {place}")
    return _onnx(place) if place.endswith(".onnx") else _torch(place, model)


def _shipped() -> Predictor:
    weights, graph = SHIPPED / "compact.ckpt", SHIPPED / "compact.onnx"
    # onnxruntime starts in a tenth of the time of PyTorch.
    if graph.is_file() and (_installed("onnxruntime") or not _installed("torch")):
        return _onnx(str(graph))
    if weights.is_file():
        return _torch(str(weights), None)
    raise DataError("no model ships with this installation: name a run, a checkpoint (.ckpt) or an ONNX file")


def is_shipped(model: Predictor) -> bool:
    """Whether it is the model that ships with the package."""
    return Path(model.path).parent == SHIPPED


def _of_run(directory: str, model: str | None) -> Predictor:
    weights, graph = os.path.join(directory, CHECKPOINT), os.path.join(directory, EXPORTED)
    if os.path.isfile(weights) and (_installed("torch") or not os.path.isfile(graph)):
        return _torch(weights, model)
    if os.path.isfile(graph):
        return _onnx(graph)
    raise DataError(f"{directory} holds neither {CHECKPOINT} nor {EXPORTED}: it is no finished run of decaylab")


def _torch(path: str, model: str | None) -> Predictor:
    if not _installed("torch"):
        raise MissingExtraError("torch", "train", f"running {path} (an ONNX file would need onnxruntime alone)")
    from decaylab.inference.graph import load_graph
    from decaylab.inference.torch_engine import TorchEngine

    graph, about = load_graph(path, model)
    return Predictor(TorchEngine(graph), about, path)


def _onnx(path: str) -> Predictor:
    from decaylab.inference.onnx_engine import open_onnx

    return Predictor(*open_onnx(path), path)


def _installed(package: str) -> bool:
    return find_spec(package) is not None
