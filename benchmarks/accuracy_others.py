"""What else predicts the rooms of `accuracy.py`: random split, 16,000 rays, single."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from accuracy_rooms import DIGITS, METRICS, Errors, Rows, errors_against
from accuracy_runs import Case, duration, scored

from decaylab.acoustics import room_parameters
from decaylab.rooms.splits import Split, split_rows
from decaylab.rooms.store import DataSet
from decaylab.training.data import mean_curve


def random_split(store: DataSet) -> Split:
    """60/20/20 of the rows, seed 0: the random split of every run here."""
    return split_rows(store.features, "random", seed=0, train_ratio=0.6, val_ratio=0.2)


def others(folder: Path, stores: dict[str, DataSet], epochs: int, settings: tuple[tuple[str, Any], ...]) -> None:
    """The mean curve, boosted trees, and the users' networks within a stated budget of epochs."""
    store = stores["single"]
    split = random_split(store)
    print("\n| random, single labels | T20 s | EDT s | C50 dB | EDC |")
    print("|" + "---|" * 5)
    mean = mean_curve(store, split.train)
    of_mean = errors_against(store, split.test, lambda block, start: np.broadcast_to(mean, (len(block), len(mean))))
    line("the mean training curve", of_mean)
    line("boosted trees, 100 a parameter", boosted_trees(store, split.train, split.test))
    budget = (("max_epochs", epochs), ("early_stop", False), ("batch_size", 32), ("loss", "mse"))
    for model in ("lstm", "hybrid_v2"):
        case = Case("single", "random", model=model, settings=budget)
        errors = scored(case, folder, store, "single")
        line(f"`{model}`, {epochs} epochs of batch 32 ({duration(case, folder)[0] / 60:.0f} min of fit)", errors)
    line("`compact`", scored(Case("single", "random", settings=settings), folder, store, "single"))


def line(what: str, errors: Errors) -> None:
    cells = [f"{errors.mean(name):.{DIGITS[name]}f}" if name in errors.of else "-" for name in METRICS]
    print(f"| {what} | {' | '.join(cells)} |", flush=True)


def boosted_trees(store: DataSet, train: Rows, test: Rows) -> Errors:
    """Each parameter by scikit-learn's histogram boosting on the 16 features."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    given, true = _parameters(store, train), _parameters(store, test)
    of = {}
    for name, values in given.items():
        known = np.isfinite(values)
        trees = HistGradientBoostingRegressor(random_state=0).fit(store.features[train][known], values[known])
        of[name] = np.abs(trees.predict(store.features[test]) - true[name])
    return Errors(of, test, store.features[test][:, :3])


def _parameters(store: DataSet, rows: Rows) -> dict[str, Any]:
    blocks = [
        room_parameters(store.read(rows[k : k + 64]), names=("t20", "edt", "c50")) for k in range(0, len(rows), 64)
    ]
    return {name: np.concatenate([block[name] for block in blocks]) for name in ("t20", "edt", "c50")}
