"""The parts of a report that are words and tables: what was run, how it ended, what is wrong, with which settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from decaylab.catalogue.fields import TARGETS
from decaylab.diagnosis.findings import Finding
from decaylab.reports.markup import LONGEST, Mark, bullets, paragraph, table, text
from decaylab.reports.stored import Evidence
from decaylab.runlog.find import comparable
from decaylab.runlog.query import label
from decaylab.runlog.reading import flatten
from decaylab.runlog.record import Record
from decaylab.runlog.tables.cells import BY_TERCILE, MISSING, cell, shown
from decaylab.runlog.tables.diff import differences, kind_of

#: What a run was, in the order in which somebody would ask.
_FACTS = (
    "model", "timestamp", "status", "loss_type", "epochs", "best_epoch", "duration", "batch_size", "learning_rate",
    "parameters", "num_samples", "train_size", "test_size", "split", "data_config.path", "device", "tags", "note",
)  # fmt: skip
#: Fields of the curve as a whole, then of each parameter, by the end of the FIELD's name.
_OVERALL = ("edc_mae", "edc_rmse", "edc_r2", "edc_vs_mean", "edc_vs_noise", "best_val_loss")
_PARAMETERS = ("t20", "edt", "c50", "t30")
_EACH = {
    "mae": "MAE", "rmse": "RMSE", "r2": "R2", "bias": "bias", "p95": "95 % within", "within_jnd": "within one JND",
    "vs_noise": "over label noise",
}  # fmt: skip
_TITLES = {
    "batch_size": "batch size", "learning_rate": "learning rate", "train_size": "training rooms",
    "test_size": "test rooms", "num_samples": "rooms used", "data_config.path": "data set",
}  # fmt: skip
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
            title, unit = _TITLES.get(name, label(name).label), label(name).unit
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
    head = ["broadband", "target", *(_heads(runs))]
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
    """Every metric of the run log that some run has: of one run a table of parameters, of several side by side."""
    names = [*_OVERALL, *(f"{name}_{what}" for name in _PARAMETERS for what in _EACH)]
    rows: list[list[str | Mark]] = []
    for name in names:
        cells = [cell(run.record, name).text for run in runs]
        if any(own != MISSING for own in cells):
            rows.append([_with_unit(name), *cells])
    if not rows:
        return paragraph("No metrics recorded.", "missing")
    note = "ok, no: target met, missed. Over the test rooms; EDT, T20, C50 and T30 broadband, not ISO's single number."
    if any(str(own).endswith("?") for row in rows for own in row):
        note += " ?: by other definitions than ISO 3382-1, or by unknown ones."
    if len(runs) == 1:
        return _of_one(runs[0].record) + paragraph(note, "soft")
    differ = len({comparable(run.record) for run in runs}) > 1
    warned = "Other data, other test rooms or other definitions: these runs cannot be compared."
    before = paragraph(warned, "missed") if differ else ""
    return before + table(["metric", *_heads(runs)], rows) + paragraph(note, "soft")


def _of_one(record: Record) -> str:
    overall = [[_with_unit(name), text] for name in _OVERALL if (text := cell(record, name).text) != MISSING]
    rows = []
    for name in _PARAMETERS:
        cells = [cell(record, f"{name}_{what}").text for what in _EACH]
        if any(own != MISSING for own in cells):
            rows.append([_with_unit(f"{name}_mae").replace(" MAE", ""), *cells])
    parameters = table(["", *_EACH.values()], rows, "figures") if rows else ""
    return parameters + (table([], overall) if overall else "")


def _with_unit(name: str) -> str:
    field = label(name)
    return f"{field.label} in {field.unit}" if field.unit and field.unit != "x" else field.label


def _heads(runs: Sequence[Evidence]) -> list[str]:
    return [run.label for run in runs] if len(runs) > 1 else ["result"]


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


def recorded(runs: Sequence[Evidence], kind: str) -> str:
    """Settings or surroundings as the records have them, one column a run."""
    leaves = [flatten(run.record.metadata) for run in runs]
    paths = dict.fromkeys(path for own in leaves for path in own)
    most = LONGEST if len(runs) == 1 else _NARROW
    rows = [
        [path, *(_short(own.get(path), most) for own in leaves)]
        for path in paths
        if kind_of(path) == kind and path != "status" and not path.endswith(f".{BY_TERCILE}")
    ]
    head = ["", *_heads(runs)] if len(runs) > 1 else []
    return _limited(head, rows) if rows else paragraph("None recorded.", "missing")


def _limited(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    rest = len(rows) - _MOST_ROWS
    more = bullets([f"and {rest} more, in metadata.json"], "missing") if rest > 0 else ""
    return table(head, rows[:_MOST_ROWS], "keys") + more


def _short(value: Any, most: int) -> str:
    if isinstance(value, list) and len(value) > 20:
        return f"({len(value)} values)"
    said = str(value) if isinstance(value, float) else shown(value, "")
    return said if len(said) <= most else f"{said[:most]}... ({len(said)} characters)"
