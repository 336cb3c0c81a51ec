"""docs/cli.md, made from the commands themselves: `python -m decaylab.cli.reference > docs/cli.md`; a test compares."""

from __future__ import annotations

import argparse
import os
import sys

from decaylab.cli.main import COMMANDS, command
from decaylab.cli.parser import subcommands

HEAD = """\
# The command line

One program, `decaylab`; `python scripts/compare_runs.py` is `decaylab compare`. This page is made from `--help`.

Exit status: 0 done; 1 what was asked for does not hold; 2 bad input or usage, in one line; 130 interrupted, 143 after
SIGTERM.

A RUN is named by its directory, its id, its timestamp, any unique part of the id, `latest`, or `best:FIELD`. A FIELD is
a short name (`t20_mae`, `loss_type`, ...) or a dotted path into metadata.json (`metrics.t20.mae`).
"""


def reference() -> str:
    """The page, with every command's help at a width of 110 columns."""
    os.environ["COLUMNS"] = "110"
    parts = [HEAD]
    for name in COMMANDS:
        _, parser = command(name)
        parts.append(_section("##", name, parser))
        parts += [_section("###", f"{name} {sub}", below) for sub, below in subcommands(parser).items()]
    return "".join(parts)


def _section(level: str, name: str, parser: argparse.ArgumentParser) -> str:
    return f"\n{level} decaylab {name}\n\n```text\n{parser.format_help().rstrip()}\n```\n"


if __name__ == "__main__":
    sys.stdout.write(reference())
