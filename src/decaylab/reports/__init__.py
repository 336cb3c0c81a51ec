"""Pictures of runs: each defined once as plain data, drawn by plotly (report, notebook) or matplotlib (paper).

`figure` draws recorded runs in a notebook, `decay_figure` a few curves during a training.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from decaylab.reports.decay_picture import decay_figure as decay_figure
    from decaylab.reports.pictures import figure as figure

_WHERE = {"decay_figure": "epoch_figure", "figure": "pictures"}
__all__ = ["decay_figure", "figure"]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> Any:
    """Import on first use: who wants one picture does not pay for the others, nor for plotly."""
    if name not in _WHERE:
        raise AttributeError(f"module 'decaylab.reports' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"decaylab.reports.{_WHERE[name]}"), name)
