"""The trainings behind `accuracy.py`: each on record; of its curves, what lies on the knots is kept and scored.

A run's arrays (0.5 GB for 1,200 rooms) are removed once they are read: its record stays, and `decaylab reproduce` makes
them again. The physics of a room is the same in every run; it is computed once. What is kept goes with the digests of
the data sets it was made from: with other rooms it is made anew. It does not know of changes of the code: after one,
begin in an empty folder.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from accuracy_rooms import METRICS, Errors, Medians, Rows, errors_against
from numpy.typing import NDArray
from torch import Tensor

from decaylab.catalogue.settings import TrainConfig
from decaylab.models.baseline import PhysicalBaseline
from decaylab.models.grid import draw_curve
from decaylab.models.traced import TracedEnergy
from decaylab.rooms import open_data
from decaylab.rooms.splits import Split
from decaylab.rooms.store import DataSet
from decaylab.runlog.files import remove_if_there
from decaylab.training.data import parameter_medians
from decaylab.training.loop import start
from decaylab.training.plan import plan_training

FOLDS = 5


class Case(NamedTuple):
    """One training: what on, how its rooms are parted, what it trains. `limit`: of the training rooms."""

    labels: str
    split: str
    fold: int | None = None
    model: str = "compact"
    seed: int = 0
    settings: tuple[tuple[str, Any], ...] = ()
    limit: int | None = None

    @property
    def name(self) -> str:
        more = [f"{key}-{value}" for key, value in (*self.settings, ("train", self.limit)) if value is not None]
        fold = "" if self.fold is None else f"-{self.fold}of{FOLDS}"
        return "_".join([self.model, self.labels, f"{self.split}{fold}", f"seed-{self.seed}", *more])


def folds(case: Case) -> list[Case]:
    """The case itself, or one for each fold of its split."""
    return [case] if case.split == "random" else [case._replace(fold=k) for k in range(1, FOLDS + 1)]


def scored(case: Case, folder: Path, store: DataSet, judge: str) -> Errors:
    """Errors of a training's test rooms against the labels of `store`, whose name is `judge`."""
    kept = trained(case, folder)
    return _scored(folder / "scores" / f"{case.name} on {judge}.npz", store, kept, medians_of(case, folder))


def scored_physics(case: Case, folder: Path, store: DataSet, judge: str) -> Errors:
    """The same of the physics alone, nothing trained, for the test rooms of this training."""
    like = trained(case, folder)
    rows = like["rows"][like["rows"] < len(store)]
    file = folder / "scores" / f"physics_{case.split}-{case.fold} on {judge}.npz"
    kept = {"rows": rows, "digest": like["digest"]}
    if not _is_of(file, _digests(kept, store)):
        baseline = PhysicalBaseline()
        features = torch.from_numpy(store.features[rows]).float()
        with remembered_physics(), torch.inference_mode():
            kept |= {"levels": baseline(features).numpy(), "knots": baseline.knots(features).numpy()}
    return _scored(file, store, kept, medians_of(case, folder))


def trained(case: Case, folder: Path) -> dict[str, Any]:
    """`rows` of the test rooms and of the `train`ing rooms, predicted `levels` at `knots` (or `curves`) of the former,
    the data set's `digest`, and what the training cost."""
    file = folder / "trained" / f"{case.name}.npz"
    digest = open_data(folder / case.labels).digest
    if not _is_of(file, digest):
        _save(file, {**_train(case, folder), "digest": digest})
    with np.load(file) as kept:
        return dict(kept)


def medians_of(case: Case, folder: Path) -> Medians:
    """What invalid predictions of this training count as, once one is found."""
    return lambda: parameter_medians(open_data(folder / case.labels), trained(case, folder)["train"])


def duration(case: Case, folder: Path) -> tuple[float, float, float]:
    """Seconds of the fit, seconds of the data preparation, and peak memory in GB, as the run's record has them.

    The preparation of a process's first training only: what it computed is remembered for the others.
    """
    fit, preparation, memory = trained(case, folder)["cost"]
    return float(fit), float(preparation), float(memory)


def _digests(kept: dict[str, Any], store: DataSet) -> str:
    """Of the data set of the training, and of the labels that its test rooms are held against."""
    return f"{kept['digest']} {store.digest}"


def _is_of(file: Path, digest: str) -> bool:
    """Whether the file is there, and was made from this data."""
    if not file.is_file():
        return False
    with np.load(file) as kept:
        return "digest" in kept and str(kept["digest"]) == digest


def _scored(file: Path, store: DataSet, kept: dict[str, Any], medians: Medians) -> Errors:
    rows: Rows = kept["rows"]
    if not _is_of(file, _digests(kept, store)):
        # A room's place in the predictions is its place among the test rows; `expected` holds the first rows only.
        known = np.flatnonzero(rows < len(store))

        def curves(block: Rows, start: int) -> NDArray[np.float32]:
            places = known[start : start + len(block)]
            if "curves" in kept:
                return np.asarray(kept["curves"][places], dtype=np.float32)
            levels, knots = (torch.from_numpy(kept[name][places]) for name in ("levels", "knots"))
            return np.asarray(draw_curve(levels, knots).numpy())

        errors = errors_against(store, rows[known], curves, medians)
        _save(file, {**errors.of, "rows": errors.rows, "digest": _digests(kept, store)})
    return _read(file, store)


def _read(file: Path, store: DataSet) -> Errors:
    with np.load(file) as kept:
        rows = kept["rows"]
        return Errors({name: kept[name] for name in METRICS}, rows, store.features[rows])


def _save(file: Path, values: dict[str, Any]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_suffix(f".{os.getpid()}.tmp.npz")  # two calls may share the folder
    np.savez(temporary, **values)
    temporary.replace(file)


def _train(case: Case, folder: Path) -> dict[str, Any]:
    fold = None if case.fold is None else (case.fold, FOLDS)
    config = TrainConfig(
        data=str(folder / case.labels), model=case.model, split=case.split, fold=fold, seed=case.seed,
        experiments=str(folder / "experiments"), **dict(case.settings),
    )  # fmt: skip
    with remembered_physics(), torch.inference_mode(False):
        plan = plan_training(config)
        if case.limit is not None:  # fewer rooms to learn from and to choose by; the same test rooms
            fewer = Split(plan.split.train[: case.limit], plan.split.validation[: case.limit], plan.split.test)
            plan = plan._replace(split=fewer, config=dataclasses.replace(plan.config, note=f"{case.limit} rooms"))
        outcome = start(plan)
        rows = plan.split.test
        predictions = Path(outcome.directory) / "predictions.npy"
        values: dict[str, Any] = {
            "rows": rows, "train": plan.split.train, "cost": _cost(Path(outcome.directory)),
        }  # fmt: skip
        if plan.model.outputs == "knots":
            features = torch.from_numpy(plan.data.features[rows]).float()
            with torch.inference_mode():
                model = plan.model.eval()
                values |= {"levels": model(features).numpy(), "knots": model.knot_index(features).numpy()}
        else:
            values["curves"] = np.load(predictions)
    remove_if_there(str(predictions))
    return values


def _cost(run: Path) -> list[float]:
    record = json.loads((run / "metadata.json").read_text())
    fit, preparation = record["training_config"]["training_duration_seconds"], record["data_preparation_seconds"]
    return [fit, preparation, (record["peak_memory_bytes"] or np.nan) / 1e9]


_REMEMBERED: dict[tuple[int, bytes], Tensor] = {}


@contextlib.contextmanager
def remembered_physics() -> Iterator[None]:
    """Within it the physics of a room that was computed before is looked up: the trainings share their rooms."""
    real = PhysicalBaseline.forward

    def forward(self: PhysicalBaseline, features: Tensor) -> Tensor:
        rays = int(self.late.rays) if isinstance(self.late, TracedEnergy) else -1
        keys = [(rays, row.tobytes()) for row in features.numpy(force=True)]
        missing = [place for place, key in enumerate(keys) if key not in _REMEMBERED]
        if missing:
            with torch.inference_mode(False), torch.no_grad():
                found = real(self, features[missing].clone())
            _REMEMBERED.update(zip((keys[place] for place in missing), found.cpu(), strict=True))
        return torch.stack([_REMEMBERED[key] for key in keys]).to(features.device)

    PhysicalBaseline.forward = forward  # type: ignore[method-assign]
    try:
        yield
    finally:
        PhysicalBaseline.forward = real  # type: ignore[method-assign]
