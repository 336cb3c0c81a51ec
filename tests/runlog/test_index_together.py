"""The index among processes: eight that write runs, eight that ask for tables; and users who may not write."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from decaylab.runlog import index

#: Replaces the metadata of its run, in turn with a rename and in place, and says after each how far it is. The content
#: has one size, whatever the figure; a torn one, which writing in place may show, has no figure.
WRITER = """
import json, os, sys, time
folder, number, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
run = f"{folder}/writer_20260301_12000{number}"
os.makedirs(run, exist_ok=True)
end, step = time.monotonic() + seconds, 0
while time.monotonic() < end:
    step += 1
    text = json.dumps({"schema_version": 1, "status": "completed", "metrics": {"t20": {"mae": 1 + step / 10**6}}})
    text = text.ljust(200)
    if step % 3:
        with open(f"{run}/new", "w") as file:
            file.write(text)
        os.replace(f"{run}/new", f"{run}/metadata.json")
    else:
        descriptor = os.open(f"{run}/metadata.json", os.O_WRONLY)
        os.write(descriptor, text.encode())
        os.close(descriptor)
    with open(f"{run}/new", "w") as file:
        file.write(str(step))
    os.replace(f"{run}/new", f"{folder}/step{number}")
    time.sleep(0.002 * (step % 25))
"""

#: Asks for tables; none may show a run in a state before the one that its writer had reached when it was asked for.
READER = """
import os, sys, time
from decaylab.runlog import index, index_table, store
index.WORTHWHILE = 0
index._MOST_UNKNOWN = -1  # written anew whenever it can be
index_table.DISTRUST_NS = 10 * 10**6  # twice the clock's tick
folder, seconds = sys.argv[1], float(sys.argv[2])

def steps():
    found = {}
    for number in range(8):
        try:
            found[f"writer_20260301_12000{number}"] = int(open(f"{folder}/step{number}").read())
        except FileNotFoundError:
            pass
    return found

end, tables, helped = time.monotonic() + seconds, 0, 0
while time.monotonic() < end:
    reached = steps()
    records = {record.run_id: record for record in index.scan(folder, ["t20_mae", "model"][: 1 + tables % 2])}
    for run_id, step in reached.items():
        shown = round((records[run_id].get("t20_mae") - 1) * 10**6)
        assert shown >= step, f"{run_id}: {shown} shown after {step} was written"
    tables += 1
    helped += sum(type(record) is not store.Record for record in records.values())
assert tables > 3 and helped > 3, (tables, helped)
"""


def test_eight_writers_and_eight_readers(write_run, experiments):
    for i in range(30):
        write_run(f"compact_20260301_1300{i:02d}")
    command = [sys.executable, "-c"]
    writers = [
        subprocess.Popen([*command, WRITER, str(experiments), str(number), "5"], stderr=subprocess.PIPE)
        for number in range(8)
    ]
    readers = [
        subprocess.Popen([*command, READER, str(experiments), "4"], stderr=subprocess.PIPE, text=True) for _ in range(8)
    ]
    for process in readers + writers:
        _, said = process.communicate(timeout=120)
        assert process.returncode == 0, said
    index_folder = experiments / ".decaylab"
    assert len(list(index_folder.iterdir())) == 1, "no reader leaves a file behind"


def test_a_folder_that_may_not_be_written_to_has_no_index(write_run, experiments, monkeypatch):
    monkeypatch.setattr(index, "WORTHWHILE", 0)
    for i in range(5):
        write_run(f"compact_20260301_1300{i:02d}")

    def refuse(*args):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(os, "mkdir", refuse)
    for _ in range(2):
        assert len(index.scan(str(experiments), ["t20_mae"])) == 5
    assert not (experiments / ".decaylab").exists()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs to become another user")
def test_another_user_sees_what_he_may_read_and_not_what_the_index_says():
    """A run that its owner closed after the index was made, and a folder that the other one may not write to."""
    folder = Path(tempfile.mkdtemp())
    try:
        folder.chmod(0o755)
        runs = folder / "experiments"
        for i in range(3):
            run = runs / f"compact_20260301_12000{i}"
            run.mkdir(parents=True)
            (run / "metadata.json").write_text('{"status": "completed", "metrics": {"t20": {"mae": 0.5}}}')
            (run / "metadata.json").chmod(0o600 if i == 2 else 0o644)
        ask = (
            "import json, os, sys, zlib; from decaylab.runlog import index, index_table, files, legacy, parse\n"
            "index.WORTHWHILE = index_table.DISTRUST_NS = 0\n"
            "if len(sys.argv) > 1: os.setgroups([]); os.setgid(int(sys.argv[1])); os.setuid(int(sys.argv[1]))\n"
            f"for r in index.scan({str(runs)!r}, ['t20_mae', 'status']): print(r.get('t20_mae'), r.status)"
        )
        own = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True)
        assert own.stdout.split() == ["0.5", "completed"] * 3, own.stderr
        other = subprocess.run([sys.executable, "-c", ask, "65534"], capture_output=True, text=True)
        assert other.stdout.split() == [*["0.5", "completed"] * 2, "None", "unreadable"], other.stderr
        assert len(list((runs / ".decaylab").iterdir())) == 1
    finally:
        shutil.rmtree(folder)


def test_a_read_only_folder_has_no_index_and_the_same_table():
    """As a person who is not root finds it; root, whom nothing is refused, becomes one first."""
    folder = Path(tempfile.mkdtemp())
    runs = folder / "experiments"
    try:
        folder.chmod(0o755)
        for i in range(5):
            run = runs / f"compact_20260301_12000{i}"
            run.mkdir(parents=True)
            (run / "metadata.json").write_text(f'{{"status": "completed", "metrics": {{"t20": {{"mae": 0.{i}5}}}}}}')
        runs.chmod(0o555)
        ask = (
            "import json, os, zlib; from decaylab.runlog import index, index_table, files, legacy, parse\n"
            "index.WORTHWHILE = index_table.DISTRUST_NS = 0\n"
            "if os.geteuid() == 0: os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
            f"try: os.mkdir({str(runs)!r} + '/x'); print('writable')\n"
            "except PermissionError: pass\n"
            f"for _ in range(2): print(*(r.get('t20_mae') for r in index.scan({str(runs)!r}, ['t20_mae', 'status'])))"
        )
        done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True)
        assert done.stdout == "0.05 0.15 0.25 0.35 0.45\n" * 2, done.stderr
        assert done.stderr == ""
        assert not (runs / ".decaylab").exists()
    finally:
        runs.chmod(0o755)
        shutil.rmtree(folder)
