"""The pages of docs/ that are made of the code: `python scripts/pages.py` writes them all, `... cli` prints one.

cli: docs/cli.md; settings: docs/settings.md; schema: docs/metadata.schema.json; keys: the table in docs/run-log.md.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from decaylab.catalogue.fields import FIELDS
from decaylab.catalogue.keys import KEYS
from decaylab.catalogue.losses import LOSSES
from decaylab.catalogue.models import MODELS
from decaylab.catalogue.rows import MISSING, Setting
from decaylab.catalogue.settings import OPTIONS
from decaylab.cli.main import COMMANDS, command
from decaylab.cli.parser import subcommands
from decaylab.runlog.keys import json_schema

DOCS = Path(__file__).parents[1] / "docs"

_CLI = """\
# The command line

One program, `decaylab`; `python scripts/compare_runs.py` is `decaylab compare`. This page is made from `--help`.

Exit status: 0 done; 1 what was asked for does not hold; 2 bad input or usage, in one line; 130 interrupted, 143 after
SIGTERM.

A RUN is named by its directory, its id, its timestamp, any unique part of the id, `latest`, or `best:FIELD`. A FIELD is
a short name (`t20_mae`, `loss_type`, ...) or a dotted path into metadata.json (`metrics.t20.mae`).
"""

_SETTINGS = """\
# Settings, models, losses and FIELDs

What `decaylab train` can be asked for, where a record holds it, and the names by which tables and filters know it.
This page is made of the catalogue that the program itself goes by.
"""


def cli() -> str:
    """The page, with every command's help at a width of 110 columns."""
    os.environ["COLUMNS"] = "110"
    parts = [_CLI]
    for name in COMMANDS:
        _, parser = command(name)
        parts.append(_section("##", name, parser))
        parts += [_section("###", f"{name} {sub}", below) for sub, below in subcommands(parser).items()]
    return "".join(parts)


def _section(level: str, name: str, parser: argparse.ArgumentParser) -> str:
    return f"\n{level} decaylab {name}\n\n```text\n{parser.format_help().rstrip()}\n```\n"


def settings() -> str:
    """The whole page, in Markdown."""
    settings = ((f"`{s.option}`", f"`{s.key}`" if s.key else "", _default(s), s.help) for s in OPTIONS)
    models = ((f"`{m.name}`", f"`{m.loss}`", _recipe(m.recipe), m.help) for m in MODELS.values())
    losses = ((f"`{loss.name}`", loss.space, _recipe(loss.weights), loss.help) for loss in LOSSES.values())
    fields = ((f"`{f.name}`", f.path and f"`{f.path}`", f.unit, f.better or "", f.label) for f in FIELDS.values())
    return "".join(
        [
            _SETTINGS,
            _table("Settings", ("option", "key in metadata.json", "default", "what it does"), settings),
            _table("Models", ("model", "loss", "recipe", "what it is"), models),
            _table("Losses", ("loss", "space", "weights", "what it is"), losses),
            _table("FIELDs", ("FIELD", "key", "unit", "better", "meaning"), fields),
        ]
    )


def _table(title: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}", *(f"| {' | '.join(row)} |" for row in rows)]
    return "\n".join(["", f"## {title}", "", *lines, ""])


def _default(setting: Setting) -> str:
    if setting.general is not MISSING:
        return f"by model, else {setting.general}"
    return "" if setting.default in (MISSING, None) else str(setting.default)


def _recipe(values: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())


def schema() -> str:
    """JSON Schema of metadata.json."""
    return json.dumps(json_schema(), indent=2) + "\n"


def keys() -> str:
    """The table of docs/run-log.md, in Markdown."""
    lines = ["| key | unit | type | meaning | example |", "|---|---|---|---|---|"]
    for key in KEYS:
        shown = "" if key.example is None else f"`{json.dumps(key.example)}`"
        lines.append(f"| `{key.path}` | {key.unit} | {' or '.join(key.types)} | {key.meaning} | {shown} |")
    return "\n".join(lines) + "\n"


def with_keys(run_log: str) -> str:
    """docs/run-log.md with the table of keys in the place of its old one."""
    begin = run_log.index("| key | unit |")
    end = run_log.index("\n", run_log.rindex("\n| `", begin) + 1) + 1
    return run_log[:begin] + keys() + run_log[end:]


PAGES = {"cli": cli, "settings": settings, "schema": schema, "keys": keys}


def write() -> None:
    """Write every page anew."""
    for name, make in (("cli.md", cli), ("settings.md", settings), ("metadata.schema.json", schema)):
        (DOCS / name).write_text(make(), encoding="utf-8")
    page = DOCS / "run-log.md"
    page.write_text(with_keys(page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.stdout.write(PAGES[sys.argv[1]]())
    else:
        write()
