"""Run directories from other people: whatever they hold, the table comes, and their neighbours are unharmed."""

import json
import os
import pickle
import random
import socket
import subprocess
import sys
import time

import pytest

from decaylab.cli.main import main
from decaylab.runlog.store import read_run, scan
from decaylab.runlog.verify import verify

#: Like the document's example; what the tests below spoil.
EXAMPLE = {
    "model_name": "hybrid_v2",
    "timestamp": "20260122_020157",
    "training_config": {"max_epochs": 200, "actual_epochs": 121, "batch_size": 2, "training_duration_minutes": 442.24},
    "loss_config": {"loss_type": "auxiliary", "gradient_clip_val": None},
    "data_config": {"num_samples": 6000, "train_size": 3600, "val_size": 1200, "test_size": 1200},
    "metrics": {
        "overall_edc": {"mae": 0.250203, "rmse": 0.896025, "r2": -97.98586},
        "t20": {"mae": 0.726452, "rmse": 0.887151, "r2": -2.027245},
    },
    "best_model_path": "experiments/hybrid_v2_20260122_020157/checkpoints/best_model.ckpt",
}
NAMES = ["overall_edc", "mae", "metrics", "timestamp", "model_name", "training_config", "status", "schema_version"]
ODD_VALUES = ["null", "[]", "{}", '"x"', "1e400", "-1", "true", "1" * 5000,
              '"\\u0000"', '"\\ud800"', "NaN", "[[[[1]]]]",
              '{"mae": {"mae": []}}', '"\\u001b[2J"', "0.0000000000000000000001", '"Infinity"', "1e-400"]  # fmt: skip


def mutate(text: str, chance: random.Random) -> bytes:
    """One way to spoil a metadata file."""
    data = text.encode()
    kind = chance.randrange(12)
    place = chance.randrange(len(data))
    if kind == 0:
        return data[:place]
    if kind == 1:
        return data[:place] + bytes(chance.randrange(256) for _ in range(chance.randrange(1, 40))) + data[place + 5 :]
    if kind in (2, 3, 4):
        record = json.loads(text)
        name = chance.choice(list(record))
        marked = json.dumps({**record, name: "@@"})
        return marked.replace('"@@"', chance.choice(ODD_VALUES)).encode()
    if kind == 5:
        record = json.loads(text)
        section = chance.choice([k for k, v in record.items() if isinstance(v, dict)])
        key = chance.choice(list(record[section]))
        record[section] = {**record[section], key: "@@"}
        return json.dumps(record).replace('"@@"', chance.choice(ODD_VALUES)).encode()
    if kind == 6:
        depth = chance.choice([50, 2000, 100_000])
        return b'{"metrics":' + b'{"a":' * depth + b"1" + b"}" * depth + b"}"
    if kind == 7:
        name = chance.choice(NAMES)
        return text.replace("{", '{"%s": %s,' % (name, chance.choice(ODD_VALUES)), 1).encode()  # noqa: UP031
    if kind == 8:
        return b"\xef\xbb\xbf" + data
    if kind == 9:
        return text.encode(chance.choice(["utf-16", "utf-32"]))
    if kind == 10:
        return b"[" * chance.choice([1, 1000, 200_000])
    return chance.choice([b"", b" ", b"\0" * 100, b"null", b"[]", b"3", b'"text"', b"{}", b"NaN", b"{" * 10])


def mutated_folder(folder, count):
    chance = random.Random(7)
    text = json.dumps(EXAMPLE)
    folder.mkdir()
    for number in range(count):
        run = folder / f"m_{20260101 + number // 86400}_{number % 86400:06d}"
        run.mkdir()
        (run / "metadata.json").write_bytes(mutate(text, chance))
    for sound in ("a_20250101_000000", "z_20270101_000000"):
        (folder / sound).mkdir()
        (folder / sound / "metadata.json").write_text(text.replace("20260122_020157", sound[2:]))
    return folder


def check_mutations(folder, count):
    records = scan(str(folder))
    assert len(records) == count + 2
    for record in records:
        if record.status == "unreadable":
            assert record.problems, record.run_id
        verify(record)
    for sound in ("a_20250101_000000", "z_20270101_000000"):
        (record,) = [r for r in records if r.run_id == sound]
        assert record.get("t20_mae") == EXAMPLE["metrics"]["t20"]["mae"]
    return records


def test_mutated_metadata(tmp_path, capsys):
    folder = mutated_folder(tmp_path / "experiments", 600)
    check_mutations(folder, 600)
    assert main(["compare", str(folder), "--sort-by", "t20_mae", "--export", "json", "--output", "-"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert len(rows) == 602
    assert all(row["problems"] for row in rows if row["status"] == "unreadable")


@pytest.mark.heavy
def test_ten_thousand_mutated_files_in_bounded_time_and_memory(tmp_path):
    folder = mutated_folder(tmp_path / "experiments", 10_000)
    (folder / "huge_20260301_000000").mkdir()
    with open(folder / "huge_20260301_000000" / "metadata.json", "wb") as file:
        file.truncate(40 * 1024**3)  # sparse
    began = time.monotonic()
    program = (
        "import resource, sys\nfrom decaylab.cli.main import main\nstatus = main(sys.argv[1:])\n"
        "print('peak', resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)\nsys.exit(status)"
    )
    command = [sys.executable, "-c", program, "compare", str(folder), "--export", "csv", "--output", "-"]
    done = subprocess.run(command, capture_output=True, timeout=120)
    seconds = time.monotonic() - began
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.count(b"\nm_") == 10_000
    assert b"too large" in done.stdout
    assert seconds < 60
    assert int(done.stderr.split(b"peak")[-1]) < 1_500_000, "kB"  # of this process: the worker had larger children
    check_mutations(folder.rename(tmp_path / "again"), 10_000 + 1)


class Bomb:
    """A pickle that leaves a trace when anyone loads it."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


@pytest.fixture
def hostile(tmp_path):
    """One run directory for each trick; `trace` exists afterwards if one of them worked."""
    folder = tmp_path / "experiments"
    folder.mkdir()
    trace = str(tmp_path / "trace")

    def run(name):
        (folder / name).mkdir()
        (folder / name / "metadata.json").write_text(json.dumps(EXAMPLE))
        return folder / name

    bomb = run("bomb_20260101_000000")
    for name in ("scaler_X.pkl", "scaler_y.pkl"):
        (bomb / name).write_bytes(pickle.dumps(Bomb(trace)))
    (bomb / "checkpoints").mkdir()
    (bomb / "checkpoints" / "best_model.ckpt").write_bytes(pickle.dumps(Bomb(trace)))
    (bomb / "predictions.npy").write_bytes(
        b"\x93NUMPY\x01\x00v\x00{'descr': '|O', 'fortran_order': False, 'shape': (1,)}"
    )

    os.mkfifo(run("fifos_20260101_000001") / "history.jsonl")
    (folder / "fifo_20260101_000002").mkdir()
    os.mkfifo(folder / "fifo_20260101_000002" / "metadata.json")
    (folder / "socket_20260101_000003").mkdir()
    listener = socket.socket(socket.AF_UNIX)
    where = os.getcwd()
    os.chdir(folder / "socket_20260101_000003")  # the path of a socket is bounded
    listener.bind("metadata.json")
    os.chdir(where)
    (folder / "device_20260101_000004").mkdir()
    (folder / "device_20260101_000004" / "metadata.json").symlink_to("/dev/zero")
    (folder / "loop_20260101_000005").symlink_to(folder)
    (folder / "self_20260101_000006").symlink_to("self_20260101_000006")
    (run("inner_20260101_000007") / "again").symlink_to(folder)

    secret = tmp_path / "secret"
    secret.write_text("20260101_000008 - the secret")
    (run("stolen_20260101_000008") / "tags.txt").symlink_to(secret)
    (folder / "NOTES.md").symlink_to(secret)

    escape = "\x1b]0;owned\x07\x1b[2J"
    shown = EXAMPLE | {"model_name": escape, "status": "failed", "schema_version": 1, "error": {"message": escape}}
    (run("escape_20260101_000009") / "metadata.json").write_text(json.dumps(shown))
    (folder / f"{escape}_20260101_000010").mkdir()
    formula = EXAMPLE | {"model_name": '=HYPERLINK("http://x","y")'}
    (run("formula_20260101_000011") / "metadata.json").write_text(json.dumps(formula))
    imported = EXAMPLE | {"model_class": "antigravity:Model", "best_model_path": str(secret)}
    (run("import_20260101_000012") / "metadata.json").write_text(json.dumps(imported))
    yield folder, trace
    listener.close()


def test_nothing_of_a_hostile_folder_gets_through(hostile, capfd):
    folder, trace = hostile
    code = (
        "import sys, signal; signal.alarm(30)\n"
        "from decaylab.cli.main import main\n"
        f"folder = {str(folder)!r}\n"
        "status = main(['compare', folder, '--columns', 'run_id,model,status,size,tags,note,problems'])\n"
        "status |= main(['compare', folder, '--export', 'csv', '--output', '-'])\n"
        "main(['verify', folder, '--deep'])\n"
        "assert 'antigravity' not in sys.modules\n"
        "sys.exit(status)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "\x1b" not in done.stdout
    assert "\x1b" not in done.stderr
    assert "\x07" not in done.stdout
    assert "the secret" not in done.stdout
    assert not any(cell.startswith("=") for line in done.stdout.splitlines() for cell in line.split(","))
    assert not os.path.exists(trace)
    for reason in ("a named pipe", "a socket", "a link"):
        assert reason in done.stdout


def test_links_are_listed_as_linked_and_lead_nowhere_in_circles(hostile):
    folder, _ = hostile
    records = {record.run_id: record for record in scan(str(folder))}
    assert records["bomb_20260101_000000"].status == "unknown"
    for name in ("loop_20260101_000005", "self_20260101_000006"):
        if name in records:
            assert any("link" in problem for problem in records[name].problems)
    with_link = read_run(str(folder / "inner_20260101_000007"))
    assert with_link.get("size") < 1
