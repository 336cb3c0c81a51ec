"""A model with the weights of its checkpoint, ready to be used."""

from __future__ import annotations

from typing import Any

from torch import nn

from decaylab.errors import DataError, ModelError
from decaylab.models.registry import build_model


def model_of(checkpoint: dict[str, Any], path: str, *, own: str | None = None) -> nn.Module:
    """The model of a checkpoint that was read by `load_checkpoint`, with its weights, in evaluation mode.

    A checkpoint of a user's own model holds the path of its class, but reading a file never imports what it names:
    whoever reads it names the class.

    Args:
        path: of the file, for messages.
        own: `package.module:Class` or `path/to/file.py:Class`, if it is a model of the user's own.
        checkpoint: as `load_checkpoint` gives it.

    Raises:
        DataError: it is one and `own` was not given, or the weights are not those of this model.
        ModelError: the model cannot be built.
    """
    stored = checkpoint.get("model_path")
    if stored is not None and own is None:
        raise DataError(
            f"{path} holds the weights of {stored}, a model that is no part of decaylab: "
            f"give its class again with --model {stored}, from where it can be imported"
        )
    if stored is None and own is not None:
        raise ModelError(f"{path} holds the weights of {checkpoint['model_name']}: --model is for models of your own")
    model = build_model(
        own or checkpoint["model_name"],
        input_dim=checkpoint["input_dim"],
        output_length=checkpoint["output_length"],
    )
    try:
        model.load_state_dict(checkpoint["state_dict"])
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:300]
        raise DataError(
            f"{path} does not hold the weights of {own or checkpoint['model_name']}: the class is not the one that "
            f"was trained. {reason}"
        ) from error
    return model.eval()
