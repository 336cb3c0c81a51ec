"""A training step of `hybrid_v2` at full size, as `decaylab train` does it, beside its predecessor's.

    python benchmarks/training_speed.py [--rounds N] [--steps N] [--rooms N] [--width N]

The two take turns, each time in a process of its own that trains for a few steps on batches of 8 rooms, loss `mse`:
- predecessor: a plain PyTorch loop, Adam as it comes, scaled curves held in memory;
- decaylab: its own trainer, module and loader, curves read from a store.
Goals: a predecessor's step takes at least twice as long as ours, and ours waits for its batch for under a twentieth of
the step. Up to 5 GB of memory; with --width (of the layer before the output, 2048) less, and then it is another model.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

BATCH = 8
GOAL_RATIO, GOAL_WAITING = 2.0, 0.05


def predecessor(store: str, steps: int) -> dict[str, list[float]]:
    """The loop that users' runs had: what was never switched on is left off."""
    import torch

    from decaylab.models import build_model
    from decaylab.rooms.store import open_data

    data = open_data(store)
    curves, features = torch.from_numpy(data.read(range(len(data)))), torch.from_numpy(data.features).float()
    rooms = torch.utils.data.TensorDataset(_standardised(features), _standardised(curves))
    model = build_model("hybrid_v2")
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    criterion = torch.nn.MSELoss()
    seconds: list[float] = []
    total = 0.0
    while len(seconds) <= steps:
        for inputs, targets in torch.utils.data.DataLoader(rooms, batch_size=BATCH, shuffle=True, drop_last=True):
            began = time.perf_counter()
            optimizer.zero_grad()
            loss = criterion(model(inputs), targets)
            loss.backward()
            optimizer.step()
            total += loss.item()
            seconds.append(time.perf_counter() - began)
            if len(seconds) > steps:
                break
    return {"step": seconds[1:]}  # the first one makes Adam's moments


def ours(store: str, steps: int) -> dict[str, list[float]]:
    """`decaylab train` without its record: the parts that a step consists of, put together as in training/stages.py."""
    import lightning as L

    from decaylab.rooms.scaling import fit_curves, fit_features
    from decaylab.training import TrainConfig
    from decaylab.training.data import CurveRooms, inputs_for, loaders
    from decaylab.training.module import CurveModule
    from decaylab.training.plan import plan_training

    class Clock(L.Callback):
        """Seconds of each step, and of the fetching of each batch: between the end of a step and the next one."""

        def __init__(self) -> None:
            self.step: list[float] = []
            self.waiting: list[float] = []
            self._began = self._ended = 0.0

        def on_train_batch_start(self, *unused: Any) -> None:
            self._began = time.perf_counter()
            self.waiting.append(self._began - self._ended)

        def on_train_batch_end(self, *unused: Any) -> None:
            self._ended = time.perf_counter()
            self.step.append(self._ended - self._began)

    plan = plan_training(TrainConfig(data=store, model="hybrid_v2", loss="mse", batch_size=BATCH, device="cpu"))
    data, rows, config = plan.data, plan.split.train, plan.config
    curves = fit_curves(config.scaler, data, rows)
    inputs = inputs_for(plan.model, data.features, fit_features(config.scaler, data.features[rows]))
    module = CurveModule(plan.model, plan.loss, curves, config, data.samples, data.sampling_rate)
    rooms = CurveRooms(data, rows, inputs)
    batches, _ = loaders(config, "cpu", rooms, rooms)
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module=r"lightning\..*")
    clock = Clock()
    trainer = L.Trainer(
        accelerator="cpu", devices=1, max_steps=steps + 1, max_epochs=-1, callbacks=[clock], logger=False,
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip
    trainer.fit(module, batches)
    return {"step": clock.step[1:], "waiting": clock.waiting[1:]}


def _standardised(values: Any) -> Any:
    spread = values.std(dim=0)
    return (values - values.mean(dim=0)) / spread.where(spread > 1e-6, spread.new_ones(()))


def in_a_process(kind: str, store: str, steps: int, width: int) -> dict[str, list[float]]:
    command = [sys.executable, __file__, "--kind", kind, "--store", store, "--steps", str(steps), "--width", str(width)]
    # What our training sets for itself, the predecessor's never had.
    environment = {name: value for name, value in os.environ.items() if name != "THP_MEM_ALLOC_ENABLE"}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, list[float]] = json.loads(done.stdout.splitlines()[-1])
    return found


def train_as(kind: str, store: str, steps: int, width: int) -> None:
    """What a process of its own does: train, and print its seconds and its memory."""
    if kind == "decaylab":
        import decaylab.training  # noqa: F401 - before torch, as the command does: it sets how memory is taken

    from decaylab.models import lstm

    lstm.TRUNK_WIDTH = width
    found = KINDS[kind](store, steps)
    unit = 1e3 if sys.platform == "linux" else 1.0  # kilobytes on Linux, bytes on macOS
    found["memory"] = [resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit]
    print(json.dumps(found))


KINDS = {"predecessor": predecessor, "decaylab": ours}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="turns of each (3)")
    parser.add_argument("--steps", type=int, default=4, help="in a turn, after one that is not counted (4)")
    parser.add_argument("--rooms", type=int, default=120, help="in the store (120)")
    parser.add_argument("--width", type=int, default=2048, help="of the layer before the output (2048)")
    parser.add_argument("--kind", help=argparse.SUPPRESS)
    parser.add_argument("--store", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.kind:
        train_as(args.kind, args.store, args.steps, args.width)
        return 0
    from large_store import generate

    found: dict[str, dict[str, list[float]]] = {kind: {} for kind in KINDS}
    with tempfile.TemporaryDirectory() as folder:
        store = str(Path(folder) / "store")
        generate(Path(store), args.rooms)
        for _ in range(args.rounds):
            for kind, lists in found.items():
                for name, values in in_a_process(kind, store, args.steps, args.width).items():
                    lists.setdefault(name, []).extend(values)
    return report(found, args.width)


def report(found: dict[str, dict[str, list[float]]], width: int) -> int:
    middle = {kind: statistics.median(lists["step"]) for kind, lists in found.items()}
    print(f"hybrid_v2, {width} units before the output, loss mse, batches of {BATCH}, {os.cpu_count()} cores")
    for kind, lists in found.items():
        steps = lists["step"]
        print(
            f"{kind:<24}{middle[kind]:9.3f} s a step, median of {len(steps)} ({min(steps):.3f} to {max(steps):.3f}), "
            f"{max(lists['memory']) / 1e9:.1f} GB"
        )
    waiting = statistics.median(found["decaylab"]["waiting"])
    share = waiting / (waiting + middle["decaylab"])
    print(f"{'waiting for a batch':<24}{waiting:9.4f} s, {100 * share:.2f} % of our step, no worker processes")
    ratio = middle["predecessor"] / middle["decaylab"]
    reached = ratio >= GOAL_RATIO and share < GOAL_WAITING
    print(f"goal (a predecessor's step takes {GOAL_RATIO:g} x ours, waiting under 5 %): {ratio:.2f} x, ", end="")
    print("reached" if reached else "NOT reached")
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
