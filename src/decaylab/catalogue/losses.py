"""The losses that `decaylab train` has by name, and their weights: one row each.

A new loss is a row here and a file in decaylab/losses with its class, a `CurveLoss`, which the row names as text.
"""

from __future__ import annotations

from decaylab.catalogue.rows import FROM_0, Row, Setting


class Loss(Row):
    """One loss.

    Attributes:
        path: module and class, as text: whoever builds the loss imports it.
        space: what it compares: curves in the target scaler's space ("scaled"), or linear energy, 1.0 at the start of
            the file ("physical").
        help: what it is, for the table in docs/models.md.
        weights: the weights that can be given, and what they are where nothing is said.
        is_unbounded: it takes parameters of predictions, so that gradients have no bound.
        takes_logarithms: of predictions, or a softmax of them: 16-bit numbers overflow or vanish there.
    """

    name: str
    path: str
    space: str
    help: str
    weights: dict[str, float] = {}  # noqa: RUF012 - never changed
    is_unbounded: bool = False
    takes_logarithms: bool = False


LOSSES: dict[str, Loss] = {
    loss.name: loss
    for loss in (
        Loss("decay", "decaylab.losses.decay:Decay", "physical",
             "error in dB where parameters are read, and of the EDC", takes_logarithms=True),
        Loss("mse", "decaylab.losses.mse:MSE", "scaled", "mean squared error of scaled curves"),
        Loss("edc_rir", "decaylab.losses.edc_rir:EDCRIR", "scaled",
             "squared error of scaled curves and of their derivative"),
        Loss("weighted_edc", "decaylab.losses.weighted_edc:WeightedEDC", "physical",
             "error of the EDC, counted again where EDT, T20 and C50 are read",
             {"edt_weight": 2.0, "t20_weight": 2.0, "c50_weight": 2.0}),
        Loss("auxiliary", "decaylab.losses.auxiliary:Auxiliary", "physical",
             "error of the EDC, and of the T20 and C50 that follow from it",
             {"aux_weight": 0.3, "t20_weight": 1.0, "c50_weight": 0.05}, is_unbounded=True, takes_logarithms=True),
    )
}  # fmt: skip

#: Weights of which there is more to say than of the others.
_OWN_ROWS = (
    Setting("weight", "weight of the parameter terms of the loss", name="aux_weight", example=0.3, short="aux_weight",
            meaning="weight of the parameter terms, where the loss has them", label="aux weight", column=150,
            telling=True, axis=True),
)  # fmt: skip


def weight_rows(group: str) -> tuple[Setting, ...]:
    """A setting for every weight that any loss has."""
    rows = {row.name: row for row in _OWN_ROWS}
    for loss in LOSSES.values():
        for name in loss.weights:
            rows.setdefault(name, Setting("weight", f"weight of the {name.removesuffix('_weight')} term", name=name))
    return tuple(
        row.replaced(
            help=f"{row.help}: {', '.join(f'{loss.name} {loss.weights[name]:g}' for loss in having(name))} by default",
            group=group, key=f"loss_config.{name}", metavar="W", bounds=FROM_0, decides=True, reset_by="loss",
        )
        for name, row in rows.items()
    )  # fmt: skip


def having(weight: str) -> list[Loss]:
    """The losses that have a weight of this name."""
    return [loss for loss in LOSSES.values() if weight in loss.weights]
