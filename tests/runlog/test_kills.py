"""Runs that are killed at random moments, and many that start at once: none may be lost."""

import json
import os
import random
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from decaylab.runlog.history import read_history
from decaylab.runlog.store import scan

# Says on stdout, unbuffered, which step it has reached, always after the line was logged.
VICTIM = textwrap.dedent("""
    import os
    from decaylab import runlog
    os.write(1, b"starting\\n")
    while True:
        with runlog.start("victim", config={"batch_size": 8}, experiments="experiments", capture_output=False) as run:
            os.write(1, b"run %s\\n" % run.run_id.encode())
            for step in range(1, 40):
                run.log(epoch=step, val_loss=1 / step, text="x" * 300)
                os.write(1, b"%d\\n" % step)
                if step % 10 == 0:
                    run.update(config={"step": step})
            run.finish(metrics={"t20_mae": 0.01})
        os.write(1, b"finished\\n")
""")


def kill_one(folder, wait):
    """Start the victim, kill it after `wait` seconds; what it said it had logged, run by run."""
    child = subprocess.Popen([sys.executable, "-c", VICTIM], cwd=folder, stdout=subprocess.PIPE)
    child.stdout.readline()
    time.sleep(wait)
    child.send_signal(signal.SIGKILL)
    said = child.stdout.read().decode().splitlines()
    child.wait()
    logged: dict[str, int] = {}
    for line in said:
        if line.startswith("run "):
            logged[current := line[4:]] = 0
        elif line.isdigit():
            logged[current] = int(line)
    return logged


def starting_takes(folder):
    """Seconds that the victim takes to start its first run here: on a loaded machine ten times as long."""
    child = subprocess.Popen([sys.executable, "-c", VICTIM], cwd=folder, stdout=subprocess.PIPE)
    child.stdout.readline()
    begin = time.monotonic()
    child.stdout.readline()
    child.kill()
    child.stdout.close()
    child.wait()
    return time.monotonic() - begin


def check_after_kills(folder, kills):
    chance = random.Random(1)
    longest = max(0.25, 3 * starting_takes(folder))
    logged = {}
    for _ in range(kills):
        logged |= kill_one(folder, chance.uniform(0, longest))
    experiments = folder / "experiments"
    lost_lines, unreadable, statuses = 0, [], []
    shown = {record.run_id: record.status for record in scan(str(experiments))}
    for directory in sorted(experiments.iterdir()):
        path = directory / "metadata.json"
        if not path.exists():
            # Killed between making the directory and its first record: empty but for what the start makes.
            assert directory.name not in logged
            assert shown[directory.name] == "lost"
            continue
        try:
            record = json.loads(path.read_bytes())
        except ValueError:
            unreadable.append(directory.name)
            continue
        steps = [line["epoch"] for line in read_history(str(directory / "history.jsonl")).lines]
        assert steps == list(range(1, len(steps) + 1))
        lost_lines += max(0, logged.get(directory.name, 0) - len(steps))
        if record["status"] == "running":
            assert shown[directory.name] == "lost"
        statuses.append(record["status"])
    assert unreadable == []
    assert lost_lines == 0
    assert set(logged) <= {d.name for d in experiments.iterdir()}
    return statuses


def test_kill_nine_loses_no_line_and_breaks_no_record(tmp_path):
    statuses = check_after_kills(tmp_path, kills=6)
    assert "running" in statuses


@pytest.mark.heavy
def test_two_hundred_kills(tmp_path):
    statuses = check_after_kills(tmp_path, kills=200)
    assert statuses.count("running") >= 100


def start_together(folder, count):
    """Processes that wait for one moment and then all start the same model."""
    code = textwrap.dedent("""
        import sys, time
        from decaylab import runlog
        from decaylab.runlog import recorder
        print("ready", flush=True)
        time.sleep(max(0.0, float(sys.stdin.readline()) - time.time()))
        with runlog.start("same", capture_output=False) as run:
            run.log(epoch=1, me=int(sys.argv[1]))
    """)
    children = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(number)], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for number in range(count)
    ]
    for child in children:
        child.stdout.readline()
    moment = f"{time.time() + 1.0}\n".encode()
    for child in children:
        child.stdin.write(moment)
        child.stdin.close()
    assert [child.wait() for child in children] == [0] * count
    for child in children:
        child.stdout.close()


@pytest.mark.parametrize("count", [8, pytest.param(64, marks=pytest.mark.heavy)])
def test_processes_that_start_one_model_in_the_same_second_get_a_run_each(tmp_path, count):
    start_together(tmp_path, count)
    runs = list((tmp_path / "experiments").iterdir())
    assert len(runs) == count
    told = sorted(read_history(str(run / "history.jsonl")).lines[0]["me"] for run in runs)
    assert told == list(range(count))
    assert all(json.loads((run / "metadata.json").read_text())["status"] == "completed" for run in runs)
    assert os.path.isdir(tmp_path / "archive")
