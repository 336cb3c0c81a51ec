"""How near `compact` comes to what the labels allow: the table of docs/accuracy.md, from the published rooms alone.

    python benchmarks/accuracy.py --rooms roomFeaturesDataset.csv --dir DIR [--limit N] [--seeds 3] [--only random,...]

Simulates the rooms five times over (16,000 rays under two seeds, the mean of 16 simulations, the published preset under
two seeds), trains `compact` by `decaylab train`, and prints one line per split and kind of label: the MAE over the test
rooms (mean and spread over training seeds), its ratio to what the labels are off, and the goal. Splits: `random`
(60/20/20, seed 0), `room` and `material` (five folds, every group a test case once; the folds' rooms are pooled). What
lies in DIR is used again, runs included. All 6,000 rooms take about an hour on two cores.

- labels `mean of 16`: nearness, the model's error over that of one further simulation; a perfect one would show 0.24.
- single labels: ratio to the label noise, |a - b| / sqrt 2 of the same rooms; a perfect one would show 1.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from decaylab.acoustics import room_parameters
from decaylab.cli.simulation_progress import SimulationProgress
from decaylab.evaluation.bootstrap import bootstrap_ratio
from decaylab.evaluation.metrics import CurveMetrics, Reference
from decaylab.rooms import SimulationSettings, choose_rooms, open_data, read_rooms_csv, simulate_rooms
from decaylab.rooms.store import DataSet
from decaylab.training.data import mean_curve

METRICS = ("t20", "edt", "c50", "edc")
DIGITS = {"t20": 4, "edt": 4, "c50": 3, "edc": 5}
FOLDS = 5
#: Split -> goal of nearness on the mean of 16, of the ratio to the label noise, and of the published preset's MAE.
GOALS = {
    "random": (0.30, 1.05, (0.0080, 0.0108, 0.185, 0.00036)),
    "room": (0.35, 1.05, (0.0130, 0.0180, 0.27, 0.00055)),
    "material": (0.50, 1.15, None),
}


class Errors(NamedTuple):
    """|error| of each room and metric, NaN where invalid, and the rooms' sizes, (n, 3)."""

    of: dict[str, NDArray[np.float64]]
    sizes: NDArray[np.float64]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rooms", required=True, metavar="FILE.csv", help="the published table of rooms")
    parser.add_argument("--dir", default="accuracy", help="where data sets and runs go (17 GB for all rooms)")
    parser.add_argument("--limit", type=int, help="only so many rooms, mixed from the whole table: a quick look")
    parser.add_argument("--seeds", type=int, default=3, help="training seeds")
    parser.add_argument("--only", default="random,room,material", help="splits")
    parser.add_argument("--rays", type=int, default=16_000)
    parser.add_argument("--realisations", type=int, default=16)
    parser.add_argument("--epochs", type=int, help="instead of the model's own number")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--others", action="store_true", help="mean curve, boosted trees and `lstm` (10 epochs), too")
    args = parser.parse_args()
    folder = Path(args.dir)
    stores = simulated(args, folder)
    noise = {
        name: errors_between(stores[name], stores[again])
        for name, again in (("single", "again"), ("published", "published_again"))
    }
    near = errors_between(stores["expected"], stores["single"])
    print("| split | labels of the test | what | T20 s | EDT s | C50 dB | EDC | ratio to the labels' own | goal |")
    print("|" + "---|" * 9)
    for split in args.only.split(","):
        goals = GOALS[split]
        for labels in ("single", "published"):
            runs = [trained(args, folder, labels, split, ["--seed", str(seed)]) for seed in range(args.seeds)]
            if labels == "single":
                report(split, f"mean of {args.realisations}", runs, stores["expected"], near, 1.0, f"<= {goals[0]:.2f}")
                report(
                    split, "16,000 rays, single", runs, stores["single"], noise["single"], 2**-0.5, f"<= {goals[1]:.2f}"
                )
            else:
                goal = "" if goals[2] is None else f"<= {' / '.join(map(str, goals[2]))}"
                report(split, "published preset", runs, stores["published"], noise["published"], 2**-0.5, goal)
        if split == "random" and args.others:
            others(args, folder, stores["single"])
            crossed(args, folder, stores)
    return 0


def others(args: argparse.Namespace, folder: Path, store: DataSet) -> None:
    """What else predicts these rooms: random split, 16,000 rays, single."""
    run = trained(args, folder, "single", "random", ["--seed", "0"])[0]
    test, train = test_rows(run), rows_of(run, "train")
    mean = mean_curve(store, train)
    simple = errors_against(store, test, lambda block, start: np.broadcast_to(mean, (len(block), len(mean))))
    line("the mean training curve", simple)
    line("boosted trees, 100 a parameter", boosted_trees(store, train, test))
    options = ["--seed", "0", "--model", "lstm", "--loss", "mse", "--batch-size", "32"]
    if args.epochs is None:
        options += ["--max-epochs", "10", "--no-early-stop"]
    begin = time.monotonic()
    lstm = trained(args, folder, "single", "random", options)[0]
    line(f"`lstm`, 10 epochs ({time.monotonic() - begin:.0f} s)", errors_of_run(lstm, store))


def crossed(args: argparse.Namespace, folder: Path, stores: dict[str, DataSet]) -> None:
    """Trained on one kind of label, tested on the other: whose error is it?"""
    for labels, other in (("single", "published"), ("published", "single")):
        run = trained(args, folder, labels, "random", ["--seed", "0"])[0]
        line(f"`compact`, trained on {labels}, tested on {other}", errors_of_run(run, stores[other]))


def line(what: str, errors: Errors) -> None:
    cells = [f"{np.nanmean(errors.of[name]):.{DIGITS[name]}f}" if name in errors.of else "-" for name in METRICS]
    print(f"| random | | {what} | {' | '.join(cells)} | | |", flush=True)


def boosted_trees(store: DataSet, train: NDArray[np.int64], test: NDArray[np.int64]) -> Errors:
    """Each parameter by scikit-learn's histogram boosting on the 16 features."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    def parameters(rows: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
        blocks = [room_parameters(store.read(rows[k : k + 64])) for k in range(0, len(rows), 64)]
        return {name: np.concatenate([block[name] for block in blocks]) for name in ("t20", "edt", "c50")}

    given, true = parameters(train), parameters(test)
    of = {}
    for name, values in given.items():
        known = np.isfinite(values)
        trees = HistGradientBoostingRegressor(random_state=0).fit(store.features[train][known], values[known])
        of[name] = np.abs(trees.predict(store.features[test]) - true[name])
    return Errors(of, store.features[test][:, :3])


def simulated(args: argparse.Namespace, folder: Path) -> dict[str, DataSet]:
    """The five data sets: made, extended or found."""
    table = choose_rooms(read_rooms_csv(args.rooms), args.limit)
    usual = SimulationSettings(rays=args.rays)
    mean = SimulationSettings(rays=args.rays, realisations=args.realisations)
    published = SimulationSettings.published(builder="decaylab")
    wanted = {
        "single": (usual, 0), "again": (usual, 1), "expected": (mean, 100),
        "published": (published, 0), "published_again": (published, 1),
    }  # fmt: skip
    source = {"kind": "table", "file": Path(args.rooms).name, "rows": len(table)}
    for name, (settings, seed) in wanted.items():
        with SimulationProgress(sys.stderr) as progress:
            simulate_rooms(
                folder / name, table, seed=seed, settings=settings, jobs=args.jobs, source=source, progress=progress
            )
    return {name: open_data(folder / name) for name in wanted}


def trained(args: argparse.Namespace, folder: Path, labels: str, split: str, more: list[str]) -> list[Path]:
    """Run directories of one training: one run, or one for each fold. Those on record are not trained again."""
    known_file = folder / "runs.json"
    known = json.loads(known_file.read_text()) if known_file.is_file() else {}
    runs = []
    for fold in [None] if split == "random" else range(1, FOLDS + 1):
        options = ["--data", str(folder / labels), "--split", split, *more]
        options += [] if fold is None else ["--fold", f"{fold}/{FOLDS}"]
        options += (
            []
            if args.epochs is None or "--max-epochs" in more
            else ["--max-epochs", str(args.epochs), "--no-early-stop"]
        )
        key = " ".join([*options[2:], labels, str(args.limit)])
        if key not in known:
            command = [sys.executable, "-m", "decaylab.cli.main", "train", *options]
            command += ["--experiments", str(folder / "experiments")]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            known[key] = done.stdout.splitlines()[-1]
            known_file.write_text(json.dumps(known, indent=1))
        runs.append(Path(known[key]))
    return runs


def report(
    split: str, labels: str, runs: list[list[Path]], store: DataSet, own: Errors, share: float, goal: str
) -> None:
    """One line for the model, one for physics alone where it stands in the same runs."""
    scores = [pooled([errors_of_run(run, store) for run in folds]) for folds in runs]
    rows = np.concatenate([test_rows(run) for run in runs[0]])
    own_values = {name: own.of[name][rows] * share for name in METRICS}
    means = {name: [float(np.nanmean(errors.of[name])) for errors in scores] for name in METRICS}
    cells = [
        f"{np.mean(values):.{DIGITS[name]}f} ± {np.std(values, ddof=len(values) > 1):.{DIGITS[name]}f}"
        for name, values in means.items()
    ]
    ratios = []
    for name in METRICS:
        error = np.nanmean([errors.of[name] for errors in scores], axis=0)
        both = np.isfinite(error) & np.isfinite(own_values[name])
        found = bootstrap_ratio(error[both], own_values[name][both], scores[0].sizes[both])
        ratios.append(f"{found.value:.2f} [{found.low:.2f}, {found.high:.2f}]")
    print(f"| {split} | {labels} | `compact` | {' | '.join(cells)} | {', '.join(ratios)} | {goal} |", flush=True)
    if len(runs[0]) > 1:
        folds = [[np.nanmean(errors_of_run(run, store).of["t20"]) for run in seed] for seed in runs]
        print(f"| | | its folds | {', '.join(f'{v:.4f}' for v in np.mean(folds, axis=0))} | | | | | |", flush=True)
    physics = pooled([errors_of_physics(test_rows(run), store) for run in runs[0]])
    alone = [f"{np.nanmean(physics.of[name]):.{DIGITS[name]}f}" for name in METRICS]
    both = {name: np.isfinite(physics.of[name]) & np.isfinite(own_values[name]) for name in METRICS}
    shares = [np.mean(physics.of[n][both[n]]) / np.mean(own_values[n][both[n]]) for n in METRICS]
    print(f"| | | physics alone | {' | '.join(alone)} | {', '.join(f'{v:.2f}' for v in shares)} | |", flush=True)
    labels_own = [f"{np.nanmean(own_values[name]):.{DIGITS[name]}f}" for name in METRICS]
    print(f"| | | the labels' own | {' | '.join(labels_own)} | 1 | |", flush=True)


def errors_of_run(run: Path, store: DataSet) -> Errors:
    """A run's predictions against the curves of the same rooms in `store`."""
    predictions = np.load(run / "predictions.npy", mmap_mode="r")
    rows = test_rows(run)
    return errors_against(store, rows, lambda block, start: np.asarray(predictions[start : start + len(block)]))


def errors_of_physics(rows: NDArray[np.int64], store: DataSet) -> Errors:
    """The baseline alone, nothing trained."""
    import torch

    from decaylab.models.baseline import PhysicalBaseline
    from decaylab.models.grid import draw_curve

    baseline = PhysicalBaseline()

    def curves(block: NDArray[np.int64], start: int) -> NDArray[np.float32]:
        features = torch.from_numpy(store.features[block]).float()
        return np.asarray(draw_curve(baseline(features), baseline.knots(features)).numpy())

    return errors_against(store, rows, curves)


def errors_between(reference: DataSet, other: DataSet) -> Errors:
    """|other - reference| of all rooms; the reference's onset serves both."""
    return errors_against(reference, np.arange(len(reference)), lambda block, start: other.read(block))


def errors_against(reference: DataSet, rows, predicted) -> Errors:  # type: ignore[no-untyped-def]
    scores = CurveMetrics(dict)
    for start in range(0, len(rows), 64):
        block = rows[start : start + 64]
        scores.add(predicted(block, start), Reference.of(reference.read(block), reference.sampling_rate))
    of = {name: np.abs(a - b) for name, (a, b) in scores.parameters().items()}
    return Errors({**of, "edc": scores.curves()[0]}, reference.features[rows][:, :3])


def pooled(parts: list[Errors]) -> Errors:
    of = {name: np.concatenate([part.of[name] for part in parts]) for name in METRICS}
    return Errors(of, np.concatenate([part.sizes for part in parts]))


def test_rows(run: Path) -> NDArray[np.int64]:
    return rows_of(run, "test")


def rows_of(run: Path, part: str) -> NDArray[np.int64]:
    return np.array(json.loads((run / "split.json").read_text())[part]["rows"])


if __name__ == "__main__":
    sys.exit(main())
