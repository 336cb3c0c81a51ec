"""One recorded run for Python: its FIELDs as attributes and items, its history, its metadata as plain objects."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any

from decaylab.catalogue.fields import ALIASES, FIELDS, TARGETS
from decaylab.errors import InputError
from decaylab.runlog.query import resolve
from decaylab.runlog.reading import flatten, number, section
from decaylab.runlog.record import Record
from decaylab.runlog.schema import HISTORY


class Names:
    """What a FIELD that was typed means for the runs of one reading; each name is looked up once."""

    __slots__ = ("_resolved", "records")

    def __init__(self, records: Sequence[Record]) -> None:
        self.records = records
        self._resolved: dict[str, str] = {}

    def resolve(self, typed: str) -> str:
        """As `query.resolve` over every run that was read.

        Raises:
            InputError: no run has it; with near misses.
        """
        found = self._resolved.get(typed)
        if found is None:
            found = self._resolved[typed] = resolve(typed, self.records)
        return found


class HistoryLines(list[dict[str, Any]]):
    """The lines of a run's history.jsonl, in order.

    Attributes:
        torn: number of torn lines that were skipped.
        problem: why the history could not be read, or not to its end; None if it was.
    """

    def __init__(self, lines: Sequence[dict[str, Any]], torn: int, problem: str | None) -> None:
        super().__init__(lines)
        self.torn = torn
        self.problem = problem


class RunRecord:
    """One run as it was when `runlog.runs` read it.

    `run.t20_mae`, `run["t20_mae"]` and `run["metrics.t20.mae"]` are the same: short names, their aliases, dotted paths
    into metadata.json, and the settings and metrics of the user's own by their names. A FIELD without a value is None;
    a name that no run of the folder has is an AttributeError or a KeyError.

    Args:
        record: the run as it was read.
        names: what FIELDs mean for the runs of that reading.

    Attributes:
        run_id: the directory's name (`<date>/<time>` in the published layout).
        path: the run directory; of a run that is only archived, the archive.
    """

    __slots__ = ("_names", "_record")

    def __init__(self, record: Record, names: Names) -> None:
        self._record = record
        self._names = names

    @property
    def run_id(self) -> str:
        return self._record.run_id

    @property
    def path(self) -> str:
        return self._record.path

    @property
    def metadata(self) -> dict[str, Any]:
        """A copy of metadata.json in documented form; what is not finite stands in it as text, as in the file."""
        metadata: dict[str, Any] = plain_copy(self._record.metadata)
        return metadata

    def history(self) -> HistoryLines:
        """One dict a `run.log()` call. Torn lines are skipped and counted in `.torn`; `.problem` says what else is."""
        from decaylab.runlog.history import read_history

        if self._record.archive == self.path:
            return HistoryLines([], 0, f"archived in {self.path}: restore it to read its history")
        return HistoryLines(*read_history(os.path.join(self.path, HISTORY)))

    def get(self, field: str, default: Any = None) -> Any:
        """The value of a FIELD; `default` where the run has none, or no run has such a FIELD."""
        try:
            value = self[field]
        except KeyError:
            return default
        return default if value is None else value

    def keys(self) -> list[str]:
        """The short names, so that `dict(run)` is a row of an export with its values as they are."""
        return list(FIELDS)

    def __getitem__(self, field: str) -> Any:
        if not isinstance(field, str):
            raise TypeError(f"a run's values are taken by name, such as run['t20_mae'], not by {field!r}")
        try:
            return value_of(self._record, self._names.resolve(field))
        except InputError as error:
            raise KeyError(str(error)) from None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # what Python and notebooks ask every object for
            raise AttributeError(f"a run has no attribute {name!r}")
        try:
            return value_of(self._record, self._names.resolve(name))
        except InputError as error:
            raise AttributeError(str(error)) from None

    def __iter__(self) -> Iterator[str]:
        return iter(FIELDS)

    def __contains__(self, field: object) -> bool:
        try:
            return isinstance(field, str) and bool(self._names.resolve(field))
        except InputError:
            return False

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *(name for name in self._known_names() if name.isidentifier())})

    def _ipython_key_completions_(self) -> list[str]:
        """What a notebook offers after `run["`: the short names, then the dotted paths that this run has."""
        return [*self._known_names(), *flatten(self._record.metadata)]

    def _known_names(self) -> list[str]:
        """Short names, aliases, and the names of this run's own settings and metrics."""
        own = [*section(self._record.metadata, "config"), *section(self._record.metadata, "metrics")]
        return list(dict.fromkeys([*FIELDS, *ALIASES, *own]))

    def __repr__(self) -> str:
        from decaylab.runlog.tables.cells import MISSING, cell
        from decaylab.runlog.text import printable

        said = [printable(self.run_id), cell(self._record, "status").text]
        if self._record.raw == "broken":
            said += map(printable, self._record.problems)
        said += [f"{name} {text}" for name in TARGETS if (text := cell(self._record, name).text) != MISSING]
        return f"<run {', '.join(said)}>"

    def _repr_html_(self) -> str:
        from decaylab.runlog.tables.markup import of_run

        return of_run(self._record)


def value_of(record: Record, field: str) -> Any:
    """The value of a resolved FIELD: numbers as numbers, lists and objects as copies, None where there is none.

    Keys of the users' own hold what is not finite as "NaN", "Infinity", "-Infinity"; here it is a float again.
    """
    value = record.get(field)
    if isinstance(value, (dict, list)):
        return plain_copy(value)
    if isinstance(value, str) and field not in FIELDS and (own := number(value)) is not None:
        return own
    return value


def plain_copy(value: Any) -> Any:
    """A copy of what JSON holds, sharing nothing with it; without recursion, as files nest as deep as they like."""
    top = [value]
    pending: list[Any] = [top]
    while pending:
        place = pending.pop()
        for key, inner in list(place.items() if isinstance(place, dict) else enumerate(place)):
            if isinstance(inner, (dict, list)):
                place[key] = inner.copy()
                pending.append(place[key])
    return top[0]
