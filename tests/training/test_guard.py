"""The guard: what it stops, what it lets be, and that nothing of a training depends on its watching."""

import json
import math
import pathlib
import shlex

import pytest

from decaylab.catalogue.settings import TrainConfig
from decaylab.cli.main import main
from decaylab.runlog.history import read_history
from decaylab.training import guard, guarding
from decaylab.training.guard import Course, Verdict, first_stop, judge
from decaylab.training.preflight_findings import likely_cause

#: 40 steps an epoch: a window is 10 epochs, a start 20 (a tenth of 200).
COURSE = Course(mean_curve_loss=1.0, max_epochs=200, steps_per_epoch=40)


def epochs(validation, training=None):
    training = validation if training is None else training
    return [
        {"epoch": n, "val_loss": v, "train_loss": t}
        for n, (v, t) in enumerate(zip(validation, training, strict=True), 1)
    ]


def ramp(first, last, count):
    """From `first` to `last` in equal ratios."""
    return [first * (last / first) ** (n / (count - 1)) for n in range(count)]


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_validation_loss_that_is_no_number_stops_at_once(value):
    verdict = judge(epochs([0.5, 0.4, value]), COURSE)
    assert (verdict.state, verdict.rule, verdict.epoch) == ("stopped", "not_finite", 3)


def test_an_infinite_training_loss_alone_only_warns():
    assert judge(epochs([0.5, 0.4], [0.5, math.inf]), COURSE).state == "warned"
    assert judge([{"epoch": 1, "val_loss": 0.5}], COURSE) == Verdict()
    assert judge([], COURSE) == Verdict()


def test_a_rise_that_lasts_and_is_worse_than_the_mean_curve_stops():
    history = epochs([*ramp(2.0, 0.3, 20), *ramp(2.1, 40.0, 30)])
    verdict = first_stop(history, COURSE)
    assert (verdict.rule, verdict.epoch) == ("rise", 30)
    assert "0.3 in epoch 20" in verdict.message
    assert judge(history[: verdict.epoch - 1], COURSE).state != "stopped"


@pytest.mark.parametrize(
    ("name", "validation", "training"),
    [
        ("overfits: training falls", [*ramp(2.0, 0.3, 20), *ramp(1.3, 40.0, 30)], ramp(2.0, 0.01, 50)),
        ("comes back, as after a warm restart", [*ramp(2.0, 0.3, 20), *ramp(30.0, 0.3, 25)], None),
        ("rises for nine epochs", [*ramp(2.0, 0.3, 20), *ramp(1.3, 9.0, 9), 0.3], None),
        ("rises, and stays below the mean curve", [*ramp(2.0, 0.1, 20), *ramp(0.35, 1.1, 30)], None),
        ("hovers near the mean curve", [1.9, 1.8] * 50, None),
        ("stands still, far from the mean curve: early stopping's", [5.0] * 200, None),
        ("starts slowly, but gets better", [50.0 - 0.01 * n for n in range(180)], None),
        ("better than the mean once, then noisy", [0.9, 5.0, 2.0, 7.0] * 20, None),
    ],
)
def test_what_is_not_lost_is_let_be(name, validation, training):
    assert first_stop(epochs(validation, training), COURSE) == Verdict(), name


def test_a_run_that_stays_worse_than_the_mean_curve_stops_after_its_start():
    told = ramp(815.0, 1380.0, 121)  # auxiliary, batch 2: the losses that its owners report, rising all along
    verdict = first_stop(epochs(told), COURSE._replace(mean_curve_loss=0.3, steps_per_epoch=1800))
    assert (verdict.state, verdict.rule, verdict.epoch) == ("stopped", "worse_than_mean", 28)
    half = judge(epochs(told[:10]), COURSE._replace(mean_curve_loss=0.3))
    assert (half.state, half.rule) == ("warned", "worse_than_mean")


def test_few_steps_an_epoch_make_a_start_longer():
    flat = epochs([4.0, *[5.0] * 119])
    assert first_stop(flat, COURSE).epoch == 20
    assert first_stop(flat, COURSE._replace(steps_per_epoch=5)).epoch == 60
    assert first_stop(flat, COURSE._replace(max_epochs=1000)).epoch == 100


def test_a_schedule_that_ends_low_is_judged_late():
    history = epochs([4.0, *[5.0] * 199])
    assert first_stop(history, COURSE._replace(anneals=True)).epoch == 120
    assert first_stop(epochs([4.0, *[5.0] * 109, *ramp(4.0, 0.1, 90)]), COURSE._replace(anneals=True)) == Verdict()


@pytest.mark.parametrize("mean", [0.0, math.nan, math.inf])
def test_without_a_loss_of_the_mean_curve_nothing_is_worse_than_it(mean):
    assert first_stop(epochs([4.0, *[5.0] * 199]), COURSE._replace(mean_curve_loss=mean)) == Verdict()


@pytest.mark.parametrize(
    ("options", "loss", "code"),
    [
        ({"loss_weights": {"aux_weight": 30.0}, "gradient_clip_val": 1.0}, "auxiliary", "weight_rules"),
        ({"precision": 16}, "auxiliary", "half_precision_logs"),
        ({"batch_size": 2}, "auxiliary", "no_clipping"),
        ({"batch_size": 2}, "mse", "tiny_batch"),
        ({"learning_rate": 0.1, "precision": 16}, "auxiliary", "learning_rate"),
        ({"batch_size": 8}, "mse", "learning_rate"),
    ],
)
def test_the_strongest_suspicion_comes_first(options, loss, code):
    assert likely_cause(TrainConfig(data="d", **options), loss, "evidence").code == code


def model_of(run):
    """A model of one's own is named again: a record is never asked what to import."""
    return ["--model", json.loads((pathlib.Path(run) / "metadata.json").read_text())["model_path"]]


#: One number for every sample, thirty standard deviations off: mse 900 times that of the mean curve, and rising.
LOST = """
import torch

class Lost(torch.nn.Module):
    inputs, outputs, default_loss, default_settings = "scaled", "scaled_curve", "mse", {}

    def __init__(self, output_length):
        super().__init__()
        self.level = torch.nn.Parameter(torch.tensor(30.0))
        self.dropout = torch.nn.Dropout(0.3)
        self.length = output_length

    def forward(self, features):
        level = self.level if self.training else 30.0 + 1000.0 * (30.0 - self.level)
        return (level * self.dropout(torch.ones_like(features[:, :1]))).expand(-1, self.length)
"""


@pytest.fixture(scope="module", autouse=True)
def short_start():
    """Three steps an epoch, of 18 rooms: a start of 30 steps instead of 300, for runs of ten epochs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(guarding, "judge", lambda history, course: judge(history, course._replace(steps_per_epoch=40)))
        yield


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """The model, as `--model` takes it."""
    file = tmp_path_factory.mktemp("own") / "lost.py"
    file.write_text(LOST)
    return f"{file}:Lost"


@pytest.fixture(scope="module")
def lost(published, own, tmp_path_factory):
    """An experiments folder with a run that the guard has stopped: exit status and directory."""
    folder = tmp_path_factory.mktemp("lost") / "experiments"
    return folder, train(published, own, folder)


def train(data, model, folder, *options):
    """Exit status and directory of a training that is lost."""
    before = set(folder.iterdir()) if folder.exists() else set()
    words = ["train", "--data", str(data), "--experiments", str(folder), "--model", model, "--max-epochs", "40"]
    status = main([*words, *options])
    (made,) = [path for path in set(folder.iterdir()) - before if path.is_dir() and path.name != "archive"]
    return status, made


def record_of(path):
    return json.loads((path / "metadata.json").read_text())


def test_a_lost_run_is_stopped_evaluated_and_told(lost, capsys):
    _, (status, run) = lost
    record = record_of(run)
    assert (status, record["status"]) == (1, "diverged")
    found = record["guard"]
    assert (found["enabled"], found["state"], found["rule"]) == (True, "stopped", "worse_than_mean")
    assert found["epoch"] == record["training_config"]["actual_epochs"] < 40
    assert found["message"] in record["error"]["message"]
    assert found["finding"]["change"] == {"--learning-rate": 0.0001}
    assert found["finding"]["command"].startswith(f"decaylab train --from {run.name} ")
    assert record["metrics"]["overall_edc"]["mae"] > 0
    assert (run / "checkpoints" / "best_model.ckpt").exists()
    assert not (run / "checkpoints" / "last.ckpt").exists()


def test_the_proposed_command_is_one_that_trains_as_it_is_written(lost):
    folder, (_, run) = lost
    before = set(folder.iterdir())
    words = shlex.split(record_of(run)["guard"]["finding"]["command"])
    assert main(words[1:]) in (0, 1), "a model like this one is lost at any learning rate"
    (made,) = [path for path in set(folder.iterdir()) - before if path.is_dir()]
    assert record_of(made)["training_config"]["learning_rate"] == 1e-4
    assert record_of(made)["model_path"] == record_of(run)["model_path"]


def test_without_the_guard_it_goes_on_and_the_losses_are_the_same(lost, published, own):
    folder, (_, run) = lost
    status, other = train(published, own, folder, "--no-guard", "--max-epochs", "12")
    record = record_of(other)
    assert (status, record["status"], record["guard"]) == (0, "completed", {"enabled": False})
    stopped, whole = (read_history(str(path / "history.jsonl")).by_epoch() for path in (run, other))
    for epoch in range(1, min(len(stopped), 12) + 1):
        assert stopped[epoch]["val_loss"] == whole[epoch]["val_loss"]


def test_a_stopped_run_is_reproduced_bit_for_bit(lost, capsys):
    folder, (_, run) = lost
    assert main(["reproduce", str(run), "--experiments", str(folder), *model_of(run)]) == 0, capsys.readouterr().out
    assert "bit-equal" in capsys.readouterr().out


def test_a_run_from_before_the_guard_is_reproduced_without_one(lost, published, own, capsys):
    folder, _ = lost
    _, run = train(published, own, folder, "--no-guard", "--max-epochs", "12")
    record = record_of(run)
    del record["guard"], record["preflight"]
    (run / "metadata.json").write_text(json.dumps(record))
    assert main(["show", str(run), "--command"]) == 0
    assert "--no-guard" in capsys.readouterr().out
    assert main(["reproduce", str(run), "--experiments", str(folder), *model_of(run)]) == 0
    assert "bit-equal" in capsys.readouterr().out


def test_settings_of_a_run_without_guard_are_taken_without_that(published, own, tmp_path):
    from decaylab.runlog.store import read_run
    from decaylab.training.recorded import derived

    _, run = train(published, own, tmp_path / "e", "--no-guard", "--max-epochs", "1")
    assert derived(read_run(str(run)), {"model": model_of(run)[1]}).guard is True
    assert derived(read_run(str(run)), {"guard": False, "model": model_of(run)[1]}).guard is False


def test_a_resumed_run_is_stopped_in_the_same_epoch(lost, published, own, tmp_path, monkeypatch):
    """Killed in the middle: what the guard knew is in the history."""
    from decaylab.training import last_checkpoint

    _, (_, run) = lost
    monkeypatch.setattr(last_checkpoint, "SHARE", 1e9)
    real = guarding.GuardCallback.on_train_epoch_end

    def interrupted(self, trainer, module):
        real(self, trainer, module)
        if trainer.current_epoch + 1 == 5:
            raise KeyboardInterrupt

    monkeypatch.setattr(guarding.GuardCallback, "on_train_epoch_end", interrupted)
    with pytest.raises(SystemExit):
        train(published, own, tmp_path / "e")
    monkeypatch.setattr(guarding.GuardCallback, "on_train_epoch_end", real)
    (again,) = [path for path in (tmp_path / "e").iterdir() if path.is_dir()]
    assert record_of(again)["status"] != "diverged"
    assert main(["resume", str(again), "--experiments", str(tmp_path / "e"), *model_of(again)]) == 1
    old, new = record_of(run), record_of(again)
    assert new["guard"]["epoch"] == old["guard"]["epoch"]
    assert new["guard"]["message"] == old["guard"]["message"]
    assert new["metrics"] == old["metrics"]


def test_the_loss_of_the_mean_curve_is_that_of_a_model_that_answers_it(published):
    """mse of standardised curves: the mean of the training rooms costs 1 in training, and about that in validation."""
    from decaylab.rooms.scaling import fit_curves, fit_features
    from decaylab.training.data import CurveRooms, inputs_for, mean_curve
    from decaylab.training.module import CurveModule
    from decaylab.training.plan import plan_training

    plan = plan_training(TrainConfig(data=str(published), model="lstm", loss="mse", device="cpu", eval_batch_size=4))
    data, rows = plan.data, plan.split.train
    inputs = inputs_for(plan.model, data.features, fit_features("standard", data.features[rows]))
    scaler = fit_curves("standard", data, rows)
    module = CurveModule(plan.model, plan.loss, scaler, plan.config, data.samples, data.sampling_rate)
    training, validation = (CurveRooms(data, part, inputs) for part in (rows, plan.split.validation))
    mean = mean_curve(data, rows)
    scale = module.scale.numpy()
    for part, where in ((training, rows), (validation, plan.split.validation)):
        expected = (((data.read(where) - mean) / scale) ** 2).mean()
        found = guarding.mean_curve_loss(module, training, part, mean)
        assert found == pytest.approx(expected, rel=1e-4)
    assert guarding.mean_curve_loss(module, training, training, mean) <= 1.0 + 1e-6


def test_recorded_trainings_none_that_was_good_is_stopped(monkeypatch):
    """The histories that benchmarks/guard_rates.py made; the rules may change, this may not."""
    import pathlib
    import runpy

    rates = runpy.run_path(str(pathlib.Path(__file__).parents[2] / "benchmarks" / "guard_rates.py"))
    histories = json.loads(rates["RECORDED"].read_text())["histories"]
    stops = [first_stop(rates["epochs_of"](h), rates["course_of"](h)).epoch for h in histories]
    lost = [rates["is_lost"](h) for h in histories]
    good = [(h["name"], epoch) for h, epoch, is_lost in zip(histories, stops, lost, strict=True) if not is_lost]
    assert len(good) >= 100
    assert [name for name, epoch in good if epoch is not None] == []
    ends = [
        (h["kind"], h["val_loss"][-1] is None, epoch)
        for h, epoch, is_lost in zip(histories, stops, lost, strict=True)
        if is_lost
    ]
    assert all(epoch is not None for _, is_nan, epoch in ends if is_nan)
    assert all(epoch is not None for kind, _, epoch in ends if kind.startswith(("as told", "rate grows")))
    assert sum(epoch is not None for _, is_nan, epoch in ends if not is_nan) >= 6
    monkeypatch.setattr(guard, "MARGIN", 1.25)
    monkeypatch.setattr(guard, "STANDS_STILL", 0.0)
    hasty = [first_stop(rates["epochs_of"](h), rates["course_of"](h)).epoch for h in histories]
    assert any(e is not None and not is_lost for e, is_lost in zip(hasty, lost, strict=True)), "patience is needed"
