"""Bad runs made for real, with one thing wrong in each, and good ones: what preflight, guard and diagnose say of them.

    python benchmarks/bad_runs.py                              all of them (half an hour on two busy cores)
    python benchmarks/bad_runs.py --only "wrong join; compact" --limit 20            two of them, to try it
    python benchmarks/bad_runs.py --dir DIR                    keep data and runs, go on with those that are there

Every training is `decaylab train` in a process of its own, with `--force`, as a refused run would leave nothing. Each
bad run is diagnosed twice: alone in its folder, where diagnose has no other to compare it with, and in a folder with
all the runs, good and bad. The same training with the right setting shows what the wrong one cost. Which codes name the
true cause of a run is written down with its case (`cause` in bad_runs_made.py). A run whose error is hardly above that
with the right setting is not bad by that setting, and a finding that names it says too much: those are counted apart.
Exits 1 where of the others fewer than ten of twelve are named, alone or beside all, or a good run has a severe finding.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import shutil
import sys
import tempfile
from typing import Any, NamedTuple

from bad_runs_made import BAD, GOOD, Case, decaylab, made, made_bad, trained

GOAL = 10 / 12
#: A wrong setting cost something if the error is so many times that with the right one; epochs likewise.
COSTLY, LONGER = 1.25, 2.0


class Told(NamedTuple):
    """What was said of a run: preflight's findings, the guard, the run's status and error, diagnose's findings."""

    preflight: str
    guard: str
    status: str
    mae: float | None
    epochs: int
    found: list[dict[str, Any]]

    @property
    def first(self) -> str:
        return f"`{self.found[0]['code']}`, {self.found[0]['severity']}" if self.found else "nothing"

    @property
    def severe(self) -> list[str]:
        return [finding["code"] for finding in self.found if finding["severity"] == "severe"]

    def names(self, cause: tuple[str, ...]) -> bool:
        return bool(self.found) and self.found[0]["code"] in cause


def told(run: pathlib.Path) -> Told:
    """Of a run, among those of its folder."""
    record = json.loads((run / "metadata.json").read_text())
    done = decaylab("diagnose", run.name, "--experiments", str(run.parent), "--json")
    if done.returncode:
        sys.exit(f"diagnose {run}: {done.stderr}")
    from decaylab import runlog

    status = next(str(record.status) for record in runlog.runs(run.parent) if record.run_id == run.name)
    checks = (record.get("preflight") or {}).get("findings", [])
    said = ", ".join(f"`{finding['code']}`, {finding['severity']}" for finding in checks) or "nothing"
    guard = record.get("guard") or {}
    epoch = f" in epoch {guard['epoch']}" if guard.get("epoch") is not None else ""
    mae = (record.get("metrics") or {}).get("overall_edc", {}).get("mae")
    epochs = (run / "history.jsonl").read_bytes().count(b"\n")
    return Told(said, f"{guard.get('state', 'none')}{epoch}", status, mae, epochs, json.loads(done.stdout))


class Made(NamedTuple):
    """The runs by name: those that are bad, each with one of its right settings, and the good ones."""

    bad: dict[str, pathlib.Path]
    right: dict[str, pathlib.Path]
    good: dict[str, pathlib.Path]

    def together(self, folder: pathlib.Path) -> dict[str, pathlib.Path]:
        """Copies of the good and the bad ones, in one folder."""
        shutil.rmtree(folder, ignore_errors=True)
        copies = {name: folder / run.name for name, run in {**self.bad, **self.good}.items()}
        for name, run in {**self.bad, **self.good}.items():
            shutil.copytree(run, copies[name])
        return copies


def make(cases: list[Case], names: list[str], data: dict[str, str], folder: pathlib.Path) -> Made:
    """Train them all; what is there of an earlier call is kept."""
    runs = Made({}, {}, {})
    for case in cases:
        print(f"training: {case.name}", file=sys.stderr, flush=True)
        runs.bad[case.name] = made_bad(case, data, folder / "bad" / plain(case.name))
        beside = folder / "right" / plain(" ".join(case.right).replace(os.sep, "_") or "compact")
        runs.right[case.name] = trained(data["rooms"], beside, case.right)
    for name in names:
        print(f"training: {name}", file=sys.stderr, flush=True)
        runs.good[name] = trained(data["rooms"], folder / "good" / plain(name), GOOD[name])
    return runs


def plain(name: str) -> str:
    """As a folder's name."""
    return "".join(sign if sign.isalnum() else "_" for sign in name)[-80:]


def cost(case: Case, wrong: Told, right: Told) -> bool:
    """Whether the run is bad by what was wrong with it."""
    if case.costs == "epochs":
        return wrong.epochs >= LONGER * right.epochs
    return case.costs == "always" or wrong.mae is None or (right.mae is not None and wrong.mae >= COSTLY * right.mae)


class Count(NamedTuple):
    """Of a bad run: whether its cause was named, alone and beside all others, and whether what was wrong cost."""

    alone: bool
    beside: bool
    costly: bool


def bad(cases: list[Case], runs: Made, copies: dict[str, pathlib.Path]) -> list[Count]:
    """The table of the bad runs."""
    print("| bad run | wrong | EDC MAE | with the right one | cost something | preflight | guard | status ", end="")
    print("| diagnose's first finding, alone | beside all others | names the cause |")
    print("|---|---|---|---|---|---|---|---|---|---|---|", flush=True)
    counts = []
    for case in cases:
        alone, beside = told(runs.bad[case.name]), told(copies[case.name])
        right = told(runs.right[case.name])
        count = Count(alone.names(case.cause), beside.names(case.cause), cost(case, alone, right))
        counts.append(count)
        named = {(True, True): "yes", (True, False): "alone", (False, True): "beside"}.get(count[:2], "no")
        if named == "no" and any(finding["code"] in case.cause for finding in alone.found):
            named = "later"
        cells = [case.name, case.wrong, spoken(alone.mae), spoken(right.mae), "yes" if count.costly else "no"]
        cells += [alone.preflight, alone.guard, alone.status, alone.first, beside.first, named]
        print(f"| {' | '.join(cells)} |", flush=True)
    return counts


def good(names: list[str], copies: dict[str, pathlib.Path]) -> int:
    """The table of the good runs; how many severe findings there are."""
    print("\n| good run | EDC MAE | preflight | guard | status | diagnose's first finding | severe ones |")
    print("|---|---|---|---|---|---|---|", flush=True)
    severe = 0
    for name in names:
        result = told(copies[name])
        severe += len(result.severe)
        cells = [name, spoken(result.mae), result.preflight, result.guard, result.status, result.first]
        print(f"| {' | '.join([*cells, ', '.join(result.severe) or 'none'])} |", flush=True)
    return severe


def spoken(mae: float | None) -> str:
    return "none" if mae is None else f"{mae:.5f}"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--dir", type=pathlib.Path, help="keep data and runs here (default: removed at the end)")
    parser.add_argument("--only", metavar="NAMES", help="these runs, separated by semicolons")
    parser.add_argument("--limit", type=int, default=60, metavar="ROOMS", help="rooms in the data set")
    args = parser.parse_args()
    cases, names = chosen(args.only)
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(args.dir or temporary).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        os.chdir(folder)  # so that no working tree's changes are on record
        runs = make(cases, names, made(folder / "data", args.limit), folder)
        copies = runs.together(folder / "together")
        print(f"{args.limit} rooms\n")
        counts = bad(cases, runs, copies)
        severe = good(names, copies)
    costly = [count for count in counts if count.costly]
    alone, beside = (sum(getattr(count, how) for count in costly) for how in ("alone", "beside"))
    print(f"\n{len(costly)} of {len(counts)} bad runs are bad by what was wrong with them")
    print(f"of these {alone} are named by the first finding alone, {beside} beside all others (goal: 10 of 12)")
    print(f"{severe} severe findings on {len(names)} good runs (goal: 0)")
    return 0 if min(alone, beside) >= GOAL * len(costly) and severe == 0 else 1


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
