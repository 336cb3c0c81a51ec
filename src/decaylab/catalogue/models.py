"""The models that `decaylab train` has by name, with the recipe of each: one row a model.

A new model is a row here and a file in decaylab/models with its class, which the row names as text.
"""

from __future__ import annotations

from typing import Any

from decaylab.catalogue.rows import Row


class Model(Row):
    """One model.

    Attributes:
        path: module and class, as text: whoever builds the model imports it.
        help: what it is, for the table in docs/models.md.
        loss: the loss that it trains with where none is asked for.
        recipe: its settings where none are asked for; what is not in it is the general one.
        takes: settings that only some models have (`Setting.of_model`).
        takes_softmax: of what it computes: 16-bit numbers overflow or vanish there.
        starts_as_physics: untrained, it answers what physics expects of a room.
    """

    name: str
    path: str
    help: str
    loss: str = "mse"
    recipe: dict[str, Any] = {}  # noqa: RUF012 - never changed
    takes: tuple[str, ...] = ()
    takes_softmax: bool = False
    starts_as_physics: bool = False


_COMPACT: dict[str, Any] = {
    "max_epochs": 60, "batch_size": 64, "learning_rate": 1e-3, "weight_decay": 1.0, "schedule": "onecycle",
    "early_stop_patience": 60, "input_noise": 0.1,
}  # fmt: skip

MODELS: dict[str, Model] = {
    model.name: model
    for model in (
        Model("compact", "decaylab.models.compact:Compact", "a physical baseline and two small networks",
              "decay", _COMPACT, takes=("input_noise",), starts_as_physics=True),
        Model("compact_traced", "decaylab.models.compact:CompactTraced", "compact on the rays of the simulation",
              "decay", _COMPACT, takes=("input_noise",)),
        Model("lstm", "decaylab.models.lstm:LSTM", "an LSTM over the features"),
        Model("hybrid_v1", "decaylab.models.hybrid:HybridV1", "convolutions, then an LSTM"),
        Model("hybrid_v2", "decaylab.models.hybrid:HybridV2", "convolutions beside an LSTM"),
        Model("hybrid_v3", "decaylab.models.hybrid:HybridV3", "three convolutions side by side, then an LSTM"),
        Model("transformer", "decaylab.models.transformer:Transformer", "attention over the features",
              takes_softmax=True),
        Model("multihead", "decaylab.models.multihead:Multihead", "hybrid_v2's trunk; heads for the curve, T20, C50"),
    )
}  # fmt: skip
#: The model that is trained where none is asked for, and whose recipe docs and checks speak of.
DEFAULT_MODEL = "compact"
