"""A trained model from features in physical units to curve and parameters, as PyTorch runs it and ONNX stores it.

Shapes: B rooms, K knots, N = 8 bands.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from decaylab.errors import DataError, ModelError
from decaylab.inference.about import PARAMETERS, About, checked_intervals
from decaylab.inference.knot_parameters import parameters_of_knots, parameters_of_samples, with_start
from decaylab.models.checkpoint import load_checkpoint
from decaylab.models.compact import Compact
from decaylab.models.weights import model_of
from decaylab.rooms.features import FEATURE_NAMES
from decaylab.rooms.scaling import usable_scale

#: Outputs of the graph; those of a model with the physical baseline have `KNOT_OUTPUTS` besides.
OUTPUTS = ("curve", *PARAMETERS, "onset")
KNOT_OUTPUTS = ("level", "positions", "late")


class Graph(nn.Module):
    """A model with its scalers.

    Attributes:
        draws_knots: its curve is drawn through knots as `models.grid.draw_curve` does; parameters need no samples then.
    """

    center: Tensor
    scale: Tensor
    curve_center: Tensor
    curve_scale: Tensor

    def __init__(self, model: Any, content: dict[str, Any]) -> None:
        super().__init__()
        self.model = model
        self.sampling_rate = int(content["sampling_rate"])
        self.samples = int(content["output_length"])
        self.draws_knots = isinstance(model, Compact)
        self.on_knots = model.outputs == "knots"
        features, curves = content["scaler_X"], content["scaler_y"]
        is_scaled = model.inputs == "scaled"
        constants = {
            "center": features["center"] if is_scaled else torch.zeros(len(FEATURE_NAMES)),
            "scale": features["scale"] if is_scaled else torch.ones(len(FEATURE_NAMES)),
            "curve_center": torch.zeros(1) if self.on_knots else curves["center"],
            "curve_scale": torch.ones(1) if self.on_knots else torch.from_numpy(usable_scale(curves["scale"].numpy())),
        }
        self.is_scaled = is_scaled
        for name, value in constants.items():
            self.register_buffer(name, value.float(), persistent=False)

    @property
    def output_names(self) -> tuple[str, ...]:
        """Of `forward`, in order."""
        return (*OUTPUTS, *KNOT_OUTPUTS) if self.draws_knots else OUTPUTS

    def forward(self, features: Tensor) -> tuple[Tensor, ...]:
        """Everything `output_names` says, for features (B, 16) in physical units."""
        if not self.draws_knots:
            curve = self.curve(features)
            found = parameters_of_samples(curve, self.sampling_rate)
            return curve, *(found[name] for name in OUTPUTS[1:])
        level, positions = self.knots(features)
        found = parameters_of_knots(*with_start(level, positions), self.sampling_rate)
        late = self.model.baseline.late_bands(features)
        curve = self.model.render(level, features)
        return curve, *(found[name] for name in OUTPUTS[1:]), level, positions, late

    def knots(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Level in dB and sample positions at the knots, (B, K) each."""
        return self.model(features), self.model.knot_index(features)

    def curve(self, features: Tensor) -> Tensor:
        """Linear energy, (B, samples)."""
        inputs = (features - self.center) / self.scale if self.is_scaled else features
        if self.on_knots:
            return self.model.render(self.model(inputs), inputs)
        return self.model(inputs).float() * self.curve_scale + self.curve_center


def load_graph(path: str, own_model: str | None = None) -> tuple[Graph, About]:
    """The model of a checkpoint, ready for use, and what the checkpoint says of itself.

    Args:
        own_model: `package.module:Class` of a model that is not one of ours: no path in a file is ever imported.

    Raises:
        DataError: no checkpoint, one whose weights are of another architecture, or a model of somebody's own without
            `own_model`. ModelError: a model for other than 16 features.
    """
    content = load_checkpoint(path)
    if content["input_dim"] != len(FEATURE_NAMES):
        raise ModelError(f"{path}: a model of {content['input_dim']} features; rooms have {len(FEATURE_NAMES)}")
    model = model_of(content, path, own=own_model)
    graph = Graph(model, content).eval()
    return graph, _about(content, graph, path)


def _about(content: dict[str, Any], graph: Graph, path: str) -> About:
    ranges, intervals = content.get("ranges"), content.get("uncertainty")
    try:
        pairs = None
        if ranges is not None:
            low, high = ranges["low"].tolist(), ranges["high"].tolist()
            pairs = {name: (low[k], high[k]) for k, name in enumerate(FEATURE_NAMES)}
        checked = None if intervals is None else checked_intervals(intervals)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise DataError(f"{path}: its ranges or intervals are damaged ({type(error).__name__}: {error})") from None
    return About(str(content["model_name"]), graph.sampling_rate, graph.samples, pairs, checked)
