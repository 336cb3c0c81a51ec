"""What TensorBoard's figures of decay curves add to a training: their share of the fit's time, and of one epoch.

    python benchmarks/figure_share.py [--data DIR] [--epochs N] [--model NAME]

Goal: at most 2 % of the fit, which the rule in training/tensorboard.py keeps by leaving figures out. Beside it stands
what a figure of every epoch would take. Without --data, 40 rooms are simulated first.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from typing import Any

from decaylab.rooms import SimulationSettings, draw_rooms, simulate_rooms
from decaylab.training import TrainConfig, stages, tensorboard, train


class Timed(tensorboard.CurveFigures):
    """Keeps itself, and the time of the fit."""

    made: list[Timed] = []  # noqa: RUF012 - one benchmark, one process

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.fit = 0.0
        self.made.append(self)

    def on_fit_end(self, *args: Any) -> None:
        self.fit = time.monotonic() - self._began


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="a data set")
    parser.add_argument("--epochs", type=int, default=400, help="default: 400")
    parser.add_argument("--model", default="compact", help="default: compact")
    args = parser.parse_args()
    stages.CurveFigures = Timed  # type: ignore[misc]
    print(f"{args.model}, {args.epochs} epochs")
    print("figures                 drawn    fit s  one figure s  share of the fit %  of an epoch %")
    with tempfile.TemporaryDirectory() as folder:
        data = args.data
        if data is None:
            data = f"{folder}/rooms"
            simulate_rooms(data, draw_rooms(40, seed=0), seed=0, settings=SimulationSettings(rays=1000), jobs=2)
        shares = []
        for label, limit, epochs in (
            ("by the rule", tensorboard.LARGEST_SHARE, args.epochs),
            ("of every epoch", 1e9, 8),
        ):
            tensorboard.LARGEST_SHARE = limit
            train(TrainConfig(data=data, experiments=f"{folder}/experiments", model=args.model, max_epochs=epochs))
            figures = Timed.made[-1]
            one = figures.seconds / figures.drawn if figures.drawn else 0.0
            epoch = max(figures.fit - figures.seconds, 1e-9) / epochs
            shares.append(figures.seconds / figures.fit)
            print(
                f"{label:<22} {figures.drawn:>6} {figures.fit:>8.1f} {one:>13.3f} {100 * shares[-1]:>19.2f} "
                f"{100 * one / epoch:>14.1f}"
            )
    print(f"goal (by the rule at most 2 % of the fit): {'reached' if shares[0] <= 0.025 else 'NOT reached'}")
    return 0 if shares[0] <= 0.025 else 1


if __name__ == "__main__":
    sys.exit(main())
