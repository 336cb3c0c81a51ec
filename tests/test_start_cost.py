"""The command line starts cheap: shown in a subprocess, by what it imports."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("torch", "numpy", "pandas", "lightning", "scipy", "sklearn", "joblib")
#: Standard modules that cost more than all of ours together.
COSTLY = ("dataclasses", "asyncio", "email", "http", "multiprocessing", "pathlib", "difflib")

REPORT = """
import sys
from decaylab.cli.main import main

status = main({argv!r})
print(*sys.modules, file=sys.stderr)
sys.exit(status)
"""


def modules_after(argv: list[str]) -> set[str]:
    done = subprocess.run([sys.executable, "-c", REPORT.format(argv=argv)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return set(done.stderr.split())


@pytest.mark.parametrize("argv", [["--help"], ["--version"], ["compare", "--help"], ["show", "--help"]])
def test_help_imports_nothing_heavy(argv: list[str]) -> None:
    loaded = modules_after(argv)
    assert not loaded.intersection(HEAVY)
    assert "msgspec" not in loaded


def test_compare_imports_nothing_heavy(legacy_folder: Path, write_run) -> None:
    write_run("compact_20260301_120000")
    loaded = modules_after(["compare", str(legacy_folder)])
    assert not loaded.intersection(HEAVY)
    assert not loaded.intersection(COSTLY)
    assert "decaylab.runlog.recorder" not in loaded
    assert "msgspec" not in loaded, "its import takes longer than reading these runs without it"


def test_overview_imports_no_command() -> None:
    assert not {name for name in modules_after(["--help"]) if name.startswith(("decaylab.cli.", "decaylab.runlog"))} - {
        "decaylab.cli.main"
    }
