"""What a sorted table of many runs costs, against the least that any program has to do for it, and against the peers.

    python benchmarks/compare_speed.py [--runs N] [--rounds N] [--peer-python PATH] [--peer-runs N]

Every program is a new process on files that have been read before; the best of some rounds counts, the programs taking
turns. The floor lists the folder, opens, reads, closes and decodes each metadata.json in one pass, with the decoder
that `decaylab` uses, and does nothing with it. Goals: `compare --sort-by t20_mae --top 20` in at most 2 x the floor
without an index and 0.7 x with one; `--help` and a table of 10 runs in at most 6 x `python -c pass`; at least 50 x
faster than MLflow's `search_runs` on sqlite over the same runs. Peers are no dependencies: `--peer-python` names an
interpreter that has them; those it has not are named.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from typing import NamedTuple

FLOOR = """
import os, sys, msgspec
decode = msgspec.json.Decoder().decode
folder = sys.argv[1]
with os.scandir(folder) as entries:
    names = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
for name in names:
    if name[0] != ".":
        descriptor = os.open(f"{folder}/{name}/metadata.json", os.O_RDONLY)
        data = os.read(descriptor, 65536)
        os.close(descriptor)
        decode(data)
"""
RUN = """{
  "model_name": "compact",
  "timestamp": "%(stamp)s",
  "model_parameters": {"total": 63024, "trainable": 63024},
  "training_config": {
    "max_epochs": 400, "actual_epochs": %(epochs)d, "batch_size": %(batch)d, "eval_batch_size": 64,
    "learning_rate": 0.001, "training_duration_seconds": %(seconds).3f, "training_duration_minutes": %(minutes).6f,
    "weight_decay": 0.0001, "schedule": "onecycle", "optimizer": "AdamW"
  },
  "loss_config": {"loss_type": "%(loss)s", "gradient_clip_val": 1.0, "aux_weight": 0.3, "space": "physical"},
  "precision_config": {"precision": 32, "mixed_precision_enabled": false},
  "data_loader_config": {"num_workers": 0, "pin_memory": false, "persistent_workers": false,
    "scaler_type": "standard"},
  "data_config": {
    "num_samples": 6000, "input_dim": 16, "output_length": 96000, "train_size": 3600, "val_size": 1200,
    "test_size": 1200, "train_ratio": 0.6, "val_ratio": 0.2, "split": "random", "split_seed": 0, "fold": null,
    "digest": "1f0e6f1a4c8d92b7", "test_digest": "9c44d1e07a5b8c21", "band": "broadband"
  },
  "early_stopping_config": {"enabled": true, "patience": 50, "stopped_at_epoch": null},
  "metrics": {
    "overall_edc": {"mae": %(edc).9f, "rmse": %(a).9f, "r2": %(b).9f},
    "edt": {"mae": %(edt).9f, "rmse": %(c).9f, "r2": %(d).9f},
    "t20": {"mae": %(t20).9f, "rmse": %(e).9f, "r2": %(f).9f},
    "c50": {"mae": %(c50).9f, "rmse": %(g).9f, "r2": %(h).9f}
  },
  "best_model_path": "experiments/%(run)s/checkpoints/best_model.ckpt",
  "schema_version": 1,
  "run_id": "%(run)s",
  "status": "completed",
  "error": null,
  "best_epoch": %(epochs)d,
  "best_val_loss": %(a).9f,
  "seed": %(seed)d,
  "metrics_definitions": "iso",
  "baselines": {"mean_curve": {"overall_edc": {"mae": 0.0312, "rmse": 0.0521, "r2": 0.0}}},
  "environment": {"device": "cpu", "python": "3.12.1", "cpu_count": 16, "threads": 1, "platform": "Linux-6.1-x86_64",
    "packages": {"torch": "2.9.0", "lightning": "2.6.0", "numpy": "2.3.1", "scikit-learn": "1.7.0"}},
  "git": {"commit": "1f3e6f1a4c8d92b79c44d1e07a5b8c219c44d1e0", "branch": "main", "dirty": false, "untracked": []},
  "process": {"pid": 12345, "boot_id": "0b1c2d3e-1111-2222-3333-444455556666", "start_time": 123456789},
  "working_directory": "/home/someone/rooms",
  "host": "workstation",
  "command": ["decaylab", "train", "--data", "data/rooms", "--seed", "%(seed)d"],
  "config": {}
}
"""
PEERS = ("mlflow", "wandb", "aim", "trackio")
SORTED = ("--sort-by", "t20_mae", "--top", "20")


class Cost(NamedTuple):
    """Wall time of a process in seconds, its largest memory in MB."""

    seconds: float
    megabytes: float


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--peer-python", metavar="PATH", default=sys.executable)
    parser.add_argument("--peer-runs", type=int, default=0, help="runs in the peer's table (default: --runs)")
    args = parser.parse_args()
    reached = []
    with tempfile.TemporaryDirectory() as folder:
        runs, few = f"{folder}/experiments", f"{folder}/few"
        write_runs(few, 10)
        write_runs(runs, args.runs)
        reached += tables(runs, args.runs, args.rounds)
        reached += startup(few, args.peer_python, args.rounds)
        reached += mlflow(folder, args.peer_python, args.peer_runs or args.runs)
    print("every goal is reached" if all(reached) else "NOT every goal is reached")
    return 0 if all(reached) else 1


def write_runs(folder: str, count: int) -> None:
    """`count` runs of about 2.5 kB, all different, one a second."""
    dice = random.Random(0)
    begin = 1767225600
    for number in range(count):
        stamp = time.strftime("%Y%m%d_%H%M%S", time.gmtime(begin + number))
        run = f"compact_{stamp}"
        minutes = 1 + dice.random() * 60
        values = {name: dice.random() for name in "abcdefgh"} | {
            "edc": dice.random() / 100, "edt": dice.random() / 10, "t20": dice.random() / 10, "c50": dice.random(),
        }  # fmt: skip
        settings = {"loss": dice.choice(("decay", "mse", "auxiliary")), "batch": dice.choice((8, 16, 32))}
        text = RUN % {
            "stamp": stamp, "run": run, "epochs": dice.randrange(1, 400), "minutes": minutes, "seconds": minutes * 60,
            "seed": number % 10, **values, **settings,
        }  # fmt: skip
        os.makedirs(f"{folder}/{run}")
        with open(f"{folder}/{run}/metadata.json", "w", encoding="utf-8") as file:
            file.write(text)


def tables(runs: str, count: int, rounds: int) -> list[bool]:
    """The sorted table against the floor, without an index, while one is made, and with it; and the whole table."""
    best = cheapest(runs, rounds)
    floor = best["floor"].seconds
    print(f"{count:,} runs; best of {rounds}\n{'':<28} {'ms':>8} {'x floor':>8} {'MB':>6}")
    for name, cost in best.items():
        print(f"{name:<28} {cost.seconds * 1000:>8.0f} {cost.seconds / floor:>8.2f} {cost.megabytes:>6.0f}")
    return [
        goal("top 20 without an index, x floor", best["top 20, no index"].seconds / floor, 2.0),
        goal("top 20 with the index, x floor", best["top 20, with the index"].seconds / floor, 0.7),
    ]


def cheapest(runs: str, rounds: int) -> dict[str, Cost]:
    """The least that each of the tables, and the floor, took in some rounds; the index is left as it was found."""
    compare = [*ours(), "compare", runs]
    index = pathlib.Path(runs, ".decaylab")
    # A run's files are believed by the index once they have rested.
    time.sleep(max(0.0, 3.5 - (time.time() - os.stat(f"{runs}/{max(os.listdir(runs))}").st_mtime)))
    costs: dict[str, list[Cost]] = {}

    def take(name: str, command: Sequence[str]) -> None:
        costs.setdefault(name, []).append(cost_of(command))

    for _ in range(rounds):
        take("floor", [sys.executable, "-c", FLOOR, runs])
        index.touch()  # a file in the place of the index: none can be made
        take("top 20, no index", [*compare, *SORTED])
        take("all rows, no index", [*compare, "--sort-by", "t20_mae"])
        index.unlink()
        take("top 20, making the index", [*compare, *SORTED])
        take("top 20, with the index", [*compare, *SORTED])
        take("all rows, making the index", [*compare, "--sort-by", "t20_mae"])
        take("all rows, with the index", [*compare, "--sort-by", "t20_mae"])
        for path in index.iterdir() if index.is_dir() else ():
            path.unlink()
        index.rmdir() if index.is_dir() else None
    return {name: Cost(min(c.seconds for c in found), min(c.megabytes for c in found)) for name, found in costs.items()}


def startup(few: str, peer_python: str, rounds: int) -> list[bool]:
    """Starting, in multiples of a bare Python, beside the peers' own `--help`."""
    commands = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "decaylab --help": [*ours(), "--help"],
        "decaylab compare, 10 runs": [*ours(), "compare", few],
    }
    programs = {name: pathlib.Path(peer_python).with_name(name) for name in PEERS}
    commands |= {f"{name} --help": [str(path), "--help"] for name, path in programs.items() if path.exists()}
    best = {name: min(cost_of(command).seconds for _ in range(rounds)) for name, command in commands.items()}
    bare = best["python -c pass"]
    print(f"\n{'starting':<28} {'ms':>8} {'x bare':>8}")
    for name, seconds in best.items():
        print(f"{name:<28} {seconds * 1000:>8.0f} {seconds / bare:>8.1f}")
    if missing := [name for name, path in programs.items() if not path.exists()]:
        print(f"not installed, so not compared: {', '.join(missing)} (--peer-python names a Python that has them)")
    own = [name for name in commands if name.startswith("decaylab")]
    slowest = max(best[name] for name in own)
    peers = [name for name in commands if name.split()[0] in PEERS]
    return [
        *(goal(f"{name}, x bare Python", best[name] / bare, 6.0) for name in own),
        *(goal(f"{name} over the slower of ours, x", best[name] / slowest, 1.0, least=True) for name in peers),
    ]


def mlflow(folder: str, python: str, count: int) -> list[bool]:
    """The same number of runs, with 35 settings and 12 metrics each, in MLflow's sqlite store."""
    print()
    if not has(python, "mlflow"):
        print("mlflow is not installed, so its search_runs is not compared")
        return []
    runs = f"{folder}/peer_runs"
    write_runs(runs, count)
    store = f"sqlite:///{folder}/mlflow.db"
    here = str(pathlib.Path(__file__).with_name("mlflow_peer.py"))
    subprocess.run([python, here, "fill", store, str(count)], check=True, cwd=folder, stderr=subprocess.DEVNULL)
    time.sleep(3.5)
    compare = [*ours(), "compare", runs, "--sort-by", "t20_mae"]
    ratio = 0.0
    for rows, extra in (("all", ()), ("20", ("--top", "20"))):
        peer = min(cost_of([python, here, "ask", store, rows], folder).seconds for _ in range(2))
        own = min(cost_of([*compare, *extra]).seconds for _ in range(4))
        print(f"{count:,} runs, {rows} rows sorted: mlflow {peer:.2f} s, decaylab {own:.3f} s, {peer / own:.0f} x")
        ratio = peer / own
    return [goal("MLflow's search_runs of the best 20 over ours, x", ratio, 50.0, least=True)]


def ours() -> list[str]:
    return [sys.executable, "-m", "decaylab.cli.main"]


def has(python: str, module: str) -> bool:
    asked = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({module!r}) is None)"
    return subprocess.run([python, "-c", asked], check=False).returncode == 0


def cost_of(command: Sequence[str], folder: str | None = None) -> Cost:
    """One process, its output thrown away. Where there is no `wait4`, the memory is not known."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    begin = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=folder, env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(command[:6])} ... ended with {process.returncode}")
    return Cost(seconds, usage.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3))


def goal(name: str, value: float, limit: float, least: bool = False) -> bool:
    holds = value >= limit if least else value <= limit
    bound = f"{'at least' if least else 'at most'} {limit:g}"
    print(f"goal: {name}: {value:.2f} ({bound}): {'reached' if holds else 'NOT reached'}")
    return holds


if __name__ == "__main__":
    sys.exit(main())
