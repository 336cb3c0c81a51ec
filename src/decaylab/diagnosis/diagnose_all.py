"""Over all runs of a folder: which settings go with bad results, with counts, and with what cannot be told apart.

Metadata alone: a folder of ten thousand runs is answered out of the index. What goes together is not yet a cause, so
each finding says how many runs it rests on and which other settings these runs share.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from decaylab.diagnosis import causes, comparables
from decaylab.diagnosis.causes import CAUSES
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


def _text(value: Any) -> str | None:
    return str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else None


def _clipping(run: Record) -> str | None:
    value = number(run.get("gradient_clip_val"))
    if value is not None:
        return "on"
    return "off" if run.get("loss_type") is not None else None


def _band(value: Any, edges: tuple[float, ...]) -> str | None:
    """`below 4`, `4 to below 8`, `33 and more`."""
    own = number(value)
    if own is None or own != own:
        return None
    if own < edges[0]:
        return f"below {edges[0]:g}"
    for low, high in pairwise(edges):
        if low <= own < high:
            return f"{low:g} to below {high:g}"
    return f"{edges[-1]:g} and more"


#: Setting -> the value that is counted: numbers in bands, so that 0.001 and 0.0011 are not two settings.
SETTINGS: dict[str, Callable[[Record], str | None]] = {
    "model": lambda run: run.model,
    "loss_type": lambda run: _text(run.get("loss_type")),
    "batch_size": lambda run: _band(run.get("batch_size"), (causes.TINY_BATCH, causes.GOOD_BATCH, 33)),
    "learning_rate": lambda run: _band(run.get("learning_rate"), (1e-5, 1e-4, 3e-3, causes.LEARNING_RATES[1])),
    "gradient_clip_val": _clipping,
    "precision": lambda run: _text(run.get("precision")),
    "scaler_type": lambda run: _text(run.get("scaler_type")),
    "patience": lambda run: _band(run.get("patience"), (causes.SHORT_PATIENCE, 51)),
    "schedule": lambda run: _text(run.get("training_config.schedule")),
    "num_workers": lambda run: _band(run.get("num_workers"), (1,)),
}
_CAUSE_OF = {
    "batch_size": "tiny_batch", "learning_rate": "learning_rate", "gradient_clip_val": "no_clipping",
    "precision": "half_precision_logs", "scaler_type": "scaler_unfit", "patience": "patience_too_long",
}  # fmt: skip


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
    shares = [share for name, value_of in SETTINGS.items() for share in _shares(judged, name, value_of)]
    telling = [share for share in shares if _is_telling(share)]
    telling.sort(key=lambda share: (-share.bad / len(share.runs) + _rest(share), -share.bad))
    found = [_finding(share, telling, judged) for share in telling]
    return sorted(found, key=lambda finding: SEVERITIES.index(finding.severity))


def lines(records: Sequence[Record], found: Sequence[Finding], folder: str) -> list[str]:
    """The same for people: how many runs ended how, then each setting."""
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


def _shares(judged: Judged, setting: str, value_of: Callable[[Record], str | None]) -> list[_Share]:
    """For each value of a setting: its runs, how many are bad, and how many of the others that state one."""
    runs: dict[str, set[str]] = defaultdict(set)
    for run in judged.runs:
        value = value_of(run)
        if value is not None:
            runs[value].add(run.run_id)
    stated = set().union(*runs.values()) if runs else set()
    found = []
    for value, ids in runs.items():
        others = stated - ids
        other_bad = len(others & judged.bad.keys())
        found.append(_Share(setting, value, frozenset(ids), len(ids & judged.bad.keys()), other_bad, len(others)))
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
    known = CAUSES.get(_CAUSE_OF.get(share.setting, "")) if _is_known(share) else None
    severity = "note" if few or together else "warning"
    cause = known.cause if known else ""
    return Finding(
        f"{share.setting}_goes_with_bad", severity, text, "comparable runs", cause, dict(known.change) if known else {}
    )


def _is_known(share: _Share) -> bool:
    """Whether the value is on the side of the setting that is known to fail."""
    first = {
        "batch_size": f"below {causes.TINY_BATCH}",
        "learning_rate": f"{causes.LEARNING_RATES[1]:g} and more",
        "gradient_clip_val": "off",
        "precision": "16",
        "scaler_type": "robust",
        "patience": "51 and more",
    }
    return first.get(share.setting) == share.value


def _same(one: _Share, other: _Share) -> bool:
    shared = len(one.runs & other.runs)
    return one.setting != other.setting and shared >= _TOGETHER * max(len(one.runs), len(other.runs))


def _by_count(item: tuple[str, int]) -> tuple[int, str]:
    return -item[1], item[0]
