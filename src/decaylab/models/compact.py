"""`compact`: what a physical baseline leaves over, learnt by small networks.

Shapes: B rooms, K knots. The curve in dB is baseline x exp(0.2 z), made monotone, where z (B, K) is the mean of the
networks' answers. An untrained model has z = 0: it starts as the physics.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from decaylab.acoustics import EDC_SAMPLES
from decaylab.catalogue.models import MODELS
from decaylab.errors import ModelError
from decaylab.models.baseline import PhysicalBaseline, running_minimum, source_distance
from decaylab.models.grid import draw_curve
from decaylab.models.specular import LateEnergy
from decaylab.models.traced import TracedEnergy
from decaylab.rooms.features import FEATURE_NAMES, SIZE

#: Knots of the baseline that the networks see.
BASELINE_INPUTS = 28
#: Coefficients between the networks and the knots: few, so that the departure is smooth in time.
COEFFICIENTS = 24
WIDTH = 128
NETWORKS = 2
#: Natural logarithm of the factor by which z = 1 changes the level in dB, and the bound on z: by exp(2) at most.
STEP = 0.2
BOUND = 10.0


class Compact(nn.Module):
    """16 features in physical units to a decay curve in dB on knots; a physical baseline and two small networks.

    Args:
        input_dim: features of a room; 16.
        output_length: samples of a curve; 96,000.

    Attributes:
        input_noise: standard deviation of the noise on the networks' normalised inputs while training.

    Raises:
        ModelError: other numbers of features or samples.
    """

    inputs: ClassVar[Literal["scaled", "physical"]] = "physical"
    outputs: ClassVar[Literal["scaled_curve", "knots"]] = "knots"
    # For networks of a user's own that build on this one: they train by its recipe where they have none.
    default_loss: ClassVar[str] = MODELS["compact"].loss
    default_settings: ClassVar[dict[str, Any]] = MODELS["compact"].recipe

    input_mean: Tensor
    input_scale: Tensor
    seen: Tensor

    def __init__(self, input_dim: int = 16, output_length: int = EDC_SAMPLES) -> None:
        super().__init__()
        if input_dim != len(FEATURE_NAMES) or output_length != EDC_SAMPLES:
            raise ModelError(
                f"compact and compact_traced know the physics of {len(FEATURE_NAMES)} features and "
                f"{EDC_SAMPLES} samples (2 s at 48 kHz), not of {input_dim} and {output_length}: use lstm or a hybrid"
            )
        self.baseline = PhysicalBaseline(self.late_part())
        count = len(self.baseline.knots(torch.ones(1, input_dim))[0])
        width = input_dim + 3 + BASELINE_INPUTS
        self.networks = nn.ModuleList(_network(width, count) for _ in range(NETWORKS))
        self.input_noise = float(self.default_settings["input_noise"])
        self.register_buffer("input_mean", torch.zeros(width))
        self.register_buffer("input_scale", torch.ones(width))
        seen = torch.linspace(0, count - 1, BASELINE_INPUTS + 1)[1:].round().long()
        self.register_buffer("seen", seen, persistent=False)

    def late_part(self) -> LateEnergy:
        """What computes the decay of the traced rays."""
        return LateEnergy()

    def forward(self, features: Tensor, physics: Tensor | None = None) -> Tensor:
        """Level at the knots, (B, K), in dB re the file's start: never rising, almost 0 before the direct arrival.

        Args:
            features: (B, 16), physical units (`rooms.FEATURE_NAMES`).
            physics: `physics(features)`, where it is at hand; computed here otherwise.
        """
        if physics is None:
            physics = self.physics(features)
        inputs = (self._inputs(features, physics) - self.input_mean) / self.input_scale
        departure = BOUND * torch.tanh(self._departure(inputs) / BOUND)
        return running_minimum(physics * torch.exp(STEP * departure))

    def physics(self, features: Tensor) -> Tensor:
        """The baseline, (B, K) in dB: depends on the room alone, so training computes it once."""
        return self.baseline(features)

    def knot_index(self, features: Tensor) -> Tensor:
        """Sample positions of the knots from the file's start, (B, K): whole numbers, rising, to the last sample."""
        return self.baseline.knots(features)

    def render(self, level_db: Tensor, features: Tensor) -> Tensor:
        """The curve of `forward` as linear energy at every sample, (B, 96000): 1 at the file's start."""
        return draw_curve(level_db, self.knot_index(features))

    def fit_inputs(self, features: Tensor, physics: Tensor | None = None) -> None:
        """Normalise the networks' inputs by the mean and spread of these rooms, (n, 16): the TRAINING rows alone."""
        with torch.no_grad():
            inputs = self._inputs(features, self.physics(features) if physics is None else physics)
            spread = inputs.std(dim=0, correction=0)
            self.input_mean.copy_(inputs.mean(dim=0))
            # An input that is the same in all rooms tells nothing; dividing by its spread would blow up any other room.
            self.input_scale.copy_(torch.where(spread > 1e-3, spread, torch.ones_like(spread)))

    def _inputs(self, features: Tensor, physics: Tensor) -> Tensor:
        """What the networks see, (B, 47): features, ln of volume, surface and distance, the baseline at 28 knots."""
        size = features[:, SIZE]
        length, width, height = size.unbind(dim=1)
        surface = 2.0 * (length * width + length * height + width * height)
        known = torch.stack([size.prod(dim=1), surface, source_distance(features)], dim=1).log()
        return torch.cat([features, known, physics[:, self.seen]], dim=1)

    def _departure(self, inputs: Tensor) -> Tensor:
        if not self.training:
            return torch.stack([network(inputs) for network in self.networks]).mean(dim=0)
        inputs = inputs + self.input_noise * torch.randn_like(inputs)
        # Each network learns from its own share of every batch, so that they differ and their mean gains.
        parts = zip(self.networks, torch.tensor_split(inputs, len(self.networks)), strict=True)
        return torch.cat([network(part) for network, part in parts])


class CompactTraced(Compact):
    """`compact` on the simulator's own rays instead of their expectation: nearer to the labels of a simulation, as the
    pattern of its rays is part of these, and slower (a tracing for each new geometry). For labels, not for rooms.
    """

    def late_part(self) -> LateEnergy:
        """What traces the rays."""
        return TracedEnergy()

    def know_simulation(self, settings: dict[str, Any]) -> str:
        """Trace as many rays as the data set's simulation did, and say how many.

        Args:
            settings: of the data set's manifest; empty for one without: the published rooms have the library's number.

        Returns:
            A line for a person, which follows the word "model:".
        """
        rays, late = settings.get("rays"), self.baseline.late
        if not isinstance(late, TracedEnergy):
            raise TypeError(f"{type(late).__name__} traces no rays")
        late.rays.fill_(rays or 0)
        many = f"{rays:,} rays" if rays else "as many rays as the library by itself (by the room's volume)"
        return f"traces {many}, as the data set's simulation"


def _network(width: int, knots: int) -> nn.Sequential:
    """Inputs to z at the knots by way of a few coefficients; answers 0 until it is trained."""
    coefficients = nn.Linear(WIDTH, COEFFICIENTS)
    to_knots = nn.Linear(COEFFICIENTS, knots)
    nn.init.zeros_(coefficients.weight)
    nn.init.zeros_(coefficients.bias)
    nn.init.zeros_(to_knots.bias)
    return nn.Sequential(nn.Linear(width, WIDTH), nn.SiLU(), nn.Linear(WIDTH, WIDTH), nn.SiLU(), coefficients, to_knots)
