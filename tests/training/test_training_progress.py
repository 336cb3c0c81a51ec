"""The bar of a training on a terminal, and the lines elsewhere."""

import re
import sys

import pytest

from decaylab.training.progress import bar_text, time_left

LOSSES = {"train_loss": 0.0123456, "val_loss": 0.0145678}


def test_the_bar_names_losses_best_epoch_and_the_time_left():
    text = bar_text("compact 12/400", LOSSES, (0.0141, 9), (3.2, 724.0), 120)
    assert text == "compact 12/400  train 0.01235  val 0.01457  best at 9  left epoch 3 s, run 12:04 min  "


@pytest.mark.parametrize(("width", "has_best"), [(80, True), (70, False)])
def test_on_a_narrow_terminal_the_bar_keeps_its_place(width, has_best):
    text = bar_text("compact 12/400", LOSSES, (0.0141, 9), (3.2, 724.0), width)
    assert len(text) + 6 <= width
    assert "train" not in text
    assert ("best at 9" in text) is has_best
    assert "val 0.01457" in text
    assert "run 12:04 min" in text


def test_before_the_first_epoch_ends_its_share_of_batches_tells():
    assert time_left([(0, 0.0)], 10, 0.0, 0.0) == (None, None)
    assert time_left([(0, 0.0)], 10, 0.25, 5.0) == (15.0, 195.0)
    assert time_left([(6, 0.0)], 10, 0.25, 5.0) == (15.0, 75.0), "a run that goes on at epoch 7"


def test_then_the_pace_of_the_epochs_tells():
    ends = [(0, 0.0), (1, 10.0), (2, 20.0)]
    assert time_left(ends, 4, 0.5, 4.0) == (6.0, 16.0)
    assert time_left(ends, 4, 0.9, 30.0) == (0.0, 10.0), "an epoch that takes longer than the others"
    assert time_left([*ends, (3, 30.0), (4, 40.0)], 4, 0.0, 0.0)[1] == 0.0


def test_a_training_on_a_terminal_draws_one_bar(published, tmp_path):
    pytest.importorskip("fcntl")
    from terminal import Session

    command = [sys.executable, "-m", "decaylab.cli.main", "train", "--data", str(published), "--max-epochs", "20"]
    session = Session([*command, "--experiments", str(tmp_path)], 80, 30)
    session.until(lambda text: str(tmp_path) in text.replace("\n", ""), 240)
    assert session.send(0) == 0
    states = [state for state in session.raw.replace("\n", "\r").split("\r") if state.startswith("compact 20/20")]
    assert states
    for part in ("val ", "best at ", "run 0 s", "|"):
        assert part in states[-1]
    assert all(len(state) <= 80 for state in states)


def test_elsewhere_lines_say_it(published, tmp_path, monkeypatch, capfd):
    from decaylab.training import TrainConfig, progress, train

    monkeypatch.setattr(progress, "LINE_SECONDS", 0.0)
    train(TrainConfig(data=str(published), experiments=str(tmp_path), model="compact", max_epochs=2))
    said = capfd.readouterr().err
    assert "compact: epoch 1/2, val_loss" in said
    assert "best at 2" in said or "best at 1" in said
    assert re.search(r"about [\d.]+ \w+ left", said)
    assert "\r" not in said
