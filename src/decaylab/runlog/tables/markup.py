"""Runs as HTML for a notebook. Every text in it is escaped, and nothing of it is typeset as a formula."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from decaylab.catalogue.fields import FIELDS, TABLE_COLUMNS, TARGETS
from decaylab.runlog.find import comparable
from decaylab.runlog.query import label
from decaylab.runlog.record import Record
from decaylab.runlog.tables.cells import MISSING, cell
from decaylab.runlog.tables.compare import JUDGED, describe_set, set_names
from decaylab.runlog.text import printable

#: Notebooks hand what stands between dollar signs to MathJax, unless an element has these classes.
_CLASSES = "tex2jax_ignore mathjax_ignore"


def of_runs(title: str, records: Sequence[Record], field: str, remarks: Sequence[str] = ()) -> str:
    """A table of `records` as HTML, under `title`; `remarks` stand below it.

    `field` is the FIELD that they are sorted by; it has a column.
    """
    if not records:
        return _block([title, *remarks], "", [])
    fields = list(TABLE_COLUMNS) + [field] * (field not in TABLE_COLUMNS)
    fields += [name for name in ("tags", "note") if any(record.get(name) is not None for record in records)]
    names = [_with_unit(name) for name in fields]
    texts = [[cell(record, name).text for name in fields] for record in records]
    scored = [record for record in records if any(record.get(name) is not None for name in JUDGED)]
    sets = set_names(scored)
    if len(sets) > 1:
        names.insert(1, "set")
        for record, row in zip(records, texts, strict=True):
            row.insert(1, sets[comparable(record)] if record in scored else MISSING)
    head = "".join(f"<th>{_text(name)}</th>" for name in names)
    body = "".join(f"<tr>{''.join(f'<td>{_text(text)}</td>' for text in row)}</tr>" for row in texts)
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return _block([title, _judged_by()], table, [*remarks, *_legend(texts, sets), *_unreadable(records)])


def of_run(record: Record) -> str:
    """A table of the FIELDs that the run has a value of."""
    rows = [(_with_unit(name), cell(record, name).text) for name in FIELDS]
    body = "".join(f"<tr><th>{_text(name)}</th><td>{_text(text)}</td></tr>" for name, text in rows if text != MISSING)
    return _block([record.run_id, _judged_by()], f"<table><tbody>{body}</tbody></table>", [])


def _judged_by() -> str:
    targets = ", ".join(f"{name} <= {target:g} {FIELDS[name].unit}" for name, target in TARGETS.items())
    return f"EDT, T20, C50 broadband; targets: {targets}"


def _with_unit(name: str) -> str:
    unit = label(name).unit
    return f"{name} ({unit})" if unit not in ("", "x") else name


def _legend(texts: Sequence[Sequence[str]], sets: dict[tuple[str | None, str | None, str], str]) -> list[str]:
    lines = []
    if any(text.endswith((" ok?", " no?")) for row in texts for text in row):
        lines.append("?: computed by other or unknown definitions, not comparable")
    if len(sets) > 1:
        lines.append("set: only runs with the same letter were tested on the same rows by the same definitions")
        lines += [f"{letter}: {describe_set(key)}" for key, letter in sets.items()]
    return lines


def _unreadable(records: Sequence[Record]) -> list[str]:
    return [f"{record.run_id}: {'; '.join(record.problems)}" for record in records if record.raw == "broken"]


def _block(head: Iterable[str], table: str, foot: Iterable[str]) -> str:
    above, below = ("".join(f"<div>{_text(line)}</div>" for line in lines) for lines in (head, foot))
    return f'<div class="{_CLASSES}">{above}{table}{below}</div>'


def _text(text: str) -> str:
    return escape(printable(text))
