"""docs/cli.md says what the commands say of themselves."""

import pathlib
import subprocess
import sys

import pytest

from decaylab.cli.main import COMMANDS, main

DOCS = pathlib.Path(__file__).parents[2] / "docs"


def test_the_reference_is_generated_from_the_commands():
    made = subprocess.run(
        [sys.executable, str(pathlib.Path(__file__).parents[2] / "scripts" / "pages.py"), "cli"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert made.returncode == 0, made.stderr
    assert made.stdout == (DOCS / "cli.md").read_text(), "make pages"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_help_shows_an_example(name, capsys):
    assert main([name, "--help"]) == 0
    shown = capsys.readouterr().out
    assert f"example:\n  decaylab {name}" in shown
