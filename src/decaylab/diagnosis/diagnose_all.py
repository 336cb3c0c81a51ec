"""Over all runs of a folder: which settings go with bad results, with counts, and with what cannot be told apart.

Metadata alone: a folder of ten thousand runs is answered out of the index. What goes together is not yet a cause, so
each finding says how many runs it rests on and which other settings these runs share.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from decaylab.diagnosis import comparables
from decaylab.diagnosis.causes import CAUSES, COUNTED
from decaylab.diagnosis.findings import SEVERITIES, Finding
from decaylab.runlog.find import comparable
from decaylab.runlog.reading import number
from decaylab.runlog.record import Record
from decaylab.runlog.text import printable

#: Fewer runs with a setting say nothing; below the second number, their share is said to be uncertain.
LEAST, CERTAIN = 2, 5
#: A setting goes with bad results if the share among its runs is so many times that of the others, and so much more.
_TIMES, _MORE = 1.5, 0.2
#: Groups of settings shared by this share of the runs of either are not told apart.
_TOGETHER = 0.9
_MOST_NAMED = 4


def counted_value(run: Record, field: str) -> str | None:
    """A setting of a run as it is counted (`causes.COUNTED`): `below 4`, `4 to below 8`, `33 and more`, `off`."""
    value, edges = run.get(field), COUNTED[field]
    own = number(value)
    if edges is None:
        return "on" if own is not None else "off" if run.get("loss_type") is not None else None
    if not edges:
        return str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else None
    if own is None or own != own:
        return None
    if own < edges[0]:
        return f"below {edges[0]:g}"
    for low, high in pairwise(edges):
        if low <= own < high:
            return f"{low:g} to below {high:g}"
    return f"{edges[-1]:g} and more"


class Judged(NamedTuple):
    """The runs that can be judged, and of these the bad ones with the reason, by run id."""

    runs: list[Record]
    bad: dict[str, str]


class _Share(NamedTuple):
    setting: str
    value: str
    runs: frozenset[str]
    bad: int
    other_bad: int
    others: int


def judge(records: Sequence[Record]) -> Judged:
    """Which runs ended badly: severe by themselves, failed, or with far more error than another on the same rows."""
    best: dict[Any, float] = {}
    for run in records:
        mae = comparables.mae_of(run)
        if mae is not None:
            best[comparable(run)] = min(mae, best.get(comparable(run), mae))
    judged, bad = [], {}
    for run in records:
        if run.status in ("running", "unreadable", "lost", "interrupted"):
            continue  # of these the settings decide nothing: they did not end by themselves
        mae, codes = comparables.mae_of(run), run.get("severe")
        if mae is None and not codes and run.status not in ("failed", "diverged"):
            continue
        judged.append(run)
        if codes:
            bad[run.run_id] = codes[0]
        elif run.status == "failed":
            bad[run.run_id] = "failed"
        elif mae is not None and mae >= 2 * comparables.CLEARLY * best[comparable(run)]:
            bad[run.run_id] = "degraded"
    return Judged(judged, bad)


def findings(records: Sequence[Record]) -> list[Finding]:
    """Settings that go with bad results, the most telling first."""
    judged = judge(records)
    shares = [share for field in COUNTED for share in _shares(judged, field)]
    telling = [share for share in shares if _is_telling(share)]
    telling.sort(key=lambda share: (-share.bad / len(share.runs) + _rest(share), -share.bad))
    found = [_finding(share, telling, judged) for share in telling]
    return sorted(found, key=lambda finding: SEVERITIES.index(finding.severity))


def lines(records: Sequence[Record], found: Sequence[Finding], folder: str) -> list[str]:
    """The same for people: how many runs ended how, then each setting.

    Args:
        records: all runs of the folder.
        found: what was found over these runs.
        folder: the experiments folder, as it is to be shown.
    """
    judged = judge(records)
    reasons: dict[str, int] = defaultdict(int)
    for reason in judged.bad.values():
        reasons[reason] += 1
    unended = [run for run in records if run.status in ("lost", "interrupted", "unreadable")]
    head = f"{len(records)} runs in {printable(folder)}, {len(judged.runs)} that can be judged, {len(judged.bad)} bad"
    if reasons:
        head += ": " + ", ".join(f"{reason} {count}" for reason, count in sorted(reasons.items(), key=_by_count))
    out = [head]
    if unended:
        counts: dict[str, int] = defaultdict(int)
        for run in unended:
            counts[run.status] += 1
        out.append("not judged: " + ", ".join(f"{count} {status}" for status, count in sorted(counts.items())))
    if not found:
        return [*out, "no setting goes clearly with bad results"]
    for finding in found:
        out += ["", f"{finding.severity:<8}  {printable(finding.code)}", f"  {printable(finding.evidence)}"]
        out += [f"  {printable(finding.cause)}"] if finding.cause else []
        if finding.change:
            out.append("  change " + ", ".join(f"{name} {value}" for name, value in finding.change.items()))
    return [*out, "", "what goes together is no proof: runs that differ in one setting only would show it"]


def _shares(judged: Judged, field: str) -> list[_Share]:
    """For each value of a setting: its runs, how many are bad, and how many of the others that state one."""
    runs: dict[str, set[str]] = defaultdict(set)
    for run in judged.runs:
        value = counted_value(run, field)
        if value is not None:
            runs[value].add(run.run_id)
    stated = set().union(*runs.values()) if runs else set()
    found = []
    for value, ids in runs.items():
        others = stated - ids
        other_bad = len(others & judged.bad.keys())
        bad, name = len(ids & judged.bad.keys()), field.rpartition(".")[2]
        found.append(_Share(name, value, frozenset(ids), bad, other_bad, len(others)))
    return found


def _rest(share: _Share) -> float:
    return share.other_bad / share.others if share.others else 0.0


def _is_telling(share: _Share) -> bool:
    own = share.bad / len(share.runs)
    return share.bad >= LEAST and share.others >= LEAST and own >= _TIMES * _rest(share) and own - _rest(share) >= _MORE


def _finding(share: _Share, telling: Sequence[_Share], judged: Judged) -> Finding:
    bad = sorted(share.runs & judged.bad.keys())
    text = f"{share.setting} {share.value}: {share.bad} of {len(share.runs)} runs bad; otherwise {share.other_bad} of "
    text += f"{share.others} ({', '.join(bad[:_MOST_NAMED])}{', ...' if len(bad) > _MOST_NAMED else ''})"
    together = [f"{other.setting} {other.value}" for other in telling if other is not share and _same(share, other)]
    if together:
        text += f". Nearly the same runs have {', '.join(together)}: which of them it is cannot be told apart"
    few = min(len(share.runs), share.others) < CERTAIN
    if few:
        text += ". Few runs: this may be chance"
    about = (share.setting, share.value)
    known = next((cause for cause in CAUSES.values() if (cause.field, cause.value) == about), None)
    severity = "note" if few or together else "warning"
    cause = known.cause if known else ""
    return Finding(
        f"{share.setting}_goes_with_bad", severity, text, "comparable runs", cause, dict(known.change) if known else {}
    )


def _same(one: _Share, other: _Share) -> bool:
    shared = len(one.runs & other.runs)
    return one.setting != other.setting and shared >= _TOGETHER * max(len(one.runs), len(other.runs))


def _by_count(item: tuple[str, int]) -> tuple[int, str]:
    return -item[1], item[0]
