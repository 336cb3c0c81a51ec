"""Does a run that was trained again agree with the one it was made from? Bit for bit, or within stated tolerances.

Where the tolerances come from: docs/decisions/reproduce.md.
"""

from __future__ import annotations

import json
import os
from typing import Any, NamedTuple

import numpy as np

from decaylab.catalogue.fields import FIELDS
from decaylab.errors import DataError, RunLogError
from decaylab.evaluation.curve_file import CurveFile, open_curves
from decaylab.runlog.arrays import PAIRS
from decaylab.runlog.files import replace_file
from decaylab.runlog.find import is_doubtful
from decaylab.runlog.reading import at, number
from decaylab.runlog.record import Record
from decaylab.training.data import BLOCK_ROWS
from decaylab.training.same import Difference

#: Largest difference of an error (MAE, RMSE), as a share of the larger of the two.
METRIC_TOLERANCE = 0.05
#: Largest mean |difference| of the predicted curves, as a share of the recorded EDC MAE.
CURVE_TOLERANCE = 0.25
_COMPARED = tuple(
    f"{name}_{statistic}" for name in ("edc", "edt", "t20", "c50", "t30", "ts") for statistic in ("mae", "rmse")
)
_VERSION = 1


class Row(NamedTuple):
    """One quantity of both runs. `allowed` is None where nothing is compared, and `remark` says why."""

    name: str
    recorded: float | None
    again: float | None
    allowed: float | None
    agrees: bool
    remark: str = ""

    @property
    def difference(self) -> float | None:
        return None if self.recorded is None or self.again is None else abs(self.recorded - self.again)


class Verdict(NamedTuple):
    """`verdict`: "bit-equal", "within tolerance" or "differs"; `expected`: the weakest of them that is agreement."""

    run: str
    reproduction: str
    verdict: str
    expected: str
    because: list[Difference]
    on_gpu: bool
    rows: list[Row]

    @property
    def agrees(self) -> bool:
        return self.verdict in ("bit-equal", self.expected)

    def to_json(self) -> dict[str, Any]:
        return {
            "reproduction_version": _VERSION,
            "run": self.run,
            "reproduction": self.reproduction,
            "agrees": self.agrees,
            "verdict": self.verdict,
            "expected": self.expected,
            "metric_tolerance": METRIC_TOLERANCE,
            "curve_tolerance": CURVE_TOLERANCE,
            "because": [{"key": key, "recorded": old, "here": new} for key, old, new, _ in self.because],
            "on_gpu": self.on_gpu,
            "rows": [{**row._asdict(), "difference": row.difference} for row in self.rows],
        }


def compare(original: Record, again: Record, because: list[Difference], on_gpu: bool = False) -> Verdict:
    """Compare metrics and predictions of two runs on the same test rooms.

    Args:
        original: the recorded run.
        again: the new one.
        because: what other bits may come from (`reproduce.Again.because`). Without anything the same bits are expected
            on a CPU, else figures within the tolerances.
        on_gpu: the new run was trained on one: it does not add in the same order twice.
    """
    rows = [_metric(original, again, name) for name in _COMPARED if _is_known(original, again, name)]
    curves, same_curves = _curves(original, again)
    rows.append(curves)
    if same_curves is not False and _same_metrics(original, again):
        verdict = "bit-equal"
    else:
        verdict = "within tolerance" if all(row.agrees for row in rows) else "differs"
    expected = "within tolerance" if because or on_gpu else "bit-equal"
    return Verdict(original.run_id, again.run_id, verdict, expected, because, on_gpu, rows)


def keep(verdict: Verdict, directories: list[str]) -> list[str]:
    """Write `reproduction_<id of the reproduction>.json` into each directory; returns what could not be written."""
    name = f"reproduction_{verdict.reproduction.replace('/', '_')}.json"
    data = (json.dumps(verdict.to_json(), indent=2, default=str) + "\n").encode()
    trouble = []
    for directory in directories:
        try:
            replace_file(os.path.join(directory, name), data)
        except OSError as error:
            trouble.append(f"the verdict could not be written into {directory}: {error.strerror}")
    return trouble


def predictions(record: Record) -> CurveFile | None:
    """The curves that a run predicted; None if they are not there, or not any more.

    Raises:
        DataError: they are there and cannot be read.
    """
    for name, _ in PAIRS:
        try:
            return open_curves(record.path, name)
        except FileNotFoundError:
            continue
        except RunLogError as error:
            path = os.path.join(record.path, name)
            raise DataError(
                f"{path} cannot be compared with: {error}; move it away, and the metrics alone are compared"
            ) from error
    return None


def _is_known(original: Record, again: Record, name: str) -> bool:
    """Whether the record has a figure, or null where the new run has one; figures of later versions say nothing."""
    if original.get(name) is not None:
        return True
    parameter = at(original.metadata, FIELDS[name].path.rpartition(".")[0])
    return isinstance(parameter, dict) and again.get(name) is not None


def _metric(original: Record, again: Record, name: str) -> Row:
    recorded, now = number(original.get(name)), number(again.get(name))
    shown = FIELDS[name].label
    if is_doubtful(original, name):
        return Row(shown, recorded, now, None, True, "by other definitions: not compared")
    if recorded is None or now is None:
        return Row(shown, recorded, now, None, recorded is now, "" if recorded is now else "one of them is null")
    allowed = METRIC_TOLERANCE * max(abs(recorded), abs(now))
    return Row(shown, recorded, now, allowed, abs(recorded - now) <= allowed)


def _same_metrics(original: Record, again: Record) -> bool:
    """Whether every figure on record is the same; those that the older record does not have say nothing."""
    stored, now = original.metadata, again.metadata
    return all(_same(stored[key], now.get(key)) for key in ("metrics", "validation") if key in stored)


def _same(recorded: Any, now: Any) -> bool:
    if isinstance(recorded, dict) and isinstance(now, dict):
        return all(key in now and _same(value, now[key]) for key, value in recorded.items())
    return bool(recorded == now)


def _curves(original: Record, again: Record) -> tuple[Row, bool | None]:
    """The predictions of both: mean |difference| of the energy, and whether their bits are the same (None: unknown)."""
    name = "predictions"
    theirs, ours = predictions(original), predictions(again)
    if theirs is None or ours is None:
        return Row(name, None, None, None, True, f"{original.run_id} has none on the disk: not compared"), None
    if theirs.shape != ours.shape:
        return Row(name, None, None, None, False, f"of the shapes {theirs.shape} and {ours.shape}"), False
    total, is_same = 0.0, True
    for start in range(0, len(theirs), BLOCK_ROWS):
        block = slice(start, start + BLOCK_ROWS)
        a, b = theirs[block], ours[block]
        is_same = is_same and a.tobytes() == b.tobytes()
        total += float(np.abs(a.astype(np.float64) - b).sum())
    mean = total / theirs.size
    error = number(original.get("edc_mae"))
    allowed = None if error is None else CURVE_TOLERANCE * error
    agrees = bool(mean == mean and (allowed is None or mean <= allowed))
    return Row(f"{name}: mean |difference|", 0.0, mean, allowed, agrees), is_same
