"""What stored curves say of a run: predictions that are no decays, targets with faults, the rooms that are worst."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from decaylab.evaluation.curve_file import CurveFile
from decaylab.evaluation.recompute import BLOCK_ROWS
from decaylab.rooms.curve_checks import RISE_TOLERANCE, START_TOLERANCE

#: A network's output is not exact: a prediction is no decay from these on (1 % of the start, -30 dB).
PREDICTED_START_TOLERANCE, PREDICTED_RISE_TOLERANCE = 1e-2, 1e-3
#: Share of the rooms from which the fault is the rule; and the least number, so that one odd room is none.
_SHARE, _LEAST = 0.1, 2
_WORST = 3
FAULTS = ("not finite", "rising", "negative", "not 1 at the start")


class Shapes(NamedTuple):
    """For each room, (n,): its faults as booleans by name, how far the curve rises, and its mean absolute error."""

    faults: dict[str, NDArray[np.bool_]]
    rise: NDArray[np.float64]

    @property
    def any(self) -> NDArray[np.bool_]:
        """Whether each room has a fault, (n,)."""
        return np.asarray(np.any(list(self.faults.values()), axis=0))


class CurveFacts(NamedTuple):
    """What was found in the arrays of a run; `mae` (n,) is each room's mean |error|, NaN where not finite."""

    predictions: Shapes
    targets: Shapes
    mae: NDArray[np.float64]
    constant: bool


class CurveFinding(NamedTuple):
    """`code` and `severity` as in `runlog.findings`, which this package does without."""

    code: str
    severity: str
    evidence: str
    cause: str


def curve_facts(predictions: CurveFile | NDArray[Any], targets: CurveFile | NDArray[Any]) -> CurveFacts:
    """Look at curves (rooms, samples) of linear energy, best given as files; in blocks of rooms."""
    parts: list[tuple[Shapes, Shapes, NDArray[np.float64]]] = []
    first = np.asarray(predictions[:1], dtype=np.float32)
    constant = len(predictions) > 1
    for start in range(0, len(targets), BLOCK_ROWS):
        predicted = np.asarray(predictions[start : start + BLOCK_ROWS], dtype=np.float32)
        true = np.asarray(targets[start : start + BLOCK_ROWS], dtype=np.float32)
        constant = constant and bool(np.allclose(predicted, first, rtol=0, atol=1e-6))
        with np.errstate(invalid="ignore", over="ignore"):
            error = np.abs(predicted - true).mean(axis=1, dtype=np.float64)
        shapes = _shapes(predicted, PREDICTED_START_TOLERANCE, PREDICTED_RISE_TOLERANCE)
        parts.append((shapes, _shapes(true, START_TOLERANCE, RISE_TOLERANCE), error))
    of_predictions, of_targets, errors = zip(*parts, strict=True)
    return CurveFacts(_joined(of_predictions), _joined(of_targets), np.concatenate(errors), constant)


def curve_findings(facts: CurveFacts, rooms: Sequence[str] | None = None) -> list[CurveFinding]:
    """What is wrong with them, the targets first: a model cannot be better than what it was taught.

    Args:
        rooms: names of the rooms, in their order; row numbers if None.
    """
    names = rooms if rooms is not None else [f"row {row}" for row in range(len(facts.mae))]
    found = []
    if said := _said(facts.targets, names, facts.targets.rise):
        is_much = _is_much(facts.targets)
        cause = "The targets themselves are no decays, so none can be learnt of them: look at them with data check."
        found.append(CurveFinding("data_faults", "severe" if is_much else "warning", f"targets: {said}", cause))
    if said := _said(facts.predictions, names, facts.mae):
        is_much = _is_much(facts.predictions)
        cause = "Nothing in this model keeps its curves from rising or falling below zero; parameters of such curves "
        cause += "are invalid or chance. compact can predict nothing but decays."
        severity = "severe" if is_much and _is_gross(facts) else "warning" if is_much else "note"
        found.append(CurveFinding("predictions_no_decays", severity, f"predictions: {said}", cause))
    if facts.constant:
        text = f"all {len(facts.mae)} predicted curves are the same"
        cause = "The network has stopped answering to its inputs: its units died, or it learnt the mean and no more."
        found.append(CurveFinding("predictions_constant", "severe", text, cause))
    if said := _worst(facts, names):
        cause = "Few rooms make most of the error; look at them with `decaylab show RUN --worst 10`."
        found.append(CurveFinding("few_rooms_rule", "note", said, cause))
    return found


def _shapes(curves: NDArray[np.float32], start: float, rise: float) -> Shapes:
    finite = np.isfinite(curves).all(axis=1)
    clean = np.nan_to_num(curves, nan=0.0, posinf=0.0, neginf=0.0)
    above = (clean - np.minimum.accumulate(clean, axis=1)).max(axis=1).astype(np.float64)
    faults = {
        "not finite": ~finite,
        "rising": finite & (above > rise),
        "negative": finite & (clean.min(axis=1) < -rise),
        "not 1 at the start": finite & (np.abs(clean[:, 0] - 1.0) > start),
    }
    return Shapes(faults, above)


def _joined(parts: Sequence[Shapes]) -> Shapes:
    faults = {name: np.concatenate([part.faults[name] for part in parts]) for name in FAULTS}
    return Shapes(faults, np.concatenate([part.rise for part in parts]))


def _said(shapes: Shapes, names: Sequence[str], order: NDArray[np.float64]) -> str:
    """Counts by fault, and the worst rooms that have one."""
    counts = {name: int(rows.sum()) for name, rows in shapes.faults.items() if rows.any()}
    if not counts:
        return ""
    total = len(shapes.rise)
    wrong = np.flatnonzero(shapes.any)
    worst = wrong[np.argsort(-np.nan_to_num(order[wrong], nan=np.inf), kind="stable")][:_WORST]
    rooms = ", ".join(names[row] for row in worst)
    said = ", ".join(f"{count} of {total} {name}" for name, count in counts.items())
    rising = shapes.faults["rising"]
    if rising.any():
        said += f" (the largest rise {float(shapes.rise[rising].max()):.2g} of the start)"
    return f"{said}; worst: {rooms}"


def _is_much(shapes: Shapes) -> bool:
    return int(shapes.any.sum()) >= max(_LEAST, _SHARE * len(shapes.rise))


def _is_gross(facts: CurveFacts) -> bool:
    """Whether the typical faulty prediction rises by a tenth of the start, is far off it, or is not finite."""
    shapes = facts.predictions
    return bool(shapes.faults["not finite"].any() or np.median(shapes.rise[shapes.any]) > 0.1)


def _worst(facts: CurveFacts, names: Sequence[str]) -> str:
    """Where a twentieth of the rooms has more than half of the error."""
    error = facts.mae[np.isfinite(facts.mae)]
    few = len(facts.mae) // 20
    if few < 1 or error.sum() <= 0:
        return ""
    order = np.argsort(-np.nan_to_num(facts.mae, nan=np.inf), kind="stable")[:few]
    share = float(np.sort(error)[::-1][:few].sum() / error.sum())
    if share < 0.5:
        return ""
    rooms = ", ".join(names[row] for row in order[:_WORST])
    return f"{few} of {len(facts.mae)} test rooms make {100 * share:.0f} % of the EDC error: {rooms}"
