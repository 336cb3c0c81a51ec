"""The table of runs: what they share is said once, what differs stands side by side, what is doubtful is marked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from decaylab.catalogue.fields import FIELDS, TABLE_COLUMNS, TARGETS, TELLING
from decaylab.catalogue.metrics import METRICS
from decaylab.runlog.find import comparable
from decaylab.runlog.query import label
from decaylab.runlog.record import Record
from decaylab.runlog.tables.cells import MISSING, cell, shown
from decaylab.runlog.tables.table import Cell, Column, fit, paint, render
from decaylab.runlog.text import counted, printable

#: Importance when the terminal is too narrow; what is not named here comes after, in the order of its column.
_IMPORTANCE = (
    "run_id", "t20_mae", "status", "severe", "edt_mae", "c50_mae", "set", "edc_vs_mean", "loss_type", "edc_mae",
    "duration", "batch_size", "model", "epochs", "note", "precision", "learning_rate",
)  # fmt: skip
#: The errors that tables show where nothing else is asked for.
JUDGED = tuple(f"{metric.name}_mae" for metric in METRICS if metric.documented)
_BROADBAND = tuple(f"metrics.{metric.key}" for metric in METRICS if metric.is_parameter)
_SET = "set"

#: What tells whether two runs can be compared (see `find.comparable`).
COMPARABLE = ("data_digest", "test_split", "metrics_definitions")


class Order(NamedTuple):
    """How the rows are sorted: a resolved FIELD, which way, and what there is to say of it."""

    field: str
    descending: bool
    remark: str = ""

    @property
    def said(self) -> str:
        return f"by {self.field}, {'greatest' if self.descending else 'least'} first{self.remark}"


class Look(NamedTuple):
    """Where the table goes: `width` of the terminal, None where nothing may be cut; whether it has colours."""

    width: int | None = None
    colour: bool = False


def table(
    rows: Sequence[Record], everything: Sequence[Record], where: str, order: Order, wanted: Sequence[str], look: Look
) -> list[str]:
    """The lines of the table over `rows`, in their order, out of `everything` that the folder `where` holds.

    Args:
        order: how `rows` are sorted, for the title; its FIELD has a column.
        wanted: resolved FIELDs to show; if empty, those that say most about these runs.
        look: the width to fit into, and whether to colour.
    """
    head = [_title(rows, everything, where, order)]
    if not rows:
        return [*head, *_unreadable(everything, look)]
    sets = _sets(rows)
    fields = list(dict.fromkeys(["run_id", *(wanted or _default_fields(rows, order))]))
    built = {field: [cell(record, field) for record in rows] for field in fields}
    same = {} if wanted else _same(built, rows, order)
    table_columns = [_column(field, built[field], rows, order, wanted) for field in fields if field not in same]
    if len(sets) > 1:
        table_columns.insert(1, _set_column(rows, sets))
    kept, dropped = fit(table_columns, look.width)
    head += _units(fields)
    if same:
        head += _said_once(same, len(rows))
    foot = []
    if dropped:
        foot.append(f"no room for: {', '.join(dropped)} (--columns chooses, --export has all)")
    foot += [*_legend(built, fields), *about_sets(sets, rows), *_archived(rows, look), *_problems(rows, look)]
    foot += _unreadable(everything, look)
    return [*head, "", *render(kept, look.colour), *([""] if foot else []), *foot]


def shown_of_every_run(columns: Sequence[str]) -> list[str]:
    """The fields that the table takes of each of its rows when `columns` are asked for; none: its own choice."""
    return [*(columns or (*TABLE_COLUMNS, *TELLING)), *JUDGED, *COMPARABLE, "status", "severe", "problems"]


def set_names(records: Sequence[Record]) -> dict[Any, str]:
    """A letter for each data set, test rows and definitions that occur, in the order of the runs."""
    keys = dict.fromkeys(comparable(record) for record in records)
    return {key: _letter(index) for index, key in enumerate(keys)}


def describe_set(key: tuple[str | None, str | None, str]) -> str:
    """Data set, test rows and definitions in words."""
    digest, split, definitions = key
    data = f"data set {digest.rpartition(':')[2][:12]}" if digest else "data set unknown"
    # Digests are cut to what tells them apart; a split described in words is not.
    rows = "unknown" if split is None else split if " " in split else split[:12]
    return printable(f"{data}, test rows {rows}, definitions {definitions}")


def about_sets(
    sets: dict[Any, str],
    runs: Sequence[Record],
    said: str = "only runs with the same letter were tested on the same rows by the same definitions",
) -> list[str]:
    """What the letters of several sets mean, and the simulators behind them, of which one of each set is asked.

    Args:
        sets: what runs of a set share (see `comparable`) -> its letter, as `set_names` gives them.
        runs: at least one run of each set.
        said: what having the same letter means in the table at hand.
    """
    if len(sets) < 2:
        return []
    from decaylab.runlog.simulators import other_simulators

    first = {comparable(record): record for record in reversed(runs)}
    letters = [f"  {letter}: {describe_set(key)}" for key, letter in sets.items()]
    return [f"{_SET}: {said}", *letters, *other_simulators((letter, first[key]) for key, letter in sets.items())]


def _title(rows: Sequence[Record], everything: Sequence[Record], where: str, order: Order) -> str:
    place = printable(where)
    if not everything:
        return f"no runs in {place}"
    count = counted(len(everything), "run")
    if not rows:
        return f"none of {count} in {place} fulfils the condition"
    part = count if len(rows) == len(everything) else f"{len(rows)} of {count}"
    return f"{part} in {place}, {order.said}"


def _units(fields: Sequence[str]) -> list[str]:
    """Units of the columns, the targets, and that all parameters are broadband."""
    units: dict[str, list[str]] = {}
    for field in fields:
        known = FIELDS.get(field)
        if known is not None and known.unit not in ("", "x"):
            units.setdefault(known.unit, []).append(field)
    said = [f"{', '.join(names)} in {unit}" for unit, names in units.items()]
    if any(label(field).path.startswith(_BROADBAND) for field in fields):
        said.append("EDT, T20, C50 broadband")
    targets = [f"{field} <= {TARGETS[field]:g} {FIELDS[field].unit}" for field in fields if field in TARGETS]
    return [*(["; ".join(said)] if said else []), *([f"targets: {', '.join(targets)}"] if targets else [])]


def _default_fields(rows: Sequence[Record], order: Order) -> list[str]:
    fields = list(TABLE_COLUMNS)
    differing = [name for name in TELLING if len({shown(record.get(name), name) for record in rows}) > 1]
    fields[-1:-1] = [name for name in differing if name not in fields]
    if order.field not in fields:
        fields.insert(len(fields) - 1, order.field)
    return fields + [
        name for name in ("severe", "tags", "note") if any(record.get(name) is not None for record in rows)
    ]


def _same(built: dict[str, list[Cell]], rows: Sequence[Record], order: Order) -> dict[str, str]:
    """Columns whose every cell says the same, but for what identifies and what judges a run."""
    if len(rows) < 2:
        return {}
    kept = ("run_id", "duration", *JUDGED, order.field)
    return {
        name: cells[0].text
        for name, cells in built.items()
        if name not in kept and all(cell.text == cells[0].text for cell in cells)
    }


def _said_once(same: dict[str, str], count: int) -> list[str]:
    shared = [f"{name} {text}" for name, text in same.items() if text != MISSING]
    absent = [name for name, text in same.items() if text == MISSING]
    lines = [f"the same in all {count} runs: {', '.join(shared)}"] if shared else []
    return lines + ([f"no run has: {', '.join(absent)}"] if absent else [])


def _column(field: str, cells: list[Cell], rows: Sequence[Record], order: Order, wanted: Sequence[str]) -> Column:
    values = [record.get(field) for record in rows]
    is_number = all(value is None or isinstance(value, (int, float)) for value in values) and field != "status"
    if field in ("run_id", order.field):
        rank = 0
    elif wanted:
        rank = 1 + list(wanted).index(field)
    else:
        rank = _IMPORTANCE.index(field) if field in _IMPORTANCE else len(_IMPORTANCE)
    if field in TARGETS:
        cells = _aligned(cells)
    return Column(field, cells, is_number, rank)


def _aligned(cells: list[Cell]) -> list[Cell]:
    """Pad the verdicts to one width, so that the figures before them stand under each other."""
    verdicts = [cell.text.partition(" ")[2] for cell in cells]
    width = max(map(len, verdicts))
    return [
        Cell(f"{cell.text.partition(' ')[0]} {verdict:<{width}}" if width else cell.text, cell.style)
        for cell, verdict in zip(cells, verdicts, strict=True)
    ]


def _sets(rows: Sequence[Record]) -> dict[Any, str]:
    return set_names([record for record in rows if _is_scored(record)])


def _is_scored(record: Record) -> bool:
    return any(record.get(field) is not None for field in JUDGED)


def _set_column(rows: Sequence[Record], sets: dict[Any, str]) -> Column:
    cells = [Cell(sets[comparable(record)] if _is_scored(record) else MISSING) for record in rows]
    return Column(_SET, cells, False, 0)  # never left out: without it runs on other data would stand together unmarked


def _legend(built: dict[str, list[Cell]], fields: Sequence[str]) -> list[str]:
    texts = [
        cell.text
        for field in fields
        if field in TARGETS or field.startswith(("edt", "t20", "c50"))
        for cell in built[field]
    ]
    lines = []
    if any(text.rstrip("? ").endswith((" ok", " no")) for text in texts):
        lines.append("ok, no: target met, missed (also missed where too many predictions have no valid value)")
    if any("?" in text for text in texts):
        lines.append("?: computed by other or unknown definitions, not comparable")
    if any(cell.text != MISSING for cell in built.get("edc_vs_mean", ())):
        lines.append("edc_vs_mean: EDC MAE over that of the mean training curve; 0.100 is ten times better than it")
    if any(cell.text != MISSING for cell in built.get("severe", ())):
        lines.append("severe: what is badly wrong by the record alone; `decaylab diagnose RUN` says why")
    return lines


def _problems(rows: Sequence[Record], look: Look) -> list[str]:
    """What is missing or wrong in the readable runs shown; runs with the same faults on one line."""
    faults: dict[tuple[str, ...], list[str]] = {}
    for record in rows:
        if record.problems and record.status != "unreadable":
            faults.setdefault(record.problems, []).append(record.run_id)
    lines = []
    for texts, ids in faults.items():
        most = len(ids) if look.width is None else 4
        more = f" and {len(ids) - most} more" if len(ids) > most else ""
        lines.append(f"  {printable(', '.join(ids[:most]))}{more}: {printable('; '.join(texts))}")
    return [_heading("missing or wrong:", look), *lines] if lines else []


def _archived(rows: Sequence[Record], look: Look) -> list[str]:
    """Where the archives of the runs shown lie, for `decaylab restore`."""
    return _listed("archived:", [(record.run_id, record.archive) for record in rows if record.archive], look)


def _unreadable(everything: Sequence[Record], look: Look) -> list[str]:
    said = [(record.run_id, "; ".join(record.problems)) for record in everything if record.raw == "broken"]
    return _listed(f"{counted(len(said), 'run')} could not be read:", said, look, " (--where status=unreadable)")


def _listed(title: str, said: Sequence[tuple[str, str]], look: Look, more: str = "") -> list[str]:
    """`title`, and a line for each run of which something is said; on a terminal the first twenty."""
    most = len(said) if look.width is None else 20
    lines = [f"  {printable(name)}: {printable(text)}" for name, text in said[:most]]
    if len(said) > most:
        lines.append(f"  and {len(said) - most} more{more}")
    return [_heading(title, look), *lines] if lines else []


def _heading(text: str, look: Look) -> str:
    return paint(text, "warn") if look.colour else text


def _letter(index: int) -> str:
    """A, B, ..., Z, AA, AB, ..."""
    text = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        text = chr(ord("A") + rest) + text
    return text
