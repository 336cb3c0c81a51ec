"""Decay curves as rooms' acousticians draw them: the level in dB re the onset over time, with the T20 fit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from decaylab.acoustics import decay_line, onset_index
from decaylab.reports.spec import INK, Axis, Line, Panel, Values

#: The levels that such a plot shows, in dB re the onset.
LEVELS = (-65.0, 5.0)
#: Points of a curve in a picture: more than a column of print has pixels.
POINTS = 160
_FLOOR = 1e-12


def level_over_time(curve: NDArray[np.floating], onset: int, sampling_rate: float) -> tuple[Values, Values]:
    """Time in s after the onset and level in dB re the onset, (n,) each, thinned to about `POINTS`.

    Samples lie close together after the onset, where a curve drops in steps, and evenly later. Without energy at the
    onset, or where it is not finite, the level is NaN.

    Args:
        curve: linear energy, (samples,).
        onset: the sample that is t = 0.
        sampling_rate: in Hz.
    """
    left = len(curve) - onset
    chosen = np.unique(
        np.concatenate(
            [
                np.linspace(0, left - 1, POINTS - POINTS // 3).astype(np.int64),
                np.geomspace(1, left, POINTS // 3).astype(np.int64) - 1,
            ]
        )
    )
    values = np.asarray(curve[onset + chosen], dtype=np.float64)
    start = float(curve[onset])
    with np.errstate(all="ignore"):
        level = 10.0 * np.log10(np.maximum(values / start, _FLOOR)) if start > 0 else np.full(len(chosen), np.nan)
    level[~np.isfinite(level)] = np.nan
    return chosen / sampling_rate, level


def decay_panel(
    target: NDArray[np.floating],
    predictions: list[tuple[str, NDArray[np.floating]]],
    title: str,
    sampling_rate: float,
    *,
    fits: bool = True,
    colours: tuple[int, ...] | None = None,
) -> Panel:
    """One room: its target and what each run predicts, the lines fitted over -5..-25 dB dashed.

    Args:
        target: linear energy, (samples,). Its onset serves all curves.
        predictions: label and curve of each run; curves are linear energy, (samples,).
        title: the heading of the panel.
        sampling_rate: of all curves, in Hz.
        fits: whether the fitted lines are drawn.
        colours: of each run; None: 0, 1, 2, ...
    """
    onset = int(onset_index(target))
    own = colours or tuple(range(len(predictions)))
    shown = [("target", INK, target), *((n, c, p) for (n, p), c in zip(predictions, own, strict=True))]
    lines: list[Line] = []
    end = 0.0
    for label, colour, curve in shown:
        time, level = level_over_time(curve, onset, sampling_rate)
        lines.append(Line(time, level, label, colour, width=2.4 if colour == INK else 1.4))
        above = np.flatnonzero(level > LEVELS[0])
        end = max(end, float(time[above[-1]]) if above.size else 0.0)
    if fits:
        for _, colour, curve in shown:
            lines += _fit(curve, onset, sampling_rate, colour)
    x = Axis("time after the onset in s", (0.0, max(end * 1.02, 0.05)))
    return Panel(title, x, Axis("level in dB re the onset", LEVELS), tuple(lines))


def _fit(curve: NDArray[np.floating], onset: int, sampling_rate: float, colour: int) -> list[Line]:
    """The line whose slope is T20, from 0 dB to the lowest level shown; nothing where T20 is invalid."""
    with np.errstate(all="ignore"):
        line = decay_line(curve, "t20", sampling_rate, onset)
    if line is None:
        return []
    levels = np.array([min(line.level, LEVELS[1]), LEVELS[0]])
    times = (levels - line.level) / line.slope
    label = "fit over -5..-25 dB (T20, broadband)" if colour == INK else ""
    return [Line(times, levels, label, colour, "dash", 1.0)]
