"""Trainings that are killed where a test says, and what is compared afterwards. Shared by the tests of resuming."""

import json
import os
import signal
import subprocess
import sys
import textwrap

import torch

from decaylab.cli.main import main
from decaylab.runlog.history import read_history

QUICK = ["--max-epochs", "5", "--batch-size", "4"]
LAST = "checkpoints/last.ckpt"

#: Forks one process for each command line on stdin, so that PyTorch is imported once, and kills it where it is told.
DRIVER = textwrap.dedent("""
    import json, os, signal, sys
    from decaylab.cli.main import main
    from decaylab.training import checkpoint, last_checkpoint, stages
    from decaylab.training.last_checkpoint import KeepLast
    from decaylab.training.module import CurveModule
    from decaylab.training.recorder import RunRecorder
    import torch

    def die():
        os.kill(os.getpid(), signal.SIGKILL)

    def before(owner, name, when):
        real = getattr(owner, name)
        def patched(*args, **keywords):
            if when(*args):
                die()
            return real(*args, **keywords)
        setattr(owner, name, patched)

    def half(content, file):
        if content.get("format") == last_checkpoint.FORMAT and content["epoch"] == epoch:
            file.write(b"PK" + b"x" * 1000)
            file.flush()
            die()
        return real_save(content, file)

    real_save = torch.save
    last_checkpoint.SHARE = 1e9
    for case in json.load(sys.stdin):
        child = os.fork()
        if child == 0:
            where, _, number = (case["kill"] or "").partition(" ")
            epoch = int(number or 0)
            if where == "start":
                before(stages, "trainer_for", lambda *args: True)
            elif where == "middle":  # of an epoch
                before(CurveModule, "training_step",
                       lambda module, batch, index: index == 1 and module.trainer.current_epoch + 1 == epoch
                       and any(isinstance(each, RunRecorder) for each in module.trainer.callbacks))
            elif where == "logged":  # the epoch is in the history, but in no checkpoint
                before(KeepLast, "on_train_epoch_end", lambda keep, trainer, module: trainer.current_epoch + 1 == epoch)
            elif where == "writing":
                torch.save = half
            elif where == "renaming":
                before(os, "replace", lambda source, target: str(target).endswith("last.ckpt") and
                       torch.load(source, weights_only=True)["epoch"] == epoch)
            elif where == "kept":
                real = KeepLast.on_train_epoch_end
                def patched(keep, trainer, module):
                    real(keep, trainer, module)
                    if trainer.current_epoch + 1 == epoch:
                        die()
                KeepLast.on_train_epoch_end = patched
            elif where == "evaluation":
                before(stages, "evaluate_test_rooms", lambda *args: True)
            elif where == "finished":
                before(KeepLast, "remove", lambda *args: True)
            os._exit(main(case["argv"]))
        status = os.waitpid(child, 0)[1]
        print(os.waitstatus_to_exitcode(status), flush=True)
""")


def called(*cases):
    """Exit codes of command lines, each in a process that is killed at `kill` ("middle 3"), or not."""
    content = json.dumps([{"kill": kill, "argv": [str(word) for word in argv]} for kill, argv in cases])
    done = subprocess.run(
        [sys.executable, "-c", DRIVER], input=content, capture_output=True, text=True, timeout=900, check=True
    )
    return [int(line) for line in done.stdout.splitlines() if line.lstrip("-").isdigit()], done.stderr


def only_run(folder):
    (found,) = [path for path in folder.iterdir() if path.is_dir()]
    return found


def record_of(run):
    return json.loads((run / "metadata.json").read_text())


def results_of(run):
    """Everything that a training computed; not when and how fast."""
    record = record_of(run)
    lines = read_history(str(run / "history.jsonl")).by_epoch()
    epochs = {epoch: {k: v for k, v in line.items() if k != "seconds"} for epoch, line in lines.items()}
    best = torch.load(run / "checkpoints" / "best_model.ckpt", weights_only=True)
    return {
        "status": record["status"],
        "metrics": record["metrics"],
        "best": (record["best_epoch"], record["best_val_loss"], best["epoch"], best["val_loss"]),
        "weights": {name: tensor.numpy().tobytes() for name, tensor in best["state_dict"].items()},
        "epochs": epochs,
        "predictions": (run / "predictions.npy").read_bytes(),
        "ended": (record["training_config"]["actual_epochs"], record["early_stopping_config"]["stopped_at_epoch"]),
    }


def train_words(data, folder, *options):
    return ["train", "--data", data, "--experiments", folder, *QUICK, *options]


def check_kills(data, folder, kills, *options, again=()):
    """Kill a training in each of the ways, resume it (killed again, if there are more ways in a tuple), compare.

    `again`: options of `decaylab resume`.
    """
    cases = [(None, train_words(data, folder / "whole", *options))]
    for number, kill in enumerate(kills):
        experiments = folder / f"killed_{number}"
        first, *more = kill if isinstance(kill, tuple) else (kill,)
        cases.append((first, train_words(data, experiments, *options)))
        cases += [(kill, ["resume", "latest", "--experiments", experiments, *again]) for kill in (*more, None)]
    codes, error = called(*cases)
    assert codes == [0 if kill is None else -signal.SIGKILL for kill, _ in cases], error
    whole = results_of(only_run(folder / "whole"))
    for number, kill in enumerate(kills):
        run = only_run(folder / f"killed_{number}")
        results = results_of(run)
        for name, value in whole.items():
            assert results[name] == value, (kill, name)
        assert not (run / LAST).exists()
        assert os.listdir(run / "checkpoints") == ["best_model.ckpt"], "nothing half-written is left"
        assert not (run / ".resume").exists()
        assert main(["verify", str(run)]) == 0
    return folder


def change(run, **changes):
    record = record_of(run)
    for path, value in changes.items():
        *folders, last = path.split("__")
        place = record
        for folder in folders:
            place = place[folder]
        place[last] = value
    (run / "metadata.json").write_text(json.dumps(record))


def refused(capsys, *argv):
    """The one line that a command is refused with."""
    assert main([str(word) for word in argv]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1, error
    return error
