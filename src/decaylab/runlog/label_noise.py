"""label_noise.json: a run's errors over the noise of its labels, measured after the run had ended.

It lies beside metadata.json, which only the process that trained writes; the key `label_noise` there has the same form,
and this file counts more, as it is the later one:
`{"rooms": n, "metrics": {metric: {"noise", "ratio", "low", "high", "rooms"}}}`.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from decaylab.errors import RunLogError
from decaylab.runlog.cells import fixed
from decaylab.runlog.files import read_regular, replace_file
from decaylab.runlog.parse import parse
from decaylab.runlog.reading import number, section
from decaylab.runlog.schema import LABEL_NOISE
from decaylab.runlog.table import Cell, Column, render

if TYPE_CHECKING:
    from decaylab.runlog.record import Record

_LIMIT = 1024 * 1024
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


def read_label_noise(directory: str) -> dict[str, Any] | None:
    """What label_noise.json of a run directory holds; None if there is none, or none that can be read."""
    try:
        data = read_regular(os.path.join(directory, LABEL_NOISE), _LIMIT)
    except (FileNotFoundError, RunLogError):
        return None
    return parse(data, LABEL_NOISE)[0]


def recorded(record: Record) -> dict[str, Any] | None:
    """The run's errors over the label noise as they are on record, here or in its metadata."""
    content = read_label_noise(record.path)
    if content is None:
        stored = record.metadata.get("label_noise")
        content = stored if isinstance(stored, dict) else None
    return content


def write_label_noise(directory: str, content: dict[str, Any]) -> None:
    """Write label_noise.json whole or not at all.

    Raises:
        RunLogError: the disk refuses; what was there before stays.
    """
    try:
        replace_file(os.path.join(directory, LABEL_NOISE), (json.dumps(content, indent=2) + "\n").encode())
    except OSError as error:
        raise RunLogError(f"{os.path.join(directory, LABEL_NOISE)} cannot be written: {error.strerror}") from error


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
    columns = [
        Column(names[place], [Cell(row[place]) for row in rows], place in (1, 3, 4), 0) for place in range(len(names))
    ]
    return render(columns, False)
