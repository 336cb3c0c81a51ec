"""Bad runs made for real, each with one wrong setting, and good ones: what preflight, guard and diagnose say of them.

    python benchmarks/bad_runs.py                                           all of them (ten minutes on two cores)
    python benchmarks/bad_runs.py --only "rate too high; compact" --limit 20    two of them on few rooms, to try it

Every training is `decaylab train` in a process of its own, with `--force`, as a refused one would leave no run. Each
bad run stands alone in its folder, so that diagnose has no better one to compare it with; beside it, in another folder,
the same training with the right setting shows what the wrong one cost. The good runs stand together, and are diagnosed
when all of them are there. Which codes name the true cause of a run is written down with its case (`cause`); those of
settings that no rule knows are counted as missed. A run whose error is hardly above that with the right setting is not
bad by that setting, and a finding that names it says too much: those are counted apart. Exits 1 where of the others
fewer than ten of twelve are named, or a good run has a severe finding.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

GOAL = 10 / 12
#: A wrong setting cost something if the error is so many times that with the right one.
COSTLY = 1.25
OWN = pathlib.Path(__file__).resolve().parent / "guard_models.py"
#: A small model that can only fall, and one whose curves are free, with settings that suit them.
FALLING = f"--model {OWN}:Falling --loss decay --batch-size 8 --learning-rate 3e-3 --max-epochs 300".split()
CURVE = f"--model {OWN}:Curve --loss mse --batch-size 8 --learning-rate 1e-3 --max-epochs 30".split()
AUXILIARY = [*FALLING, "--loss", "auxiliary", "--gradient-clip-val", "1"]
#: A model that learns something of this loss where it is clipped; the falling one learns nothing of it either way.
FREE = [*AUXILIARY, "--model", f"{OWN}:Free", "--max-epochs", "100"]
#: Epochs after which the run that is to be killed is killed, and seconds that they may take.
KILLED_AFTER, KILLED_WITHIN = 3, 120.0
NOT_KNOWN: tuple[str, ...] = ()


class Case(NamedTuple):
    """A bad run. `wrong` is added to `right`, which alone is a fair training; `cause`: codes that name what is wrong.

    `data` is the data set of the bad run; the right one is always trained on sound data, split by the same rule.
    """

    name: str
    wrong: str
    right: list[str]
    added: list[str]
    cause: tuple[str, ...]
    data: str = "rooms"
    killed: bool = False


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
    Case("leaking split", "random split of 12 rooms, 5 rows each", [], [], ("split_leaks",), "shared"),
    Case("broken curves", "curves rise by 0.05 to their end", [], [], ("data_faults",), "broken"),
    Case("wrong join", "curves shifted by one row", [], [], ("wrong_join",), "shifted"),
    Case("killed", "SIGKILL in the training", FALLING, ["--max-epochs", "100000"], ("lost",), killed=True),
    Case("input noise", "--input-noise 20", [], ["--input-noise", "20"], NOT_KNOWN),
    Case("weight decay", "--weight-decay 300", FALLING, ["--weight-decay", "300"], NOT_KNOWN),
    Case("no clipping, free", "loss auxiliary unclipped", FREE, ["--gradient-clip-val", "none"], ("no_clipping",)),
    Case("overweight, free", "--aux-weight 1000", FREE, ["--aux-weight", "1000"], ("weight_rules",)),
)
GOOD = {
    "compact": [],
    "compact, other loss": ["--loss", "mse"],
    "compact, weighted and clipped": ["--loss", "weighted_edc", "--gradient-clip-val", "1"],
    "compact, other batch": ["--batch-size", "16"],
    "compact, split by room": ["--split", "room"],
    "own model": FALLING,
}


class Told(NamedTuple):
    """What was said of a run: preflight's findings, the guard, the run's status and error, diagnose's findings."""

    preflight: str
    guard: str
    status: str
    mae: float | None
    found: list[dict[str, Any]]

    @property
    def first(self) -> str:
        return f"`{self.found[0]['code']}`, {self.found[0]['severity']}" if self.found else "nothing"

    @property
    def severe(self) -> list[str]:
        return [finding["code"] for finding in self.found if finding["severity"] == "severe"]


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
    table = folder / "shared.csv"
    table.write_text("\n".join(shared_rooms((folder / "rooms" / "rooms.csv").read_text().splitlines())) + "\n")
    simulated(folder / "shared", ["--rooms", str(table)])
    return {name: str(folder / name) for name in ("rooms", "shifted", "broken", "shared")}


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


def trained(data: str, experiments: pathlib.Path, options: list[str]) -> str:
    """The run's id; a training that leaves no run ends this program."""
    begun = ["train", "--data", data, "--experiments", str(experiments), "--force", *options]
    done = decaylab(*begun)
    lines = done.stdout.splitlines()
    if not lines:
        sys.exit(f"{' '.join(begun)} left no run:\n{done.stderr}")
    return pathlib.Path(lines[-1]).name


def killed(data: str, experiments: pathlib.Path, options: list[str]) -> str:
    """The id of a run whose process was killed once its history had a few epochs."""
    command = [sys.executable, "-m", "decaylab.cli.main", "train", "--data", data, "--experiments", str(experiments)]
    until = time.monotonic() + KILLED_WITHIN
    with subprocess.Popen([*command, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None and time.monotonic() < until:
            for history in experiments.glob("*/history.jsonl"):
                if history.read_bytes().count(b"\n") > KILLED_AFTER:
                    process.send_signal(signal.SIGKILL)
                    process.wait()
                    return history.parent.name
            time.sleep(0.1)
        process.kill()
    sys.exit("the run that was to be killed wrote no history")


def told(experiments: pathlib.Path, run: str) -> Told:
    record = json.loads((experiments / run / "metadata.json").read_text())
    done = decaylab("diagnose", run, "--experiments", str(experiments), "--json")
    if done.returncode:
        sys.exit(f"diagnose {run}: {done.stderr}")
    from decaylab import runlog

    status = next(str(record.status) for record in runlog.runs(experiments) if record.run_id == run)
    checks = (record.get("preflight") or {}).get("findings", [])
    said = ", ".join(f"`{finding['code']}`, {finding['severity']}" for finding in checks) or "nothing"
    guard = record.get("guard") or {}
    epoch = f" in epoch {guard['epoch']}" if guard.get("epoch") is not None else ""
    mae = (record.get("metrics") or {}).get("overall_edc", {}).get("mae")
    return Told(said, f"{guard.get('state', 'none')}{epoch}", status, mae, json.loads(done.stdout))


def spoken(mae: float | None) -> str:
    return "none" if mae is None else f"{mae:.5f}"


def cost(case: Case, wrong: float | None, right: float | None) -> bool:
    """Whether the run is bad by what was set wrongly; a leak makes figures too good, a killed run has none."""
    if case.killed or "split_leaks" in case.cause:
        return True
    return wrong is None or (right is not None and wrong >= COSTLY * right)


def bad(cases: list[Case], data: dict[str, str], folder: pathlib.Path) -> list[tuple[bool, bool]]:
    """Train and judge them; of each, whether its cause was named and whether what was wrong cost something."""
    print("| bad run | wrong setting | EDC MAE | with the right one | preflight | guard | status ", end="")
    print("| diagnose's first finding | names the cause |\n|---|---|---|---|---|---|---|---|---|", flush=True)
    right: dict[str, float | None] = {}
    judged = []
    for case in cases:
        experiments = folder / "bad" / case.name.replace(" ", "_").replace(",", "")
        run = (killed if case.killed else trained)(data[case.data], experiments, [*case.right, *case.added])
        key = " ".join(case.right)
        if key not in right:
            beside = folder / "right" / str(len(right))
            right[key] = told(beside, trained(data["rooms"], beside, case.right)).mae
        result = told(experiments, run)
        is_named = bool(result.found) and result.found[0]["code"] in case.cause
        later = [finding["code"] for finding in result.found if finding["code"] in case.cause]
        word = "yes" if is_named else "later" if later else "no" if case.cause else "no: no rule"
        judged.append((is_named, cost(case, result.mae, right[key])))
        print(
            f"| {case.name} | {case.wrong} | {spoken(result.mae)} | {spoken(right[key])} | {result.preflight} ", end=""
        )
        print(f"| {result.guard} | {result.status} | {result.first} | {word} |", flush=True)
    return judged


def good(names: list[str], data: str, folder: pathlib.Path) -> int:
    """Train them all, then judge them; how many severe findings there were."""
    experiments = folder / "good"
    runs = {name: trained(data, experiments, GOOD[name]) for name in names}
    print("\n| good run | EDC MAE | preflight | guard | status | diagnose's first finding | severe ones |")
    print("|---|---|---|---|---|---|---|", flush=True)
    severe = 0
    for name, run in runs.items():
        result = told(experiments, run)
        severe += len(result.severe)
        print(f"| {name} | {spoken(result.mae)} | {result.preflight} | {result.guard} | {result.status} ", end="")
        print(f"| {result.first} | {', '.join(result.severe) or 'none'} |", flush=True)
    return severe


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--dir", type=pathlib.Path, help="keep data and runs here (default: removed at the end)")
    parser.add_argument("--only", metavar="NAMES", help="these runs, separated by semicolons")
    parser.add_argument("--limit", type=int, default=60, metavar="ROOMS", help="rooms in the data set")
    args = parser.parse_args()
    chosen_bad, chosen_good = chosen(args.only)
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(args.dir or temporary).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        os.chdir(folder)  # so that no working tree's changes are on record
        data = made(folder / "data", args.limit)
        print(f"{args.limit} rooms\n")
        judged = bad(chosen_bad, data, folder)
        severe = good(chosen_good, data["rooms"], folder)
    costly = [is_named for is_named, is_costly in judged if is_costly]
    print(f"\n{sum(is_named for is_named, _ in judged)} of {len(judged)} bad runs: the first finding names the cause")
    print(f"{sum(costly)} of the {len(costly)} among them that what was wrong made bad (goal: 10 of 12)")
    print(f"{severe} severe findings on {len(chosen_good)} good runs (goal: 0)")
    return 0 if sum(costly) >= GOAL * len(costly) and severe == 0 else 1


def chosen(only: str | None) -> tuple[list[Case], list[str]]:
    """The runs that are asked for; SystemExit where there is none of that name."""
    if only is None:
        return list(BAD), list(GOOD)
    names = {name.strip() for name in only.split(";")}
    if unknown := names - {case.name for case in BAD} - GOOD.keys():
        known = "; ".join([*(case.name for case in BAD), *GOOD])
        sys.exit(f"no run is called {'; '.join(sorted(unknown))}; there are: {known}")
    return [case for case in BAD if case.name in names], [name for name in GOOD if name in names]


if __name__ == "__main__":
    sys.exit(main())
