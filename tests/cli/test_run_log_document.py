"""Every shell line of the users' run-log document, on directories that our recorder made."""

import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

from decaylab import runlog

ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The document's two runs, one with a metric that does not exist, in `experiments/`; `scripts/` beside it."""
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts")
    monkeypatch.chdir(tmp_path)
    for stamp, t20 in (("20260122_020157", float("nan")), ("20260122_030000", 0.0123)):
        monkeypatch.setattr("decaylab.runlog.naming.time.strftime", lambda form, stamp=stamp: stamp)
        with runlog.start("hybrid_v2", config={"batch_size": 2}) as run:
            run.log(epoch=1, val_loss=0.5)
            run.finish(metrics={"t20_mae": t20, "c50_mae": 0.4})
    return tmp_path


def shell(line, folder):
    path = f"{pathlib.Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-c", line], cwd=folder, env={**os.environ, "PATH": path}, capture_output=True, text=True, timeout=60
    )


@pytest.mark.parametrize("options", ["", "--sort-by t20_mae", "--export csv", "--export json"])
def test_the_compare_script_as_documented(folder, options):
    done = shell(f"python scripts/compare_runs.py {options}", folder)
    assert done.returncode == 0, done.stderr
    assert "hybrid_v2_20260122_020157" in done.stdout
    exports = list((folder / "experiments").glob("runs_comparison_*"))
    assert len(exports) == ("--export" in options)
    if "json" in options:
        rows = json.loads(exports[0].read_text())
        assert [row["t20_mae"] for row in rows if row["timestamp"] == "20260122_030000"] == [0.0123]
    if "sort" in options:
        assert done.stdout.index("030000") < done.stdout.index("020157"), "best first, missing last"


def test_the_compare_script_and_the_command_print_the_same(folder):
    assert shell("python scripts/compare_runs.py", folder).stdout == shell("decaylab compare", folder).stdout


def test_the_json_tool_line(folder):
    done = shell("cat experiments/hybrid_v2_20260122_020157*/metadata.json | python -m json.tool", folder)
    assert done.returncode == 0
    assert json.loads(done.stdout)["metrics"]["t20"]["mae"] is None


@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")
def test_the_jq_and_diff_lines(folder):
    done = shell(
        "diff <(jq .metrics experiments/hybrid_v2_20260122_020157/metadata.json) \\\n"
        "     <(jq .metrics experiments/hybrid_v2_20260122_030000/metadata.json)",
        folder,
    )
    assert done.returncode == 1
    assert "0.0123" in done.stdout
    assert done.stderr == ""


def test_the_tar_line(folder):
    done = shell("tar -czf archive/run_20260122_030000.tar.gz experiments/hybrid_v2_20260122_030000/", folder)
    assert done.returncode == 0, done.stderr
    listed = shell("tar -tzf archive/run_20260122_030000.tar.gz", folder).stdout
    assert "experiments/hybrid_v2_20260122_030000/metadata.json" in listed
