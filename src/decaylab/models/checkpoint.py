"""Reading checkpoints: weights, the model's name and its scalers. Readable with weights only; no pickle is ever run.

Their writer is `training.checkpoint`. `format` and `version` stand in every file; what is not known is refused.

| key | |
|---|---|
| `format`, `version` | what this is |
| `state_dict` | weights and buffers |
| `model_name`, `model_path`, `input_dim`, `output_length`, `sampling_rate` | the model, as `build_model` takes it |
| `scaler_X`, `scaler_y` | `kind`, `center`, `scale` (float64) of features and curves; `scaler_y` null on knots |
| `ranges` | `low`, `high`, float64 (16,): least and greatest training value of each feature, in its unit |
| `uncertainty` | the error intervals that the validation rooms gave (`evaluation.intervals`) |
| `epoch`, `val_loss` | of these weights |

Checkpoints of before `ranges` and `uncertainty` lack these keys; their readers say "unknown".
"""

from __future__ import annotations

import os
import pickle
import zipfile
from typing import Any

import torch

from decaylab.errors import DataError

FORMAT = "decaylab checkpoint"
VERSION = 1


def load_checkpoint(path: str) -> dict[str, Any]:
    """Content of the checkpoint at `path`, tensors on the CPU.

    Raises:
        DataError: no such file, a damaged one, one that holds more than weights, or an unknown version.
    """
    try:
        if not zipfile.is_zipfile(path) and os.path.isfile(path):
            raise DataError(f"{path} is no checkpoint: damaged, cut short, or a file of another kind")
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise DataError(f"there is no checkpoint {path}") from error
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError, LookupError, TypeError) as error:
        raise DataError(f"{path} is no checkpoint that can be read with weights only: {_first_line(error)}") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise DataError(f"{path} is no checkpoint of decaylab")
    if content.get("version") != VERSION:
        raise DataError(
            f"{path} is a checkpoint of version {content.get('version')!r}; this decaylab reads version {VERSION}"
        )
    return content


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
