"""Questions to runs: which FIELD is meant, which runs fulfil an expression, in which order they come."""

from __future__ import annotations

import operator
import re
from collections.abc import Iterable, Sequence
from itertools import islice
from operator import itemgetter
from typing import Any, NamedTuple, TypeVar

from decaylab.catalogue.document import DOCUMENTED
from decaylab.catalogue.fields import ALIASES, FIELDS, Field
from decaylab.errors import InputError
from decaylab.runlog.reading import flatten, has, number
from decaylab.runlog.record import Record

T = TypeVar("T")

#: So many dotted paths of runs are looked through for near misses.
_MOST_PATHS = 2000
# Compiled at their first use: a table without --where pays for neither.
_EXPRESSION = r"\s*([^\s=!<>~]+)\s*(==|!=|<=|>=|=|<|>|~)\s*((?s:.*?))\s*"
_NUMBER = r"(?i:[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?|[+-]?inf(inity)?)"
_ORDER = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


class Condition(NamedTuple):
    """One `FIELD OP VALUE`. `wanted` is the value as text, `number` the number it spells, if it does."""

    field: str
    op: str
    wanted: str
    number: float | None
    is_null: bool

    def holds(self, record: Record) -> bool:
        """Whether the run fulfils it. With a missing value only `FIELD=null` does."""
        value = record.get(self.field)
        if self.is_null or value is None:
            return self.is_null and (value is None) == (self.op == "=")
        values = value if isinstance(value, list) else [value]  # a list (tags, problems) equals what it holds
        if self.op == "~":
            return any(self.wanted.casefold() in _text(own).casefold() for own in values)
        if self.op in ("=", "!="):
            return any(map(self._equals, values)) == (self.op == "=")
        return not isinstance(value, list) and self._ordered(value)

    def _equals(self, value: Any) -> bool:
        own = number(value)
        if own is not None and self.number is not None:
            return bool(own == self.number)
        return _text(value) == self.wanted

    def _ordered(self, value: Any) -> bool:
        own = number(value)
        if own is not None and self.number is not None:
            return bool(_ORDER[self.op](own, self.number))
        # Text is compared as text: `timestamp>=20260122`. A number beside text has no order.
        return isinstance(value, str) and own is None and bool(_ORDER[self.op](value, self.wanted))


def parse_condition(expression: str, records: Sequence[Record]) -> Condition:
    """`t20_mae<=0.02` as a condition on these runs.

    Raises:
        InputError: no FIELD OP VALUE, a FIELD that does not exist, or an order asked of a metric and a word.
    """
    match = re.fullmatch(_EXPRESSION, expression)
    if match is None:
        raise InputError(f"--where '{expression}' is no FIELD OP VALUE; OP is one of = != < <= > >= ~")
    typed, op, value = match.groups()
    op = "=" if op == "==" else op
    is_quoted = len(value) >= 2 and value[0] == value[-1] and value[0] in "'\""
    wanted = value[1:-1] if is_quoted else value
    if not wanted and not is_quoted:
        raise InputError(f"--where '{expression}' has no value; '{typed}=null' finds the runs without one")
    field = resolve(typed, records)
    is_null = wanted == "null" and not is_quoted
    spelled = float(wanted) if re.fullmatch(_NUMBER, wanted) and not is_quoted else None
    if is_null and op not in ("=", "!="):
        raise InputError(f"--where '{expression}': nothing is less or more than null; use = or !=")
    known = FIELDS.get(field)
    if known is not None and known.better is not None and op in _ORDER and spelled is None:
        raise InputError(f"--where '{expression}': {field} is a number, '{wanted}' is not")
    return Condition(field, op, wanted, spelled, is_null)


def select(records: Iterable[Record], conditions: Sequence[Condition]) -> list[Record]:
    """The runs that fulfil every condition."""
    return [record for record in records if all(condition.holds(record) for condition in conditions)]


def resolve(field: str, records: Sequence[Record]) -> str:
    """The FIELD that was typed, in the form that `Record.get` takes.

    Short names and aliases; documented paths; any dotted path, and any key of `metrics` or `config`, that some run has.

    Raises:
        InputError: no run has it; with the names that are spelled alike.
    """
    if (known := _known(field)) is not None:
        return known
    for path in (field, f"metrics.{field}", f"config.{field}"):
        if any(has(record.metadata, path) for record in records):
            return path
    if "." in field and not records:
        return field
    from difflib import get_close_matches

    paths = dict.fromkeys(path for record in records[:20] for path in flatten(record.metadata))
    names = [*FIELDS, *ALIASES, *islice(paths, _MOST_PATHS)]
    close = get_close_matches(field, names, n=3)
    listed = "the header of `decaylab compare --export csv --output -` lists the short names"
    hint = f"did you mean {' or '.join(close)}?" if close else listed
    raise InputError(f"unknown field '{field}': {hint}")


def _known(field: str) -> str | None:
    """The FIELD that a short name, an alias or a documented path means; None for others."""
    name = ALIASES.get(field, field)
    if name in FIELDS:
        return name
    by_path = (known.name for known in FIELDS.values() if known.path == field)
    return next(by_path, field if has(DOCUMENTED, field) else None)


def field_of(expression: str) -> str:
    """The FIELD of a `FIELD OP VALUE` as it was typed; an empty one if it is no such expression."""
    match = re.fullmatch(_EXPRESSION, expression)
    return match[1] if match is not None else ""


def paths_of(field: str) -> tuple[str, ...]:
    """What `resolve` may make of a FIELD that was typed, told before any run is read."""
    if not field:
        return ()
    if (known := _known(field)) is not None:
        return (known,)
    return field, f"metrics.{field}", f"config.{field}", "metric_directions"


def direction(field: str, records: Sequence[Record]) -> tuple[str | None, bool]:
    """("min" or "max" or None, whether that is known) of a resolved FIELD. None: a setting, which is not judged.

    A metric of the user's own has the direction that its run recorded, else less is better.
    """
    known = FIELDS.get(field)
    if known is not None:
        return known.better, True
    section, _, rest = field.partition(".")
    for record in records:
        recorded = record.get("metric_directions")
        if isinstance(recorded, dict):
            own = recorded.get(rest) if section == "metrics" else recorded.get(field)
            if own in ("min", "max"):
                return own, True
    if section not in ("metrics", "validation", "baselines"):
        return None, True
    statistic = field.rpartition(".")[2]
    if statistic in ("mae", "rmse", "mse", "r2", "p95", "within_jnd"):
        return ("max" if statistic in ("r2", "within_jnd") else "min"), True
    return "min", False


def sort(records: Sequence[Record], field: str, descending: bool) -> list[Record]:
    """Runs in the order of a FIELD, those without a value last, equal ones in the order they came in.

    Args:
        records: the runs, left as they are.
        field: a FIELD as `resolve` gives it.
        descending: greatest first, not least.
    """
    return ordered(records, [record.get(field) for record in records], descending)


def ordered(items: Sequence[T], values: Sequence[Any], descending: bool) -> list[T]:
    """`items` in the order of their `values`, numbers before text; those without a value, or with NaN, last.

    `descending` reverses the order of those with a value, so that text then comes before numbers.
    """
    if {float, type(None)}.issuperset(map(type, values)):  # nearly always; ten thousand keys are not made then
        finite = [index for index, value in enumerate(values) if value == value and value is not None]
        finite.sort(key=values.__getitem__, reverse=descending)
        chosen = set(finite)
        return [items[i] for i in finite] + [item for i, item in enumerate(items) if i not in chosen]
    keyed = [(_sort_key(value), item) for item, value in zip(items, values, strict=True)]
    present = sorted((pair for pair in keyed if pair[0] is not None), key=itemgetter(0), reverse=descending)
    return [item for _, item in present] + [item for key, item in keyed if key is None]


def label(field: str) -> Field:
    """How a FIELD is shown; a dotted path is shown as it is."""
    return FIELDS.get(field) or Field(field, field, field)


def _sort_key(value: Any) -> tuple[int, Any] | None:
    """Numbers before text; NaN counts as missing."""
    own = number(value)
    if own is not None:
        return (0, own) if own == own else None
    return None if value is None else (1, _text(value))


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return " ".join(map(_text, value))
    return str(value)
