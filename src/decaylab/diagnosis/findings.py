"""What is wrong with a run, or will be: the shape of a finding, one for preflight, guard, diagnose and reports."""

from __future__ import annotations

from typing import Any, NamedTuple

#: From worst to least. `severe` runs are marked in tables.
SEVERITIES = ("severe", "warning", "note")
#: What a finding rests on: this run's own numbers, those of runs on the same data, or only experience with such runs.
BASES = ("this run", "comparable runs", "experience")


class Finding(NamedTuple):
    """One thing that is wrong, in plain text; `change` maps options of `decaylab train` to the values to use.

    `command` is the whole next command on one line, None where none can be named.
    """

    code: str
    severity: str
    evidence: str
    basis: str
    cause: str
    change: dict[str, Any]
    command: str | None = None
