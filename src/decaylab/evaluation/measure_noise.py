"""Measuring the label noise of a data set: rooms simulated again, resumable at any moment."""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from decaylab.errors import DataError, InputError
from decaylab.evaluation.errors import RoomErrors, room_errors
from decaylab.evaluation.metrics import CurveMetrics, Reference
from decaylab.evaluation.noise import noise_summary
from decaylab.evaluation.noise_file import NOISE, appending_noise, no_rooms, read_noise, rooms_still_there, write_noise
from decaylab.rooms.dataset import DataSet
from decaylab.rooms.generate import simulated_curves
from decaylab.rooms.resimulate import fresh_seed, recorded_simulation
from decaylab.rooms.store import LABEL_NOISE, read_manifest
from decaylab.rooms.store_writer import store_errors, store_to_annotate

#: Called with (done, all) rooms at the start and as they are done.
Progress = Callable[[int, int], None]


class Measured(NamedTuple):
    """What is known of a data set's label noise now.

    Attributes:
        rooms: every room measured so far. simulated: how many this call added. seed: of the second curves.
    """

    rooms: RoomErrors
    simulated: int
    seed: int


def measure_noise(
    data: DataSet, rows: NDArray[np.int64], *, seed: int | None = None, jobs: int = 1, progress: Progress | None = None
) -> Measured:
    """Simulate `rows` again, those that are not yet in noise.csv, and write its summary into the manifest.

    Args:
        data: a store of `decaylab simulate`.
        rows: (n,) rows of it.
        seed: of the second simulation; None: the one of an earlier measurement, else one above the data set's own.
        jobs: worker processes.
        progress: called with (done, all) rooms.

    Raises:
        DataError: the data set cannot be simulated again as it was (`recorded_simulation`), or not be written to.
        InputError: a seed that cannot be used, or another process writes to the data set.
        SimulationError, MissingExtraError: as for `simulate_rooms`. Whatever ends it, KeyboardInterrupt included, the
            rooms that are done stay and are summed up, and the same call goes on.
    """
    recorded = recorded_simulation(data)
    earlier = _earlier_seed(data.manifest)
    seed = fresh_seed(recorded, earlier if seed is None else seed)
    if jobs < 1:
        raise InputError(f"the number of jobs must be at least 1, not {jobs}")
    with store_to_annotate(data.path) as annotate:
        manifest = read_manifest(data.path)
        if manifest["digest"] != data.digest:
            raise DataError(f"{data.path} was changed meanwhile: run the same command again")
        kept = _kept(data, _earlier_seed(manifest), seed)
        pending = rows[~np.isin(rows, kept.rows)]
        if not len(pending) and manifest.get(LABEL_NOISE, {}).get("rooms") == len(kept.rows):
            return Measured(kept, 0, seed)
        annotate(_entry(data, seed, kept))  # the seed is on record before the first room
        added = 0
        if progress is not None:
            progress(len(rows) - len(pending), len(rows))
        try:
            with (
                appending_noise(data.path, kept) as append,
                contextlib.closing(
                    simulated_curves(data.table, pending.tolist(), seed, recorded.settings, jobs)
                ) as curves,
            ):
                for row, curve in curves:
                    append(_compared(data, row, curve))
                    added += 1
                    if progress is not None:
                        progress(len(rows) - len(pending) + added, len(rows))
        finally:
            found = read_noise(data.path)
            with store_errors(data.path):
                write_noise(data.path, found)
            annotate(_entry(data, seed, found))
    return Measured(found, added, seed)


def _earlier_seed(manifest: dict[str, Any]) -> int | None:
    entry = manifest.get(LABEL_NOISE)
    seed = entry.get("seed") if isinstance(entry, dict) else None
    return seed if isinstance(seed, int) and not isinstance(seed, bool) and seed >= 0 else None


def _kept(data: DataSet, earlier: int | None, seed: int) -> RoomErrors:
    """The rooms that need not be simulated again."""
    try:
        found = read_noise(data.path)
    except FileNotFoundError:
        return no_rooms()
    kept = rooms_still_there(found, data.ids, data.features)
    if len(kept.rows) and earlier != seed:
        was = "an unknown seed" if earlier is None else f"seed {earlier}"
        raise InputError(
            f"{data.path} has {len(kept.rows)} rooms measured under {was}, this is seed {seed}: give that seed, or "
            f"remove {Path(data.path) / NOISE} to measure anew"
        )
    return kept


def _compared(data: DataSet, row: int, curve: NDArray[np.float32]) -> RoomErrors:
    """One room: the data set's curve as the target, the fresh one as the prediction, scored as any prediction is."""
    metrics = CurveMetrics(dict)
    metrics.add(curve[None], Reference.of(data.read([row]), data.sampling_rate))
    features = data.features[[row]]
    return room_errors(np.array([row]), [data.ids[row]], features, features[:0], metrics)


def _entry(data: DataSet, seed: int, rooms: RoomErrors) -> dict[str, Any]:
    """What the manifest says under `label_noise`: of every room measured so far."""
    return {
        "seed": seed,
        "rooms": len(rooms.rows),
        "digest": data.digest,
        "measured_utc": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "metrics": noise_summary(rooms),
    }
