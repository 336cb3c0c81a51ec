"""One run, whole: what it is, what is wrong with it, every setting and result, its files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from decaylab.catalogue.document import DOCUMENTED
from decaylab.catalogue.fields import TARGETS
from decaylab.runlog.derived import below
from decaylab.runlog.query import label
from decaylab.runlog.reading import flatten
from decaylab.runlog.record import Record
from decaylab.runlog.tables.cells import BY_TERCILE, MISSING, cell, shown, tercile_lines
from decaylab.runlog.text import counted, printable

#: Lists longer than this (split indices, arguments) are counted, not printed.
_LONGEST = 300
_MOST_FILES = 40


def lines(record: Record, noise: Sequence[str] = ()) -> list[str]:
    """The run as text, one value a line, sections in the order of the document.

    `noise` are the lines that say how its errors compare with the label noise.
    """
    top = [
        ("run", record.run_id),
        ("directory", record.path),
        ("shape", record.raw),
        ("model", record.model),
        ("started", record.timestamp),
        ("status", record.status),
        ("epochs", record.get("epochs")),
        ("tags", " ".join(record.get("tags") or ()) or None),
        ("note", record.get("note")),
    ]
    if record.linked is not None:
        top.insert(2, ("linked to", record.linked))
    out = [f"{name:<10} {_value(value)}" for name, value in top if value is not None]
    out += [f"{'problem':<10} {printable(text)}" for text in record.problems]
    out += ["", *_targets(record), *noise]
    sections = [key for key in (*DOCUMENTED, *record.metadata) if key in record.metadata]
    for key in dict.fromkeys(sections):
        out += _section(key, record.metadata[key])
    return [*out, "", *_files(record.path)]


def _targets(record: Record) -> list[str]:
    found = [f"{'targets':<10} (EDT, T20, C50 broadband)"]
    for name, target in TARGETS.items():
        verdict = cell(record, name).text
        if verdict != MISSING:
            found.append(f"  {name:<10} {verdict}  (<= {target:g} {label(name).unit})")
    for name, other in (("edc_vs_mean", "the mean training curve"), ("edc_vs_physics", "physics alone")):
        ahead = record.get(name)
        if ahead is not None:
            found.append(f"  {name} {ahead:.3f}  (EDC MAE over that of {other})")
    return found if len(found) > 1 else []


def _section(key: str, value: Any) -> list[str]:
    if not isinstance(value, dict):
        return [f"{printable(key)}: {_value(value)}"]
    leaves = {path: inner for path, inner in flatten(value).items() if not path.endswith(f".{BY_TERCILE}")}
    width = max((len(path) for path in leaves), default=0)
    lines = ["", f"{printable(key)}:", *(f"  {printable(path):<{width}}  {_value(v)}" for path, v in leaves.items())]
    return [*lines, *tercile_lines(value)] if key == "metrics" else lines


def _value(value: Any) -> str:
    if isinstance(value, list) and len(value) > 20:
        return f"({len(value)} values)"
    text = str(value) if isinstance(value, float) else shown(value, "")
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}... ({len(text)} characters)"


def _files(directory: str) -> list[str]:
    """The run directory's entries, the largest first, folders with all that is below them; nothing is opened.

    Links and other oddities are said and come last: they take no space of the run's.
    """
    try:
        with os.scandir(directory) as entries:
            found = [_entry(entry) for entry in entries]
    except OSError as error:
        return [f"files: cannot be listed: {error.strerror}"]
    found.sort(key=lambda entry: (-entry[0], entry[1]))
    shown = found[:_MOST_FILES]
    width = max((len(f"{size:,}") for size, _, _ in shown), default=0)
    out = [f"files: {sum(max(size, 0) for size, _, _ in found):,} bytes"]
    out += [f"  {f'{size:,}' if size >= 0 else '-':>{width}}  {printable(name)}{what}" for size, name, what in shown]
    if rest := found[_MOST_FILES:]:
        out.append(f"  and {len(rest)} more, {sum(max(size, 0) for size, _, _ in rest):,} bytes")
    return out


def _entry(entry: os.DirEntry[str]) -> tuple[int, str, str]:
    """Bytes (-1: of none), name, and what there is to say of one entry."""
    if entry.is_symlink():
        return -1, entry.name, "  a link"
    if entry.is_dir(follow_symlinks=False):
        size, count = below(entry.path)
        return size, f"{entry.name}/", f"  {counted(count, 'file')}"
    if not entry.is_file(follow_symlinks=False):
        return -1, entry.name, "  no file"
    try:
        found = entry.stat(follow_symlinks=False)
    except OSError:  # a run that goes on replaces its files
        return -1, entry.name, "  gone"
    others = found.st_nlink - 1
    return found.st_size, entry.name, f"  shared with {counted(others, 'other')}" if others > 0 else ""
