"""What else predicts the rooms of `accuracy.py`: random split, 16,000 rays, single."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from accuracy_rooms import Errors, Rows, errors_against
from accuracy_runs import Case, duration, scored

from decaylab.acoustics import room_parameters
from decaylab.rooms.splits import Split, split_rows
from decaylab.rooms.store import DataSet
from decaylab.training.data import mean_curve, parameter_medians


def random_split(store: DataSet) -> Split:
    """60/20/20 of the rows, seed 0: the random split of every run here."""
    return split_rows(store.features, "random", seed=0, train_ratio=0.6, val_ratio=0.2)


def others(folder: Path, store: DataSet, epochs: int) -> Iterator[tuple[str, Errors]]:
    """What it is, and its errors on the test rooms; the networks within a budget of so many epochs."""
    split = random_split(store)
    mean = mean_curve(store, split.train)
    yield (
        "the mean training curve",
        errors_against(
            store, split.test, lambda block, start: np.broadcast_to(mean, (len(block), len(mean))),
            lambda: parameter_medians(store, split.train),
        ),
    )  # fmt: skip
    yield "boosted trees, 100 a parameter", boosted_trees(store, split.train, split.test)
    budget = (("max_epochs", epochs), ("early_stop", False), ("batch_size", 32), ("loss", "mse"))
    for model in ("lstm", "hybrid_v2"):
        case = Case("single", "random", model=model, settings=budget)
        errors = scored(case, folder, store, "single")
        yield f"`{model}`, {epochs} epochs of batch 32 ({duration(case, folder)[0] / 60:.0f} min of fit)", errors


def boosted_trees(store: DataSet, train: Rows, test: Rows) -> Errors:
    """Each parameter by scikit-learn's histogram boosting on the 16 features."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    given, true = _parameters(store, train), _parameters(store, test)
    of = {}
    for name, values in given.items():
        known = np.isfinite(values)
        trees = HistGradientBoostingRegressor(random_state=0).fit(store.features[train][known], values[known])
        of[name] = np.abs(trees.predict(store.features[test]) - true[name])
    return Errors(of, test, store.features[test])


def _parameters(store: DataSet, rows: Rows) -> dict[str, Any]:
    blocks = [
        room_parameters(store.read(rows[k : k + 64]), names=("t20", "edt", "c50")) for k in range(0, len(rows), 64)
    ]
    return {name: np.concatenate([block[name] for block in blocks]) for name in ("t20", "edt", "c50")}
