"""The table of `decaylab predict`: one line a receiver, each parameter with its interval."""

from __future__ import annotations

from decaylab.cli.out import terminal
from decaylab.inference import PARAMETERS, Prediction, Predictor
from decaylab.inference.about import BAND
from decaylab.inference.load import is_shipped
from decaylab.rooms.features import ABSORPTION, RECEIVER, SIZE, SOURCE, RoomTable
from decaylab.runlog.tables.table import Cell, Column, fit, render
from decaylab.runlog.text import printable

#: Decimals: seconds to a millisecond, decibels to a hundredth.
_DECIMALS = {"edt": 3, "t20": 3, "t30": 3, "c50": 2, "c80": 2, "d50": 3, "ts": 4}
_RANKS = {"ts": 5, "d50": 4, "onset": 3, "c80": 2, "t30": 1}


def table(model: Predictor, rooms: RoomTable, prediction: Prediction) -> list[str]:
    """Head, one line a receiver, and what the intervals are.

    Args:
        model: what predicted.
        rooms: one row a receiver of the same room.
        prediction: of these rows, in their order.
    """
    columns = [Column("receiver", [Cell(_place(row[RECEIVER])) for row in rooms.features], False, 0)]
    columns.append(Column("onset", [Cell(str(value)) for value in prediction.onset.tolist()], True, _RANKS["onset"]))
    for name in PARAMETERS:
        pairs = zip(prediction.parameters[name].tolist(), prediction.half_width[name].tolist(), strict=True)
        cells = [_cell(value, width, _DECIMALS[name]) for value, width in pairs]
        columns.append(Column(name, cells, True, _RANKS.get(name, 0)))
    width, colour = terminal()
    kept, dropped = fit(columns, width)
    lines = [*_head(model, rooms), "", *render(kept, colour), *_foot(model, prediction)]
    if dropped:
        lines.append(f"left out to fit the terminal: {', '.join(dropped)}")
    return lines


def _head(model: Predictor, rooms: RoomTable) -> list[str]:
    first = rooms.features[0]
    size, source = " x ".join(f"{value:g}" for value in first[SIZE]), _place(first[SOURCE])
    walls = ", ".join(f"{value:g}" for value in first[ABSORPTION])
    place = "ships with decaylab" if is_shipped(model) else printable(model.path)
    return [
        f"{printable(model.about.name)} ({place}, {model.backend}); {BAND}",
        f"room {size} m, source {source}, absorption {walls}",
        "EDT, T20, T30, Ts in s, C50, C80 in dB, D50 a ratio, from the onset (a sample of the curve); - is invalid",
        "broadband is not the ISO single number, the mean of 500 and 1000 Hz",
    ]


def _foot(model: Predictor, prediction: Prediction) -> list[str]:
    intervals = model.about.intervals
    lines = []
    if any((values != values).any() for values in prediction.parameters.values()):
        lines.append(
            "-: no valid value: 2 s of curve hold T20 up to 3.4 s and T30 up to 2.7 s, direct sound alone has no EDT, "
            "and a curve that is no decay has none of them"
        )
    if intervals is None:
        return [*lines, "no intervals: the model's file does not hold them"]
    unknown = [name for name in PARAMETERS if intervals["half_width"][name] is None]
    if len(unknown) == len(PARAMETERS):
        return [*lines, f"no intervals: {intervals['rooms']} validation rooms are too few to tell"]
    lines += [
        f"± holds one simulation of the room in {intervals['level']:.0%} of the cases, for rooms like those of the "
        f"training ({intervals['rooms']} validation rooms)"
    ]
    if unknown:
        lines.append("without ±: too few valid validation rooms to tell")
    return lines


def _place(values: object) -> str:
    return ",".join(f"{value:g}" for value in values)  # type: ignore[attr-defined]


def _cell(value: float, width: float, decimals: int) -> Cell:
    if value != value:
        return Cell("-", "dim")
    return Cell(f"{value:.{decimals}f}" + ("" if width != width else f" ±{width:.{decimals}f}"))
