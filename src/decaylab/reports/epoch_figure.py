"""A few decay curves in one figure, cheap enough for every epoch of a training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from decaylab.errors import DataError
from decaylab.reports.decays import decay_panel
from decaylab.reports.render_matplotlib import matplotlib_figure
from decaylab.reports.spec import Picture

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def decay_figure(
    targets: NDArray[np.floating],
    predictions: NDArray[np.floating],
    titles: Sequence[str] | None = None,
    sampling_rate: float = 48_000,
) -> Figure:
    """Targets (grey) and predictions in dB re the onset over seconds, one panel a room; -65..5 dB.

    For TensorBoard's `add_figure`; no global state of matplotlib is touched, and nothing has to be closed.

    Args:
        targets, predictions: linear energy, (rooms, samples); a few rooms.
        titles: of each panel, such as the room's ID; plain text.
        sampling_rate: in Hz.

    Raises:
        DataError: the shapes differ, or no room is given. MissingExtraError: matplotlib is not installed.
    """
    if targets.shape != predictions.shape or targets.ndim != 2 or not targets.size:
        raise DataError(f"targets {targets.shape} and predictions {predictions.shape} are not curves of the same rooms")
    names = list(titles) if titles is not None else [f"room {row + 1}" for row in range(len(targets))]
    panels = [
        decay_panel(target, [("prediction", prediction)], name, sampling_rate, fits=False)
        for target, prediction, name in zip(targets, predictions, names, strict=True)
    ]
    figure = matplotlib_figure(Picture("decay", "decay curves", tuple(panels)), is_quick=True)
    figure.set_dpi(130)
    return figure
