"""Label noise as text: a run's errors over it, and what a data set's was measured to be."""

from __future__ import annotations

from typing import Any

from decaylab.runlog.reading import number, section
from decaylab.runlog.tables.cells import fixed
from decaylab.runlog.tables.table import text_table

#: Metric -> label, unit and digits of what is shown.
_SHOWN = {
    "edc": ("EDC", "", 5),
    "edc_db": ("EDC level", " dB", 3),
    "edt": ("EDT", " s", 4),
    "t20": ("T20", " s", 4),
    "t30": ("T30", " s", 4),
    "c50": ("C50", " dB", 3),
    "ts": ("Ts", " s", 5),
}


def lines(content: Any) -> list[str]:
    """The ratios as text: `T20 MAE 0.0069 s = 1.03 [0.98, 1.09] x label noise, 128 paired rooms`, one a metric."""
    metrics = section(content, "metrics") if isinstance(content, dict) else {}
    out = []
    for name, (label, unit, digits) in _SHOWN.items():
        entry = section(metrics, name)
        noise, ratio, low, high, rooms = (number(entry.get(key)) for key in ("noise", "ratio", "low", "high", "rooms"))
        if noise is None or ratio is None:
            continue
        interval = "" if low is None or high is None else f" [{low:.2f}, {high:.2f}]"
        paired = "" if rooms is None else f", {rooms:g} paired rooms"
        out.append(f"{label} MAE {fixed(noise * ratio, digits)}{unit} = {ratio:.2f}{interval} x label noise{paired}")
    return out


def noise_table(summary: dict[str, Any]) -> list[str]:
    """What `evaluation.noise.noise_summary` found, as a table."""
    rows = []
    for name, (label, unit, digits) in _SHOWN.items():
        entry = section(summary, name)
        noise, low, high, tenth = (number(entry.get(key)) for key in ("noise", "low", "high", "heaviest_tenth"))
        rows.append(
            (
                f"{label}{f' ({unit.strip()})' if unit else ''}",
                "-" if noise is None else fixed(noise, digits),
                "-" if low is None or high is None else f"{fixed(low, digits)} to {fixed(high, digits)}",
                f"{entry.get('rooms', 0)}",
                "-" if tenth is None else f"{100 * tenth:.0f} %",
            )
        )
    names = ("metric", "noise", "95 % interval", "rooms", "heaviest tenth of rooms")
    return text_table(names, rows, numbers=("noise", "rooms", "heaviest tenth of rooms"))
