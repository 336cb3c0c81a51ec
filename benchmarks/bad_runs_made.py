"""The trainings of bad_runs.py: what is wrong with each, what has to be named as its cause, and how they are made."""

from __future__ import annotations

import json
import pathlib
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

OWN = pathlib.Path(__file__).resolve().parent / "guard_models.py"
#: A small model that can only fall, and one whose curves are free, with settings that suit them.
FALLING = f"--model {OWN}:Falling --loss decay --batch-size 8 --learning-rate 3e-3 --max-epochs 300".split()
CURVE = f"--model {OWN}:Curve --loss mse --batch-size 8 --learning-rate 1e-3 --max-epochs 30".split()
AUXILIARY = [*FALLING, "--loss", "auxiliary", "--gradient-clip-val", "1"]
#: A model that learns something of this loss where it is clipped; the falling one learns nothing of it either way.
FREE = [*AUXILIARY, "--model", f"{OWN}:Free", "--max-epochs", "100"]
#: compact at a constant rate, stopped when nothing is gained any more.
STOPPED = ["--schedule", "constant", "--max-epochs", "600", "--early-stop-patience", "30"]
#: Epochs after which the run that is to be killed is killed, and seconds that they may take.
KILLED_AFTER, KILLED_WITHIN = 3, 300.0


class Case(NamedTuple):
    """A bad run. `wrong` is added to `right`, which alone is a fair training; `cause`: codes that name what is wrong.

    Attributes:
        data: the data set of the bad run; the right one is always trained on sound data, split by the same rule.
        end: what happens besides: the run is "killed", or its data set "changed" afterwards.
        costs: in what the wrong setting shows: "error", "epochs" that were run for nothing, or "always": where figures
            do not tell.
    """

    name: str
    wrong: str
    right: list[str]
    added: list[str]
    cause: tuple[str, ...]
    data: str = "rooms"
    end: str = ""
    costs: str = "error"


BAD = (
    Case("rate too high", "--learning-rate 3", [], ["--learning-rate", "3"], ("learning_rate",)),
    Case("rate too high, own model", "--learning-rate 1", FALLING, ["--learning-rate", "1"], ("learning_rate",)),
    Case("rate too low", "--learning-rate 1e-7", FALLING, ["--learning-rate", "1e-7"], ("learning_rate_low",)),
    Case("no clipping", "loss auxiliary unclipped", AUXILIARY, ["--gradient-clip-val", "none"], ("no_clipping",)),
    Case("overweight", "--aux-weight 1000", AUXILIARY, ["--aux-weight", "1000"], ("weight_rules",)),
    Case("unfit scaler", "--scaler robust, loss mse", CURVE, ["--scaler", "robust"], ("scaler_unfit",)),
    Case("tiny batch", "--batch-size 1", FALLING, ["--batch-size", "1"], ("tiny_batch",)),
    Case("no patience", "--early-stop-patience 1", FALLING, ["--early-stop-patience", "1"], ("patience_too_short",)),
    Case("too few epochs", "--max-epochs 10", FALLING, ["--max-epochs", "10"], ("too_few_epochs",)),
    Case(
        "leaking split", "random split of 12 rooms, 5 rows each", [], [], ("split_leaks",), "shared", costs="always"
    ),
    Case("broken curves", "curves rise by 0.05 to their end", [], [], ("data_faults",), "broken"),
    Case("wrong join", "curves shifted by one row", [], [], ("wrong_join",), "shifted"),
    Case(
        "killed", "SIGKILL in the training", FALLING, ["--max-epochs", "100000"], ("lost",), end="killed",
        costs="always",
    ),
    Case("input noise", "--input-noise 20", [], ["--input-noise", "20"], ("input_noise",)),
    Case("weight decay", "--weight-decay 300", FALLING, ["--weight-decay", "300"], ("weight_decay",)),
    Case("no clipping, free", "loss auxiliary unclipped", FREE, ["--gradient-clip-val", "none"], ("no_clipping",)),
    Case("overweight, free", "--aux-weight 1000", FREE, ["--aux-weight", "1000"], ("weight_rules",)),
    Case("no numbers", "NaN in every sixth curve", [], [], ("data_faults",), "nan"),
    Case(
        "too patient", "--early-stop-patience 600 of 600 epochs", STOPPED, ["--early-stop-patience", "600"],
        ("patience_too_long",), costs="epochs",
    ),
    Case(
        "data changed", "other rooms at the data set's place afterwards", [], [], ("data_changed",), "changing",
        "changed", "always",
    ),
)  # fmt: skip
GOOD = {
    "compact": [],
    "compact, other loss": ["--loss", "mse"],
    "compact, weighted and clipped": ["--loss", "weighted_edc", "--gradient-clip-val", "1"],
    "compact, other batch": ["--batch-size", "16"],
    "compact, split by room": ["--split", "room"],
    "own model": FALLING,
    "own model, annealed": [*FALLING, "--learning-rate", "1e-2", "--schedule", "onecycle"],
    "own model, weighted": [*FALLING, "--loss", "weighted_edc"],
}


def decaylab(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "decaylab.cli.main", *words]
    return subprocess.run(command, check=False, capture_output=True, text=True)


def made(folder: pathlib.Path, rooms: int) -> dict[str, str]:
    """The data sets by name: the sound one, and those with a fault. Those that are there are kept."""
    from decaylab.rooms.store import open_data

    simulated(folder / "rooms", ["--count", str(rooms)])
    data = open_data(folder / "rooms")
    curves = data.read(np.arange(len(data)))
    rise = np.linspace(0, 0.05, curves.shape[1], dtype=np.float32)
    stored(folder / "shifted", data, np.roll(curves, 1, axis=0))
    stored(folder / "broken", data, np.where(np.arange(curves.shape[1]) > 0, curves + rise, curves))
    holes = curves.copy()
    holes[::6, 20_000:20_100] = np.nan
    stored(folder / "nan", data, holes)
    if not (folder / "changing").exists():
        shutil.copytree(folder / "rooms", folder / "changing")
    simulated(folder / "other", ["--count", str(rooms), "--seed", "1"])
    table = folder / "shared.csv"
    table.write_text("\n".join(shared_rooms((folder / "rooms" / "rooms.csv").read_text().splitlines())) + "\n")
    simulated(folder / "shared", ["--rooms", str(table)])
    return {name: str(folder / name) for name in ("rooms", "shifted", "broken", "nan", "changing", "other", "shared")}


def simulated(folder: pathlib.Path, options: list[str]) -> None:
    done = decaylab("simulate", "--out", str(folder), "--rays", "800", *options)
    if done.returncode:
        sys.exit(done.stderr)


def stored(folder: pathlib.Path, data: Any, curves: NDArray[np.float32]) -> None:
    """A data set with the rooms of `data` and other curves, (rooms, samples)."""
    from decaylab.rooms.features import RoomTable
    from decaylab.rooms.store_writer import StoreWriter

    table = RoomTable(list(data.ids), data.features)
    settings = {"made": folder.name}
    with StoreWriter(folder, table, settings, {"source": settings}, data.samples, data.sampling_rate) as store:
        for row in list(store.pending):
            store.write(row, curves[row])
        store.finish()


def shared_rooms(lines: list[str]) -> Iterator[str]:
    """A table whose rooms come five times each, with other materials: (ID, nine of the geometry, seven absorptions)."""
    yield lines[0]
    rows = [line.split(",") for line in lines[1:]]
    geometries = max(1, len(rows) // 5)
    for number, row in enumerate(rows):
        yield ",".join([row[0], *rows[number % geometries][1:10], *row[10:]])


def trained(data: str, experiments: pathlib.Path, options: list[str]) -> pathlib.Path:
    """The run's directory, that of an ended run if there is one; a training that leaves no run ends this program."""
    for document in experiments.glob("*/metadata.json"):
        if json.loads(document.read_text())["status"] in ("completed", "diverged"):
            return document.parent
    begun = ["train", "--data", data, "--experiments", str(experiments), "--force", *options]
    done = decaylab(*begun)
    lines = done.stdout.splitlines()
    if not lines:
        sys.exit(f"{' '.join(begun)} left no run:\n{done.stderr}")
    return pathlib.Path(lines[-1])


def killed(data: str, experiments: pathlib.Path, options: list[str]) -> pathlib.Path:
    """The directory of a run whose process was killed once its history had a few epochs."""
    for history in experiments.glob("*/history.jsonl"):
        return history.parent
    command = [sys.executable, "-m", "decaylab.cli.main", "train", "--data", data, "--experiments", str(experiments)]
    until = time.monotonic() + KILLED_WITHIN
    with subprocess.Popen([*command, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None and time.monotonic() < until:
            for history in experiments.glob("*/history.jsonl"):
                if history.read_bytes().count(b"\n") > KILLED_AFTER:
                    process.send_signal(signal.SIGKILL)
                    process.wait()
                    return history.parent
            time.sleep(0.1)
        process.kill()
    sys.exit("the run that was to be killed wrote no history")


def made_bad(case: Case, data: dict[str, str], experiments: pathlib.Path) -> pathlib.Path:
    """Train it, and let happen what happens to it: the directory of the run."""
    run = (killed if case.end == "killed" else trained)(data[case.data], experiments, [*case.right, *case.added])
    if case.end == "changed":
        shutil.rmtree(data[case.data])
        shutil.copytree(data["other"], data[case.data])
    return run
