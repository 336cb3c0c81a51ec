"""One run, whole: what it is, what is wrong with it, every setting and result, its files."""

from __future__ import annotations

import os
from typing import Any

from decaylab.runlog.cells import MISSING, cell, shown
from decaylab.runlog.diff import flatten
from decaylab.runlog.query import label
from decaylab.runlog.record import Record
from decaylab.runlog.schema import DOCUMENTED, TARGETS
from decaylab.runlog.text import printable

#: Lists longer than this (split indices, arguments) are counted, not printed.
_LONGEST = 300
_MOST_FILES = 40


def lines(record: Record) -> list[str]:
    """The run as text, one value a line, sections in the order of the document."""
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
    out += ["", *_targets(record)]
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
    ahead = record.get("edc_vs_mean")
    if ahead is not None:
        found.append(f"  edc_vs_mean {ahead:.3f}  (EDC MAE over that of the mean training curve)")
    return found if len(found) > 1 else []


def _section(key: str, value: Any) -> list[str]:
    if not isinstance(value, dict):
        return [f"{printable(key)}: {_value(value)}"]
    leaves = flatten(value)
    width = max((len(path) for path in leaves), default=0)
    return ["", f"{printable(key)}:", *(f"  {printable(path):<{width}}  {_value(v)}" for path, v in leaves.items())]


def _value(value: Any) -> str:
    if isinstance(value, list) and len(value) > 20:
        return f"({len(value)} values)"
    text = str(value) if isinstance(value, float) else shown(value, "")
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}... ({len(text)} characters)"


def _files(directory: str) -> list[str]:
    """The run directory's entries, with sizes; links and other oddities are said, and nothing is opened."""
    try:
        with os.scandir(directory) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        return [f"files: cannot be listed: {error.strerror}"]
    out = ["files:"]
    for entry in found[:_MOST_FILES]:
        if entry.is_symlink():
            kind = "a link"
        elif entry.is_dir(follow_symlinks=False):
            kind = "a folder"
        elif entry.is_file(follow_symlinks=False):
            kind = f"{entry.stat(follow_symlinks=False).st_size:,} bytes"
        else:
            kind = "no file"
        out.append(f"  {printable(entry.name)}  {kind}")
    if len(found) > _MOST_FILES:
        out.append(f"  and {len(found) - _MOST_FILES} more")
    return out
