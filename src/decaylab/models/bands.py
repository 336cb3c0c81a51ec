"""Octave bands as the simulator joins them: neighbours fade into each other in AMPLITUDE.

Shapes: B rooms, N = 8 bands. Around the edge between two bands the amplitude at frequency f is a raised-cosine mixture
of the two bands' amplitudes. Energy is its square: neighbours share a cross term, which decays at the mean of their
rates. (Bands with sharp edges give the slower of two bands too much: T20 came out 0.019 s too long in published rooms.)
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from decaylab.acoustics import SAMPLING_RATE
from decaylab.acoustics.physics import BAND_EDGES, BAND_FADES

_NYQUIST = SAMPLING_RATE / 2.0
#: Share of an image's energy at and below Nyquist that the simulator's fractional-delay filter (81 taps, Hann) loses
#: when the arrival lies half way between two samples; none on a sample, in between by sin^2.
DELAY_LOSS = 0.02013
#: Where the spectrum of an image ends on average, in Hz.
_HIGHEST = (1.0 - DELAY_LOSS / 2.0) * _NYQUIST


class BandJoin(nn.Module):
    """From energies in eight bands to the energy of their sum for a white source.

    Args:
        missing: width in Hz at the lower end of the spectrum that holds no energy.
    """

    own: Tensor
    shared: Tensor

    def __init__(self, missing: float = 0.0) -> None:
        super().__init__()
        edges, fades = torch.tensor(BAND_EDGES, dtype=torch.float64), torch.tensor(BAND_FADES, dtype=torch.float64)
        limits = torch.cat([torch.zeros(1), edges, torch.full((1,), _NYQUIST)])
        # Over a fade of width 2P the integral of cos^4 is 3/8 x 2P, of cos^2 sin^2 1/8 x 2P.
        own = limits.diff()
        own[:-1] -= fades / 4
        own[1:] -= fades / 4
        own[0] -= missing
        self.register_buffer("own", (own / _NYQUIST).float(), persistent=False)
        self.register_buffer("shared", (fades / 2 / _NYQUIST).float(), persistent=False)

    def forward(self, amplitude: Tensor) -> Tensor:
        """Mean energy over the white spectrum, (B, ...), of band amplitudes (B, N, ...); the bands are in phase."""
        shape = (-1, *[1] * (amplitude.dim() - 2))
        own = (self.own.view(shape) * amplitude.square()).sum(dim=1)
        return own + (self.shared.view(shape) * amplitude[:, 1:] * amplitude[:, :-1]).sum(dim=1)


class PairSpectrum(nn.Module):
    """Interference of two arrivals, each with an amplitude per band: the integral of A_i A_j cos(2 pi f x) over f.

    Between the fades A is constant; within the fade around f_e, at f_e + s, it is m - d sin(pi s / 2P) with m, d half
    the sum and half the difference of the two bands' amplitudes. All integrals are closed: sinc of 2Px and its
    neighbours 1/2 and 1 away.
    """

    edges: Tensor
    fades: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("edges", torch.tensor(BAND_EDGES), persistent=False)
        self.register_buffer("fades", torch.tensor(BAND_FADES), persistent=False)

    def forward(self, first: Tensor, second: Tensor, apart: Tensor) -> Tensor:
        """(B, P) for amplitudes (B, P, N) of both arrivals of each pair and the seconds between them, (B, P).

        Args:
            first, second: (B, P, N), amplitudes of both arrivals of each pair, by band.
            apart: (B, P), seconds between them.
        """
        x = apart[:, :, None]
        theta, angle = 2.0 * torch.pi * self.edges * x, 2.0 * torch.pi * self.fades * x  # (B, P, 7)
        sin_e, cos_e, sin_p, cos_p = torch.sin(theta), torch.cos(theta), torch.sin(angle), torch.cos(angle)
        u = angle / torch.pi  # 2 P x
        middle = _ratio(sin_p, u)
        halves = _ratio(cos_p, 0.5 - u) - _ratio(cos_p, 0.5 + u)
        wholes = _ratio(-sin_p, u - 1.0) + _ratio(-sin_p, u + 1.0)
        p = self.fades
        i0 = 2.0 * p * cos_e * middle
        i1 = -p * sin_e * halves
        i2 = 0.5 * p * cos_e * (2.0 * middle - wholes)
        mean1, mean2 = 0.5 * (first[:, :, :-1] + first[:, :, 1:]), 0.5 * (second[:, :, :-1] + second[:, :, 1:])
        half1, half2 = 0.5 * (first[:, :, :-1] - first[:, :, 1:]), 0.5 * (second[:, :, :-1] - second[:, :, 1:])
        fade = mean1 * mean2 * i0 - (mean1 * half2 + half1 * mean2) * i1 + half1 * half2 * i2
        # Flat parts: the lobe at frequency f is f sinc(2 f x); at f_e - P and f_e + P by the sums of angles.
        low = (self.edges - p) * _ratio(sin_e * cos_p - cos_e * sin_p, (theta - angle) / torch.pi)
        high = (self.edges + p) * _ratio(sin_e * cos_p + cos_e * sin_p, (theta + angle) / torch.pi)
        last = _HIGHEST * _ratio(torch.sin(2.0 * torch.pi * _HIGHEST * x), 2.0 * _HIGHEST * x)
        upper = torch.cat([low, last], dim=2)
        lower = torch.cat([torch.zeros_like(last), high], dim=2)
        flat = first * second * (upper - lower)
        return (flat.sum(dim=2) + fade.sum(dim=2)) / _NYQUIST


def _ratio(sine: Tensor, v: Tensor) -> Tensor:
    """sin(pi v) / (pi v), given sin(pi v): 1 at v = 0."""
    near = v.abs() < 1e-4
    return torch.where(near, torch.ones_like(v), sine / (torch.pi * torch.where(near, torch.ones_like(v), v)))
