"""What Sabine's and Eyring's formulas say of a room's whole decay curve, made as well as they allow.

Per octave band of a 48 kHz simulation the direct sound and a diffuse field that decays exponentially with the formula's
reverberation time, air absorption included; their energies summed with the bands' shares of a white source.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from decaylab.acoustics import EDC_SAMPLES, SAMPLING_RATE
from decaylab.acoustics.physics import (
    AIR_ABSORPTION,
    BAND_SHARES,
    SPEED_OF_SOUND,
    direct_arrival_index,
    eyring_t60,
    hold_last_band,
    sabine_t60,
    source_distance,
    volume_and_surface,
)

FORMULAS = {"sabine": sabine_t60, "eyring": eyring_t60}
#: A perfect absorber would have no reverberation time at all: so little is taken for it, in seconds.
_LEAST_T60 = 1e-3


def formula_edc(
    name: str,
    size: ArrayLike,
    source: ArrayLike,
    receiver: ArrayLike,
    absorption: ArrayLike,
    samples: int = EDC_SAMPLES,
) -> NDArray[np.float32]:
    """Decay curves by a formula, (n, samples) float32, linear energy, 1 up to the direct sound.

    The diffuse field begins when the direct sound arrives and has the level that M. Barron's revised theory gives it
    (M. Barron and L.-J. Lee, J. Acoust. Soc. Am. 84, 618, 1988): energy density c / V exp(-t 6 ln 10 / T) per unit of
    source energy, t from the emission, where the direct sound is exp(-m r) / (4 pi r^2). Cut at the record's end, like
    a simulation's.

    Args:
        name: "sabine" or "eyring".
        size, source, receiver: (n, 3), metres.
        absorption: (n, 7) of all six walls, 125 Hz to 8 kHz; 8 kHz is held for 16 kHz.
        samples: of each curve, at 48 kHz.
    """
    bands = hold_last_band(absorption)
    rate = 6.0 * np.log(10.0) / np.maximum(FORMULAS[name](size, bands), _LEAST_T60)  # (n, 8)
    distance = source_distance(source, receiver)[:, None]
    shares, air = np.array(BAND_SHARES), np.array(AIR_ABSORPTION)
    direct = (shares * np.exp(-air * distance)).sum(axis=1) / (4.0 * np.pi * distance[:, 0] ** 2)
    level = shares * SPEED_OF_SOUND / volume_and_surface(size)[0][:, None] / rate  # energy from the emission on
    arrival = direct_arrival_index(source, receiver)
    emission = arrival - distance[:, 0] / SPEED_OF_SOUND * SAMPLING_RATE
    curves = np.empty((len(bands), samples), dtype=np.float32)
    for row in range(len(bands)):
        first = int(np.ceil(arrival[row]))
        time = (np.arange(first, samples + 1) - emission[row]) / SAMPLING_RATE
        late = np.exp(-np.outer(time, rate[row])) @ level[row]
        late -= late[-1]
        whole = direct[row] + late[0]
        curves[row, : first + 1] = 1.0
        curves[row, first + 1 :] = late[1:-1] / whole
    return curves
