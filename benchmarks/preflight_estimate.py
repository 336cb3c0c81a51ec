"""How well preflight knows the time of a training: its estimate beside what three trainings then took.

    python benchmarks/preflight_estimate.py                  three settings (some minutes on two cores)
    python benchmarks/preflight_estimate.py --quick          two of them with few rooms and epochs, to try it

Each training runs in a process of its own. Exits 1 where an estimate is off by more than 25 %. Where the machine does
other work meanwhile, figures say little: its load is printed.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

TOLERANCE = 0.25
OWN = pathlib.Path(__file__).parent / "guard_models.py"
#: What is trained, and with how many epochs.
SETTINGS = {
    "compact, decay": (["--model", "compact"], 400),
    "own curve model, weighted_edc, batch 8": (
        ["--model", f"{OWN}:Curve", "--loss", "weighted_edc", "--batch-size", "8"],
        20,
    ),
    "hybrid_v2, mse, batch 8": (["--model", "hybrid_v2", "--loss", "mse", "--batch-size", "8"], 3),
}


def decaylab(*words: str) -> str:
    """stdout of a command."""
    command = [sys.executable, "-m", "decaylab.cli.main", *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def one(data: str, experiments: str, options: list[str], epochs: int) -> dict[str, float]:
    """A training: seconds that were expected, that it took, and that preflight took."""
    words = ["--max-epochs", str(epochs), "--no-early-stop", "--experiments", experiments, "--force", "--no-guard"]
    directory = decaylab("train", "--data", data, *options, *words).splitlines()[-1]
    record = json.loads((pathlib.Path(directory) / "metadata.json").read_text())
    expected = record["preflight"]["estimate"]
    fit = record["training_config"]["training_duration_seconds"]
    return {
        "expected": expected["total_seconds"],
        "took": record["total_duration_seconds"],
        "expected epoch": expected["epoch_seconds"],
        "epoch": fit / epochs,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rooms", type=int, default=150)
    parser.add_argument("--data", help="a data set at hand; else one is simulated")
    parser.add_argument("--quick", action="store_true")
    args = parser.parse_args()
    settings = dict(list(SETTINGS.items())[:2]) if args.quick else SETTINGS
    rooms = 15 if args.quick else args.rooms
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        data = args.data or f"{folder}/rooms"
        if args.data is None:
            decaylab("simulate", "--out", data, "--count", str(rooms), "--rays", "2000")
        print("| training | expected s | took s | off | expected s an epoch | took | load |")
        print("|---|---|---|---|---|---|---|")
        for name, (options, epochs) in settings.items():
            found = one(data, f"{folder}/experiments", options, 2 if args.quick else epochs)
            off = found["expected"] / found["took"] - 1
            missed += abs(off) > TOLERANCE
            print(
                f"| {name} | {found['expected']:.1f} | {found['took']:.1f} | {100 * off:+.0f} % "
                f"| {found['expected epoch']:.3f} | {found['epoch']:.3f} | {os.getloadavg()[0]:.1f} |",
                flush=True,
            )
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
