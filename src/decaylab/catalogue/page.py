"""docs/settings.md, made of the rows: `python -m decaylab.catalogue.page > docs/settings.md`; a test compares."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence

from decaylab.catalogue.fields import FIELDS
from decaylab.catalogue.losses import LOSSES
from decaylab.catalogue.models import MODELS
from decaylab.catalogue.rows import MISSING, Setting
from decaylab.catalogue.settings import OPTIONS

HEAD = """\
# Settings, models, losses and FIELDs

What `decaylab train` can be asked for, where a record holds it, and the names by which tables and filters know it.
This page is made of the catalogue that the program itself goes by.
"""


def page() -> str:
    """The whole page, in Markdown."""
    settings = ((f"`{s.option}`", f"`{s.key}`" if s.key else "", _default(s), s.help) for s in OPTIONS)
    models = ((f"`{m.name}`", f"`{m.loss}`", _recipe(m.recipe), m.help) for m in MODELS.values())
    losses = ((f"`{loss.name}`", loss.space, _recipe(loss.weights), loss.help) for loss in LOSSES.values())
    fields = ((f"`{f.name}`", f.path and f"`{f.path}`", f.unit, f.better or "", f.label) for f in FIELDS.values())
    return "".join(
        [
            HEAD,
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


if __name__ == "__main__":
    sys.stdout.write(page())
