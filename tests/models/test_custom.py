"""A user's own model: found by its path, built, and refused in one line that says what is wrong with it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from decaylab.errors import DataError, ModelError
from decaylab.models import build_model
from decaylab.models.custom import DEFAULTS, build_own
from decaylab.models.weights import model_of

GOOD = """
from torch import nn

class Net(nn.Module):
    def __init__(self, input_dim, output_length):
        super().__init__()
        self.layer = nn.Linear(input_dim, output_length)

    def forward(self, features):
        return self.layer(features)

class Fixed(Net):
    inputs = "physical"
    default_loss = "auxiliary"
    default_settings = {"batch_size": 4}

    def __init__(self):
        super().__init__(16, 50)

class Greedy(Net):
    def __init__(self, width, input_dim, output_length=3):
        super().__init__(input_dim, output_length)

class Broken(Net):
    def __init__(self, **given):
        super().__init__(given["inputs"], 50)

class Frozen(Net):
    def __init__(self, input_dim, output_length):
        super().__init__(input_dim, output_length)
        self.requires_grad_(False)

class Wrong(Net):
    inputs = "raw"

class Shadowed(Net):
    def __init__(self, input_dim, output_length):
        super().__init__(input_dim, output_length)
        self.inputs = nn.Linear(1, 1)

class Knots(Net):
    outputs = "knots"

class Heads(Net):
    scalars = ("t20",)

class Loss(Net):
    default_loss = nn.MSELoss

class Recipe(Net):
    default_settings = ["batch_size"]

class NotAModule:
    pass

number = 3
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current directory, with `mine.py` and the package `nets` in it; the interpreter is left as it was."""
    (tmp_path / "mine.py").write_text(GOOD)
    (tmp_path / "nets").mkdir()
    (tmp_path / "nets" / "__init__.py").write_text("")
    (tmp_path / "nets" / "wide.py").write_text(GOOD)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if name.startswith(("nets", "mine", "wide", "decaylab_own")):  # what torch imported must stay
            del sys.modules[name]


def built(path: str) -> torch.nn.Module:
    return build_model(path, input_dim=16, output_length=50)


@pytest.mark.parametrize("path", ["mine:Net", "nets.wide:Net", "mine.py:Net", "nets/wide.py:Net"])
def test_a_module_or_a_file_of_the_current_directory_is_found(folder: Path, path: str) -> None:
    assert built(path)(torch.zeros(3, 16)).shape == (3, 50)


def test_a_file_anywhere_may_import_what_lies_beside_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "nets" / "top.py").write_text("from wide import Net\n\nclass Top(Net):\n    pass\n")
    (folder / "elsewhere").mkdir()
    monkeypatch.chdir(folder / "elsewhere")
    assert type(built("../nets/top.py:Top")).__name__ == "Top"


def test_what_a_model_does_not_say_is_taken_from_the_defaults_and_named(folder: Path) -> None:
    own = build_own("mine:Net", input_dim=16, output_length=50)
    assert own.taken == tuple(DEFAULTS)
    assert all(getattr(own.model, name) == value for name, value in DEFAULTS.items())
    own = build_own("mine:Fixed", input_dim=16, output_length=50)  # takes neither keyword
    assert own.taken == ("outputs",)
    assert (own.model.inputs, own.model.default_loss) == ("physical", "auxiliary")


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("nowhere:Net", r"no module 'nowhere' in .*file\.py:Class"),
        ("nets.deep:Net", r"no module 'nets.deep'"),
        ("nets.py:Net", "there is no file nets.py"),
        ("mine:Nets", "mine has no 'Nets': it has Net, Fixed, Greedy"),
        ("nets:Net", "nets has no 'Net': it has no torch module"),
        ("mine:NotAModule", "NotAModule is a class, not a subclass of torch.nn.Module"),
        ("mine:number", "number is of type int, not a subclass"),
        (":Net", "is named package.module:Class"),
        ("mine:", "is named package.module:Class"),
        ("mine:Net()", "is named package.module:Class"),
        ("mine:Greedy", r"Greedy must be given width.*a default"),
        ("mine:Broken", r"Broken cannot be built: mine.py line 26: KeyError: 'inputs'"),
        ("mine:Frozen", "no parameter that could be trained"),
        ("mine:Wrong", "its inputs is 'raw': it must be scaled or physical"),
        ("mine:Shadowed", "its inputs is a Linear: it must be scaled or physical"),
        ("mine:Knots", "its outputs are knots, but it has no method physics, knot_index, render, fit_inputs"),
        ("mine:Heads", "it has scalars, but it has no method forward_with_scalars, fit_scalars"),
        ("mine:Loss", "its default_loss is a type"),
        ("mine:Recipe", "its default_settings is a list, not a dict"),
    ],
)
def test_what_cannot_be_used_is_said_in_one_line(folder: Path, path: str, said: str) -> None:
    with pytest.raises(ModelError, match=said) as raised:
        built(path)
    assert "\n" not in str(raised.value)
    assert str(raised.value).startswith(f"--model {path}")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import no_such_package\n", r"bad.py line 1: ModuleNotFoundError: No module named 'no_such_package'"),
        ("x = 1\ny = x + z\n", r"bad.py line 2: NameError: name 'z' is not defined"),
        ("class Net(\n", r"SyntaxError: .*bad.py, line 1"),
        ("raise OSError('no\\ndisk')\n", r"bad.py line 1: OSError: no$"),
    ],
)
@pytest.mark.parametrize("path", ["bad:Net", "bad.py:Net"])
def test_a_mistake_in_the_file_is_named_with_its_line(folder: Path, path: str, text: str, said: str) -> None:
    (folder / "bad.py").write_text(text)
    with pytest.raises(ModelError, match=said) as raised:
        built(path)
    assert "\n" not in str(raised.value)


def test_a_name_without_a_colon_is_told_how_to_name_a_model_of_ones_own(folder: Path) -> None:
    with pytest.raises(ModelError, match=r"unknown model 'mine.Net'.*package.module:Class"):
        built("mine.Net")


def test_weights_of_an_own_model_need_its_class_and_no_file_imports_it(folder: Path) -> None:
    model = built("mine:Net")
    content = {
        "model_name": "Net", "model_path": "mine:Net", "input_dim": 16, "output_length": 50,
        "state_dict": model.state_dict(),
    }  # fmt: skip
    (folder / "mine.py").write_text("raise SystemExit('imported by a file')\n")
    for name in [name for name in sys.modules if name == "mine"]:
        del sys.modules[name]
    with pytest.raises(DataError, match=r"a.ckpt holds the weights of mine:Net.*--model mine:Net"):
        model_of(content, "a.ckpt")
    again = model_of(content, "a.ckpt", own="nets.wide:Net")
    torch.testing.assert_close(again(torch.ones(1, 16)), model(torch.ones(1, 16)))
    assert not again.training
    (folder / "nets" / "other.py").write_text(GOOD.replace("self.layer", "self.linear"))
    with pytest.raises(DataError, match=r"the class is not the one that was trained.*layer"):
        model_of(content, "a.ckpt", own="nets.other:Net")


def test_weights_of_ours_need_no_class() -> None:
    model = build_model("lstm", output_length=50)
    content = {"model_name": "lstm", "input_dim": 16, "output_length": 50, "state_dict": model.state_dict()}
    assert type(model_of(content, "a.ckpt")).__name__ == "LSTM"
    with pytest.raises(ModelError, match="weights of lstm: --model is for models of your own"):
        model_of(content, "a.ckpt", own="mine:Net")
