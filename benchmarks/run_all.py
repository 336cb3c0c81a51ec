"""Run every benchmark of this folder, one after the other: `make bench`.

Each prints ratios against a peer or a limit measured in the same run, and exits 1 when its goal is not reached.
Run by hand: `envelope.py` and `accuracy.py`, which need the published rooms, `out_of_range.py`, which needs a run on
them, `bad_runs.py` (docs/bad-runs.md) and `builder_agreement.py` (docs/simulation.md), which take ten minutes each, and
`large_store.py`, which needs 17 GB of disk (docs/large-data.md). Parts of others: `accuracy_growth.py`,
`accuracy_others.py`, `accuracy_rooms.py`, `accuracy_runs.py` of `accuracy.py`, `mlflow_peer.py` of `compare_speed.py`,
`bad_runs_made.py` of `bad_runs.py`, `guard_models.py` of `guard_rates.py` and `bad_runs.py`, `process_memory.py` of
`large_store.py`.
"""

from __future__ import annotations

import pathlib
import subprocess
import sys

BY_HAND = {
    "run_all.py",
    "accuracy.py",
    "accuracy_growth.py",
    "accuracy_others.py",
    "accuracy_rooms.py",
    "accuracy_runs.py",
    "bad_runs.py",
    "bad_runs_made.py",
    "builder_agreement.py",
    "envelope.py",
    "guard_models.py",
    "large_store.py",
    "mlflow_peer.py",
    "out_of_range.py",
    "process_memory.py",
}


def main() -> int:
    missed = []
    for script in sorted(pathlib.Path(__file__).parent.glob("*.py")):
        if script.name in BY_HAND:
            continue
        print(f"\n{script.name}", flush=True)
        if subprocess.run([sys.executable, str(script)], check=False).returncode:
            missed.append(script.name)
    print(f"\nnot reached: {', '.join(missed)}" if missed else "\nevery goal is reached")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
