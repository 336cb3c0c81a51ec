"""The errors of a run's test rooms as `show` prints them: evaluation's figures in the run log's tables."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from decaylab.cli.paired_errors import digits_of, shown_number, unit_of
from decaylab.errors import DataError, InputError, RunLogError

if TYPE_CHECKING:
    from decaylab.evaluation.errors import RoomErrors
    from decaylab.runlog.record import Record

#: What `show --by` takes; `evaluation.worst` knows the same, and numpy with it, which a help text does without.
FIELDS = ("edc_mae", "edc_db_mae", "edt", "t20", "t30", "c50", "ts")


def worst_lines(record: Record, count: int, by: str) -> tuple[list[str], list[str]]:
    """The table of a run's worst rooms, and remarks for stderr.

    Raises:
        InputError: the run holds neither errors.csv nor what it can be computed from. DataError: errors.csv is damaged.
    """
    from decaylab.evaluation.worst import worst_rooms
    from decaylab.runlog.tables.table import Cell, Column, render
    from decaylab.runlog.text import printable

    errors, remarks = errors_of(record)
    chosen = worst_rooms(errors, by, count)
    columns = [
        ("room", [printable(errors.rooms[row]) for row in chosen]),
        ("size m", [_size(errors.sizes[row]) for row in chosen]),
        ("distance", [shown_number(errors.material_distance[row], 3) for row in chosen]),
        *_values(errors, by, chosen),
    ]
    head = f"{len(chosen)} of {len(errors)} test rooms of {printable(record.run_id)}, worst first by {_name(by)}"
    missing = int(_without_target(errors, by))
    if missing:
        head += f"; {missing} without a valid target left out"
    said = [head, "distance: of the material to the nearest one of the training, in absorption (0: it was in it)"]
    if len(chosen):
        said += [
            "",
            *render([Column(name, list(map(Cell, cells)), name != "room", 0) for name, cells in columns], False),
        ]
    return said, remarks


def distance_lines(record: Record) -> list[str]:
    """For a run on materials that it was not trained on: its errors by how far they are from the training's."""
    if record.get("data_config.split") != "material":
        return []
    from decaylab.evaluation.errors import ERRORS, read_errors
    from decaylab.evaluation.worst import errors_by_distance
    from decaylab.runlog.tables.table import Cell, Column, render

    try:
        parts = errors_by_distance(read_errors(os.path.join(record.path, ERRORS)))
    except FileNotFoundError:
        return []
    except DataError as error:
        return ["", f"errors by distance to the training's materials: {error}"]
    names = {"edc_mae": "EDC MAE", "edt": "EDT MAE s", "t20": "T20 MAE s", "c50": "C50 MAE dB"}
    columns = [
        Column("distance", [Cell(f"{part.low:.3f} to {part.high:.3f}") for part in parts], False, 0),
        Column("rooms", [Cell(str(part.rooms)) for part in parts], True, 0),
    ]
    for name, title in names.items():
        cells = [Cell(shown_number(part.errors[name], digits_of(name))) for part in parts]
        columns.append(Column(title, cells, True, 0))
    head = "errors by the distance of a room's material to the nearest one of the training (in absorption)"
    return ["", head, *render(columns, False)]


def errors_of(record: Record) -> tuple[RoomErrors, list[str]]:
    """From errors.csv, or from the arrays where there is none."""
    from decaylab.evaluation.errors import ERRORS, read_errors

    try:
        return read_errors(os.path.join(record.path, ERRORS)), []
    except FileNotFoundError:
        remark = f"no {ERRORS} in the run: computed from its arrays, which do not tell sizes and materials"
        return _from_arrays(record), [remark]


def _from_arrays(record: Record) -> RoomErrors:
    import numpy as np

    from decaylab.evaluation.errors import ERRORS, room_errors
    from decaylab.evaluation.recompute import score_arrays
    from decaylab.reports.curves import open_curves
    from decaylab.runlog.curve_files import PAIRS, USUAL_RATE, sampling_rate

    try:
        rows, ids = _test_rooms(record.path)
        predictions, targets = (open_curves(record.path, name) for name in PAIRS[0])
        if len(predictions) != len(rows):
            raise DataError(f"split.json names {len(rows)} test rooms, predictions.npy has {len(predictions)}")
        scores = score_arrays(predictions, targets, sampling_rate(record) or USUAL_RATE)
    except FileNotFoundError as error:
        missing = os.path.basename(error.filename)
        raise InputError(f"{record.run_id} has no {ERRORS}, and no {missing} to compute its errors from") from None
    except (DataError, RunLogError) as error:
        raise InputError(f"{record.run_id} has no {ERRORS}, and its errors cannot be computed: {error}") from None
    unknown = np.full((len(rows), 16), np.nan)
    return room_errors(np.array(rows, dtype=np.int64), ids, unknown, unknown[:0], scores)


def _test_rooms(directory: str) -> tuple[list[int], list[str]]:
    """Rows and ids of the test rooms, from split.json."""
    from decaylab.runlog.split import SPLIT, ids_of, read_split, rows_of

    split = read_split(directory)
    rows, ids = rows_of(split, "test"), ids_of(split, "test")
    if rows is None or ids is None or len(rows) != len(ids):
        raise DataError(f"{SPLIT} does not name the test rooms")
    return rows, ids


def _values(errors: RoomErrors, by: str, chosen: Any) -> list[tuple[str, list[str]]]:
    """The columns of the field that rooms are ranked by."""
    digits = digits_of(by)
    if by not in errors.true:
        return [(f"{by}{unit_of(by)}", [shown_number(value, digits) for value in getattr(errors, by)[chosen]])]
    from decaylab.acoustics.jnd import just_noticeable

    true, predicted = errors.true[by][chosen], errors.predicted[by][chosen]
    in_jnd = abs(predicted - true) / just_noticeable(by, true)
    return [
        (f"true{unit_of(by)}", [shown_number(value, digits) for value in true]),
        ("predicted", [shown_number(value, digits, "invalid") for value in predicted]),
        ("error", [shown_number(value, digits) for value in predicted - true]),
        ("in JND", [shown_number(value, 1) for value in in_jnd]),
    ]


def _without_target(errors: RoomErrors, by: str) -> int:
    values = errors.true.get(by)
    return 0 if values is None else int((values != values).sum())


def _name(by: str) -> str:
    return by if by.endswith("_mae") else f"the error of {by.upper() if by != 'ts' else 'Ts'} (broadband)"


def _size(sizes: Any) -> str:
    return " x ".join(f"{value:.2f}" for value in sizes) if (sizes == sizes).all() else "-"
