"""`decaylab resume`: a run that was killed ends with the bits of one that never was."""

import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest
import torch
from kills import LAST, called, change, check_kills, only_run, record_of, refused, results_of, train_words
from lightning.pytorch.callbacks.early_stopping import EarlyStoppingReason

from decaylab.cli.main import main
from decaylab.runlog.history import read_history
from decaylab.runlog.store import read_run
from decaylab.training import last_checkpoint
from decaylab.training.process import random_state, restore_random_state


@pytest.fixture(scope="module")
def killed_in_epoch_three(published, tmp_path_factory):
    """Experiments folders with a run that was killed in its third epoch, and the same run never killed."""
    folder = tmp_path_factory.mktemp("three")
    codes, error = called(
        ("logged 3", train_words(published, folder / "killed")), (None, train_words(published, folder / "whole"))
    )
    assert codes == [-signal.SIGKILL, 0], error
    return folder


@pytest.fixture
def killed(killed_in_epoch_three, tmp_path):
    """A copy of that run, to be resumed or spoilt."""
    shutil.copytree(killed_in_epoch_three / "killed", tmp_path / "experiments")
    return only_run(tmp_path / "experiments")


def test_a_killed_run_ends_as_if_it_had_not_been(killed, killed_in_epoch_three, capsys):
    before = record_of(killed)
    assert before["status"] == "running"
    assert read_run(str(killed)).status == "lost"
    assert main(["resume", str(killed)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == str(killed)
    whole = only_run(killed_in_epoch_three / "whole")
    again = results_of(killed)
    for name, value in results_of(whole).items():
        assert again[name] == value, name
    record = record_of(killed)
    (told,) = record["resumes"]
    assert (told["from_epoch"], told["status_before"]) == (2, "lost")
    assert told["environment"]["packages"]["torch"] == before["environment"]["packages"]["torch"]
    for key in ("started_utc", "timestamp", "command", "seed", "data_config", "git"):
        assert record[key] == before[key], key
    lines = [line["epoch"] for line in read_history(str(killed / "history.jsonl")).lines]
    assert lines == [1, 2, 3, 3, 4, 5]
    seconds = [line["seconds"] for line in read_history(str(killed / "history.jsonl")).lines]
    assert seconds == sorted(seconds), "monotonic, and summed"
    assert record["training_config"]["training_duration_seconds"] >= seconds[-1]
    assert record["total_duration_seconds"] > record["training_config"]["training_duration_seconds"]
    assert main(["verify", str(killed), "--deep"]) == 0


def test_a_run_killed_before_its_first_checkpoint_starts_again_with_its_seeds(killed, killed_in_epoch_three, capsys):
    (killed / LAST).unlink()
    assert main(["resume", str(killed)]) == 0
    assert "epoch 1 again" in capsys.readouterr().err
    again, whole = results_of(killed), results_of(only_run(killed_in_epoch_three / "whole"))
    assert {name for name in whole if again[name] != whole[name]} == set()
    assert record_of(killed)["resumes"][0]["from_epoch"] == 0


def test_a_run_killed_after_its_last_epoch_is_evaluated(killed, capsys):
    change(killed, training_config__max_epochs=2)  # last.ckpt holds the second
    assert main(["resume", str(killed)]) == 0
    said = capsys.readouterr().err
    assert "all 2 epochs are done" in said
    assert "from epoch 3" not in said
    record = record_of(killed)
    assert (record["status"], record["training_config"]["actual_epochs"]) == ("completed", 2)


def test_a_run_killed_after_early_stopping_is_evaluated(killed, capsys):
    state = torch.load(killed / LAST, weights_only=True)
    state["stopper"]["stopping_reason"] = EarlyStoppingReason.PATIENCE_EXHAUSTED.value
    torch.save(state, killed / LAST)
    assert main(["resume", str(killed)]) == 0
    said = capsys.readouterr().err
    assert "early stopping ended its fit after epoch 2" in said
    assert "from epoch 3" not in said
    assert record_of(killed)["training_config"]["actual_epochs"] == 2


def test_an_interrupted_run_is_resumed_and_its_durations_are_summed(killed, capsys):
    change(
        killed,
        status="interrupted",
        error={"type": "KeyboardInterrupt", "message": "by hand", "traceback": None},
        training_config__training_duration_seconds=1000.0,
        total_duration_seconds=1010.0,
        data_preparation_seconds=5.0,
    )
    assert main(["resume", str(killed), "--keep-last"]) == 0
    record = record_of(killed)
    assert (record["status"], record["error"]) == ("completed", None)
    assert 1000 < record["training_config"]["training_duration_seconds"] < 1100
    assert 1010 < record["total_duration_seconds"] < 1110
    assert 5 < record["data_preparation_seconds"] < 60
    (told,) = record["resumes"]
    assert (told["status_before"], told["error_before"], told["seconds_before"]) == ("interrupted", "by hand", 1010.0)
    assert torch.load(killed / LAST, weights_only=True)["epoch"] >= 2, "it was asked for"
    assert main(["verify", str(killed)]) == 0


def test_interrupted_before_its_fit_goes_on_a_run_has_not_trained_longer(killed, monkeypatch):
    from decaylab.training import stages

    reached = read_history(str(killed / "history.jsonl")).lines[-1]["seconds"]

    def interrupted(*args, **more):
        time.sleep(1)
        raise KeyboardInterrupt

    monkeypatch.setattr(stages, "trainer_for", interrupted)
    assert main(["resume", str(killed)]) == 130
    record = record_of(killed)
    assert record["status"] == "interrupted"
    assert record["training_config"]["training_duration_seconds"] == reached
    assert record["training_config"]["training_duration_minutes"] == round(reached / 60, 6)
    assert record["total_duration_seconds"] > reached + 1
    monkeypatch.undo()
    assert main(["resume", str(killed)]) == 0
    assert [told["status_before"] for told in record_of(killed)["resumes"]] == ["lost", "interrupted"]


@pytest.mark.parametrize("value", ["NaN", "Infinity", "x", [1], -5, {"a": 1}])
def test_durations_that_somebody_edited_count_for_nothing(killed, value, monkeypatch):
    from decaylab.runlog.takeover import seconds_so_far

    reached = read_history(str(killed / "history.jsonl")).lines[-1]["seconds"]
    with (killed / "history.jsonl").open("a") as file:
        file.write('{"epoch": 4, "seconds": "Infinity"}\n')

    def interrupted(plan, run, *more, **options):
        run.finish(status="interrupted")

    change(killed, training_config__training_duration_seconds=value, total_duration_seconds=value, resumes=value)
    assert seconds_so_far(read_run(str(killed)))["fit"] == reached
    monkeypatch.setattr("decaylab.training.resume.carry_out", interrupted)
    with pytest.raises(AttributeError):  # there is no outcome to report
        main(["resume", str(killed)])
    record = record_of(killed)
    assert record["training_config"]["training_duration_seconds"] == reached
    assert [told["from_epoch"] for told in record["resumes"][-1:]] == [2]


def test_default_settings_of_today_do_not_enter(killed, killed_in_epoch_three, monkeypatch):
    from decaylab.catalogue.models import MODELS

    compact = MODELS["compact"]
    other = dict.fromkeys(compact.recipe, 1) | {"schedule": "constant", "input_noise": 0.5}
    monkeypatch.setitem(MODELS, "compact", compact.replaced(recipe=other, loss="mse"))
    assert main(["resume", str(killed)]) == 0
    assert results_of(killed)["metrics"] == results_of(only_run(killed_in_epoch_three / "whole"))["metrics"]


def test_data_that_moved_is_found_with_data_and_other_data_is_refused(killed, published, tmp_path, capsys):
    change(killed, data_config__path=str(tmp_path / "gone"))
    said = refused(capsys, "resume", killed)
    assert "--data" in said
    assert str(tmp_path / "gone") in said
    change(killed, data_config__digest="sha256:other")
    assert "sha256:other" in refused(capsys, "resume", killed, "--data", published)
    assert record_of(killed)["status"] == "running", "nothing was written"
    assert "resumes" not in record_of(killed)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"status": "completed"}, "train --from"),
        ({"status": "diverged"}, "it is diverged"),
        ({"process": {"host": "far", "pid": 1, "start_time": 1, "boot_id": "x", "pid_namespace": "y"}}, "--gone"),
        ({"training_config__optimizer": "SGD"}, "training_config.optimizer was SGD, here it is AdamW"),
        ({"model_parameters__total": 3}, "model_parameters.total was 3"),
        ({"seed": None, "training_config__schedule": None}, "training_config.schedule, seed; state each with --assume"),
        ({"environment__device": "cuda (NVIDIA H200)"}, "finds no GPU"),
    ],
)
def test_what_cannot_be_gone_on_with_is_refused_in_one_line(killed, changes, said, capsys):
    if "cuda" in str(changes) and torch.cuda.is_available():
        pytest.skip("there is a GPU")
    os.utime(killed / "heartbeat", (time.time() - 1e4,) * 2)
    change(killed, **changes)
    before = (killed / "metadata.json").read_bytes()
    assert said in refused(capsys, "resume", killed)
    assert (killed / "metadata.json").read_bytes() == before


def test_a_run_that_lives_is_never_resumed_whatever_its_heartbeat(killed, capsys):
    from decaylab.runlog.process import identity

    change(killed, process=identity())
    os.utime(killed / "heartbeat", (0, 0))
    assert "it is running" in refused(capsys, "resume", killed, "--gone")


def test_on_another_host_a_stale_heartbeat_needs_a_persons_word_and_a_fresh_one_beats_it(killed, capsys):
    far = {"host": "far", "pid": 1, "start_time": 1, "boot_id": "x", "pid_namespace": "y"}
    change(killed, process=far)
    os.utime(killed / "heartbeat")
    assert "it is running" in refused(capsys, "resume", killed, "--gone")
    os.utime(killed / "heartbeat", (time.time() - 1e4,) * 2)
    assert "far" in refused(capsys, "resume", killed)
    assert main(["resume", str(killed), "--gone"]) == 0


def test_what_a_record_lacks_is_assumed_and_recorded(killed, killed_in_epoch_three, capsys):
    change(killed, seed=None, training_config__schedule=None)
    said = refused(capsys, "resume", killed, "--assume", "batch_size=8")
    assert "holds 4" in said
    assert "no such setting" in refused(capsys, "resume", killed, "--assume", "colour=8")
    assert "KEY=VALUE" in refused(capsys, "resume", killed, "--assume", "seed")
    assert main(["resume", str(killed), "--assume", "seed=0", "--assume", "schedule=onecycle"]) == 0
    (told,) = record_of(killed)["resumes"]
    assert told["assumed"] == {"seed": 0, "training_config.schedule": "onecycle"}
    assert results_of(killed)["metrics"] == results_of(only_run(killed_in_epoch_three / "whole"))["metrics"]


def test_a_record_of_another_program_is_refused_with_the_list(write_run, experiments, capsys):
    path = write_run("legacy_20260301_120000", own=False)
    before = (path / "metadata.json").read_bytes()
    said = refused(capsys, "resume", path)
    for word in ("decaylab reproduce", "seed", "data_config.digest", "data_config.split", "training_config.schedule"):
        assert word in said
    assert (path / "metadata.json").read_bytes() == before


def test_a_damaged_last_checkpoint_is_said_and_nothing_is_begun(killed, capsys):
    (killed / LAST).write_bytes((killed / LAST).read_bytes()[:5000])
    assert "remove it" in refused(capsys, "resume", killed)
    torch.save({"format": "another"}, killed / LAST)
    assert "no training state" in refused(capsys, "resume", killed)
    torch.save({"format": last_checkpoint.FORMAT, "version": 9}, killed / LAST)
    assert "version 9" in refused(capsys, "resume", killed)
    assert record_of(killed)["status"] == "running"


def test_a_state_that_is_not_of_this_training_is_refused_before_anything_is_begun(killed, capsys):
    whole = torch.load(killed / LAST, weights_only=True)
    name = next(name for name in whole["module"] if name.endswith("weight"))
    other = {**whole["module"], name: torch.zeros(3)}
    for state, said in (
        ({key: value for key, value in whole.items() if key != "random"}, "damaged (random)"),
        ({**whole, "epoch": "two"}, "damaged (epoch)"),
        ({**whole, "epoch": 0}, "damaged (epoch)"),
        ({**whole, "module": other}, "weights of another model"),
    ):
        torch.save(state, killed / LAST)
        assert said in refused(capsys, "resume", killed)
    (killed / LAST).unlink()
    os.mkfifo(killed / LAST)
    assert "a named pipe" in refused(capsys, "resume", killed)
    assert record_of(killed)["status"] == "running"
    assert "resumes" not in record_of(killed)


def test_a_state_that_does_not_fit_ends_the_run_in_one_line_and_removed_it_goes_on(killed, capsys):
    whole = torch.load(killed / LAST, weights_only=True)
    torch.save({**whole, "optimizers": []}, killed / LAST)
    assert main(["resume", str(killed)]) == 2
    assert "remove it" in capsys.readouterr().err.splitlines()[-1]
    assert record_of(killed)["status"] == "failed"
    (killed / LAST).unlink()
    assert main(["resume", str(killed)]) == 0


def test_a_run_without_a_record_says_so(tmp_path, capsys):
    (tmp_path / "compact_20260301_120000").mkdir()
    said = refused(capsys, "resume", tmp_path / "compact_20260301_120000")
    assert "killed before its settings were on record" in said


def test_a_record_that_cannot_be_written_leaves_the_run_as_it_was(killed, monkeypatch, capsys):
    from decaylab.runlog import takeover

    before = (killed / "metadata.json").read_bytes()

    def full(path, data):
        raise OSError(28, "No space left on device", path)

    monkeypatch.setattr(takeover, "replace_file", full)
    assert "No space" in refused(capsys, "resume", killed)
    monkeypatch.undo()
    assert (killed / "metadata.json").read_bytes() == before
    assert main(["resume", str(killed)]) == 0


def test_of_several_that_resume_at_once_one_does(killed):
    cases = "import sys\nfrom decaylab.cli.main import main\nimport decaylab.training.resume\n" \
            "print('ready', flush=True)\nsys.stdin.readline()\nsys.exit(main(['resume', sys.argv[1]]))"  # fmt: skip
    children = [
        subprocess.Popen(
            [sys.executable, "-c", cases, str(killed)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for _ in range(3)
    ]  # fmt: skip
    for child in children:
        child.stdout.readline()
    for child in children:
        child.stdin.write("go\n")
        child.stdin.flush()
    said = [child.communicate(timeout=300)[1] for child in children]
    assert sorted(child.returncode for child in children) == [0, 2, 2], said
    losers = [text for child, text in zip(children, said, strict=True) if child.returncode == 2]
    assert all("is not resumed: " in text.splitlines()[-1] for text in losers), losers
    assert len(record_of(killed)["resumes"]) == 1


def test_the_state_is_weights_and_plain_numbers(killed):
    state = torch.load(killed / LAST, weights_only=True)
    assert state["epoch"] == 2

    def plain(value):
        if isinstance(value, dict):
            return all(plain(inner) for inner in value.values())
        if isinstance(value, (list, tuple)):
            return all(map(plain, value))
        return value is None or isinstance(value, (bool, int, float, str, torch.Tensor))

    assert plain(state)


def test_every_generator_goes_on_where_it_was():
    import random

    np.random.standard_normal(3)  # leaves half of a pair behind
    random.gauss(0, 1)
    state = random_state()

    def drawn():
        return [torch.rand(3).tolist(), np.random.standard_normal(3).tolist(), random.gauss(0, 1), random.random()]

    first = drawn()
    assert drawn() != first
    restore_random_state(state)
    assert drawn() == first


@pytest.mark.parametrize("trouble", [KeyboardInterrupt(), OSError(28, "No space left on device")])
def test_whatever_ends_a_write_leaves_the_checkpoint_before(tmp_path, monkeypatch, trouble):
    from decaylab.training.checkpoint import write_whole

    path = str(tmp_path / "last.ckpt")
    write_whole(path, {"w": torch.zeros(1)})
    real = torch.save

    class Breaking:
        def __init__(self, file):
            self.file, self.room = file, 5000

        def write(self, data):
            self.room -= len(data)
            if self.room < 0:
                raise trouble
            return self.file.write(data)

        def __getattr__(self, name):
            return getattr(self.file, name)

    monkeypatch.setattr(torch, "save", lambda content, file: real(content, Breaking(file)))
    with pytest.raises(type(trouble)):
        write_whole(path, {"w": torch.ones(10_000)})
    monkeypatch.undo()
    assert torch.load(path, weights_only=True)["w"].item() == 0
    assert os.listdir(tmp_path) == ["last.ckpt"]


def test_a_file_that_may_not_grow_is_a_full_disk(tmp_path):
    """The system itself refuses: PyTorch then raises an error of its own, which hides that of the system."""
    code = textwrap.dedent(f"""
        import resource, signal, sys, torch
        from decaylab.training.checkpoint import write_whole
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        path = {str(tmp_path / "last.ckpt")!r}
        write_whole(path, {{"w": torch.zeros(1)}})
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
        try:
            write_whole(path, {{"w": torch.ones(1_000_000)}})
        except OSError as error:
            sys.exit(0 if torch.load(path, weights_only=True)["w"].item() == 0 else 3)
    """)
    assert subprocess.run([sys.executable, "-c", code], timeout=300).returncode == 0
    assert os.listdir(tmp_path) == ["last.ckpt"]


def test_a_full_disk_ends_no_training_and_is_said_once(published, tmp_path, monkeypatch, capsys):
    def full(path, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(last_checkpoint, "SHARE", 1e9)
    monkeypatch.setattr(last_checkpoint, "write_whole", full)
    assert main([str(word) for word in train_words(published, tmp_path / "e")]) == 0
    assert capsys.readouterr().err.count("last.ckpt could not be written (No space left on device)") == 1


def test_best_weights_that_find_no_room_are_written_later(published, tmp_path, monkeypatch, capsys):
    from decaylab.training import checkpoint

    real, refusals = checkpoint.save_checkpoint, []

    def full_at_first(*args):
        if len(refusals) < 2:
            refusals.append(args)
            raise OSError(28, "No space left on device")
        real(*args)

    monkeypatch.setattr(checkpoint, "save_checkpoint", full_at_first)
    assert main([str(word) for word in train_words(published, tmp_path / "e")]) == 0
    assert capsys.readouterr().err.count("best_model.ckpt could not be written (No space left on device)") == 1
    run = only_run(tmp_path / "e")
    assert len(refusals) == 2
    assert torch.load(run / "checkpoints/best_model.ckpt", weights_only=True)["epoch"] == record_of(run)["best_epoch"]


def test_a_run_that_ended_with_a_full_disk_is_resumed_when_there_is_room(
    published, tmp_path, monkeypatch, killed_in_epoch_three
):
    from decaylab.training import checkpoint

    def full(*args):
        raise OSError(28, "No space left on device", "best_model.ckpt")

    monkeypatch.setattr(last_checkpoint, "SHARE", 1e9)
    monkeypatch.setattr(checkpoint, "save_checkpoint", full)
    assert main([str(word) for word in train_words(published, tmp_path / "e")]) == 2
    run = only_run(tmp_path / "e")
    assert record_of(run)["status"] == "failed"
    monkeypatch.undo()
    assert main(["resume", str(run)]) == 0
    whole, again = results_of(only_run(killed_in_epoch_three / "whole")), results_of(run)
    assert {name for name in whole if again[name] != whole[name]} == set()


@pytest.mark.heavy
def test_ctrl_c_and_sigterm_leave_a_run_that_goes_on(published, tmp_path):
    """Real signals, to a training and to the process that resumes it."""
    words = [*train_words(published, tmp_path / "e"), "--max-epochs", "60", "--no-early-stop"]
    script = "import sys\nfrom decaylab.cli.main import main\nfrom decaylab.training import last_checkpoint\n" \
             "last_checkpoint.SHARE = 1e9\nsys.exit(main(sys.argv[1:]))"  # fmt: skip
    for argv, number, code in (
        (words, signal.SIGINT, 130),
        (["resume", "latest", "--experiments", tmp_path / "e"], signal.SIGTERM, 143),
    ):
        begun = (
            len(read_history(str(only_run(tmp_path / "e") / "history.jsonl")).lines) if number == signal.SIGTERM else 0
        )
        child = subprocess.Popen([sys.executable, "-c", script, *map(str, argv)], stderr=subprocess.DEVNULL)
        while child.poll() is None:
            time.sleep(0.02)
            if (tmp_path / "e").exists() and any(path.is_dir() for path in (tmp_path / "e").iterdir()):
                history = only_run(tmp_path / "e") / "history.jsonl"
                if history.exists() and len(read_history(str(history)).lines) >= begun + 3:
                    child.send_signal(number)
                    break
        assert child.wait(timeout=120) == code
        assert record_of(only_run(tmp_path / "e"))["status"] == "interrupted"
    assert main(["resume", "latest", "--experiments", str(tmp_path / "e")]) == 0
    run = only_run(tmp_path / "e")
    codes, error = called((None, [*train_words(published, tmp_path / "w"), "--max-epochs", "60", "--no-early-stop"]))
    assert codes == [0], error
    whole, again = results_of(only_run(tmp_path / "w")), results_of(run)
    assert {name for name in whole if again[name] != whole[name]} == set()


def test_writing_takes_no_more_than_its_share(monkeypatch):
    """By a clock of its own: epochs of 1 s, writes of 0.2 s that become 2 s; the first is expected to take 0.05 s."""
    clock = [0.0]
    cost = [0.2]
    writes = []

    def write(path, content):
        writes.append(clock[0])
        clock[0] += cost[0]

    monkeypatch.setattr(last_checkpoint.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(last_checkpoint, "write_whole", write)
    keep = last_checkpoint.KeepLast("last.ckpt", None, None, None)
    monkeypatch.setattr(keep, "_content", lambda *args: {})
    module = torch.nn.Linear(1, 1)
    keep.on_fit_start(None, module)
    for epoch in range(400):
        clock[0] += 1.0
        cost[0] = 0.2 if epoch < 200 else 2.0
        keep.on_train_epoch_end(None, module)
    assert writes[0] < 3
    short = [at for at in writes if at < 200]
    assert sum(0.2 for _ in short) <= 0.05 * 200
    assert len(short) >= 40, "and it does write"
    assert sum(0.2 if at < 205 else 2.0 for at in writes) <= 0.05 * clock[0] + 2.0
    assert len(writes) > len(short)


@pytest.mark.heavy
def test_kills_at_every_kind_of_moment(published, tmp_path):
    kills = [
        "start", "middle 1", "logged 1", "kept 1", "middle 3", "writing 3", "renaming 3", "kept 4", "logged 5",
        "kept 5", "evaluation", ("middle 2", "start", "writing 4", "evaluation"),
    ]  # fmt: skip
    check_kills(published, tmp_path, kills)


@pytest.mark.heavy
def test_kills_of_a_training_that_stops_early(published, tmp_path):
    options = ("--early-stop-patience", "2", "--max-epochs", "40", "--learning-rate", "0.05", "--schedule", "constant")
    check_kills(published, tmp_path, ["kept 2"], *options)
    stopped = record_of(only_run(tmp_path / "whole"))["early_stopping_config"]["stopped_at_epoch"]
    assert stopped is not None
    assert stopped < 40
    last = [f"kept {stopped - 1}", f"kept {stopped}", "evaluation"]
    check_kills(published, tmp_path / "late", last, *options)


@pytest.mark.heavy
@pytest.mark.parametrize("more", [(), ("--persistent-workers",)])
def test_kills_of_a_training_with_workers(published, tmp_path, more):
    check_kills(published, tmp_path, ["kept 2", "middle 3"], "--num-workers", "2", *more)


@pytest.mark.heavy
@pytest.mark.parametrize(
    "options",
    [
        ("--model", "lstm", "--max-epochs", "3", "--gradient-clip-val", "1.0"),
        ("--model", "transformer", "--max-epochs", "3"),
        ("--model", "multihead", "--max-epochs", "3", "--weight-decay", "0.1"),
        ("--precision", "bf16", "--loss", "mse"),
    ],
)
def test_kills_of_other_models_and_precisions(published, tmp_path, options):
    check_kills(published, tmp_path, ["kept 2"], *options)


@pytest.mark.heavy
def test_killed_after_its_end_a_run_is_complete(published, tmp_path, capsys):
    codes, error = called(("finished", train_words(published, tmp_path / "e")))
    assert codes == [-signal.SIGKILL], error
    run = only_run(tmp_path / "e")
    assert record_of(run)["status"] == "completed"
    assert main(["verify", str(run)]) == 0
    capsys.readouterr()
    assert "completed" in refused(capsys, "resume", run)
