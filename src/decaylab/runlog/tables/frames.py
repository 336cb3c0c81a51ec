"""Rows of runs as a pandas or polars data frame. Both are the user's own choice: imported when a frame is asked for.

Nothing of the run log needs either; this is the only file of it that may name them (tests/test_layering.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

from decaylab.catalogue.fields import FIELDS
from decaylab.errors import MissingExtraError
from decaylab.runlog.tables.cells import plain_text

_INT64 = range(-(2**63), 2**63)


def to_pandas(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> Any:
    """A `pandas.DataFrame`, one row a run. A missing number is NaN, so whole numbers with gaps are floats.

    Raises:
        MissingExtraError: pandas is not installed.
    """
    try:
        pandas = import_module("pandas")
    except ModuleNotFoundError as error:
        raise _missing("pandas", error) from None
    columns = {}
    for index, name in enumerate(names):
        values = [_encodable(row[index]) for row in rows]
        kind = _kind(name, values)
        is_float = kind == "float" or (kind == "int" and None in values)
        columns[name] = pandas.Series(values, dtype="float64" if is_float else _PANDAS[kind])
    return pandas.DataFrame(columns)


def to_polars(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> Any:
    """A `polars.DataFrame`, one row a run. Missing is null; a column of numbers and words is text.

    Raises:
        MissingExtraError: polars is not installed.
    """
    try:
        polars = import_module("polars")
    except ModuleNotFoundError as error:
        raise _missing("polars", error) from None
    types = {"float": polars.Float64, "int": polars.Int64, "bool": polars.Boolean}
    columns = []
    for index, name in enumerate(names):
        values = [_encodable(row[index]) for row in rows]
        kind = _kind(name, values)
        if kind == "float":
            values = [value if value is None else float(value) for value in values]
        elif kind not in types:
            values = [value if value is None else plain_text(value) for value in values]
        columns.append(polars.Series(name, values, dtype=types.get(kind, polars.String)))
    return polars.DataFrame(columns)


#: Kind of a column -> its type in pandas; None leaves it to pandas, whose type of text depends on its version.
_PANDAS = {"int": "int64", "bool": None, "text": None, "mixed": "object"}


def _kind(name: str, values: Sequence[Any]) -> str:
    """What a column holds: "float", "int", "bool", "text" or, where its values do not go together, "mixed"."""
    types = {type(value) for value in values} - {type(None)}
    if not types:
        return "float" if _is_number(name) else "text"
    if types == {str}:
        return "text"
    if types == {bool}:
        return "bool"
    if types <= {int, float} and all(value in _INT64 for value in values if type(value) is int):
        return "float" if float in types else "int"
    return "mixed"


def _is_number(name: str) -> bool:
    """Whether a FIELD is a number by the format, told where no run has a value."""
    from decaylab.catalogue.keys import KEYS

    known = FIELDS.get(name)
    path = known.path if known is not None else name
    types = next((key.types for key in KEYS if key.path == path), ())
    return (known is not None and known.better is not None) or bool({"number", "integer"} & {*types} - {"string"})


def _encodable(value: Any) -> Any:
    """Names of folders that are no UTF-8 reach Python with lone surrogates, which no data frame can store."""
    return value.encode("utf-8", "backslashreplace").decode("utf-8") if isinstance(value, str) else value


def _missing(package: str, error: ModuleNotFoundError) -> Exception:
    """The error to raise: that the package is missing, or the package's own, if something of it is."""
    return MissingExtraError(package, None, f"a {package} data frame") if error.name == package else error
