"""What recording adds to a training of `compact`: the recorder's own calls as a share of the whole run's time.

    python benchmarks/recorder_share.py [--data DIR] [--epochs N]

Goal: under 1 % for the recorder's own calls (start, log, update, finish). Arrays, digests and TensorBoard are stated
apart: they are work that the run-log document asks for. Without --data, 40 rooms are simulated first.
"""

from __future__ import annotations

import argparse
import functools
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

from decaylab import runlog
from decaylab.rooms import SimulationSettings, draw_rooms, simulate_rooms
from decaylab.runlog import digests, recorder
from decaylab.training import TrainConfig, evaluate, train


class Clock:
    """Seconds spent in wrapped functions; of nested ones only the outer, less what is booked elsewhere."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = {}
        self._open: list[str] = []

    def wrap(self, owner: Any, name: str, book: str) -> None:
        function: Callable[..., Any] = getattr(owner, name)

        @functools.wraps(function)
        def timed(*args: Any, **kwargs: Any) -> Any:
            outer = self._open[-1] if self._open else None
            self._open.append(book)
            begin = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                seconds = time.perf_counter() - begin
                self._open.pop()
                self.spent[book] = self.spent.get(book, 0.0) + seconds
                if outer is not None:
                    self.spent[outer] = self.spent.get(outer, 0.0) - seconds

        setattr(owner, name, timed)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="a data set")
    parser.add_argument("--epochs", type=int, help="default: compact's own")
    args = parser.parse_args()
    from lightning.pytorch.loggers import TensorBoardLogger

    with tempfile.TemporaryDirectory() as folder:
        data = args.data
        if data is None:
            data = f"{folder}/rooms"
            simulate_rooms(data, draw_rooms(40, seed=0), seed=0, settings=SimulationSettings(rays=1000), jobs=2)
        clock = Clock()
        clock.wrap(runlog, "start", "the recorder's own calls")
        for name in ("log", "update", "finish"):
            clock.wrap(recorder.Run, name, "the recorder's own calls")
        clock.wrap(digests, "of_directory", "digests of the files")
        clock.wrap(evaluate, "write_rows", "predictions.npy, targets.npy")
        for name in ("log_metrics", "save", "finalize", "log_hyperparams"):
            clock.wrap(TensorBoardLogger, name, "TensorBoard")
        begin = time.perf_counter()
        train(TrainConfig(data=data, experiments=f"{folder}/experiments", max_epochs=args.epochs))
        total = time.perf_counter() - begin
    print(f"one training of compact: {total:.1f} s")
    for book, seconds in clock.spent.items():
        print(f"  {book:<30} {seconds:8.3f} s  {100 * seconds / total:6.2f} %")
    share = clock.spent["the recorder's own calls"] / total
    print(f"goal (recorder's own calls under 1 %): {'reached' if share < 0.01 else 'NOT reached'}")
    return 0 if share < 0.01 else 1


if __name__ == "__main__":
    sys.exit(main())
