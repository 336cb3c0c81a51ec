"""A few decay curves and their predictions as a matplotlib figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Points of a curve in the picture: it has no more columns.
_POINTS = 500
_LOWEST_DB = -65.0


def curve_figure(
    targets: NDArray[np.float32],
    predictions: NDArray[np.float32],
    onsets: NDArray[np.int64],
    sampling_rate: float,
    names: Sequence[str],
    epoch: int,
) -> Any:
    """Level re the onset over the time after it, -65 to 5 dB: targets drawn through, predictions dashed.

    Args:
        targets, predictions: linear energy (n, samples), n at most the number of colours.
        onsets: (n,) sample of each target's onset, which serves both.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.0, 4.0), dpi=100)
    axes = figure.add_subplot()
    for target, predicted, onset, name in zip(targets, predictions, onsets.tolist(), names, strict=True):
        step = max(len(target) // _POINTS, 1)
        time = np.arange(0, len(target) - onset, step) / sampling_rate
        (line,) = axes.plot(time, _level(target, onset, step), linewidth=1.5, label=name)
        axes.plot(time, _level(predicted, onset, step), linewidth=1.2, linestyle="--", color=line.get_color())
    axes.set(
        xlabel="time after the onset in s",
        ylabel="level in dB re the onset",
        ylim=(_LOWEST_DB, 5.0),
        title=f"epoch {epoch}: simulated (through) and predicted (dashed), broadband",
    )
    axes.title.set_fontsize(9)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    return figure


def _level(curve: NDArray[np.float32], onset: int, step: int) -> NDArray[np.float64]:
    energy = curve[onset::step].astype(np.float64)
    return np.asarray(10.0 * np.log10(np.maximum(energy / max(float(energy[0]), 1e-12), 1e-12)))
