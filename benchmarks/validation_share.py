"""What the metrics of the validation rooms add to a training of `compact`: their share of the whole run's time.

    python benchmarks/validation_share.py [--data DIR] [--epochs N]

Goal: at most 5 %. The validation rooms are predicted anyway, for the intervals of the predictions: what is added is
scoring them, which the record has as `validation`. Without --data, 40 rooms are simulated first.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from types import SimpleNamespace

from recorder_share import Clock

from decaylab.evaluation import CurveMetrics, Reference
from decaylab.rooms import SimulationSettings, draw_rooms, simulate_rooms
from decaylab.training import TrainConfig, intervals, train

GOAL = 0.05


class Scores(CurveMetrics):
    """Those of the validation rooms alone: what is wrapped here is not wrapped for the test rooms."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="a data set")
    parser.add_argument("--epochs", type=int, help="default: compact's own")
    args = parser.parse_args()
    clock, reference = Clock(), SimpleNamespace(of=Reference.of)
    for owner, name in ((Scores, "add"), (Scores, "result"), (reference, "of")):
        clock.wrap(owner, name, "validation")
    setattr(intervals, "CurveMetrics", Scores)  # noqa: B010
    setattr(intervals, "Reference", reference)  # noqa: B010
    with tempfile.TemporaryDirectory() as folder:
        data = args.data
        if data is None:
            data = f"{folder}/rooms"
            simulate_rooms(data, draw_rooms(40, seed=0), seed=0, settings=SimulationSettings(rays=1000), jobs=2)
        begin = time.perf_counter()
        outcome = train(TrainConfig(data=data, experiments=f"{folder}/experiments", max_epochs=args.epochs))
        total = time.perf_counter() - begin
    rooms = outcome.validation["t20"]["targets"] + outcome.validation["t20"]["invalid_targets"]
    share = clock.spent["validation"] / total
    print(f"one training of compact: {total:.2f} s")
    print(f"  scoring {rooms} validation rooms: {clock.spent['validation']:.3f} s, {100 * share:.2f} %")
    print(f"goal (at most 5 %): {'reached' if share <= GOAL else 'NOT reached'}")
    return 0 if share <= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
