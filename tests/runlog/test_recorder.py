"""The recorder as a user's training loop meets it."""

import datetime
import enum
import json
import math
import os
import pathlib
import signal
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest

from decaylab import runlog
from decaylab.catalogue.document import DOCUMENTED, SCHEMA_VERSION
from decaylab.errors import RunLogError
from decaylab.runlog.history import read_history
from decaylab.runlog.process import identity, is_alive


def metadata(run):
    return json.loads(pathlib.Path(run.directory, "metadata.json").read_text(), parse_constant=pytest.fail)


def python(code, *arguments, cwd, **options):
    command = [sys.executable, "-c", textwrap.dedent(code), *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=60, **options)


def test_a_run_is_on_record_before_the_first_epoch(tmp_path):
    run = runlog.start("my_model", experiments=tmp_path / "experiments", config={"batch_size": 8})
    record = metadata(run)
    assert record["status"] == "running"
    assert record["model_name"] == "my_model"
    assert record["run_id"] == f"my_model_{record['timestamp']}" == os.path.basename(run.directory)
    assert pathlib.Path(run.directory, "history.jsonl").read_bytes() == b""
    assert pathlib.Path(run.directory, "heartbeat").exists()
    assert (tmp_path / "archive").is_dir()
    run.finish()


def test_every_documented_key_is_there_in_the_documents_order(tmp_path):
    with runlog.start("m", experiments=tmp_path) as run:
        pass
    record = metadata(run)
    assert list(record)[: len(DOCUMENTED)] == list(DOCUMENTED)
    for section, keys in DOCUMENTED.items():
        if isinstance(keys, dict):
            assert list(record[section])[: len(keys)] == list(keys)
    assert record["schema_version"] == SCHEMA_VERSION


def test_settings_go_to_their_documented_place_and_the_rest_to_config(tmp_path):
    config = {"batch_size": 8, "loss_type": "mse", "seed": 3, "layers": [1, 2], "training_config": {"max_epochs": 5}}
    with runlog.start("m", experiments=tmp_path, config=config) as run:
        run.update(config={"scaler_type": "robust", "width": 64})
    record = metadata(run)
    assert record["training_config"]["batch_size"] == 8
    assert record["training_config"]["max_epochs"] == 5
    assert record["loss_config"]["loss_type"] == "mse"
    assert record["data_loader_config"]["scaler_type"] == "robust"
    assert record["seed"] == 3
    assert record["config"] == {"layers": [1, 2], "width": 64}


def test_finish_records_status_durations_epochs_and_metrics(tmp_path):
    with runlog.start("m", experiments=tmp_path, directions={"accuracy": "max"}) as run:
        run.log(epoch=1, val_loss=0.5)
        run.log(epoch=2, val_loss=0.4)
        time.sleep(0.05)
        run.finish(metrics={"t20_mae": 0.012, "edt": {"mae": math.nan}, "accuracy": 0.9})
    record = metadata(run)
    training = record["training_config"]
    assert record["status"] == "completed"
    assert training["actual_epochs"] == 2
    assert training["training_duration_seconds"] >= 0.05
    assert training["training_duration_minutes"] == pytest.approx(training["training_duration_seconds"] / 60, abs=1e-6)
    assert record["metrics"]["t20"]["mae"] == 0.012
    assert record["metrics"]["accuracy"] == 0.9
    assert record["metric_directions"] == {"accuracy": "max"}
    assert record["metrics"]["edt"]["mae"] is None
    assert record["metrics_raw"] == {"edt.mae": "NaN"}
    assert record["peak_memory_bytes"] > 1_000_000


def test_best_model_path_has_the_documented_form(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with runlog.start("m") as run:
        folder = pathlib.Path(run.directory, "checkpoints")
        folder.mkdir()
        (folder / "best_model.ckpt").write_bytes(b"weights")
    record = metadata(run)
    assert record["best_model_path"] == f"experiments/{run.run_id}/checkpoints/best_model.ckpt"
    assert record["files"]["checkpoints/best_model.ckpt"]["bytes"] == 7


def test_a_failure_is_recorded_with_its_traceback(tmp_path):
    with pytest.raises(ZeroDivisionError), runlog.start("m", experiments=tmp_path) as run:
        1 / 0  # noqa: B018
    record = metadata(run)
    assert record["status"] == "failed"
    assert record["error"]["type"] == "ZeroDivisionError"
    assert "1 / 0" in record["error"]["traceback"]


def test_ctrl_c_is_an_interruption(tmp_path):
    with pytest.raises(KeyboardInterrupt), runlog.start("m", experiments=tmp_path) as run:
        raise KeyboardInterrupt
    assert metadata(run)["status"] == "interrupted"


def test_sigterm_is_an_interruption_with_status_143(tmp_path):
    code = """
        import os, signal
        from decaylab import runlog
        with runlog.start("m") as run:
            run.log(epoch=1)
            os.kill(os.getpid(), signal.SIGTERM)
            run.log(epoch=2)
    """
    done = python(code, cwd=tmp_path)
    (record,) = [json.loads(p.read_text()) for p in tmp_path.glob("experiments/*/metadata.json")]
    assert done.returncode == 143
    assert record["status"] == "interrupted"
    assert record["error"]["message"] == "SIGTERM"
    assert record["training_config"]["actual_epochs"] == 1


@pytest.mark.parametrize(
    ("ending", "status"),
    [("", "completed"), ("raise ValueError('lost')", "failed"), ("raise KeyboardInterrupt", "interrupted")],
)  # fmt: skip
def test_a_run_that_nobody_finished_is_closed_when_python_ends(tmp_path, ending, status):
    python(f"from decaylab import runlog\nrun = runlog.start('m')\n{ending}", cwd=tmp_path)
    (record,) = [json.loads(p.read_text()) for p in tmp_path.glob("experiments/*/metadata.json")]
    assert record["status"] == status


def test_what_was_printed_is_kept_and_still_shown(tmp_path, capsys):
    with runlog.start("m", experiments=tmp_path) as run:
        print("epoch 1")
        for percent in range(0, 101, 10):
            print(f"\rtraining {percent} %", end="")
        print()
        print("watch out", file=sys.stderr)
    kept = pathlib.Path(run.directory, "output.log").read_text()
    assert kept == "epoch 1\ntraining 100 %\nwatch out\n"
    assert "epoch 1" in capsys.readouterr().out
    assert type(sys.stdout).__name__ != "_Tee"


def test_output_is_bounded_and_keeps_its_end(tmp_path, monkeypatch):
    from decaylab.runlog.recording import output

    monkeypatch.setattr(output, "LIMIT_BYTES", 1000)
    monkeypatch.setattr(output, "TAIL_BYTES", 200)
    with runlog.start("m", experiments=tmp_path) as run:
        for number in range(500):
            print(f"line {number}")
    kept = pathlib.Path(run.directory, "output.log").read_text()
    assert len(kept) < 1400
    assert kept.startswith("line 0\n")
    assert kept.endswith("line 499\n")


class Colour(enum.Enum):
    RED = "red"


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        (math.nan, "NaN"), (math.inf, "Infinity"), (-math.inf, "-Infinity"),
        (np.float32(0.5), 0.5), (np.int64(3), 3), (np.bool_(True), True), (np.float64(math.nan), "NaN"),
        (np.array(2.5), 2.5), (pathlib.PurePosixPath("/a/b"), "/a/b"), (Colour.RED, "red"),
        (datetime.date(2026, 1, 22), "2026-01-22"), ((1, 2), [1, 2]), ({"a": None}, {"a": None}), (True, True),
    ],
)  # fmt: skip
def test_values_round_trip_in_strict_json(tmp_path, value, stored):
    with runlog.start("m", experiments=tmp_path, capture_output=False) as run:
        run.log(epoch=1, value=value)
        run.update(config={"value": value})
    line = json.loads(pathlib.Path(run.directory, "history.jsonl").read_text(), parse_constant=pytest.fail)
    assert line == {"epoch": 1, "value": stored}
    assert metadata(run)["config"]["value"] == stored
    read = read_history(os.path.join(run.directory, "history.jsonl")).lines[0]["value"]
    if isinstance(stored, str) and stored in ("NaN", "Infinity", "-Infinity"):
        assert read == value or (math.isnan(read) and math.isnan(value))


@pytest.mark.parametrize(
    "value", ["NaN", "Infinity", object(), {1, 2}, b"x", 2**70, np.zeros(3), 1j, {"a": {("t",): 1}}]
)
def test_what_cannot_be_recorded_is_refused_by_its_key(tmp_path, value):
    with runlog.start("m", experiments=tmp_path) as run:
        with pytest.raises(RunLogError, match="my_key"):
            run.log(my_key=value)
        with pytest.raises(RunLogError, match="my_key"):
            run.update(config={"fine": 1, "my_key": value})
    assert metadata(run)["config"] == {}, "a refused update must change nothing"


def test_torch_scalars_are_taken(tmp_path):
    torch = pytest.importorskip("torch")
    with runlog.start("m", experiments=tmp_path) as run:
        run.log(a=torch.tensor(0.5), b=torch.tensor([3]), c=torch.tensor(2.0, dtype=torch.bfloat16))
        with pytest.raises(RunLogError, match="'d'"):
            run.log(d=torch.zeros(2))
    assert json.loads(pathlib.Path(run.directory, "history.jsonl").read_text()) == {"a": 0.5, "b": 3, "c": 2.0}


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "-x", "a b", "ä", "x" * 200, None])
def test_a_model_name_that_is_no_directory_name_is_refused(tmp_path, name):
    with pytest.raises(RunLogError, match="model name"):
        runlog.start(name, experiments=tmp_path / "experiments")
    assert not (tmp_path / "experiments").exists()


def test_runs_of_the_same_second_get_directories_of_their_own(tmp_path, monkeypatch):
    monkeypatch.setattr("decaylab.runlog.naming.time.strftime", lambda form: "20260122_020157")
    ids = []
    for _ in range(3):
        with runlog.start("m", experiments=tmp_path) as run:
            ids.append(run.run_id)
    assert ids == ["m_20260122_020157", "m_20260122_020157_2", "m_20260122_020157_3"]


def test_a_folder_that_cannot_be_made_is_one_clear_error(tmp_path):
    (tmp_path / "experiments").write_text("a file")
    with pytest.raises(RunLogError, match="cannot be recorded in"):
        runlog.start("m", experiments=tmp_path / "experiments")


def test_threads_do_not_tear_lines(tmp_path):
    with runlog.start("m", experiments=tmp_path) as run:
        threads = [
            threading.Thread(target=lambda t=t: [run.log(thread=t, step=s, text="x" * 200) for s in range(300)])
            for t in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    history = read_history(os.path.join(run.directory, "history.jsonl"))
    assert history.torn == 0
    assert len(history.lines) == 2400
    for number in range(8):
        assert [line["step"] for line in history.lines if line["thread"] == number] == list(range(300))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_forked_workers_log_but_only_the_parent_writes_metadata(tmp_path):
    code = """
        import os
        from decaylab import runlog
        with runlog.start("m", capture_output=False) as run:
            children = []
            for worker in range(4):
                pid = os.fork()
                if pid == 0:
                    for step in range(200):
                        run.log(worker=worker, step=step, text="y" * 300)
                    try:
                        run.update(config={"child": worker})
                    except runlog.recorder.RunLogError:
                        os._exit(7)
                    os._exit(0)
                children.append(pid)
            print([os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children])
    """
    done = python("import decaylab.runlog.recorder" + code.replace("\n        ", "\n"), cwd=tmp_path)
    assert done.stdout.strip() == "[7, 7, 7, 7]", done.stderr
    (directory,) = (tmp_path / "experiments").iterdir()
    history = read_history(str(directory / "history.jsonl"))
    assert (history.torn, len(history.lines)) == (0, 800)
    assert json.loads((directory / "metadata.json").read_text())["config"] == {}


def test_a_half_written_last_line_is_skipped_and_the_next_writer_starts_a_new_one(tmp_path):
    from decaylab.runlog.history import HistoryWriter

    path = tmp_path / "history.jsonl"
    path.write_bytes(b'{"epoch":1}\n{"epoch":2,"val')
    assert read_history(str(path)).torn == 1
    HistoryWriter(str(path)).append(b'{"epoch":2}\n')
    history = read_history(str(path))
    assert [line["epoch"] for line in history.lines] == [1, 2]
    assert history.torn == 1


def test_a_full_disk_is_told_once_and_the_lines_are_written_later(tmp_path, monkeypatch):
    with runlog.start("m", experiments=tmp_path, capture_output=False) as run:
        real = os.write
        full = True

        def write(descriptor, data):
            if full and descriptor == run._history.descriptor:
                raise OSError(28, "No space left on device")
            return real(descriptor, data)

        monkeypatch.setattr(os, "write", write)
        with pytest.warns(runlog.RunLogWarning, match="No space left") as caught:
            for epoch in range(1, 6):
                run.log(epoch=epoch)
        assert len(caught) == 1
        full = False
        run.log(epoch=6)
    assert [line["epoch"] for line in read_history(os.path.join(run.directory, "history.jsonl")).lines] == [
        1,
        2,
        3,
        4,
        5,
        6,
    ]


def test_a_line_cut_short_by_a_full_disk_is_written_again_whole(tmp_path, monkeypatch):
    with runlog.start("m", experiments=tmp_path, capture_output=False) as run:
        real, cuts = os.write, [5]

        def write(descriptor, data):
            if descriptor == run._history.descriptor and cuts:
                return real(descriptor, bytes(data)[: cuts.pop()])
            return real(descriptor, data)

        monkeypatch.setattr(os, "write", write)
        run.log(epoch=1)
        run.log(epoch=2)
    history = read_history(os.path.join(run.directory, "history.jsonl"))
    assert [line["epoch"] for line in history.lines] == [1, 2]
    assert history.torn == 1


def test_a_directory_removed_under_the_run_is_written_again(tmp_path):
    import shutil

    with (
        pytest.warns(runlog.RunLogWarning, match="directory was removed"),
        runlog.start("m", experiments=tmp_path, capture_output=False) as run,
    ):
        run.log(epoch=1)
        shutil.rmtree(run.directory)
        run.log(epoch=2)
    assert metadata(run)["status"] == "completed"
    assert [line["epoch"] for line in read_history(os.path.join(run.directory, "history.jsonl")).lines] == [1, 2]


def test_metadata_that_cannot_be_written_does_not_stop_the_training(tmp_path, monkeypatch):
    from decaylab.runlog.recording import writer

    with runlog.start("m", experiments=tmp_path, capture_output=False) as run:
        real = writer.replace_file
        monkeypatch.setattr(writer, "replace_file", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left")))
        with pytest.warns(runlog.RunLogWarning, match=r"metadata\.json could not be written"):
            run.update(config={"a": 1})
        monkeypatch.setattr(writer, "replace_file", real)
    assert metadata(run)["config"] == {"a": 1}


def test_a_finished_run_is_not_finished_twice(tmp_path):
    with runlog.start("m", experiments=tmp_path) as run:
        run.finish()
        with pytest.raises(RunLogError, match="already finished"):
            run.finish()
    with pytest.raises(RunLogError, match="cannot finish as"):
        runlog.start("m", experiments=tmp_path).finish(status="lost")


def test_only_the_recorder_writes_its_own_keys(tmp_path):
    with runlog.start("m", experiments=tmp_path) as run, pytest.raises(RunLogError, match="written by the recorder"):
        run.update(status="completed")


def test_secrets_on_the_command_line_are_blanked():
    from decaylab.runlog.surroundings import command_line

    given = ["train.py", "--api-key", "abc", "--password=def", "--lr", "0.1", "WANDB_TOKEN=xyz", "--token", "--next"]
    assert command_line(given) == [
        "train.py", "--api-key", "***", "--password=***", "--lr", "0.1", "WANDB_TOKEN=***", "--token", "--next",
    ]  # fmt: skip


def test_git_commit_and_diff_are_recorded_within_bounds(tmp_path, monkeypatch):
    from decaylab.runlog.recording import git as code

    monkeypatch.chdir(tmp_path)
    commit = "git init -q && git add . && git -c user.name=a -c user.email=a@b commit -qm x"
    (tmp_path / "code.py").write_text("a = 1\n")
    subprocess.run(commit, shell=True, check=True)
    (tmp_path / "code.py").write_text("a = 2\n" * 1000)
    (tmp_path / "new.py").write_text("")
    monkeypatch.setattr(code, "DIFF_LIMIT", 500)
    with runlog.start("m") as run:
        pass
    git = metadata(run)["git"]
    assert git["dirty"]
    assert git["diff_truncated"]
    assert "new.py" in git["untracked"]
    assert len(git["commit"]) == 40
    assert pathlib.Path(run.directory, "git.diff").stat().st_size == 500


def test_alive_needs_the_same_boot_namespace_pid_and_start_time(tmp_path):
    me = identity()
    assert is_alive(me, str(tmp_path))
    if me["start_time"] is None:
        pytest.skip("needs /proc")
    assert not is_alive(me | {"start_time": me["start_time"] + 1}, str(tmp_path)), "a reused pid is another process"
    assert not is_alive(me | {"boot_id": "another"}, str(tmp_path)), "no heartbeat: not alive"
    (tmp_path / "heartbeat").touch()
    assert is_alive(me | {"boot_id": "another"}, str(tmp_path)), "another host with a fresh heartbeat"
    assert is_alive(me | {"pid_namespace": "pid:[1]"}, str(tmp_path)), "another container with a fresh heartbeat"
    os.utime(tmp_path / "heartbeat", (time.time() - 200,) * 2)
    assert not is_alive(me | {"boot_id": "another"}, str(tmp_path))


def test_a_zombie_is_not_alive(tmp_path):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    from decaylab.runlog import process

    started = process._start_time(child.pid)
    if started is None:
        pytest.skip("needs /proc")
    record = identity() | {"pid": child.pid, "start_time": started}
    assert is_alive(record, str(tmp_path))
    child.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 10
    while process._start_time(child.pid) is not None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not is_alive(record, str(tmp_path)), "killed and not yet waited for"
    child.wait()


def test_a_clock_set_back_changes_no_duration_and_no_liveness(tmp_path, monkeypatch):
    run = runlog.start("m", experiments=tmp_path, capture_output=False)
    moment = time.time()
    monkeypatch.setattr(time, "time", lambda: moment - 86_400)
    assert is_alive(metadata(run)["process"], run.directory)
    assert is_alive(metadata(run)["process"] | {"boot_id": "another"}, run.directory), (
        "a fresh heartbeat of another host"
    )
    os.utime(os.path.join(run.directory, "heartbeat"), (moment - 200,) * 2)
    assert not is_alive(metadata(run)["process"] | {"boot_id": "another"}, run.directory), "by the file system's clock"
    run.finish()
    assert 0 <= metadata(run)["total_duration_seconds"] < 60


def test_a_finished_run_takes_nothing_more_and_writes_into_no_other_file(tmp_path):
    run = runlog.start("done", experiments=tmp_path, capture_output=False)
    run.log(epoch=1, loss=0.5)
    run.finish()
    # One of them gets the number that the history's file had.
    others = [os.open(tmp_path / f"other{number}.txt", os.O_CREAT | os.O_WRONLY) for number in range(8)]
    with pytest.raises(RunLogError, match="already finished"):
        run.log(epoch=2, loss=0.4)
    with pytest.raises(RunLogError, match="already finished"):
        run.update(seed=3)
    for descriptor in others:
        os.close(descriptor)
    assert [(tmp_path / f"other{number}.txt").read_text() for number in range(8)] == [""] * 8


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        ({"training_config": 5}, "'training_config' is 5: it must be a dict"),
        ({"training_config": {"training_duration_seconds": "12 s"}}, "training_duration_seconds' is '12 s'"),
        ({"metrics": {"t20": 5}}, "'metrics.t20' is 5: it must be a dict"),
        ({"early_stopping_config": None}, "'early_stopping_config' is None"),
        ({"model_name": "a b"}, "model name 'a b' cannot be used"),
    ],
)
def test_what_would_break_the_end_of_the_run_is_refused_when_given(sections, said, tmp_path):
    run = runlog.start("kept", experiments=tmp_path)
    with pytest.raises(RunLogError, match=said):
        run.update(**sections)
    run.finish(metrics={"t20_mae": 0.01})
    record = metadata(run)
    assert (record["status"], record["metrics"]["t20"]["mae"]) == ("completed", 0.01)


def test_metrics_of_flat_files_go_to_their_documented_place(tmp_path):
    for name in ("overall_edc_mae", "mae", "edc_mae"):
        run = runlog.start("flat", experiments=tmp_path)
        run.finish(metrics={name: 0.002})
        assert metadata(run)["metrics"]["overall_edc"]["mae"] == 0.002


@pytest.mark.parametrize("given", [{"tags": ["a b"]}, {"tags": "good"}, {"note": " \n"}])
def test_a_start_that_is_refused_leaves_nothing_behind(given, tmp_path):
    with pytest.raises(RunLogError):
        runlog.start("gone", experiments=tmp_path / "experiments", **given)
    assert not (tmp_path / "experiments").exists()


def test_the_largest_epoch_counts(tmp_path):
    run = runlog.start("epochs", experiments=tmp_path)
    for epoch in (1, 3, 2):
        run.log(epoch=epoch, loss=0.1)
    run.log(epoch=float("nan"), loss=0.1)
    run.finish()
    assert metadata(run)["training_config"]["actual_epochs"] == 3
