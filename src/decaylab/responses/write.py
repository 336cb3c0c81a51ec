"""Writing impulse responses as WAV. Needs `decaylab[measure]`."""

from __future__ import annotations

import os

import numpy as np
from numpy.typing import NDArray

from decaylab.errors import MissingExtraError


def write_wav(path: str, responses: NDArray[np.floating], sampling_rate: int) -> None:
    """Responses (channels, samples) as 32-bit float WAV, one channel each, not scaled; whole or not at all.

    Args:
        path: the file.
        responses: (channels, samples).
        sampling_rate: in Hz.

    Raises:
        MissingExtraError: soundfile is not installed. OSError: the disk; what was there is left.
    """
    try:
        import soundfile
    except (ImportError, OSError):  # OSError: the package is there, its library is not
        raise MissingExtraError("soundfile", "measure", f"writing {path}") from None
    temporary = f"{path}.{os.getpid()}.tmp"
    try:
        with open(temporary, "wb") as file:
            soundfile.write(
                file, np.asarray(responses, dtype=np.float32).T, sampling_rate, subtype="FLOAT", format="WAV"
            )
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except soundfile.SoundFileError as error:
        raise OSError(f"{path} cannot be written: {error}") from None
    finally:
        if os.path.exists(temporary):
            os.unlink(temporary)
