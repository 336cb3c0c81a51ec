"""Runs repeated with other seeds, as one row a group: mean, spread, count, and whether a difference is clear."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from decaylab.catalogue.fields import FIELDS
from decaylab.runlog.find import comparable, is_doubtful
from decaylab.runlog.query import label, ordered
from decaylab.runlog.reading import number
from decaylab.runlog.record import Record
from decaylab.runlog.tables.cells import fixed, shown
from decaylab.runlog.tables.compare import COMPARABLE, JUDGED, Look, Order, about_sets, set_names
from decaylab.runlog.tables.export import flat
from decaylab.runlog.tables.table import Cell, Column, fit, render

#: What is averaged: everything that has a better direction.
METRICS = tuple(name for name, field in FIELDS.items() if field.better is not None)
_SHOWN = ("duration", "edc_mae", "edc_vs_mean", *JUDGED[1:])


class Summary(NamedTuple):
    """Mean, sample standard deviation (None for one value) and count of one metric over the runs of a group."""

    mean: float | None
    std: float | None
    n: int


class Group(NamedTuple):
    """Runs that agree in the grouping fields and were tested on the same rows by the same definitions."""

    values: tuple[Any, ...]
    test_set: tuple[str | None, str | None, str]
    runs: list[Record]

    def summary(self, field: str) -> Summary:
        return summarise([value for record in self.runs if _finite(value := number(record.get(field)))])


def group(records: Sequence[Record], fields: Sequence[str]) -> list[Group]:
    """Groups in the order of their first run. Data sets, test rows and definitions are never pooled."""
    groups: dict[tuple[Any, ...], Group] = {}
    for record in records:
        values = tuple(flat(record.get(field)) for field in fields)
        key = (tuple(map(repr, values)), comparable(record))
        groups.setdefault(key, Group(values, comparable(record), [])).runs.append(record)
    return list(groups.values())


def summarise(values: Sequence[float]) -> Summary:
    """Mean and sample standard deviation, by the sum of squared differences from the mean."""
    if not values:
        return Summary(None, None, 0)
    mean = math.fsum(values) / len(values)
    if len(values) == 1:
        return Summary(mean, None, 1)
    return Summary(mean, math.sqrt(math.fsum((v - mean) ** 2 for v in values) / (len(values) - 1)), len(values))


def is_clear(a: Summary, b: Summary) -> bool | None:
    """Whether two means differ by more than 2 sqrt(s1^2/n1 + s2^2/n2); None with fewer than two runs in either."""
    if a.mean is None or b.mean is None or a.std is None or b.std is None:
        return None
    return abs(a.mean - b.mean) > 2 * math.sqrt(a.std**2 / a.n + b.std**2 / b.n)


def sort_groups(groups: Sequence[Group], fields: Sequence[str], order: Order) -> list[Group]:
    """Groups by the mean of the order's FIELD, or by a grouping field; those without a value last.

    Args:
        groups: as `group` gives them.
        fields: the grouping fields, in the order of `Group.values`.
        order: the FIELD to sort by, and which way.
    """
    if order.field in fields:
        place = list(fields).index(order.field)
        return ordered(groups, [item.values[place] for item in groups], order.descending)
    return ordered(groups, [item.summary(order.field).mean for item in groups], order.descending)


def rows_of(
    groups: Sequence[Group], fields: Sequence[str], metrics: Sequence[str]
) -> tuple[list[str], list[list[Any]]]:
    """Names and rows of an export: grouping fields, `runs`, then mean, `_std` and `_n` of each metric.

    What is never pooled (`COMPARABLE`) comes last, where it is no grouping field.

    Args:
        groups: one row each.
        fields: the grouping fields, in the order of `Group.values`.
        metrics: FIELDs to average; those among `fields` are passed over.
    """
    metrics = [name for name in metrics if name not in fields]
    statistics = [name for metric in metrics for name in (metric, f"{metric}_std", f"{metric}_n")]
    kept_apart = [name for name in COMPARABLE if name not in fields]
    rows = []
    for item in groups:
        row: list[Any] = [*item.values, len(item.runs)]
        for metric in metrics:
            row += item.summary(metric)
        by_name = dict(zip(COMPARABLE, item.test_set, strict=True))
        rows.append([*row, *(by_name[name] for name in kept_apart)])
    return [*fields, "runs", *statistics, *kept_apart], rows


def table(
    groups: Sequence[Group], fields: Sequence[str], where: str, order: Order, look: Look, wanted: Sequence[str] = ()
) -> list[str]:
    """The lines of the table of groups, and what can be said of their differences.

    Args:
        groups: one row each, in their order.
        fields: the grouping fields, in the order of `Group.values`.
        where: the experiments folder, as it is to be shown.
        order: how the groups are sorted, for the title; its FIELD has a column.
        look: the width to fit into, and whether to colour.
        wanted: FIELDs to show instead of the usual columns.
    """
    if not groups:
        return [f"no runs in {where} to group"]
    lines = [
        f"{sum(len(item.runs) for item in groups)} runs in {len(groups)} groups in {where}, {order.said}",
        "mean +- standard deviation (n); duration in min, EDT and T20 in s, C50 in dB; EDT, T20, C50 broadband",
    ]
    sets = set_names([item.runs[0] for item in groups])
    names = [name for name in dict.fromkeys((*(wanted or _SHOWN), order.field)) if name not in fields]
    columns = [
        Column(field, [Cell(shown(item.values[index], field)) for item in groups], False, 0)
        for index, field in enumerate(fields)
    ]
    if len(sets) > 1:
        columns.append(Column("set", [Cell(sets[item.test_set]) for item in groups], False, 0))
    columns.append(Column("runs", [Cell(str(len(item.runs))) for item in groups], True, 1))
    for rank, name in enumerate(names):
        if name in METRICS or name in wanted or name.startswith("metrics."):
            cells = [_cell(item, name) for item in groups]
            columns.append(Column(name, cells, True, 0 if name == order.field else 2 + len(names) - rank))
    kept, dropped = fit(columns, look.width)
    lines += ["", *render(kept, look.colour), ""]
    if dropped:
        lines.append(f"no room for: {', '.join(dropped)} (--export has all)")
    first = [item.runs[0] for item in groups]
    lines += about_sets(sets, first, "groups are compared only with those of the same letter")
    if any(is_doubtful(record, name) for record in first for name in JUDGED):
        lines.append("?: computed by other or unknown definitions, not comparable")
    judged = [name for name in dict.fromkeys((*JUDGED, order.field)) if name in names]
    return lines + differences(groups, fields, judged, sets)


def differences(
    groups: Sequence[Group],
    fields: Sequence[str],
    metrics: Sequence[str],
    sets: dict[tuple[str | None, str | None, str], str],
) -> list[str]:
    """For each metric and test set: which group is best, and against which others that is clear.

    Args:
        groups: only those with the same test set are compared.
        fields: the grouping fields, by which groups are named.
        metrics: FIELDs; one without a better direction is passed over.
        sets: the letters of the test sets; where there are several each verdict names its own.
    """
    lines = []
    for key in dict.fromkeys(item.test_set for item in groups):
        same = [item for item in groups if item.test_set == key]
        for metric in metrics:
            better = label(metric).better
            having = [(item, summary) for item in same if (summary := item.summary(metric)).mean is not None]
            if len(having) < 2 or better is None:
                continue
            having.sort(key=lambda pair: pair[1].mean or 0.0, reverse=better == "max")
            (best, reference), *others = having
            verdicts: dict[str, list[str]] = {"clear": [], "within the spread": [], "too few runs to tell": []}
            for item, summary in others:
                clear = is_clear(reference, summary)
                verdict = "too few runs to tell" if clear is None else "clear" if clear else "within the spread"
                verdicts[verdict].append(_name(item, fields))
            said = "; ".join(f"{verdict} against {', '.join(names)}" for verdict, names in verdicts.items() if names)
            within = f" in set {sets[key]}" if len(sets) > 1 else ""
            lines.append(f"{metric}: best{within} is {_name(best, fields)}: {said}")
    if lines:
        lines.insert(0, "a difference is clear when it exceeds 2 sqrt(s1^2/n1 + s2^2/n2):")
    return lines


def _name(item: Group, fields: Sequence[str]) -> str:
    return " ".join(f"{field}={shown(value, field)}" for field, value in zip(fields, item.values, strict=True))


def _cell(item: Group, field: str) -> Cell:
    mean, std, n = item.summary(field)
    if mean is None:
        return Cell("-")
    digits = label(field).digits
    text = fixed(mean, digits) if digits is not None else f"{mean:g}"
    spread = "" if std is None else f" +- {fixed(std, digits) if digits is not None else f'{std:g}'}"
    doubt = "?" if is_doubtful(item.runs[0], field) else ""
    return Cell(f"{text}{spread} ({n}){doubt}")


def _finite(value: Any) -> bool:
    return value is not None and value - value == 0
