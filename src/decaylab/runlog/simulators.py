"""Which simulator made the data set of a run: two of them differ on the same rooms by more than noise does."""

from __future__ import annotations

from collections.abc import Iterable

from decaylab.runlog.record import Record
from decaylab.runlog.text import printable

_SIMULATION = "data_config.simulation"
#: The builder of a data set that was made before builders were recorded.
_FORMER_BUILDER = "pyroomacoustics"


def simulator_of(record: Record) -> str | None:
    """Simulator and version, with the builder of its responses where that is not the simulator's own; None: unknown."""
    settings = record.get(_SIMULATION)
    name = settings.get("simulator") if isinstance(settings, dict) else None
    if not isinstance(name, str):
        return None
    builder, version = settings.get("builder") or _FORMER_BUILDER, settings.get("builder_version")
    if builder == _FORMER_BUILDER:
        return name
    return f"{name} with the builder of {builder}" + (f", version {version}" if version is not None else "")


def other_simulators(named: Iterable[tuple[str, Record]]) -> list[str]:
    """One line that names the simulators, each with the names of what it made; none where fewer than two are known."""
    made: dict[str, list[str]] = {}
    for name, record in named:
        simulator = simulator_of(record)
        if simulator is not None:
            made.setdefault(simulator, []).append(name)
    if len(made) < 2:
        return []
    told = ", ".join(f"{simulator} ({', '.join(names)})" for simulator, names in made.items())
    return [printable(f"data sets made by other simulators: {told}")]
