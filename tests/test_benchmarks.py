"""The benchmarks run. Their figures are not judged here: a loaded machine must not fail a test."""

import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).parents[1]


def test_the_cost_of_logging_is_printed_beside_its_peers():
    command = [sys.executable, str(ROOT / "benchmarks" / "logging_cost.py"), "--calls", "200"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode in (0, 1), done.stderr
    for row in ("os.write", "run.log", "SummaryWriter", "goal"):
        assert row in done.stdout
