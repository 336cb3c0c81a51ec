"""`decaylab completion`: a script that lets a shell complete commands, options, their values, FIELDs and RUNs."""

from __future__ import annotations

import argparse
import sys

EXAMPLE = """\
decaylab completion bash
source <(decaylab completion bash)
decaylab completion fish > ~/.config/fish/completions/decaylab.fish"""

SHELLS = ("bash", "zsh", "fish")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=SHELLS, help="the script is to be sourced by this shell; docs/completion.md")


def run(args: argparse.Namespace) -> int:
    sys.stdout.write(script(args.shell))
    return 0


def script(shell: str) -> str:
    """The script for one of SHELLS, of the commands that exist today."""
    from decaylab.cli import completion_scripts as scripts
    from decaylab.cli.completion_words import commands

    write = {"bash": scripts.bash, "zsh": scripts.zsh, "fish": scripts.fish}[shell]
    return write(commands())
