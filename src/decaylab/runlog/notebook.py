"""Recorded runs for Python: `runlog.runs("experiments")`, the same reading, filters and order as `decaylab compare`.

The module is not called `runs`: importing one of that name would put it in the place of the function in the package.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple, overload

from decaylab.catalogue.fields import FIELDS
from decaylab.errors import InputError, RunLogError
from decaylab.runlog import query, store
from decaylab.runlog.index import scan
from decaylab.runlog.record import Record
from decaylab.runlog.run_record import Names, RunRecord, value_of
from decaylab.runlog.text import counted

#: A longer sequence is shown by its first rows, and says so.
_MOST_SHOWN = 50


def runs(experiments: str | os.PathLike[str] = "experiments", *, archived: bool = False) -> Runs:
    """The runs of an experiments folder, by id, as they are now; an empty sequence for a folder without runs.

    Args:
        experiments: the folder of the runs.
        archived: the runs in `archive/` beside it, too.

    Raises:
        InputError: there is no such folder. RunLogError: it, or the archive, cannot be listed.
    """
    typed = os.fspath(experiments)
    if not os.path.isdir(typed):
        try:
            store.directories(typed)
        except RunLogError as error:
            raise InputError(str(error)) from None
    # A notebook may change its directory between reading the runs and asking for what their files hold.
    folder = os.path.abspath(typed)
    records = scan(folder, FIELDS)
    if archived:
        from decaylab.runlog.keeping.archived import with_archived

        records = with_archived(records, folder)
    names = Names(records)
    reading = _Reading(typed, names, archived)
    return Runs(reading, [RunRecord(record, names) for record in records])


class _Reading(NamedTuple):
    """What all selections of one reading share: the folder as it was typed, what names mean, what was read."""

    folder: str
    names: Names
    archived: bool


class Runs(Sequence[RunRecord]):
    """Recorded runs in an order; every method gives a new sequence and leaves this one as it is.

    Args:
        reading: what all selections of one reading share.
        found: the runs, in their order.
        order: the resolved FIELD that they are sorted by, whether the greatest comes first, and a remark for the title.
    """

    def __init__(
        self, reading: _Reading, found: Sequence[RunRecord], order: tuple[str, bool, str] = ("run_id", False, "")
    ) -> None:
        self._reading = reading
        self._runs = list(found)
        self._order = order

    def where(self, *expressions: str, **equal: Any) -> Runs:
        """The runs that fulfil every condition.

        Args:
            expressions: FIELD OP VALUE, as `--where` takes it: `where("t20_mae<=0.02", "note~good")`.
            equal: FIELDs and the value they must have: `where(model="mine", seed=1)`; None finds missing ones.

        Raises:
            InputError: no FIELD OP VALUE, a FIELD that no run of the folder has, or a value that is none.
        """
        names = self._reading.names
        for expression in expressions:
            if not isinstance(expression, str):
                raise InputError(f"where({expression!r}): a condition is text, such as 't20_mae<=0.02'")
        conditions = [query.parse_condition(expression, names.records) for expression in expressions]
        conditions += [_equality(names.resolve(field), field, value) for field, value in equal.items()]
        return self._with([run for run in self._runs if all(c.holds(run._record) for c in conditions)])

    def sort(self, field: str, *, ascending: bool | None = None, descending: bool | None = None) -> Runs:
        """The runs by FIELD, best first by its own direction, those without a value last.

        Args:
            field: a FIELD. Settings have no better direction: least first.
            ascending, descending: least or greatest first instead.

        Raises:
            InputError: a FIELD that no run of the folder has, or both ways at once.
        """
        if ascending is not None and ascending == descending:
            raise InputError(f"sort({field!r}): ascending and descending are both {ascending}; give one")
        resolved = self._reading.names.resolve(field)
        better, is_known = query.direction(resolved, self._reading.names.records)
        remark = ""
        if ascending is None and descending is None:
            descending = better == "max"
            if not is_known:
                remark = " (no direction recorded: less is taken as better)"
                warnings.warn(f"sort({field!r}){remark}", stacklevel=2)
        elif descending is None:
            descending = not ascending
        found = query.sort(self._records(), resolved, descending)
        return Runs(self._reading, self._of(found), (resolved, descending, remark))

    def best(self, field: str) -> RunRecord:
        """The best completed run by FIELD, by the rule of `best:FIELD`; a warning says what was left out.

        That is: among the runs with the data set and the test split of the latest completed one of this sequence, and
        without those whose definitions of the FIELD are others or unknown.

        Raises:
            InputError: a setting, or a FIELD that no run of the folder has. RunLogError: no run to choose from.
        """
        from decaylab.runlog.find import best_run

        resolved, records = self._reading.names.resolve(field), self._records()
        if resolved not in FIELDS and all(record.get(resolved) is None for record in records):
            raise RunLogError(f"best:{field}: no run to choose from; none of {len(records)} runs has it")
        chosen = best_run(records, resolved, lambda line: warnings.warn(line, stacklevel=4))
        return self._of([chosen])[0]

    def top(self, n: int) -> Runs:
        """The first `n` runs."""
        if n < 1:
            raise InputError(f"top({n}): give 1 or more")
        return self[:n]

    def group_by(self, *fields: str, metrics: str | Sequence[str] = ()) -> list[dict[str, Any]]:
        """One dict a group of runs that agree in `fields`, as `decaylab compare --group-by` exports it.

        The grouping fields, `runs`, then for each metric its mean, `<field>_std` (sample standard deviation, None for
        one run) and `<field>_n`. Data sets, test splits and definitions are never pooled. `metrics` are added to those
        that the run log knows.

        Raises:
            InputError: no field is named, or a FIELD that no run of the folder has.
        """
        from decaylab.runlog.tables import groups

        grouping = self._resolved(fields)
        if not grouping:
            raise InputError("group_by() names no field; give one, such as group_by('model')")
        wanted = list(dict.fromkeys((*groups.METRICS, *self._resolved(metrics))))
        names, rows = groups.rows_of(groups.group(self._records(), grouping), grouping, wanted)
        return [dict(zip(names, row, strict=True)) for row in rows]

    @property
    def columns(self) -> list[str]:
        """The columns of a data frame of all fields: `run_id`, then every short field."""
        return self._rows(None, [])[0]

    def to_dicts(self, columns: str | Sequence[str] | None = None) -> list[dict[str, Any]]:
        """One dict a run with the values of an export: full precision, None for missing, lists of words as text.

        Args:
            columns: FIELDs to take after `run_id`; every short field if not given.

        Raises:
            InputError: a FIELD that no run of the folder has.
        """
        names, rows = self._rows(columns, self._records())
        return [dict(zip(names, row, strict=True)) for row in rows]

    def to_pandas(self, columns: str | Sequence[str] | None = None) -> Any:
        """A `pandas.DataFrame` of `to_dicts`' values; missing numbers are NaN. MissingExtraError without pandas."""
        from decaylab.runlog.tables.frames import to_pandas

        return to_pandas(*self._rows(columns, self._records()))

    def to_polars(self, columns: str | Sequence[str] | None = None) -> Any:
        """A `polars.DataFrame` of `to_dicts`' values; missing ones are null. MissingExtraError without polars."""
        from decaylab.runlog.tables.frames import to_polars

        return to_polars(*self._rows(columns, self._records()))

    def __len__(self) -> int:
        return len(self._runs)

    @overload
    def __getitem__(self, index: int) -> RunRecord: ...
    @overload
    def __getitem__(self, index: slice) -> Runs: ...
    def __getitem__(self, index: int | slice) -> RunRecord | Runs:
        if isinstance(index, slice):
            field, descending, remark = self._order
            is_reversed = index.step is not None and index.step < 0
            return Runs(self._reading, self._runs[index], (field, descending != is_reversed, remark))
        try:
            return self._runs[index]
        except TypeError:
            raise TypeError(
                f"runs are taken by number, not {index!r}; a field of all: [run.t20_mae for run in runs]"
            ) from None

    def __repr__(self) -> str:
        from decaylab.runlog.tables.compare import Look, Order, table

        width = _width()
        shown = self._records()[:_MOST_SHOWN]
        everything = self._reading.names.records
        lines = table(shown, everything, self._reading.folder, Order(*self._order), (), Look(width))
        return "\n".join([*lines, *self._remarks()])

    def _repr_html_(self) -> str:
        from decaylab.runlog.tables.markup import of_runs

        everything = len(self._reading.names.records)
        part = f"{len(self)} of " if len(self) != everything else ""
        title = f"{part}{counted(everything, 'run')} in {self._reading.folder}"
        return of_runs(title, self._records()[:_MOST_SHOWN], self._order[0], self._remarks())

    def _remarks(self) -> list[str]:
        return [f"shown are the first {_MOST_SHOWN} of {len(self)}"] if len(self) > _MOST_SHOWN else []

    def _with(self, found: Sequence[RunRecord]) -> Runs:
        return Runs(self._reading, found, self._order)

    def _records(self) -> list[Record]:
        return [run._record for run in self._runs]

    def _of(self, records: Sequence[Record]) -> list[RunRecord]:
        """These records as the runs that they are in this sequence."""
        by_record = {id(run._record): run for run in self._runs}
        return [by_record[id(record)] for record in records]

    def _resolved(self, fields: str | Sequence[str]) -> list[str]:
        typed = fields.split(",") if isinstance(fields, str) else fields
        return list(dict.fromkeys(self._reading.names.resolve(field.strip()) for field in typed))

    def _rows(self, columns: str | Sequence[str] | None, records: list[Record]) -> tuple[list[str], list[list[Any]]]:
        """Names and rows as an export has them, but for what is not finite: here those are floats, not text."""
        from decaylab.runlog.tables.export import flat, rows_of

        fields = list(FIELDS) if columns is None else self._resolved(columns)
        names, _ = rows_of((), [*fields, *(["archive"] if self._reading.archived else [])])
        rows = [[value_of(record, name) for name in names] for record in records]
        return names, [[value if isinstance(value, float) else flat(value) for value in row] for row in rows]


def _equality(field: str, typed: str, value: Any) -> query.Condition:
    """`FIELD=VALUE` with a value of Python's; numpy's scalars are taken, too."""
    if hasattr(value, "item") and not hasattr(value, "__len__"):
        value = value.item()
    if value is None or isinstance(value, str):
        return query.Condition(field, "=", value or "", None, value is None)
    if isinstance(value, bool):
        return query.Condition(field, "=", "true" if value else "false", None, False)
    if isinstance(value, (int, float)):
        return query.Condition(field, "=", str(value), value, False)
    raise InputError(f"where({typed}=...): {type(value).__name__} is no value to compare with; give text or a number")


def _width() -> int | None:
    """The terminal's width; None where nothing may be cut."""
    import sys

    if not sys.stdout.isatty():
        return None
    import shutil

    return shutil.get_terminal_size().columns
