"""The errors of test rooms in tables, as `show` prints them of one run and `diff` of two."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from decaylab.errors import DataError

if TYPE_CHECKING:
    from decaylab.evaluation.errors import RoomErrors
    from decaylab.evaluation.paired import Paired
    from decaylab.runlog.record import Record

#: What `show --by` takes; `evaluation.worst` knows the same, and numpy with it, which a help text does without.
FIELDS = ("edc_mae", "edc_db_mae", "edt", "t20", "t30", "c50", "ts")
_DISTANCE = "errors by the distance of a room's material to the nearest one of the training (in absorption)"


def worst_lines(record: Record, count: int, by: str) -> tuple[list[str], str]:
    """The table of a run's worst rooms, and a remark for stderr where there is one to make.

    Args:
        record: a run that was evaluated.
        count: the most rooms to show.
        by: one of `FIELDS`, the error that they are ranked by.

    Raises:
        InputError: the run holds neither errors.csv nor what it can be computed from. DataError: errors.csv is damaged.
    """
    from decaylab.evaluation.of_run import errors_of
    from decaylab.evaluation.worst import worst_rooms
    from decaylab.runlog.tables.table import text_table
    from decaylab.runlog.text import printable

    errors, remark = errors_of(record)
    chosen = worst_rooms(errors, by, count)
    columns = {
        "room": [printable(errors.rooms[row]) for row in chosen],
        "size m": [_size(errors.sizes[row]) for row in chosen],
        "distance": [_shown(value, 3) for value in errors.material_distance[chosen]],
        **_values(errors, by, chosen),
    }
    name = by if by.endswith("_mae") else f"the error of {by.upper() if by != 'ts' else 'Ts'} (broadband)"
    head = f"{len(chosen)} of {len(errors)} test rooms of {printable(record.run_id)}, worst first by {name}"
    if by in errors.true and (missing := int((errors.true[by] != errors.true[by]).sum())):
        head += f"; {missing} without a valid target left out"
    said = [head, "distance: of the material to the nearest one of the training, in absorption (0: it was in it)"]
    if len(chosen):
        rows = list(zip(*columns.values(), strict=True))
        said += ["", *text_table(list(columns), rows, numbers=list(columns)[1:])]
    return said, remark


def distance_lines(record: Record) -> list[str]:
    """For a run on materials that it was not trained on: its errors by how far they are from the training's."""
    if record.get("data_config.split") != "material":
        return []
    from decaylab.evaluation.errors import ERRORS, read_errors
    from decaylab.evaluation.worst import errors_by_distance
    from decaylab.runlog.tables.table import text_table

    try:
        parts = errors_by_distance(read_errors(os.path.join(record.path, ERRORS)))
    except FileNotFoundError:
        return []
    except DataError as error:
        return ["", f"errors by distance to the training's materials: {error}"]
    names = {"edc_mae": "EDC MAE", "edt": "EDT MAE s", "t20": "T20 MAE s", "c50": "C50 MAE dB"}
    rows = [
        [
            f"{part.low:.3f} to {part.high:.3f}",
            str(part.rooms),
            *(_shown(part.errors[name], _unit_and_digits(name)[1]) for name in names),
        ]
        for part in parts
    ]
    numbers = ["rooms", *names.values()]
    return ["", _DISTANCE, *text_table(["distance", *numbers], rows, numbers)]


def paired_lines(a: Record, b: Record) -> list[str]:
    """The table of the paired differences of two runs, or one line that says why there is none."""
    from decaylab.evaluation.errors import ERRORS, read_errors
    from decaylab.evaluation.paired import paired_differences
    from decaylab.runlog.find import comparable
    from decaylab.runlog.text import printable

    refused = "errors, paired: not possible: "
    if comparable(a) != comparable(b):
        return [f"{refused}other data set, other test rows or other definitions of the metrics"]
    found = []
    try:
        for record in (a, b):
            found.append(read_errors(os.path.join(record.path, ERRORS)))
        pairs = paired_differences(*found)
    except FileNotFoundError:
        return [f"{refused}{printable(record.run_id)} has no {ERRORS}"]
    except DataError as error:
        return [f"{refused}{printable(str(error))}"]
    clusters = max((pair.clusters for pair in pairs), default=0)
    return [
        *_paired_table(pairs),
        f"mean |error| of A = {printable(a.run_id)} and B = {printable(b.run_id)}; B - A room by room, with the 95 % "
        f"interval of a bootstrap over {clusters} geometries",
    ]


def _paired_table(pairs: list[Paired]) -> list[str]:
    from decaylab.runlog.tables.table import text_table

    rows = []
    for pair in pairs:
        unit, digits = _unit_and_digits(pair.metric)
        mean_a, mean_b, value, low, high = (
            _shown(figure, digits + 1)
            for figure in (pair.mean_a, pair.mean_b, pair.difference.value, pair.difference.low, pair.difference.high)
        )
        rows.append([f"{pair.metric}{unit}", mean_a, mean_b, value, f"{low} to {high}", str(pair.rooms), pair.verdict])
    names = ["errors, paired", "A", "B", "B - A", "95 %", "rooms", ""]
    return text_table(names, rows, numbers=names[1:-1])


def _values(errors: RoomErrors, by: str, chosen: Any) -> dict[str, list[str]]:
    """The columns of the field that rooms are ranked by."""
    unit, digits = _unit_and_digits(by)
    if by not in errors.true:
        return {f"{by}{unit}": [_shown(value, digits) for value in getattr(errors, by)[chosen]]}
    from decaylab.acoustics.jnd import just_noticeable

    true, predicted = errors.true[by][chosen], errors.predicted[by][chosen]
    in_jnd = abs(predicted - true) / just_noticeable(by, true)
    return {
        f"true{unit}": [_shown(value, digits) for value in true],
        "predicted": [_shown(value, digits, "invalid") for value in predicted],
        "error": [_shown(value, digits) for value in predicted - true],
        "in JND": [_shown(value, 1) for value in in_jnd],
    }


def _unit_and_digits(name: str) -> tuple[str, int]:
    """Unit of a metric's errors, as it stands in a column's name, and their decimals."""
    if name == "edc_db_mae":  # of each room alone, so it is no FIELD
        return " in dB", 3
    from decaylab.runlog.query import label

    field = label(name if name.endswith("_mae") else f"{name}_mae")
    return f" in {field.unit}" if field.unit else "", field.digits or 0


def _shown(value: float, digits: int, missing: str = "-") -> str:
    """A number with `digits` decimals; NaN as `missing`."""
    from decaylab.runlog.tables.cells import fixed

    return fixed(float(value), digits) if value == value else missing


def _size(sizes: Any) -> str:
    return " x ".join(f"{value:.2f}" for value in sizes) if (sizes == sizes).all() else "-"
