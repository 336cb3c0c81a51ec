"""The findings of one run as lines of text."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

from decaylab.diagnosis.findings import SEVERITIES, Finding
from decaylab.runlog.record import Record
from decaylab.runlog.text import printable

_INDENT = " " * 11


def lines(record: Record, found: Sequence[Finding], width: int) -> list[str]:
    """Findings for people: severity and code, then evidence, cause, change; the next command once, unwrapped.

    Args:
        record: the run.
        found: its findings, the likeliest cause first.
        width: columns to wrap at, at least 40.
    """
    name, status = printable(record.run_id), printable(str(record.status))
    if not found:
        return [f"{name} ({status}): nothing found"]
    plural = {"warning": "warnings", "note": "notes"}
    counts = ", ".join(
        f"{count} {severity if count == 1 else plural.get(severity, severity)}" for severity, count in _counts(found)
    )
    out = [f"{name} ({status}): {counts}"]
    for finding in found:
        out += ["", f"{finding.severity:<8}  {printable(finding.code)}"]
        out += _wrapped("evidence", f"{finding.evidence} [{finding.basis}]", width)
        out += _wrapped("cause", finding.cause, width) if finding.cause else []
        out += _wrapped("change", _change(finding.change), width) if finding.change else []
    return [*out, *_commands(found)]


def _commands(found: Sequence[Finding]) -> list[str]:
    """Each command once, under the findings that it is for."""
    codes: dict[str, list[str]] = {}
    for finding in found:
        if finding.command is not None:
            codes.setdefault(finding.command, []).append(finding.code)
    out = []
    for number, (command, names) in enumerate(codes.items()):
        out += ["", f"{'next run' if number == 0 else 'or'} ({', '.join(dict.fromkeys(names))}):", command]
    return out


def _wrapped(label: str, text: str, width: int) -> list[str]:
    head = f"  {label:<9}"
    return textwrap.wrap(
        printable(text),
        max(width, 40),
        initial_indent=head,
        subsequent_indent=_INDENT,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _change(change: dict[str, Any]) -> str:
    return ", ".join(f"leave out {name}" if value is None else f"{name} {value}" for name, value in change.items())


def _counts(found: Iterable[Finding]) -> list[tuple[str, int]]:
    severities = [finding.severity for finding in found]
    return [(name, severities.count(name)) for name in SEVERITIES if name in severities]
