"""The physical baseline of `compact`: a box room's decay without any training, in dB on the model's knots.

Shapes: B rooms, K knots, N = 8 bands. SI units.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from decaylab.acoustics import SAMPLING_RATE
from decaylab.acoustics.physics import SIMULATOR_DELAY, SPEED_OF_SOUND
from decaylab.models.grid import knot_fractions, knot_positions
from decaylab.models.images import LEAST_DISTANCE, EarlyEnergy
from decaylab.models.specular import LateEnergy
from decaylab.rooms.features import ABSORPTION, RECEIVER, SIZE, SOURCE

#: No level lies below: where nothing is left a logarithm needs a number.
FLOOR_DB = -120.0
#: Walls reflect at least this share of energy: the logarithm of nothing needs a number.
LEAST_REFLECTION = 1e-12
#: Rooms at a time when many are computed: their pair matrices then stay in cache (2 MB a room).
_BLOCK = 4


class PhysicalBaseline(nn.Module):
    """What the simulator expects of a room: image sources up to order 3 and traced rays; eight bands, white source."""

    fractions: Tensor

    def __init__(self, late: LateEnergy | None = None) -> None:
        """`late`: what computes the traced rays; without it their expectation."""
        super().__init__()
        self.early = EarlyEnergy()
        self.late = late or LateEnergy()
        self.register_buffer("fractions", knot_fractions().float(), persistent=False)

    def knots(self, features: Tensor) -> Tensor:
        """Sample positions of the knots, (B, K), for features (B, 16) in physical units."""
        arrival = source_distance(features) / SPEED_OF_SOUND * SAMPLING_RATE + SIMULATOR_DELAY
        return knot_positions(arrival, self.fractions)

    def forward(self, features: Tensor) -> Tensor:
        """Level at the knots, (B, K), dB re the file's start: never rising, never below -120.

        The first is just below 0: the simulator's high-pass filter puts a thousandth of the energy before the sound.

        Args:
            features: (B, 16), physical units (`rooms.FEATURE_NAMES`).
        """
        if torch.compiler.is_compiling() or len(features) <= _BLOCK:
            return self._levels(features)
        return torch.cat([self._levels(block) for block in features.split(_BLOCK)])

    def late_bands(self, features: Tensor) -> Tensor:
        """Amplitude of the traced rays in each octave band at the knots, (B, N, K): `LateEnergy.band_amplitudes`."""
        places = (features[:, SIZE], features[:, SOURCE], features[:, RECEIVER])
        return self.late.band_amplitudes(*places, _log_reflection(features), self.knots(features))

    def _levels(self, features: Tensor) -> Tensor:
        knots = self.knots(features)
        log_reflection = _log_reflection(features)
        places = (features[:, SIZE], features[:, SOURCE], features[:, RECEIVER])
        early, before = self.early(*places, log_reflection, knots)
        energy = early + self.late(*places, log_reflection, knots)
        share = energy / (before + energy[:, :1])
        level = 10.0 * torch.log10(share.clamp(min=10.0 ** (FLOOR_DB / 10.0), max=1.0))
        return running_minimum(level)


def _log_reflection(features: Tensor) -> Tensor:
    """Logarithm of the share of energy that the walls reflect in each band, (B, N)."""
    bands = features[:, ABSORPTION]
    absorption = torch.cat([bands, bands[:, -1:]], dim=1)  # 16 kHz as 8 kHz, like the simulation
    return torch.log((1.0 - absorption).clamp(min=LEAST_REFLECTION))


def source_distance(features: Tensor) -> Tensor:
    """Between source and receiver in metres, (B,), at least 1 cm."""
    offset = features[:, SOURCE] - features[:, RECEIVER]
    return offset.square().sum(dim=1).clamp(min=LEAST_DISTANCE**2).sqrt()


def running_minimum(values: Tensor) -> Tensor:
    """Least value so far along K of (B, K): `cummin` in operators that ONNX has, in log2(K) steps."""
    shift = 1
    while shift < values.shape[-1]:
        values = torch.cat([values[:, :shift], torch.minimum(values[:, shift:], values[:, :-shift])], dim=1)
        shift *= 2
    return values
