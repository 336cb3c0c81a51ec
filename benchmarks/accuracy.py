"""How near the models come to what the labels allow: the tables of docs/accuracy.md, from the published rooms alone.

    python benchmarks/accuracy.py --rooms roomFeaturesDataset.csv --dir DIR [--limit N] [--others] [--growth FILE.png]

Simulates the rooms five times over (16,000 rays under two seeds, the mean of 16 simulations, the published preset under
two seeds), trains `compact` and `compact_traced`, and prints one line per split and kind of label: the MAE over the
test rooms (mean and spread over training seeds), its ratio to what the labels are off, and the goal. Splits: `random`
(60/20/20, seed 0), `room` and `material` (five folds, every group a test case once; the folds' rooms are pooled, and
the next line has mean and spread over the folds). What lies in DIR is used again, scores of runs included. All 6,000
rooms take two hours on two cores; once the data sets are made, a call for each of `--models` at once (the second begun
when the first one trains) halves what is left.

- labels `mean of 16`: nearness, the model's error over that of one further simulation; a perfect one would show 0.24.
- single labels: ratio to the label noise, |a - b| / sqrt 2 of the same rooms; a perfect one would show 1 (of normal
  noise; somewhat less of noise with heavier tails).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
from accuracy_growth import growth
from accuracy_others import others
from accuracy_rooms import DIGITS, METRICS, Errors, errors_between, pooled, simulated
from accuracy_runs import Case, folds, scored, scored_physics
from numpy.typing import NDArray

from decaylab.errors import DecaylabError
from decaylab.evaluation.bootstrap import bootstrap_ratio_crossed
from decaylab.rooms.features import ABSORPTION, SIZE
from decaylab.rooms.store import DataSet

#: Split -> goal of nearness on the mean of 16, of the ratio to the label noise, and of the published preset's MAE.
GOALS: dict[str, tuple[float, float, tuple[float, ...] | None]] = {
    "random": (0.30, 1.05, (0.0080, 0.0108, 0.185, 0.00036)),
    "room": (0.35, 1.05, (0.0130, 0.0180, 0.27, 0.00055)),
    "material": (0.50, 1.15, None),
}
MODELS = ("compact", "compact_traced")


class Labels(NamedTuple):
    """A kind of label.

    Attributes:
        judge: the store whose curves are the truth. trained_on: the one that models learn from. title: as printed.
        own: error of one further simulation, room by room. share: of it, what the labels are off: 1 for nearness,
            1 / sqrt 2 for the noise between two simulations.
    """

    judge: str
    trained_on: str
    title: str
    own: Errors
    share: float


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rooms", required=True, metavar="FILE.csv", help="the published table of rooms")
    parser.add_argument("--dir", default="accuracy", help="where data sets and runs go (12 GB for all rooms)")
    parser.add_argument("--limit", type=int, help="only so many rooms, mixed from the whole table: a quick look")
    parser.add_argument("--expected", type=int, default=1500, help="rooms that are simulated 16 times")
    parser.add_argument("--seeds", type=int, default=3, help="training seeds of the random split and of each fold")
    parser.add_argument("--only", default="random,room,material", help="splits")
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--rays", type=int, default=16_000)
    parser.add_argument("--realisations", type=int, default=16)
    parser.add_argument("--epochs", type=int, help="instead of the model's own number")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--others", action="store_true", help="mean curve, boosted trees, `lstm`, `hybrid_v2`, too")
    parser.add_argument("--others-epochs", type=int, default=3, help="budget of `lstm` and `hybrid_v2`")
    parser.add_argument("--growth", metavar="FILE.png", help="accuracy against the number of training rooms, a figure")
    args = parser.parse_args()
    for option, names, known in (("--only", args.only, tuple(GOALS)), ("--models", args.models, MODELS)):
        if unknown := [name for name in names.split(",") if name not in known]:
            parser.error(f"{option}: {', '.join(unknown)} is none of {', '.join(known)}")
    for name in ("limit", "expected", "seeds", "rays", "realisations", "epochs", "jobs", "others_epochs"):
        if (number := getattr(args, name)) is not None and number < 1:
            parser.error(f"--{name.replace('_', '-')} {number}: 1 at least")
    try:
        return tables(args)
    except DecaylabError as error:
        parser.exit(error.exit_status, f"{error}\n")


def tables(args: argparse.Namespace) -> int:
    folder = Path(args.dir)
    stores = simulated(args, folder)
    kinds = label_kinds(args, stores)
    print("| split | labels of the test | what | T20 s | EDT s | C50 dB | EDC | ratio to the labels' own | goal |")
    print("|" + "---|" * 9)
    for split in args.only.split(","):
        for labels, goal in zip(kinds, GOALS[split], strict=True):
            if goal is not None:
                report(args, folder, stores, split, labels, goal)
    if args.growth:
        growth(folder, stores, kinds[1].own, settings(args), args.growth)
    return 0


def settings(args: argparse.Namespace) -> tuple[tuple[str, int | bool], ...]:
    return () if args.epochs is None else (("max_epochs", args.epochs), ("early_stop", False))


def label_kinds(args: argparse.Namespace, stores: dict[str, DataSet]) -> list[Labels]:
    one, noise = errors_between, 2**-0.5
    rays = f"{args.rays:,} rays, single"
    return [
        Labels("expected", "single", f"mean of {args.realisations}", one(stores["expected"], stores["single"]), 1.0),
        Labels("single", "single", rays, one(stores["single"], stores["again"]), noise),
        Labels(
            "published", "published", "published preset", one(stores["published"], stores["published_again"]), noise
        ),
    ]


def report(
    args: argparse.Namespace,
    folder: Path,
    stores: dict[str, DataSet],
    split: str,
    labels: Labels,
    goal: float | tuple[float, ...],
) -> None:
    """One line for each model, for physics alone and what a model adds to it, for the labels' own error, and, in the
    random split, for what else predicts these rooms and for training on other labels."""
    store = stores[labels.judge]
    shown = f"<= {goal:.2f}" if isinstance(goal, float) else f"<= {' / '.join(map(str, goal))}"

    def tested(case: Case) -> list[Errors]:
        cases = folds(case._replace(settings=settings(args)))
        return [scored(part, folder, store, labels.judge) for part in cases]

    found: dict[str, list[Errors]] = {}
    for model in args.models.split(","):
        runs = [tested(Case(labels.trained_on, split, model=model, seed=seed)) for seed in range(args.seeds)]
        found[model] = [pooled(parts) for parts in runs]
        title = f"{labels.title}, {len(found[model][0].rows):,} rooms"
        line(split, title, f"`{model}`", found[model], labels, shown)
        if len(runs[0]) > 1:
            line_of_folds(runs, labels)
    cases = folds(Case(labels.trained_on, split, settings=settings(args), model=args.models.split(",")[0]))
    alone = pooled([scored_physics(case, folder, store, labels.judge) for case in cases])
    line("", "", "physics alone", [alone], labels, "")
    for model, seeds in found.items():
        print(f"| | | `{model}` over physics | | | | | {', '.join(added(seeds, alone))} | |")
    rows = alone.rows
    own = [f"{np.nanmean(labels.own.of[name][rows]) * labels.share:.{DIGITS[name]}f}" for name in METRICS]
    print(f"| | | the labels' own | {' | '.join(own)} | 1 | |", flush=True)
    if args.others and labels.judge == "single" and split == "random":
        for what, errors in others(folder, store, args.others_epochs if args.epochs is None else args.epochs):
            line("", "", what, [errors], labels, "")
    if labels.judge != "expected" and split == "random":
        other = "published" if labels.judge == "single" else "single"
        for model in args.models.split(","):
            what = f"`{model}`, trained on the {'published preset' if other == 'published' else 'single labels'}"
            line("", "", what, [pooled(tested(Case(other, split, model=model)))], labels, "")


def line(split: str, title: str, what: str, seeds: list[Errors], labels: Labels, goal: str) -> None:
    means = {name: [errors.mean(name) for errors in seeds] for name in METRICS}
    cells = [
        "-"
        if np.isnan(np.mean(values))
        else f"{np.mean(values):.{DIGITS[name]}f}"
        # One digit more, as the last one of the mean would be 0 nearly everywhere.
        + (f" ± {np.std(values, ddof=1):.{DIGITS[name] + 1}f}" if seeds[1:] else "")
        for name, values in means.items()
    ]
    own = {name: labels.own.of[name][seeds[0].rows] * labels.share for name in METRICS}
    ratios = [paired(seeds, own[name], name) for name in METRICS]
    print(f"| {split} | {title} | {what} | {' | '.join(cells)} | {', '.join(ratios)} | {goal} |", flush=True)


def added(seeds: list[Errors], alone: Errors) -> list[str]:
    """What a model makes of the physics it begins with: its error over that of physics alone, on the same rooms."""
    return [paired(seeds, alone.of[name], name) for name in METRICS]


def paired(seeds: list[Errors], other: NDArray[np.float64], name: str) -> str:
    """Ratio of the seeds' mean error to another one of the same rooms, with its interval over sizes and materials."""
    if any(np.isnan(errors.mean(name)) for errors in seeds):
        return "-"
    error = np.mean([errors.of[name] for errors in seeds], axis=0)
    both = np.isfinite(error) & np.isfinite(other)
    features = seeds[0].features[both]
    found = bootstrap_ratio_crossed(error[both], other[both], features[:, SIZE], features[:, ABSORPTION])
    return f"{found.value:.2f} [{found.low:.2f}, {found.high:.2f}]"


def line_of_folds(runs: list[list[Errors]], labels: Labels) -> None:
    """Mean and spread over the folds, and the worst fold, each fold the mean of its training seeds; `runs`: by seed."""
    cells, ratios = [], []
    for name in METRICS:
        of_folds = np.mean([[part.mean(name) for part in parts] for parts in runs], axis=0)
        to_own = np.mean([[ratio(part, labels, name) for part in parts] for parts in runs], axis=0)
        cells.append(spread(of_folds, DIGITS[name]))
        ratios.append(spread(to_own, 2))
    print(f"| | | its {len(runs[0])} folds | {' | '.join(cells)} | {', '.join(ratios)} | |", flush=True)


def spread(values: NDArray[np.float64], digits: int) -> str:
    if np.isnan(values).any():
        return "-"
    return f"{values.mean():.{digits}f} ± {values.std(ddof=1):.{digits}f} (worst {values.max():.{digits}f})"


def ratio(errors: Errors, labels: Labels, name: str) -> float:
    """Of a test set's error to the labels' own on the same rooms."""
    own = labels.own.of[name][errors.rows] * labels.share
    both = np.isfinite(errors.of[name]) & np.isfinite(own)
    return float(errors.of[name][both].mean() / own[both].mean()) if both.any() else np.nan


if __name__ == "__main__":
    sys.exit(main())
