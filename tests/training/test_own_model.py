"""`--model package.module:Class`: a user's own model from its file to its run, or refused before there is one."""

import json
import shlex
import sys

import pytest

from decaylab.cli.main import main
from decaylab.errors import DataError
from decaylab.models.checkpoint import load_checkpoint
from decaylab.models.weights import model_of

NETS = '''
import torch
from torch import nn

from decaylab.models.compact import Compact


class Net(nn.Module):
    """A network in ten lines."""

    def __init__(self, input_dim, output_length):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(input_dim, 8), nn.ReLU(), nn.Linear(8, output_length))

    def forward(self, features):
        return self.layers(features)


class WithHead(Net):
    inputs, outputs = "scaled", "scaled_curve"
    default_loss, default_settings = "auxiliary", {"max_epochs": 1, "batch_size": 4}
    scalars = ("edt",)

    def __init__(self, input_dim, output_length):
        super().__init__(input_dim, output_length)
        self.register_buffer("scalar_scale", torch.ones(1))
        self.head = nn.Linear(input_dim, 1)
        nn.init.zeros_(self.head.weight)
        nn.init.constant_(self.head.bias, 0.5)

    def fit_scalars(self, values):
        self.scalar_scale[:] = values.std()

    def forward_with_scalars(self, features):
        return self(features), self.head(features)


class OnKnots(Compact):
    pass


class TooShort(Net):
    def __init__(self, input_dim, output_length):
        super().__init__(input_dim, output_length - 1)


class Single(Net):
    def forward(self, features):
        return self.layers(features).mean()


class Pair(Net):
    def forward(self, features):
        return self.layers(features), features


class Infinite(Net):
    def forward(self, features):
        return self.layers(features) / 0


class Raises(Net):
    def forward(self, features):
        return self.layers(features.unsqueeze(0)[:, :, :3])


class OtherLoss(Net):
    default_loss = "huber"


class OtherSetting(Net):
    default_settings = {"momentum": 0.9}


class OtherScalar(WithHead):
    scalars = ("d50",)


class TwoHeads(WithHead):
    scalars = ("edt", "t20")


class KnotsThatDoNotFit(Compact):
    def forward(self, features, physics=None):
        return super().forward(features, physics)[:, :-1]


class _Hidden(Net):
    pass


class OnlyIn32(Net):
    def forward(self, features):
        if torch.is_autocast_enabled("cpu"):
            raise RuntimeError("no primitive")
        return self.layers(features)
'''


@pytest.fixture
def place(tmp_path, monkeypatch):
    """The current directory: `studio/mine.py` lies in it."""
    (tmp_path / "studio").mkdir()
    (tmp_path / "studio" / "mine.py").write_text(NETS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if name.startswith(("studio", "decaylab_own")):
            del sys.modules[name]


def train(data, *options):
    return main(["train", "--data", str(data), "--device", "cpu", "--max-samples", "12", *options])


def only_run(place):
    (run,) = [path for path in (place / "experiments").iterdir() if path.is_dir()]
    return run, json.loads((run / "metadata.json").read_text())


@pytest.mark.parametrize("path", ["studio.mine:Net", "studio/mine.py:Net"])
def test_it_is_trained_named_after_its_class_and_recorded_with_its_path(published, place, capsys, path):
    assert train(published, "--model", path, "--max-epochs", "1") == 0
    said = capsys.readouterr().err
    assert "model: Net does not say, so it is taken for: inputs scaled, outputs scaled_curve, default_loss mse" in said
    run, record = only_run(place)
    assert run.name.startswith("Net_")
    assert (record["model_name"], record["model_path"], record["status"]) == ("Net", path, "completed")
    assert record["loss_config"]["loss_type"] == "mse"
    assert main(["verify", str(run), "--deep"]) == 0
    capsys.readouterr()
    assert main(["show", str(run), "--command"]) == 0
    shown = capsys.readouterr()
    assert f"--model {path} " in shown.out
    assert shown.err == ""
    assert main(shlex.split(shown.out)[1:]) == 0, "the printed command trains it again"


def test_the_command_says_where_the_module_was_imported_from_and_a_file_is_found_from_anywhere(
    published, place, capsys, monkeypatch
):
    train(published, "--model", "studio.mine:Net", "--max-epochs", "1", "--experiments", "a")
    train(published, "--model", "studio/mine.py:Net", "--max-epochs", "1", "--experiments", "b")
    monkeypatch.chdir(place / "studio")
    capsys.readouterr()
    assert main(["show", "latest", "--experiments", "../a", "--command"]) == 0
    shown = capsys.readouterr()
    assert "--model studio.mine:Net " in shown.out
    assert f"studio.mine:Net was imported from {place}: call the command there" in shown.err
    assert main(["show", "latest", "--experiments", "../b", "--command"]) == 0
    assert f"--model {place}/studio/mine.py:Net " in capsys.readouterr().out


def test_its_own_recipe_loss_and_scalar_heads_hold(published, place, capsys):
    assert train(published, "--model", "studio.mine:WithHead") == 0
    _, record = only_run(place)
    assert record["loss_config"]["loss_type"] == "auxiliary"
    assert (record["training_config"]["max_epochs"], record["training_config"]["batch_size"]) == (1, 4)
    assert record["loss_config"]["scalar_heads"]["names"] == ["edt"]
    assert list(record["metrics_scalar_heads"]) == ["edt"]
    capsys.readouterr()
    assert main(["compare", "--columns", "model,edt_mae,metrics_scalar_heads.edt.mae"]) == 0
    shown = capsys.readouterr().out
    assert "metrics_scalar_heads.edt.mae" in shown
    assert f"{record['metrics_scalar_heads']['edt']['mae']:.3g}"[:4] in shown


def test_a_model_on_knots_is_trained_on_its_knots(published, place):
    assert train(published, "--model", "studio.mine:OnKnots", "--max-epochs", "1") == 0
    _, record = only_run(place)
    assert (record["model_name"], record["loss_config"]["loss_type"]) == ("OnKnots", "decay")
    assert record["data_loader_config"]["scaler_X_used"] is False


def test_its_checkpoint_is_used_with_its_class(published, place):
    train(published, "--model", "studio.mine:Net", "--max-epochs", "1")
    run, _ = only_run(place)
    path = str(run / "checkpoints" / "best_model.ckpt")
    content = load_checkpoint(path)
    with pytest.raises(DataError, match=r"holds the weights of studio.mine:Net.*--model studio.mine:Net"):
        model_of(content, path)
    assert type(model_of(content, path, own="studio.mine:Net")).__name__ == "Net"


def test_a_precision_that_it_cannot_be_computed_in_is_refused_in_one_line(published, place, capsys):
    assert train(published, "--model", "studio.mine:OnlyIn32", "--precision", "bf16") == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert "its forward pass fails with --precision bf16, and does not with 32: mine.py line " in said
    assert said.endswith("RuntimeError: no primitive; use --precision 32")
    assert not (place / "experiments").exists()
    assert train(published, "--model", "studio.mine:OnlyIn32", "--max-epochs", "1") == 0
    assert train(published, "--model", "studio.mine:Net", "--max-epochs", "1", "--precision", "bf16") == 0


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("TooShort", "forward(features) has the shape (2, 95999) for 2 rooms; it must be (2, 96000)"),
        ("Single", "forward(features) has the shape () for 2 rooms"),
        ("Pair", "forward(features) is a tuple, not a tensor of shape (2, 96000)"),
        ("Infinite", "forward(features) is not finite for rooms of this data set"),
        ("Raises", "its forward pass fails for inputs of shape (2, 16): mine.py line 64: RuntimeError"),
        ("OtherLoss", "unknown loss 'huber'"),
        ("OtherSetting", "its default_settings hold momentum; training knows max_epochs"),
        ("OtherScalar", "no scalar head for ['d50']: choose from edt, t20"),
        (
            "TwoHeads",
            "the second of forward_with_scalars(features) has the shape (2, 1) for 2 rooms; it must be (2, 2)",
        ),
        ("KnotsThatDoNotFit", "forward(features, physics) has the shape"),
        ("_Hidden", "model name '_Hidden' cannot be used"),
        ("Missing", "studio.mine has no 'Missing': it has Net"),
    ],
)
def test_what_cannot_be_trained_is_one_line_before_there_is_a_run(published, place, capsys, name, said):
    assert train(published, "--model", f"studio.mine:{name}") == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if not line.startswith(("data set:", "model:"))]
    assert len(lines) == 1
    assert said in lines[0]
    assert not (place / "experiments").exists()
