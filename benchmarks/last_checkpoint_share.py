"""What writing `checkpoints/last.ckpt` adds to a training, and what a kill would lose: the share of the fit's time.

    python benchmarks/last_checkpoint_share.py [--data DIR] [--epochs N]

Goal: 5 % of the fit at most. Without --data, 40 rooms are simulated first. One training of `compact`, and one of a
network on every sample with ten times as many weights, for which a write takes longer.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, ClassVar

from decaylab.rooms import SimulationSettings, draw_rooms, simulate_rooms
from decaylab.training import TrainConfig, last_checkpoint, train

GOAL = 0.05
NETWORK = """
from torch import nn

class Samples(nn.Sequential):
    def __init__(self, input_dim, output_length):
        super().__init__(nn.Linear(input_dim, 6), nn.ReLU(), nn.Linear(6, output_length))
"""


class Stopwatch(last_checkpoint.KeepLast):
    """Measures from outside what the callback itself holds to its share: all of it, also where it writes nothing."""

    made: ClassVar[list[Stopwatch]] = []

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.fit = self.spent = 0.0
        self.writes: list[float] = []
        self.made.append(self)

    def on_fit_start(self, *args: Any) -> None:
        self.fit = -time.perf_counter()
        super().on_fit_start(*args)

    def on_train_epoch_end(self, *args: Any) -> None:
        before = self._stamp()
        begin = time.perf_counter()
        super().on_train_epoch_end(*args)
        self.spent += time.perf_counter() - begin
        if self._stamp() != before:
            self.writes.append(time.perf_counter() + self.fit)

    def on_fit_end(self, *args: Any) -> None:
        self.fit += time.perf_counter()

    def _stamp(self) -> int | None:
        return Path(self.path).stat().st_ino if Path(self.path).exists() else None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="a data set")
    parser.add_argument("--epochs", type=int, default=200)
    args = parser.parse_args()
    from decaylab.training import stages

    setattr(stages, "KeepLast", Stopwatch)  # noqa: B010
    with tempfile.TemporaryDirectory() as folder:
        data = args.data
        if data is None:
            data = f"{folder}/rooms"
            simulate_rooms(data, draw_rooms(40, seed=0), seed=0, settings=SimulationSettings(rays=1000), jobs=2)
        Path(folder, "network.py").write_text(NETWORK)
        for model in ("compact", f"{folder}/network.py:Samples"):
            train(
                TrainConfig(
                    data, model, experiments=f"{folder}/runs", max_epochs=args.epochs, early_stop=False, guard=False
                )
            )
    shares = []
    for model, watch in zip(("compact", "every sample"), Stopwatch.made, strict=True):
        gaps = [b - a for a, b in zip([0.0, *watch.writes], [*watch.writes, watch.fit], strict=True)]
        shares.append(watch.spent / watch.fit)
        print(
            f"{model}: fit {watch.fit:.1f} s, {len(watch.writes)} writes of last.ckpt in {watch.spent:.3f} s "
            f"({100 * shares[-1]:.2f} %); a kill loses {max(gaps):.1f} s at most"
        )
    print(f"goal (5 % of the fit at most): {'reached' if max(shares) <= GOAL else 'NOT reached'}")
    return 0 if max(shares) <= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
