"""Run every benchmark of this folder, one after the other: `make bench`.

Each prints ratios against a peer or a limit measured in the same run, and exits 1 when its goal is not reached.
`envelope.py` needs the published rooms and is run by hand (docs/simulation.md); `mlflow_peer.py` is a part of
`compare_speed.py`.
"""

from __future__ import annotations

import pathlib
import subprocess
import sys

BY_HAND = {"run_all.py", "envelope.py", "mlflow_peer.py"}


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
