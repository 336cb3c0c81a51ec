"""Accuracy against the number of training rooms: the figure of docs/accuracy.md, and its numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from accuracy_others import boosted_trees, random_split
from accuracy_rooms import DIGITS, METRICS, Errors
from accuracy_runs import Case, scored

from decaylab.rooms.store import DataSet

COUNTS = (50, 200, 800, 3600)
#: Metric -> its name, unit and the run log's target.
SHOWN = {"t20": ("T20", "s", 0.020), "edt": ("EDT", "s", 0.020), "c50": ("C50", "dB", 0.90)}


def growth(
    folder: Path, stores: dict[str, DataSet], noise: Errors, settings: tuple[tuple[str, Any], ...], picture: str
) -> None:
    """Train on more and more rooms, the test rooms the same; print a table and draw it."""
    store = stores["single"]
    split = random_split(store)
    counts = [count for count in COUNTS if count < len(split.train)] + [len(split.train)]
    lines: dict[str, list[Errors]] = {"compact": [], "compact_traced": [], "boosted trees": []}
    for count in counts:
        limit = None if count == len(split.train) else count
        for model in ("compact", "compact_traced"):
            case = Case("single", "random", model=model, settings=settings, limit=limit)
            lines[model].append(scored(case, folder, store, "single"))
        lines["boosted trees"].append(boosted_trees(store, split.train[:count], split.test))
    own = {name: float(np.nanmean(noise.of[name][split.test])) / 2**0.5 for name in METRICS}
    print("\n| trained on | what | T20 s | EDT s | C50 dB | EDC |")
    print("|" + "---|" * 6)
    for what, errors in lines.items():
        for count, at_count in zip(counts, errors, strict=True):
            cells = [f"{at_count.mean(n):.{DIGITS[n]}f}" if n in at_count.of else "-" for n in METRICS]
            print(f"| {count} | {what} | {' | '.join(cells)} |")
    print(f"| | the labels' noise | {' | '.join(f'{own[name]:.{DIGITS[name]}f}' for name in METRICS)} |", flush=True)
    draw(counts, lines, own, picture)


def draw(counts: list[int], lines: dict[str, list[Errors]], own: dict[str, float], picture: str) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, len(SHOWN), figsize=(9.0, 3.0), layout="constrained")
    colours = {"compact": "#0072B2", "compact_traced": "#009E73", "boosted trees": "#E69F00"}
    for axis, (name, (label, unit, target)) in zip(axes, SHOWN.items(), strict=True):
        for what, errors in lines.items():
            axis.plot(counts, [each.mean(name) for each in errors], "o-", color=colours[what], label=what, ms=4)
        axis.axhline(own[name], color="0.4", ls=":", label="noise of the labels")
        axis.axhline(target, color="0.1", ls="--", lw=1, label="target")
        axis.set(xscale="log", yscale="log", xlabel="training rooms", ylabel=f"{label} MAE in {unit} (broadband)")
        axis.set_xticks(counts, [str(count) for count in counts])
        axis.minorticks_off()
        axis.grid(alpha=0.3)
    axes[0].legend(fontsize=7, frameon=False)
    figure.savefig(picture, dpi=110)
