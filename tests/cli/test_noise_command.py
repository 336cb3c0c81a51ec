"""`decaylab noise`, as a person and as a script uses it: resumed, refused, interrupted, and beside a run."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from decaylab.cli.main import main
from decaylab.rooms import SimulationSettings, draw_rooms, open_data, simulate_rooms, split_rows

pytest.importorskip("pyroomacoustics")

QUICK = SimulationSettings(rays=60, time_limit=0.3, samples=24_000)
ROOMS = 36


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("noise") / "data"
    simulate_rooms(folder, draw_rooms(ROOMS, seed=0), settings=QUICK)
    return folder


@pytest.fixture
def data(original: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data set of one's own, named as a user in `tmp_path` would."""
    shutil.copytree(original, tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    return Path("data")


def rows_of(data: Path) -> list[dict[str, str]]:
    with open(data / "noise.csv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def manifest_of(data: Path) -> dict[str, Any]:
    return json.loads((data / "manifest.json").read_text())


def write_run(data: Path, factor: float = 2.0, **changes: Any) -> Path:
    """A run whose predictions on all but two rooms decay too fast: the energy to the power of `factor`."""
    from decaylab import runlog

    opened = open_data(data)
    rows = np.arange(1, ROOMS - 1)
    targets = opened.read(rows)
    config = {"digest": opened.digest, "path": str(data), "sampling_rate": 48_000, **changes}
    with runlog.start("fast", data_config=config, metrics_definitions="iso") as run:
        directory = Path(run.directory)
        np.save(directory / "predictions.npy", targets**factor)
        np.save(directory / "targets.npy", targets)
        ids = [opened.ids[row] for row in rows]
        (directory / "split.json").write_text(json.dumps({"test": {"rows": rows.tolist(), "ids": ids}}))
        run.finish(metrics={"t20_mae": 0.1})
    return directory


def test_it_measures_goes_on_and_writes_what_it_found(data: Path, capfd: pytest.CaptureFixture[str]) -> None:
    before = manifest_of(data)
    assert main(["noise", "--data", str(data), "--rooms", "4", "--jobs", "1"]) == 0
    first = capfd.readouterr()
    assert first.out.startswith("label noise of data: 4 rooms simulated again under seed 1\n")
    assert re.search(r"^C50 \(dB\) +[\d.]+  [\d.]+ to [\d.]+ +4 +\d+ %$", first.out, re.MULTILINE)
    assert first.err.splitlines()[0] == "simulating 4 rooms"  # on a slow machine more lines follow
    four = rows_of(data)
    assert main(["noise", "--data", str(data), "--rooms", "6", "--jobs", "2"]) == 0
    second = capfd.readouterr()
    assert second.err.splitlines()[0] == "simulating 6 rooms, 4 there already"
    six = rows_of(data)
    assert len(six) == 6
    assert all(row in six for row in four)
    assert [int(row["row"]) for row in six] == sorted(int(row["row"]) for row in six)
    manifest = manifest_of(data)
    noise = manifest.pop("label_noise")
    assert manifest == before
    assert (noise["seed"], noise["rooms"], noise["digest"]) == (1, 6, before["digest"])
    for row in six:
        assert row["room"] == open_data(data).ids[int(row["row"])]
    assert noise["metrics"]["edc"]["noise"] == pytest.approx(np.mean([float(r["edc_mae"]) for r in six]) / np.sqrt(2))
    state = [(path.name, path.stat().st_mtime_ns) for path in sorted(data.iterdir())]
    assert main(["noise", "--data", str(data), "--rooms", "3"]) == 0  # nothing left to do, nothing written
    assert "6 rooms simulated again" in capfd.readouterr().out
    assert [(path.name, path.stat().st_mtime_ns) for path in sorted(data.iterdir())] == state


def test_a_and_b_are_the_stored_curve_and_one_of_the_other_seed(data: Path, tmp_path: Path) -> None:
    assert main(["noise", "--data", str(data), "--rooms", "2", "--jobs", "1", "--seed", "9"]) == 0
    simulate_rooms(tmp_path / "again", draw_rooms(ROOMS, seed=0).rows([int(r["row"]) for r in rows_of(data)]),
                   seed=9, settings=QUICK)  # fmt: skip
    from decaylab.acoustics import onset_index, room_parameters

    again = open_data(tmp_path / "again")
    for place, row in enumerate(rows_of(data)):
        a, b = open_data(data).read([int(row["row"])]), again.read([place])
        onset = onset_index(a)
        for name in ("c50", "ts", "t20"):
            for which, curve in (("a", a), ("b", b)):
                value = room_parameters(curve, onset=onset, names=[name])[name][0]
                cell = row[f"{name}_{which}"]
                assert (np.isnan(value) and cell == "") or float(cell) == value
        assert float(row["edc_mae"]) == pytest.approx(np.abs(a - b).mean(), rel=1e-5)


def test_the_test_rooms_of_a_split(data: Path, capfd: pytest.CaptureFixture[str]) -> None:
    split = ["--split", "room", "--split-seed", "3", "--fold", "2/12"]
    assert main(["noise", "--data", str(data), "--jobs", "2", *split]) == 0
    expected = split_rows(open_data(data).features, "room", seed=3, fold=(2, 12)).test
    assert [int(row["row"]) for row in rows_of(data)] == expected.tolist()
    assert f"{len(expected)} test rooms simulated again" in capfd.readouterr().out


def test_a_run_beside_its_noise(data: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run = write_run(data)
    recorded = (run / "metadata.json").read_bytes()
    assert main(["show", "latest"]) == 0
    assert "label noise" not in capfd.readouterr().out
    assert main(["noise", "--run", "latest", "--rooms", "3", "--jobs", "1"]) == 0
    said = capfd.readouterr()
    assert "it takes 30 measured test rooms, and there are fewer" in said.err
    assert not (run / "label_noise.json").exists()
    assert main(["noise", "--run", "latest", "--jobs", "2"]) == 0
    said = capfd.readouterr().out
    assert f"{ROOMS - 2} test rooms simulated again under seed 1" in said
    line = re.search(
        r"^C50 MAE ([\d.]+) dB = ([\d.]+) \[([\d.]+), ([\d.]+)\] x label noise, 34 paired rooms$", said, re.M
    )
    assert line, said
    mae, ratio, low, high = map(float, line.groups())
    assert low < ratio < high
    content = json.loads((run / "label_noise.json").read_text())
    assert content["rooms"] == ROOMS - 2
    assert content["data_digest"] == open_data(data).digest
    entry = content["metrics"]["c50"]
    assert (entry["ratio"], entry["noise"] * entry["ratio"]) == (
        pytest.approx(ratio, abs=0.01),
        pytest.approx(mae, abs=1e-3),
    )
    assert (run / "metadata.json").read_bytes() == recorded
    assert main(["show", "latest"]) == 0
    assert f"  {line[0]}\n" in capfd.readouterr().out
    assert (
        main(["compare", "--columns", "c50_vs_noise", "--sort-by", "c50_vs_noise", "--export", "json", "--output", "-"])
        == 0
    )
    assert json.loads(capfd.readouterr().out)[0]["c50_vs_noise"] == entry["ratio"]
    assert main(["verify", "latest"]) == 0


def test_show_computes_the_ratio_where_nothing_is_recorded(data: Path, capfd: pytest.CaptureFixture[str]) -> None:
    from decaylab.evaluation.errors import ERRORS, write_errors
    from decaylab.evaluation.noise_of_run import data_and_errors
    from decaylab.runlog.store import read_run

    run = write_run(data)
    write_errors(run / ERRORS, data_and_errors(read_run(str(run)), None)[1])
    assert main(["noise", "--data", str(data), "--rooms", "8", "--jobs", "2"]) == 0
    capfd.readouterr()
    assert main(["show", "latest"]) == 0
    assert "not known: it takes 30 measured test rooms, and there are fewer" in capfd.readouterr().out
    assert main(["noise", "--data", str(data), "--jobs", "2"]) == 0
    capfd.readouterr()
    assert main(["show", "latest"]) == 0
    assert re.search(r"^  EDC MAE [\d.]+ = [\d.]+ \[.*\] x label noise, 34 paired rooms$", capfd.readouterr().out, re.M)
    assert not (run / "label_noise.json").exists(), "show writes nothing"
    simulate_rooms(data, draw_rooms(ROOMS + 1, seed=0), settings=QUICK)
    assert main(["show", "latest"]) == 0
    assert "not known: data is no longer the data set that the run was trained on" in capfd.readouterr().out
    assert main(["noise", "--run", "latest"]) == 2
    assert "is not the data set that fast_" in capfd.readouterr().err
    shutil.rmtree(data)
    assert main(["show", "latest"]) == 0
    assert "label noise" not in capfd.readouterr().out
    assert main(["noise", "--run", "latest"]) == 2
    assert "is not at data: name its folder with --data DIR" in capfd.readouterr().err


def test_a_data_set_that_was_moved_is_named(data: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write_run(data)
    os.rename("data", "moved")
    assert main(["noise", "--run", "latest", "--data", "moved", "--rooms", "1", "--jobs", "1"]) == 0
    assert (Path("moved") / "noise.csv").exists()


def test_a_linked_run_is_never_written_through(data: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run = write_run(data)
    os.rename(run, "elsewhere")
    run.symlink_to(Path("elsewhere").resolve())
    assert main(["noise", "--run", run.name, "--jobs", "2"]) == 0
    said = capfd.readouterr()
    assert "is linked to" in said.err
    assert "x label noise, 34 paired rooms" in said.out
    assert not (Path("elsewhere") / "label_noise.json").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--data DIR or --run RUN"),
        (["--data", "nowhere"], "no data set at nowhere"),
        (["--data", "data", "--rooms", "0"], "--rooms: expected a whole number from 1"),
        (["--data", "data", "--split", "none"], "--split 'none'"),
        (["--data", "data", "--fold", "1/5"], "--split-seed and --fold belong to --split"),
        (["--data", "data", "--split-seed", "1"], "--split-seed and --fold belong to --split"),
        (["--data", "data", "--split", "room", "--fold", "five"], "K/N"),
        (["--data", "data", "--split", "random", "--fold", "1/5"], "folds are for the splits room and material"),
        (["--run", "latest", "--split", "room"], "--run has a split of its own"),
        (["--run", "latest"], "no experiments folder"),
        (["--data", "data", "--seed", "0"], "the data set itself was simulated with seed 0"),
        (["--data", "data", "--seed", "-3"], "the seed must be 0 or more"),
    ],
)
def test_bad_usage_is_one_line_and_status_2(
    data: Path, arguments: list[str], message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    before = sorted(path.name for path in data.iterdir())
    assert main(["noise", *arguments]) == 2
    said = capfd.readouterr()
    assert message in said.err
    assert said.err.count("\n") == 1
    assert said.out == ""
    assert sorted({path.name for path in data.iterdir()} - {".lock"}) == sorted({*before} - {".lock"})


def test_another_simulator_and_another_seed_are_refused(data: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["noise", "--data", "data", "--rooms", "1", "--jobs", "1", "--seed", "3"]) == 0
    capfd.readouterr()
    assert main(["noise", "--data", "data", "--rooms", "2", "--seed", "4"]) == 2
    assert "1 rooms measured under seed 3, this is seed 4: give that seed, or remove" in capfd.readouterr().err
    assert main(["noise", "--data", "data", "--rooms", "2", "--jobs", "1"]) == 0  # the seed of before
    assert manifest_of(data)["label_noise"]["seed"] == 3
    manifest = manifest_of(data)
    manifest["settings"]["simulator"] = "pyroomacoustics 0.8.6"
    (data / "manifest.json").write_text(json.dumps(manifest))
    capfd.readouterr()
    assert main(["noise", "--data", "data", "--rooms", "3"]) == 2
    assert "was simulated with pyroomacoustics 0.8.6" in capfd.readouterr().err
    assert len(rows_of(data)) == 2


def test_rooms_of_other_features_are_measured_again(data: Path) -> None:
    assert main(["noise", "--data", "data", "--rooms", "2", "--jobs", "1"]) == 0
    text = (data / "noise.csv").read_text()
    whole = rows_of(data)
    (data / "noise.csv").write_text(text.replace(whole[0]["room"], "another"))
    assert main(["noise", "--data", "data", "--rooms", "2", "--jobs", "1"]) == 0
    assert rows_of(data) == whole


@pytest.mark.parametrize(
    ("sent", "status"), [pytest.param(signal.SIGKILL, -9, marks=pytest.mark.heavy), (signal.SIGINT, 130)]
)
def test_killed_or_interrupted_it_goes_on_where_it_stopped(data: Path, sent: int, status: int) -> None:
    command = [sys.executable, "-m", "decaylab.cli.main", "noise", "--data", "data", "--jobs", "2"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    measured = data / "noise.csv"
    deadline = time.monotonic() + 40
    while not (measured.exists() and measured.read_text().count("\n") > 2) and time.monotonic() < deadline:
        time.sleep(0.01)
    if sent == signal.SIGINT:
        os.killpg(process.pid, sent)  # as a terminal does: to the workers too
    else:
        process.send_signal(sent)
    out, error = process.communicate(timeout=60)
    if process.returncode == 0 and len(rows_of(data)) == ROOMS:
        pytest.skip("all rooms were done before the signal arrived: this machine was too busy to interrupt in time")
    assert process.returncode == status, error
    done = len(rows_of(data))
    assert 1 <= done < ROOMS
    if sent == signal.SIGINT:
        assert re.search(rf"{done} of {ROOMS} rooms are kept: the same command goes on from there", error)
        assert "Traceback" not in error
        assert out == ""
        assert manifest_of(data)["label_noise"]["rooms"] == done
    again = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert again.returncode == 0, again.stderr
    assert f"simulating {ROOMS} rooms, {done} there already" in again.stderr
    assert len(rows_of(data)) == ROOMS == manifest_of(data)["label_noise"]["rooms"]
