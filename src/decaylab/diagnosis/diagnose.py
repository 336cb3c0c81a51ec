"""What is wrong with a run: every rule over the facts of its record, ranked so that the likely cause comes first.

A cause is a setting that is known to fail. How much it counts for depends on how the run ended: beside a result that
needs explaining it is as severe as that result and stands before it; in a run that is sound it is a remark. A clearly
better run on the same data that has the same setting clears it; one that differs in little else convicts it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from decaylab.diagnosis import comparables
from decaylab.diagnosis.facts import Facts
from decaylab.diagnosis.findings import SEVERITIES, Finding
from decaylab.diagnosis.next_run import check_line, next_run, resume_line
from decaylab.diagnosis.rules import KINDS, Found, Rule, figure
from decaylab.diagnosis.rules_of_causes import CAUSE_RULES
from decaylab.diagnosis.rules_of_records import RECORD_RULES
from decaylab.diagnosis.rules_of_results import RESULT_RULES
from decaylab.runlog.record import Record

RULES: tuple[Rule, ...] = (*RESULT_RULES, *CAUSE_RULES, *RECORD_RULES)
#: Findings of others that say that the data, not the settings, are at fault.
DATA_CODES = ("data_faults", "wrong_join")
#: And of those that say something of the record alone.
RECORD_CODES = ("data_changed", "few_rooms_rule")
#: What is not mixed into the next run: it asks another question than the run did.
_ASIDE = ("split_leaks", "workers_cost")
#: With up to so many differing settings a better run says something about each of them.
_FEW = 3
_NO_SETTINGS = ("no metadata", "arrays only", "empty")


class _Ranked(NamedTuple):
    finding: Finding
    kind: str
    promoted: bool
    cleared: bool
    place: int

    @property
    def key(self) -> tuple[int, int, bool, bool, int]:
        severity = SEVERITIES.index(self.finding.severity)
        return severity, KINDS.index(self.kind), self.cleared, not self.promoted, self.place


def findings(
    record: Record, others: Sequence[Record] = (), given: Sequence[Finding] = (), here: str | None = None
) -> list[Finding]:
    """Everything that is found wrong with a run, the likeliest cause first; an unreadable run has one finding.

    Reads the run's metadata, history and small files; no arrays.

    Args:
        record: the run to look at.
        others: runs of the same folder, to compare with; those on other data are passed over.
        given: findings of whoever did read arrays or the data set, to be ranked among these.
        here: the directory that commands are typed in; the current one if None.
    """
    return [ranked.finding for ranked in _ranked(record, others, given, here or os.getcwd())]


def remarks(record: Record, found: Iterable[Finding], here: str | None = None) -> tuple[str, ...]:
    """What there is to say of the commands in these findings: what stands for what, and what was left out.

    Args:
        record: the run that the findings are about.
        found: its findings, as `findings` gives them.
        here: the directory that commands are typed in; the current one if None.
    """
    changes = combined(found)
    return next_run(record, changes, here or os.getcwd()).remarks if changes else ()


def combined(found: Iterable[Finding]) -> dict[str, Any]:
    """The changes of all severe findings and warnings, the first of each option: those of the next run."""
    changes: dict[str, Any] = {}
    for finding in found:
        if finding.severity != "note" and finding.code not in _ASIDE:
            changes = {**finding.change, **changes}
    return changes


def _ranked(record: Record, others: Sequence[Record], given: Sequence[Finding], here: str) -> list[_Ranked]:
    facts = Facts(record, others, given)
    fired = [(rule, found) for rule in _rules_for(record) if (found := rule.test(facts)) is not None]
    others_found = [_of_given(finding) for finding in given]
    level = _level(fired, others_found, facts)
    rows = [*others_found]
    for rule, found in fired:
        rows.append(_weighed(rule, found, facts, level))
    if any(row.promoted and row.finding.code != "differs_from_better" for row in rows):
        rows = [row for row in rows if row.finding.code != "differs_from_better"]  # said with the cause itself
    rows.sort(key=lambda row: row.key)
    return _with_commands(record, facts, rows, here)


def _rules_for(record: Record) -> Sequence[Rule]:
    """Of a run that left no settings only its end can be told."""
    if record.status == "unreadable" or record.raw in _NO_SETTINGS:
        return [rule for rule in RULES if rule.kind == "end"]
    return RULES


def _level(fired: list[tuple[Rule, Found]], given: list[_Ranked], facts: Facts) -> str:
    """How severe a cause is in this run: as the result is, unless faults of the data explain that already."""
    data = [found.severity or rule.severity for rule, found in fired if rule.kind == "data"]
    data += [row.finding.severity for row in given if row.kind == "data"]
    if "severe" in data:
        return "note"
    symptoms = [found.severity or rule.severity for rule, found in fired if rule.kind == "symptom"]
    symptoms += [row.finding.severity for row in given if row.kind == "symptom"]
    symptoms.append({"severe": "severe", "poor": "warning", "sound": "note"}[facts.outcome])
    return min(symptoms, key=SEVERITIES.index)


def _weighed(rule: Rule, found: Found, facts: Facts, level: str) -> _Ranked:
    severity, evidence, basis = found.severity or rule.severity, found.evidence, found.basis
    promoted, cleared = False, None
    if rule.kind == "cause":
        if found.severity is None:
            severity = min(severity, level, key=SEVERITIES.index)
        cleared = _cleared_by(found, facts)
        other = facts.contrast
        promoted = (
            other is not None and len(other.settings) <= _FEW and not other.settings.keys().isdisjoint(found.blames)
        )
        if cleared is not None:
            severity, evidence = "note", f"{evidence}; but {_beside(cleared)} with the same"
        elif promoted and other is not None and rule.code != "differs_from_better":
            names = ", ".join(name.rpartition(".")[2] for name in other.settings)
            evidence, basis = f"{evidence}; {_beside(other.run)}, differing only in {names}", "comparable runs"
    change = rule.change if found.change is None else found.change
    cause = found.cause or rule.text
    finding = Finding(rule.code, severity, evidence, basis, cause, change)
    return _Ranked(finding, rule.kind, promoted, cleared is not None, RULES.index(rule))


def _beside(run: Record) -> str:
    return f"run {run.run_id} has EDC MAE {figure(comparables.mae_of(run) or 0)}"


def _cleared_by(found: Found, facts: Facts) -> Record | None:
    """A clearly better run of the same model that has every setting which the finding blames, at the same loss."""
    own = comparables.mae_of(facts.record)
    if own is None or not found.blames:
        return None
    settings = {*found.blames, "model", "loss_type"}
    for run in facts.comparable:
        mae = comparables.mae_of(run)
        is_better = mae is not None and mae * comparables.CLEARLY <= own
        if is_better and all(run.get(name) == facts.record.get(name) for name in settings):
            return run
    return None


def _of_given(finding: Finding) -> _Ranked:
    kind = "data" if finding.code in DATA_CODES else "record" if finding.code in RECORD_CODES else "symptom"
    return _Ranked(finding, kind, False, False, -1)


def _with_commands(record: Record, facts: Facts, rows: list[_Ranked], here: str) -> list[_Ranked]:
    changes = combined(row.finding for row in rows)
    whole = next_run(record, changes, here).line if changes else None
    return [
        row._replace(finding=row.finding._replace(command=_command(row, facts, changes, whole, here))) for row in rows
    ]


def _command(row: _Ranked, facts: Facts, changes: dict[str, Any], whole: str | None, here: str) -> str | None:
    """The next run with everything applied, where this finding is part of it; else with its own change alone."""
    finding, record = row.finding, facts.record
    if finding.code in ("lost", "interrupted", "failed") and facts.can_resume and not finding.change:
        return resume_line(record)
    if finding.code in ("lost", "interrupted", "failed") and not finding.change:
        return next_run(record, {}, here).line
    if row.kind == "data":
        return check_line(record)
    if finding.change and finding.change.items() <= changes.items():
        return whole
    if finding.change and (finding.severity != "note" or not changes):
        return next_run(record, finding.change, here).line
    return whole if row.kind == "symptom" and finding.severity != "note" else None
