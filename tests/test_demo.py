"""`make demo` on a tiny scale: the script that it runs, from an empty folder, twice."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[1]


def run_demo(folder):
    path = f"{pathlib.Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "ROOMS": "12", "DEMO": str(folder / "demo")}
    return subprocess.run(
        ["sh", str(ROOT / "scripts" / "demo.sh")],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=900,
    )


def test_make_demo_runs_the_script():
    recipe = (ROOT / "Makefile").read_text().split("\ndemo:")[1].split("\n\n")[0]
    assert "scripts/demo.sh" in recipe


@pytest.mark.heavy
def test_the_demo_ends_with_a_table_of_three_runs_and_reuses_its_data(tmp_path):
    first = run_demo(tmp_path)
    assert first.returncode == 0, first.stderr[-3000:]
    table = first.stdout.split("$ decaylab compare")[1]
    for word in ("compact", "lstm", "decay", "auxiliary", "edc_vs_mean", " no"):
        assert word in table
    assert "What to look at next" in first.stdout
    records = [json.loads(p.read_text()) for p in (tmp_path / "demo" / "experiments").glob("*/metadata.json")]
    assert sorted(record["model_name"] for record in records) == ["compact", "compact", "lstm"]
    assert all(record["status"] == "completed" for record in records)
    curves = tmp_path / "demo" / "rooms" / "curves.npy"
    before = curves.stat().st_mtime_ns
    second = run_demo(tmp_path)
    assert second.returncode == 0, second.stderr[-3000:]
    assert curves.stat().st_mtime_ns == before
