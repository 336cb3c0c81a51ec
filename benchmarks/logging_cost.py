"""What one `run.log` of 12 scalars costs, against one `os.write` of the same line and against the peers.

    python benchmarks/logging_cost.py [--calls N]

Goals: at most 5 x the bare write; at least 10 x cheaper than TensorBoard's SummaryWriter and wandb offline. wandb is
no dependency: `pip install wandb` first to have it in the table, else the row says that it is not installed.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable

from decaylab import runlog

VALUES = {f"metric_{i}": 0.123456789 * (i + 1) for i in range(12)}


def cost_of(call: Callable[[], None], calls: int, rounds: int = 5) -> float:
    """Median over rounds of the seconds that one call takes."""
    costs = []
    for _ in range(rounds):
        begin = time.perf_counter()
        for _ in range(calls):
            call()
        costs.append((time.perf_counter() - begin) / calls)
    return statistics.median(costs)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=5000)
    calls = parser.parse_args().calls
    with tempfile.TemporaryDirectory() as folder:
        run = runlog.start("bench", experiments=f"{folder}/experiments", capture_output=False)
        run.log(**VALUES)
        with open(f"{run.directory}/history.jsonl", "rb") as file:
            line = file.read()
        descriptor = os.open(f"{folder}/raw", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        costs = {
            "os.write of the same line": cost_of(lambda: os.write(descriptor, line) and None, calls),
            "decaylab run.log": cost_of(lambda: run.log(**VALUES), calls),
            "TensorBoard SummaryWriter": summary_writer(folder, max(calls // 20, 20)),
            "wandb offline": wandb_offline(folder, max(calls // 20, 20)),
        }
        run.finish()
    write, own = costs["os.write of the same line"], costs["decaylab run.log"]
    print(f"{'12 scalars':<28} {'us a call':>10} {'x os.write':>11} {'x run.log':>10}")
    for name, cost in costs.items():
        row = "not installed" if cost is None else f"{cost * 1e6:>10.1f} {cost / write:>11.1f} {cost / own:>10.1f}"
        print(f"{name:<28} {row}")
    peers = [cost for name, cost in costs.items() if "SummaryWriter" in name or "wandb" in name]
    holds = own <= 5 * write and all(cost is None or cost >= 10 * own for cost in peers)
    print(f"goal (at most 5 x os.write, peers at least 10 x dearer): {'reached' if holds else 'NOT reached'}")
    return 0 if holds else 1


def summary_writer(folder: str, calls: int) -> float | None:
    if importlib.util.find_spec("tensorboard") is None or importlib.util.find_spec("torch") is None:
        return None
    from torch.utils.tensorboard import SummaryWriter

    writer = SummaryWriter(f"{folder}/tensorboard")
    steps = iter(range(10**9))

    def call() -> None:
        step = next(steps)
        for name, value in VALUES.items():
            writer.add_scalar(name, value, step)

    cost = cost_of(call, calls)
    writer.close()
    return cost


def wandb_offline(folder: str, calls: int) -> float | None:
    if importlib.util.find_spec("wandb") is None:
        return None
    os.environ |= {"WANDB_MODE": "offline", "WANDB_SILENT": "true", "WANDB_DIR": folder}
    import wandb

    run = wandb.init(project="bench", mode="offline", dir=folder)
    cost = cost_of(lambda: run.log(VALUES), calls)
    run.finish()
    return cost


if __name__ == "__main__":
    sys.exit(main())
