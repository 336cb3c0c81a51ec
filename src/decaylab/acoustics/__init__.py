"""What a decay is: curves, their parameters, and the physics known beforehand. Stands on numpy alone."""

from decaylab.acoustics.bands import usable_bands
from decaylab.acoustics.decay import edc_from_rir
from decaylab.acoustics.onset import onset_index
from decaylab.acoustics.parameters import curvature, decay_line, room_parameters
from decaylab.acoustics.response import ResponseParameters, response_parameters

#: Samples per second and samples per curve (2 s) of every data set.
SAMPLING_RATE = 48_000
EDC_SAMPLES = 96_000

__all__ = [
    "EDC_SAMPLES",
    "SAMPLING_RATE",
    "ResponseParameters",
    "curvature",
    "decay_line",
    "edc_from_rir",
    "onset_index",
    "response_parameters",
    "room_parameters",
    "usable_bands",
]
