"""Checkpoints: whole or not at all, and never more than weights."""

import os
import pickle

import pytest
import torch

from decaylab.errors import DataError
from decaylab.training import checkpoint
from decaylab.training.checkpoint import BestWeights, load_checkpoint, save_checkpoint


class Bomb:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


def test_weights_and_what_is_said_of_them_come_back(tmp_path):
    path = str(tmp_path / "checkpoints" / "best_model.ckpt")
    save_checkpoint(
        path, {"w": torch.arange(3.0)}, {"model_name": "m", "epoch": 4, "scaler_X": {"center": torch.ones(2)}}
    )
    content = load_checkpoint(path)
    assert content["state_dict"]["w"].tolist() == [0.0, 1.0, 2.0]
    assert (content["model_name"], content["epoch"]) == ("m", 4)
    assert torch.load(path, weights_only=True)["version"] == checkpoint.VERSION


@pytest.mark.parametrize("hidden", [lambda bomb: bomb, lambda bomb: {"state_dict": {}, "extra": bomb}])
def test_a_pickle_that_is_no_checkpoint_is_refused_and_never_run(tmp_path, hidden):
    trace = tmp_path / "trace"
    path = str(tmp_path / "bomb.ckpt")
    torch.save(hidden(Bomb(str(trace))), path)
    with pytest.raises(DataError, match="weights only"):
        load_checkpoint(path)
    (tmp_path / "raw.ckpt").write_bytes(pickle.dumps(Bomb(str(trace))))
    with pytest.raises(DataError, match="no checkpoint: damaged"):
        load_checkpoint(str(tmp_path / "raw.ckpt"))
    assert not trace.exists()


@pytest.mark.parametrize("keeps", [0, 1, 2000, -1])
def test_what_was_cut_or_never_was_a_checkpoint_is_refused_in_one_line(tmp_path, keeps):
    path = tmp_path / "best_model.ckpt"
    save_checkpoint(str(path), {"w": torch.zeros(1000)}, {})
    path.write_bytes(path.read_bytes()[:keeps])
    with pytest.raises(DataError, match="no checkpoint: damaged, cut short") as raised:
        load_checkpoint(str(path))
    assert "\n" not in str(raised.value)
    path.write_text("hello\n")
    with pytest.raises(DataError, match="no checkpoint: damaged, cut short"):
        load_checkpoint(str(path))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"state_dict": {}}, "no checkpoint of decaylab"),
        ({"format": checkpoint.FORMAT, "version": 99}, "version 99"),
        ([], "no"),
    ],
)
def test_what_this_version_does_not_know_is_refused_by_name(tmp_path, content, said):
    torch.save(content, tmp_path / "other.ckpt")
    with pytest.raises(DataError, match=said):
        load_checkpoint(str(tmp_path / "other.ckpt"))
    with pytest.raises(DataError, match="there is no checkpoint"):
        load_checkpoint(str(tmp_path / "missing.ckpt"))


def test_a_disk_that_fills_up_leaves_the_checkpoint_before(tmp_path, monkeypatch):
    path = str(tmp_path / "best_model.ckpt")
    save_checkpoint(path, {"w": torch.zeros(1)}, {})

    def full(content, file):
        file.write(b"half of it")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OSError, match="No space"):
        save_checkpoint(path, {"w": torch.ones(1)}, {})
    monkeypatch.undo()
    assert load_checkpoint(path)["state_dict"]["w"].item() == 0
    assert os.listdir(tmp_path) == ["best_model.ckpt"]


def test_the_lowest_validation_loss_is_kept_however_seldom_it_is_written(tmp_path, monkeypatch):
    writes = []
    real = checkpoint.save_checkpoint

    def slow(path, state, about):
        writes.append(about["epoch"])
        monkeypatch.setattr(best, "_cost", 1e9)
        real(path, state, about)

    monkeypatch.setattr(checkpoint, "save_checkpoint", slow)
    model = torch.nn.Linear(1, 1)
    best = BestWeights(str(tmp_path / "best_model.ckpt"), {})
    for epoch, loss in enumerate([5.0, 3.0, float("nan"), 2.0, 4.0], 1):
        with torch.no_grad():
            model.weight.fill_(epoch)
        best.offer(epoch, loss, model)
        best._cost = 1e9  # as if a write took for ever: none is due any more
    assert writes == [1]
    best.write()
    best.write()
    assert writes == [1, 4]
    content = load_checkpoint(best.path)
    assert (content["epoch"], content["val_loss"], content["state_dict"]["weight"].item()) == (4, 2.0, 4.0)
