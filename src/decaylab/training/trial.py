"""A user's own model, tried on two rooms before anything is written: what it answers is what a training needs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from decaylab.errors import ModelError
from decaylab.models.custom import OWN_FAULTS, fault
from decaylab.training.process import evaluating


def try_model(model: Any, path: str, inputs: torch.Tensor, samples: int, precision: Any = 32) -> None:
    """A forward pass without gradients, in evaluation mode; the model is left as it was. With precision "bf16" another
    one, as not every layer can be computed so on every CPU.

    Args:
        model: of the user's own.
        path: how it was named, for the message.
        inputs: (2, F), as the model takes them.
        samples: of a curve.
        precision: of the training, as in `TrainConfig`.

    Raises:
        ModelError: it raises an error of its own, or answers anything but finite numbers of the shape that
            docs/models.md asks for.
    """
    shape = f"(2, {inputs.shape[1]})"
    with torch.random.fork_rng(devices=[]), evaluating(model):  # a seed means the same with and without the trial
        try:
            for what, found, wanted in _answers(model, inputs, samples):
                _check(path, what, found, wanted)
        except OWN_FAULTS as error:
            raise ModelError(
                f"--model {path}: its forward pass fails for inputs of shape {shape}: {fault(error, type(model))}"
            ) from error
        if precision != "bf16":
            return
        try:
            with torch.autocast("cpu", dtype=torch.bfloat16):
                for _ in _answers(model, inputs, samples):
                    pass
        except OWN_FAULTS as error:
            raise ModelError(
                f"--model {path}: its forward pass fails with --precision bf16, and does not with 32: "
                f"{fault(error, type(model))}; use --precision 32"
            ) from error


def _check(path: str, what: str, found: Any, wanted: tuple[int, ...]) -> None:
    if not isinstance(found, torch.Tensor):
        raise ModelError(f"--model {path}: {what} is a {type(found).__name__}, not a tensor of shape {wanted}")
    if tuple(found.shape) != wanted:
        raise ModelError(f"--model {path}: {what} has the shape {tuple(found.shape)} for 2 rooms; it must be {wanted}")
    if not found.is_floating_point():
        raise ModelError(f"--model {path}: {what} is of type {found.dtype}; it must be floating point")
    if not found.isfinite().all():
        raise ModelError(f"--model {path}: {what} is not finite for rooms of this data set, before any training")


def _answers(model: Any, inputs: torch.Tensor, samples: int) -> Iterator[tuple[str, Any, tuple[int, ...]]]:
    """What the model answers, one thing after the other: what it is, the answer, and the shape it must have."""
    rooms = len(inputs)
    if model.outputs == "knots":
        knots = model.knot_index(inputs)
        count = knots.shape[1] if isinstance(knots, torch.Tensor) and knots.dim() == 2 else 0
        yield "knot_index(features)", knots, (rooms, count)
        level = model(inputs, model.physics(inputs))
        yield "forward(features, physics)", level, (rooms, count)
        yield "forward(features)", model(inputs), (rooms, count)
        yield "render(forward(features), features)", model.render(level, inputs), (rooms, samples)
        return
    yield "forward(features)", model(inputs), (rooms, samples)
    scalars = getattr(model, "scalars", ())
    if scalars:
        curve, values = model.forward_with_scalars(inputs)
        yield "the first of forward_with_scalars(features)", curve, (rooms, samples)
        yield "the second of forward_with_scalars(features)", values, (rooms, len(scalars))
        yield "scalar_scale", model.scalar_scale, (len(scalars),)
