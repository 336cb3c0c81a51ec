"""The parts of a report that are words and tables: what was run, how it ended, what is wrong, with which settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from decaylab.reports.markup import LONGEST, Mark, bullets, paragraph, table, text
from decaylab.reports.stored import Evidence
from decaylab.runlog.cells import MISSING, cell, shown
from decaylab.runlog.diff import differences, flatten, kind_of
from decaylab.runlog.find import comparable
from decaylab.runlog.findings import Finding
from decaylab.runlog.query import label
from decaylab.runlog.record import Record
from decaylab.runlog.schema import TARGETS
from decaylab.runlog.terciles import BY_TERCILE

#: What a run was, in the order in which somebody would ask.
_FACTS = (
    "model", "timestamp", "status", "loss_type", "epochs", "best_epoch", "duration", "batch_size", "learning_rate",
    "parameters", "num_samples", "train_size", "test_size", "split", "data_config.path", "device", "tags", "note",
)  # fmt: skip
_METRICS = (
    "edc_mae", "edc_rmse", "edc_r2", "edc_vs_mean", "best_val_loss",
    *(f"{name}_{what}" for name in ("t20", "edt", "c50", "t30")
      for what in ("mae", "rmse", "r2", "bias", "p95", "within_jnd", "vs_noise") if (name, what) != ("t30", "vs_noise")),
)  # fmt: skip
_STATES = {"good": ("met", "met"), "bad": ("missed", "missed"), "dim": ("not comparable", "doubt")}
#: Rows of settings; a record with more holds something else.
_MOST_ROWS = 400
_NARROW = 60


def facts(runs: Sequence[Evidence]) -> str:
    """What each run was, one column a run."""
    rows: list[list[str | Mark]] = [["directory", *(run.record.path for run in runs)]]
    if any(run.record.raw != "documented" for run in runs):
        rows.append(["shape of the record", *(run.record.raw for run in runs)])
    for name in _FACTS:
        values = [run.record.get(name) for run in runs]
        if any(value is not None for value in values):
            unit = label(name).unit
            title = "data set" if name == "data_config.path" else label(name).label
            rows.append([f"{title} in {unit}" if unit else title, *(shown(value, name) for value in values)])
    return table(["", *(run.label for run in runs)] if len(runs) > 1 else [], rows, "keys")


def problems(run: Evidence, several: bool) -> list[str]:
    """What is missing or wrong in the record, and how its errors were come by if not as usual."""
    found = list(run.record.problems)
    if run.record.raw not in ("documented", "broken"):
        found.insert(0, f"a run of the older kind '{run.record.raw}': what it did not record cannot be shown")
    if run.record.status == "running":
        found.insert(0, "the run is in progress: what is here is what it has written so far")
    if run.record.status == "lost":
        found.insert(0, "the run was lost: its process is gone and it recorded no end")
    if run.remark:
        found.append(run.remark)
    return [f"{run.label}: {line}" for line in found] if several else found


def verdict(runs: Sequence[Evidence]) -> str:
    """Every target: the value, and whether it is met."""
    head = ["mean error over the test rooms (broadband)", "target", *(run.label for run in runs)]
    rows: list[list[str | Mark]] = []
    for name, target in TARGETS.items():
        field = label(name)
        rows.append([field.label, f"at most {target:g} {field.unit}", *(_judged(run.record, name) for run in runs)])
    said = "".join(paragraph(f"{f'{run.label}: ' if len(runs) > 1 else ''}{_summary(run.record)}") for run in runs)
    return said + table(head, rows)


def _judged(record: Record, name: str) -> Mark:
    style = cell(record, name).style
    if style is None:
        return Mark("not yet known" if record.status == "running" else "not recorded", "doubt")
    word, own = _STATES[style]
    value = record.get(name)
    said = "no value: too many predictions are invalid" if value is None else f"{shown(value, name)} {label(name).unit}"
    return Mark(f"{said}, {word}", own)


def _summary(record: Record) -> str:
    styles = [cell(record, name).style for name in TARGETS]
    status = f"{record.status}. "
    if all(style is None for style in styles):
        return f"{status}No verdict: the record holds no metrics that the targets judge."
    met = f"{status}{styles.count('good')} of {len(styles)} targets met"
    doubt = styles.count("dim")
    if not doubt:
        return f"{met}."
    what = f"{doubt} cannot be judged, because the record does not say that the metrics follow ISO 3382-1"
    return f"{met}; {what}."


def metrics(runs: Sequence[Evidence]) -> str:
    """Every metric of the run log that some run has, side by side."""
    rows: list[list[str | Mark]] = []
    for name in _METRICS:
        cells = [cell(run.record, name).text for run in runs]
        if any(own != MISSING for own in cells):
            field = label(name)
            rows.append([f"{field.label} in {field.unit}" if field.unit else field.label, *cells])
    if not rows:
        return paragraph("No metrics recorded.", "missing")
    doubt = (
        "?: by other definitions than ISO 3382-1, or unknown ones. " if any("?" in c for r in rows for c in r) else ""
    )
    note = f"ok, no: target met, missed. {doubt}Of the test rooms; EDT, T20, C50 and T30 broadband, not ISO's single number."
    several = len({comparable(run.record) for run in runs}) > 1
    warned = paragraph("Other data, other test rooms or other definitions: these runs cannot be compared.", "missed")
    return (warned if several else "") + table(["metric", *(run.label for run in runs)], rows) + paragraph(note, "soft")


def findings(found: Sequence[Finding], status: str) -> str:
    """What `decaylab diagnose` finds in one run; each command once."""
    if not found:
        return paragraph(f"Nothing found ({status}).")
    parts = []
    for one in found:
        head = f'<h4><span class="{one.severity}">{text(one.severity)}</span>: {text(one.code)}</h4>'
        body = paragraph(f"{one.evidence} [{one.basis}]") + (paragraph(one.cause) if one.cause else "")
        changes = [f"leave out {key}" if value is None else f"{key} {value}" for key, value in one.change.items()]
        change = paragraph(f"Change: {', '.join(changes)}") if changes else ""
        parts.append(f'<div class="finding">{head}{body}{change}</div>')
    commands = dict.fromkeys(one.command for one in found if one.command is not None)
    for number, command in enumerate(commands):
        said = "Run next:" if number == 0 else "Or:"
        parts.append(f"{paragraph(said)}<code>{text(command, 10 * LONGEST)}</code>")
    return "".join(parts)


def differing(runs: Sequence[Evidence]) -> str:
    """Settings in which the runs differ."""
    found = differences([run.record for run in runs]).settings
    rows = [[path, *(_short(value, _NARROW) for value in values)] for path, values in found if path != "status"]
    if not rows:
        return paragraph("The runs differ in no setting.")
    return _limited(["setting", *(run.label for run in runs)], rows)


def recorded(record: Record, kind: str) -> str:
    """Settings or surroundings of one run, as the record has them."""
    leaves = flatten(record.metadata)
    rows = [
        [path, _short(value, LONGEST)] for path, value in leaves.items() if kind_of(path) == kind and _is_said(path)
    ]
    return _limited([], rows) if rows else paragraph("None recorded.", "missing")


def _is_said(path: str) -> bool:
    return not path.endswith(f".{BY_TERCILE}")


def _limited(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    rest = len(rows) - _MOST_ROWS
    more = bullets([f"and {rest} more, in metadata.json"], "missing") if rest > 0 else ""
    return table(head, rows[:_MOST_ROWS], "keys") + more


def _short(value: Any, most: int) -> str:
    if isinstance(value, list) and len(value) > 20:
        return f"({len(value)} values)"
    said = str(value) if isinstance(value, float) else shown(value, "")
    return said if len(said) <= most else f"{said[:most]}... ({len(said)} characters)"
