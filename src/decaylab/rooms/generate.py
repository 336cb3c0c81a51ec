"""The simulation of a whole data set: in worker processes, resumable at any moment."""

from __future__ import annotations

import contextlib
import datetime
import functools
import os
import signal
import threading
import time
import warnings
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from decaylab.errors import InputError, MissingExtraError, SimulationError
from decaylab.rooms.features import RoomTable, check_rooms
from decaylab.rooms.simulate import FORMER_SETTINGS, SimulationSettings, simulate_row, simulator_versions
from decaylab.rooms.store import MANIFEST, read_manifest
from decaylab.rooms.store_writer import StoreWriter

#: Called as curves arrive, with the number of rooms that are done and of all.
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class SimulationReport:
    """What a call of `simulate_rooms` did.

    Attributes:
        rooms: in the store now. simulated: by this call. seconds: that it took. digest: of the data set.
    """

    rooms: int
    simulated: int
    seconds: float
    digest: str


def simulate_rooms(
    folder: str | Path,
    table: RoomTable,
    *,
    seed: int = 0,
    settings: SimulationSettings | None = None,
    jobs: int = 1,
    source: dict[str, Any] | None = None,
    progress: Progress | None = None,
) -> SimulationReport:
    """Simulate rooms into a store, or go on with one, or extend it.

    The curves are the same bit for bit whatever the number of jobs, the order and the interruptions: every curve
    depends on its room, the seed and the settings alone.

    Args:
        folder: the store; made if missing.
        table: the rooms wanted (`choose_rooms`, `draw_rooms`); those already there are kept and not simulated again.
        seed: of the data set.
        settings: None: the defaults.
        jobs: worker processes, each with one thread.
        source: where the rooms come from, for the manifest; its `kind` counts as a setting.
        progress: called with (done, all) at the start and as curves arrive.

    Raises:
        DataError: rooms that cannot be, a disk that is full. InputError: a store with other settings.
        SimulationError: the simulator failed, or a worker was killed. MissingExtraError: it is not installed.
            Whatever ends it, KeyboardInterrupt included, the curves that are written stay, and the same call goes on.
    """
    folder = Path(folder)
    recorded = read_manifest(folder)["settings"] if (folder / MANIFEST).is_file() else None
    settings = (settings or SimulationSettings()).with_builder(recorded)
    if seed < 0:
        raise InputError(f"the seed must be 0 or more, not {seed}")
    if jobs < 1:
        raise InputError(f"the number of jobs must be at least 1, not {jobs}")
    if not len(table):
        raise InputError("no rooms to simulate: the table is empty")
    check_rooms(table)
    source = source or {"kind": "table"}
    versions = simulator_versions()
    decisive = {
        "simulator": f"pyroomacoustics {versions['pyroomacoustics']}",
        "seed": seed,
        "rooms": source["kind"],
        **settings.to_json(),
    }
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    facts = {"source": source, "versions": versions, "made_utc": now}
    start = time.monotonic()
    samples, rate = settings.samples, settings.sampling_rate
    with StoreWriter(folder, table, decisive, facts, samples, rate, former=FORMER_SETTINGS) as store:
        pending, total = len(store.pending), len(store.table)
        done = total - pending
        if progress is not None:
            progress(done, total)
        with contextlib.closing(simulated_curves(store.table, store.pending, seed, settings, jobs)) as curves:
            for row, curve in curves:
                store.write(row, curve)
                done += 1
                if progress is not None:
                    progress(done, total)
        digest = store.finish()
    return SimulationReport(total, pending, time.monotonic() - start, digest)


def simulated_curves(
    table: RoomTable, rows: list[int], seed: int, settings: SimulationSettings, jobs: int
) -> Generator[tuple[int, NDArray[np.float32]], None, None]:
    """Rows of `table` and their curves (samples,), as they are ready, in any order; close it to end its workers.

    Args:
        table: rooms.
        rows: which of them.
        seed: of the data set; a room's own follows from it.
        settings: everything else that decides a curve.
        jobs: worker processes; 1: this process alone.

    Raises:
        SimulationError: the simulator failed, or a worker was killed. MissingExtraError: it is not installed.
    """
    if not rows:
        return
    try:
        import joblib
        import threadpoolctl
        from joblib.externals.loky import get_reusable_executor
        from joblib.externals.loky.process_executor import TerminatedWorkerError
    except ImportError:
        raise MissingExtraError("joblib", "train", "simulating rooms") from None
    if jobs == 1:
        with threadpoolctl.threadpool_limits(1):
            for row in rows:
                yield simulate_row(row, table.ids[row], table.features[row], seed, settings)
        return
    # Where we stop it joblib advises to change our iterator; the user is told what happened, in one line, by us.
    warnings.filterwarnings("ignore", message=r"\d+ tasks which were still being processed", category=UserWarning)
    tasks = (joblib.delayed(_in_worker)(row, table.ids[row], table.features[row], seed, settings) for row in rows)
    finished = False
    try:
        with joblib.parallel_config(backend="loky", inner_max_num_threads=1):
            parallel = joblib.Parallel(n_jobs=jobs, return_as="generator_unordered", batch_size=1)
            yield from parallel(tasks)
        finished = True
    except TerminatedWorkerError:
        raise SimulationError(
            "a worker process was killed, perhaps for want of memory. "
            "What is simulated is kept: run the same command again, with fewer --jobs"
        ) from None
    finally:
        if not finished:
            get_reusable_executor().shutdown(wait=True, kill_workers=True)


def _in_worker(
    row: int, room: str, features: NDArray[np.float64], seed: int, settings: SimulationSettings
) -> tuple[int, NDArray[np.float32]]:
    _settle_worker()
    return simulate_row(row, room, features, seed, settings)


@functools.cache
def _settle_worker() -> None:
    """Once per worker: leave Ctrl-C and SIGTERM to the parent, which ends its workers; end when it was killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal sends it to all its processes
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # as do schedulers
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os._exit(1)  # joblib's workers would go on waiting for rooms, with their memory

    threading.Thread(target=watch, daemon=True).start()
