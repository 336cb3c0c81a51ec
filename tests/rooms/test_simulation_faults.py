"""What goes wrong while a data set is made, for real: killed workers, a full disk, a torn store, other builders."""

import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from decaylab.errors import InputError, SimulationError
from decaylab.rooms import SimulationSettings, draw_rooms, open_data, simulate_edc, simulate_rooms, write_rooms_csv

pytest.importorskip("pyroomacoustics")

QUICK = SimulationSettings(rays=100, time_limit=0.1, samples=4_800)


def curves(folder: Path) -> dict[str, bytes]:
    data = open_data(folder)
    return {room: data.read([row]).tobytes() for row, room in enumerate(data.ids)}


def workers() -> list[int]:
    """Process ids of joblib's workers."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return [int(pid) for pid in children if b"LokyProcess" in Path(f"/proc/{pid}/cmdline").read_bytes()]


@pytest.mark.heavy
@pytest.mark.skipif(sys.platform != "linux", reason="finds the workers in /proc")
def test_killed_workers_cost_the_rooms_in_work_alone(tmp_path: Path) -> None:
    table = draw_rooms(40, seed=0)
    seen = []

    def kill(done: int, total: int) -> None:
        seen.append(done)
        if done == 3:
            pids = workers()
            assert pids
            for pid in pids:
                os.kill(pid, signal.SIGKILL)

    with pytest.raises(SimulationError, match=r"a worker process was killed.*run the same command again"):
        simulate_rooms(tmp_path / "a", table, settings=QUICK, jobs=2, progress=kill)
    report = simulate_rooms(tmp_path / "a", table, settings=QUICK)
    assert report.simulated == 40 - seen[-1]
    assert 3 <= seen[-1] < 40
    simulate_rooms(tmp_path / "b", table, settings=QUICK)
    assert curves(tmp_path / "a") == curves(tmp_path / "b")


@pytest.mark.heavy
def test_a_file_that_may_not_grow_is_one_line_and_the_next_start_goes_on(tmp_path: Path) -> None:
    with open(tmp_path / "rooms.csv", "w", encoding="utf-8") as stream:
        write_rooms_csv(draw_rooms(3, seed=1), stream)
    out = tmp_path / "data"
    command = [
        sys.executable,
        "-m",
        "decaylab.cli.main",
        "simulate",
        "--rooms",
        str(tmp_path / "rooms.csv"),
        "--rays",
        "50",
    ]
    command += ["--out", str(out), "--jobs", "1"]
    assert subprocess.run([*command, "--limit", "1"], capture_output=True, timeout=120).returncode == 0
    first = curves(out)

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2 * 96_000 * 4, 2 * 96_000 * 4))

    full = subprocess.run(command, capture_output=True, text=True, timeout=120, preexec_fn=limit)
    assert full.returncode == 2
    assert "no space left to write" in full.stderr
    assert "run the same command again" in full.stderr
    assert "Traceback" not in full.stderr
    again = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert again.returncode == 0, again.stderr
    assert "simulated 2 in" in again.stderr
    assert first.items() <= curves(out).items()


@pytest.mark.parametrize("finished", [True, False])
def test_a_torn_last_curve_is_simulated_again_and_no_other(tmp_path: Path, finished: bool) -> None:
    table = draw_rooms(4, seed=0)
    digest = simulate_rooms(tmp_path, table, settings=QUICK).digest
    whole = curves(tmp_path)
    with open(tmp_path / "curves.npy", "r+b") as file:
        file.truncate(file.seek(0, os.SEEK_END) - 4_800 * 2)
    if not finished:  # as a power cut leaves it: the last line of the record is torn too
        record = (tmp_path / "digests.txt").read_bytes()
        (tmp_path / "digests.txt").write_bytes(record[:-20])
    done: list[int] = []
    report = simulate_rooms(tmp_path, table, settings=QUICK, progress=lambda now, total: done.append(now))
    assert (report.simulated, report.digest) == (1, digest)
    assert done == [3, 4]
    assert curves(tmp_path) == whole


def manifest_of(folder: Path) -> dict:
    return json.loads((folder / "manifest.json").read_text())


def test_a_store_from_before_builders_stays_with_the_library(tmp_path: Path) -> None:
    table = draw_rooms(3, seed=0)
    library = SimulationSettings(rays=100, time_limit=0.1, samples=4_800, builder="pyroomacoustics")
    simulate_rooms(tmp_path, table.rows([0]), settings=library)
    manifest = manifest_of(tmp_path)
    assert manifest["settings"].pop("builder") == "pyroomacoustics"
    assert "builder_version" not in manifest["settings"]
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    own = SimulationSettings(rays=100, time_limit=0.1, samples=4_800, builder="decaylab")
    with pytest.raises(InputError, match="builder is 'pyroomacoustics' there, 'decaylab' here"):
        simulate_rooms(tmp_path, table, settings=own)
    assert simulate_rooms(tmp_path, table.rows([0, 1]), settings=QUICK).simulated == 1
    assert simulate_rooms(tmp_path, table, settings=library).simulated == 1
    assert manifest_of(tmp_path)["settings"]["builder"] == "pyroomacoustics"
    for row in (1, 2):
        assert curves(tmp_path)[table.ids[row]] == simulate_edc(table.features[row], 0, library).tobytes()
        assert curves(tmp_path)[table.ids[row]] != simulate_edc(table.features[row], 0, own).tobytes()


def test_the_builder_and_its_version_are_settings_of_a_store(tmp_path: Path) -> None:
    table = draw_rooms(2, seed=0)
    simulate_rooms(tmp_path / "own", table.rows([0]), settings=QUICK)
    settings = manifest_of(tmp_path / "own")["settings"]
    assert (settings["builder"], settings["builder_version"]) == ("decaylab", 1)
    with pytest.raises(InputError, match="builder is 'decaylab' there, 'pyroomacoustics' here"):
        simulate_rooms(
            tmp_path / "own",
            table,
            settings=SimulationSettings(rays=100, time_limit=0.1, samples=4_800, builder="pyroomacoustics"),
        )
    manifest = manifest_of(tmp_path / "own")
    manifest["settings"]["builder_version"] = 2
    (tmp_path / "own" / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(InputError, match="builder_version is 2 there, 1 here"):
        simulate_rooms(tmp_path / "own", table, settings=QUICK)
    assert SimulationSettings.published().with_builder().builder == "pyroomacoustics"
    assert SimulationSettings.published(builder="decaylab").with_builder().builder == "decaylab"
    with pytest.raises(InputError, match="builder must be one of decaylab, pyroomacoustics"):
        SimulationSettings(builder="other")
