"""A data set that need not fit in memory: scalers, trainings and scoring from a store of 17,639 rooms (6.8 GB).

    python benchmarks/large_store.py --dir DIR [--limit ROOMS] [--jobs NAME,NAME,...]

Generates a store (rooms of a grid like the published one, their curves sums of exponentials, no simulation) and runs
each job in a process of its own, with the store's file put out of the page cache first. Prints the table of
docs/large-data.md. Goals: no job takes more than 2 GB of anonymous memory beyond the model's own (weights, gradients
and Adam's two moments: four times the parameters), and a training step from the store takes at most 1.05 x one from
memory. Linux only: memory is read from /proc. Needs 17 GB of disk in --dir at full size, and removes what it wrote.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from process_memory import watched

ROOMS, SAMPLES, RATE = 17_639, 96_000, 48_000
LIMIT_BYTES, LIMIT_RATIO = 2e9, 1.05
#: What a training holds of each parameter of the model, in float32 values.
COPIES = 4
#: Rooms in a step of `lstm`, and turns of three steps that are timed; `compact` trains with its own settings.
BATCH, TURNS = 128, 6


def draw_grid(count: int) -> Any:
    """`count` rooms (ids and (count, 16) features), in the ranges and steps of the published table."""
    from decaylab.rooms.features import RoomTable

    rng = np.random.default_rng(0)
    sizes = list(itertools.product((3.0, 3.5, 4.0), (3.0, 3.5, 4.0, 4.5, 5.0, 5.5, 6.0), (2.5, 3.0, 3.5, 4.0)))
    materials = np.round(rng.uniform(0.05, 0.6, (30, 7)), 2)
    features = np.empty((count, 16))
    for row in range(count):
        size = np.array(sizes[rng.integers(len(sizes))])
        places = [1.0 + 0.1 * rng.integers(0, np.round(10 * (size - 2.0)).astype(int) + 1) for _ in range(2)]
        if np.linalg.norm(places[0] - places[1]) < 0.1:
            places[1][0] = 1.0 if places[0][0] > 1.2 else size[0] - 1.0
        features[row] = np.concatenate([size, *places, materials[rng.integers(30)]])
    return RoomTable([f"grid_{row:06d}" for row in range(count)], np.round(features, 3))


def curve_of(features: NDArray[np.float64]) -> NDArray[np.float32]:
    """An energy decay, (96000,): 1 until the direct sound arrives, then three exponentials of about Eyring's decay."""
    length, width, height = size = features[:3]
    surface = 2 * (length * width + length * height + width * height)
    seconds = 0.161 * size.prod() / (-surface * np.log(1 - features[9:].mean()))
    slope = np.float32(-13.8155 / RATE / np.clip(seconds, 0.4, 2.5))
    arrival = int(np.linalg.norm(features[3:6] - features[6:9]) / 343 * RATE) + 40
    decay = np.exp(slope * np.arange(SAMPLES - arrival, dtype=np.float32))
    curve = np.ones(SAMPLES, dtype=np.float32)
    curve[arrival:] = 0.5 * decay + 0.3 * np.sqrt(decay) ** 3 + 0.1 * decay * decay
    return curve


def generate(store: Path, count: int) -> None:
    """Write the store through its own writer: manifest, digests and all."""
    from decaylab.rooms.store_writer import StoreWriter

    settings = {"made_by": "benchmarks/large_store.py", "version": 1}
    with StoreWriter(store, draw_grid(count), settings, {}, SAMPLES, RATE) as writer:
        for row in writer.pending:
            writer.write(row, curve_of(writer.table.features[row]))
        writer.finish()


# Jobs: each runs in a process of its own, in a folder that holds `store`, and returns what it has to say.


def fit(kind: str) -> dict[str, Any]:
    from decaylab.rooms.scaling import fit_curves
    from decaylab.rooms.splits import split_rows
    from decaylab.rooms.store import open_data

    data = open_data("store")
    began = time.monotonic()
    fit_curves(kind, data, split_rows(data.features).train)
    return {"seconds": time.monotonic() - began}


def train_model(**settings: Any) -> dict[str, Any]:
    from decaylab.training import TrainConfig, train

    began = time.monotonic()
    outcome = train(TrainConfig(data="store", device="cpu", **settings))
    record = json.loads((Path(outcome.directory) / "metadata.json").read_text())
    own = 4 * COPIES * record["model_parameters"]["total"]
    return {"seconds": time.monotonic() - began, "model_bytes": own, "test_rooms": record["data_config"]["test_size"]}


def evaluate() -> dict[str, Any]:
    """Everything that follows a fit of `compact`, invalid predictions included."""
    from decaylab.models import build_model
    from decaylab.rooms.splits import split_rows
    from decaylab.rooms.store import open_data
    from decaylab.training.data import mean_curve, parameter_medians
    from decaylab.training.evaluate import TrainedModel, evaluate_test_rooms

    data = open_data("store")
    split = split_rows(data.features)
    model = build_model("compact", input_dim=16, output_length=SAMPLES)
    folder = Path("experiments/scored")
    folder.mkdir(parents=True)
    began = time.monotonic()
    parameter_medians(data, split.train)
    mean = mean_curve(data, split.train)
    module = module_for(model, data)
    evaluate_test_rooms(TrainedModel(module, data, split, data.features, mean, dict, str(folder), batch_size=64))
    return {"seconds": time.monotonic() - began, "test_rooms": len(split.test)}


def steps() -> dict[str, Any]:
    """Training steps of `lstm`: each batch from the disk, then from the page cache and from memory, in turns."""
    import torch

    from decaylab.models import build_model
    from decaylab.rooms.dataset import DataSet
    from decaylab.rooms.features import RoomTable
    from decaylab.rooms.store import open_data
    from decaylab.training.data import CurveRooms

    class Held(DataSet):
        def read(self, rows: Any, columns: slice = slice(None)) -> NDArray[np.float32]:
            return np.stack([held[row] for row in rows])

    data, data_elsewhere = open_data("store"), open_data("store")
    inputs = (data.features - data.features.mean(axis=0)) / data.features.std(axis=0).clip(1e-9)
    module = module_for(build_model("lstm", input_dim=16, output_length=SAMPLES), data)
    optimizer = torch.optim.Adam(module.parameters(), fused=True)
    rng = np.random.default_rng(0)
    held: dict[int, NDArray[np.float32]] = {}
    everything = np.arange(len(data))
    sources = {
        "disk": CurveRooms(open_data("store"), everything, inputs),  # the first to read these rooms
        "store": CurveRooms(data, everything, inputs),  # its own map of the file, which is in the page cache by then
        "memory": CurveRooms(
            Held(data.path, RoomTable(data.ids, data.features), "", data.manifest), everything, inputs
        ),
    }
    spent = {what: dict.fromkeys(sources, 0.0) for what in ("step", "reading")}
    for turn in range(-1, TURNS):
        rows = rng.choice(len(data), min(BATCH, len(data)), replace=False).tolist()
        for source in ("disk", *(("store", "memory") if turn % 2 else ("memory", "store"))):
            if source == "memory":
                held = dict(zip(rows, data_elsewhere.read(rows), strict=True))
            began = time.perf_counter()
            batch = sources[source].__getitems__(rows)
            read = time.perf_counter()
            optimizer.zero_grad()
            module.training_loss(batch).backward()
            optimizer.step()
            if turn >= 0:  # the first turn makes Adam's moments
                spent["step"][source] += (time.perf_counter() - began) / TURNS
                spent["reading"][source] += (read - began) / TURNS
    own = 4 * COPIES * sum(p.numel() for p in module.parameters())
    return {"seconds": TURNS * sum(spent["step"].values()), "model_bytes": own, "spent": spent}


def module_for(model: Any, data: Any) -> Any:
    """The training module of a model, as a training builds it, with a scaler that leaves curves as they are."""
    from decaylab.catalogue.settings import TrainConfig
    from decaylab.losses import build_loss
    from decaylab.rooms.scaling import Scaler
    from decaylab.training.module import CurveModule

    class Timed(CurveModule):
        def training_loss(self, batch: Any) -> Any:
            return self.loss_of(batch)[0]

    scaler = Scaler("standard", np.zeros(SAMPLES), np.ones(SAMPLES), len(data), np.zeros(SAMPLES, dtype=bool))
    config = TrainConfig(data="store").completed(model.default_settings)
    return Timed(model, build_loss(model.default_loss), scaler, config, data.samples, data.sampling_rate)


JOBS: dict[str, tuple[str, Callable[[], dict[str, Any]]]] = {
    "minmax": ("scaler minmax", lambda: fit("minmax")),
    "standard": ("scaler standard", lambda: fit("standard")),
    "robust": ("scaler robust", lambda: fit("robust")),
    "compact": ("`train --model compact`, 2 epochs", lambda: train_model(model="compact", max_epochs=2)),
    "lstm": (
        f"`train --model lstm`, 1 epoch, batches of {BATCH}",
        lambda: train_model(model="lstm", max_epochs=1, batch_size=BATCH),
    ),
    "evaluate": ("medians, mean curve and scoring of the test rooms", evaluate),
    "steps": ("steps of `lstm`, from the store and from memory", steps),
}


def run_job(name: str, folder: Path) -> dict[str, Any]:
    """Run a job in a process of its own; what it says, and its memory as `process_memory` measures it."""
    put_out_of_cache(folder / "store" / "curves.npy")
    said, peak = watched([sys.executable, os.path.abspath(__file__), "--dir", ".", "--job", name], folder)
    return {"model_bytes": 0, **json.loads(said.splitlines()[-1]), **peak}


def put_out_of_cache(file: Path) -> None:
    """Make the next reading come from the disk, as it would if the file were larger than memory."""
    descriptor = os.open(file, os.O_RDONLY)
    try:
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)


def report(name: str, found: dict[str, Any]) -> bool:
    """Print a job's row; whether it kept within the limit."""
    beyond = found["anonymous"] - found["model_bytes"]
    cells = [found["anonymous"], found["model_bytes"], beyond, found["mapped"], found["high"]]
    print(f"| {JOBS[name][0]} | {found['seconds']:.0f} s | {' | '.join(f'{c / 1e9:.2f}' for c in cells)} |", flush=True)
    return bool(beyond <= LIMIT_BYTES)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dir", required=True, help="where the store goes meanwhile")
    parser.add_argument("--limit", type=int, default=ROOMS, metavar="N", help=f"rooms (default: {ROOMS})")
    parser.add_argument("--jobs", default=",".join(JOBS), metavar="NAME,NAME", help=f"of: {', '.join(JOBS)}")
    parser.add_argument("--job", choices=JOBS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.job:
        print(json.dumps(JOBS[args.job][1]()))
        return 0
    names = args.jobs.split(",")
    if unknown := set(names) - JOBS.keys():
        parser.error(f"no job {', '.join(unknown)}: choose from {', '.join(JOBS)}")
    # The store; predictions and targets of two trainings and one scoring, a fifth of it each; the checkpoint.
    needed = int(args.limit * SAMPLES * 4 * (1 + 6 / 5)) + 2 * 10**9
    if (free := shutil.disk_usage(args.dir).free) < needed:
        parser.error(
            f"{args.dir} has {free / 1e9:.1f} GB free, {needed / 1e9:.1f} GB are needed: give --dir, or --limit"
        )
    with tempfile.TemporaryDirectory(dir=args.dir, prefix="large_store-") as folder:
        return run_jobs(names, Path(folder), args.limit)


def run_jobs(names: list[str], folder: Path, count: int) -> int:
    began = time.monotonic()
    generate(folder / "store", count)
    size = (folder / "store" / "curves.npy").stat().st_size
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(f"{count:,} rooms, {size / 1e9:.2f} GB, written in {time.monotonic() - began:.0f} s by a process of at most"
          f" {memory / 1e9:.2f} GB\n")  # fmt: skip
    print("| GB | time | anonymous memory, peak | of it the model's | beyond | mapped pages of files | VmHWM |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    found = {}
    for name in names:
        found[name] = run_job(name, folder)
        found[name]["holds"] = report(name, found[name])
    reached = all(job["holds"] for job in found.values())
    print()
    for name in ("lstm", "evaluate"):
        if name in found:
            print(f"test rooms ({name}): {found[name]['test_rooms']:,}")
    if "steps" in found:
        spent = found["steps"]["spent"]
        for what, times in spent.items():
            print(f"{what}: " + ", ".join(f"{source} {1000 * seconds:.1f} ms" for source, seconds in times.items()))
        ratios = {source: spent["step"][source] / spent["step"]["memory"] for source in ("disk", "store")}
        print(f"a step over one from memory: from the disk {ratios['disk']:.3f}, mapped {ratios['store']:.3f}")
        reached = reached and ratios["store"] <= LIMIT_RATIO
    print(f"goal (2 GB beyond the model's own, {LIMIT_RATIO} x the step): {'reached' if reached else 'NOT reached'}")
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
