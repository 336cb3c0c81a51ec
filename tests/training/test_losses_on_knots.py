"""Where knots suffice no loss is evaluated on 96,000 samples; a model of every sample has every sample in its loss."""

from typing import Any

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from decaylab.catalogue.losses import LOSSES
from decaylab.catalogue.settings import TrainConfig
from decaylab.losses import build_loss
from decaylab.models import build_model, lstm
from decaylab.rooms.scaling import fit_curves
from decaylab.rooms.store import open_data
from decaylab.training.data import CurveRooms, KnotRooms
from decaylab.training.module import CurveModule

SAMPLES = 96_000
#: A view of the scaler's own values, of which those at the knots are taken: no work on samples.
VIEWS = {"aten.expand.default", "aten.detach.default", "aten.alias.default"}


class Watch(TorchDispatchMode):
    """Every operation of torch whose result has 96,000 values in its last dimension, forwards and backwards."""

    def __init__(self) -> None:
        super().__init__()
        self.wide: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        for value in out if isinstance(out, (tuple, list)) else (out,):
            if isinstance(value, torch.Tensor) and value.dim() and value.shape[-1] == SAMPLES:
                self.wide.append(str(func))
        return out


def step_of(model: Any, name: str, data: Any, rooms: Any) -> Watch:
    """What one training step does: loss and gradients of four rooms."""
    scaler = fit_curves("standard", data, np.arange(8))
    config = TrainConfig(data="d").completed(model.default_settings)
    module = CurveModule(model, build_loss(name), scaler, config, data.samples, data.sampling_rate)
    batch = rooms.__getitems__([0, 1, 2, 3])
    with Watch() as watch:
        total, _ = module.loss_of(batch)
        total.backward()
    assert total.isfinite()
    return watch


@pytest.mark.parametrize("name", LOSSES)
def test_a_model_on_knots_never_touches_the_samples(published, name):
    data = open_data(published)
    model = build_model("compact")
    rooms = KnotRooms(model, data, np.arange(8))
    model.fit_inputs(rooms.tensors["features"], rooms.tensors["physics"])
    watch = step_of(model, name, data, rooms)
    assert set(watch.wide) <= VIEWS


@pytest.mark.parametrize("name", LOSSES)
def test_a_model_of_every_sample_is_trained_at_every_sample(published, monkeypatch, name):
    monkeypatch.setattr(lstm, "TRUNK_WIDTH", 4)
    data = open_data(published)
    model: Any = build_model("lstm")
    watch = step_of(model, name, data, CurveRooms(data, np.arange(8), data.features))
    assert set(watch.wide) - VIEWS, "the watch sees samples where there are some"
    assert len(watch.wide) < 120  # passes over the curves, of which a step at full size does about a second's work
    grad = model.head[-1].bias.grad
    assert (grad != 0).float().mean() > 0.6, "an output that no loss sees would not be trained"
