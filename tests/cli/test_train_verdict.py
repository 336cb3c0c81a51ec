"""What `train` says at its end: targets, and what was learnt beyond physics."""

from decaylab.cli.train import learnt, verdict


def of(mae):
    return {"overall_edc": {"mae": mae}}


def test_what_training_added_to_the_physics_is_said():
    alone = {"physics": of(0.0010), "mean_curve": of(0.02)}
    assert learnt(of(0.0008), alone) == "EDC MAE 0.00080: 20% better than physics alone, without training (0.00100)"
    assert "no better than physics alone" in learnt(of(0.0010), alone)
    assert "30 times that of physics alone" in learnt(of(0.0300), alone)


def test_without_physics_nothing_is_said_of_it():
    assert learnt(of(0.0008), {"mean_curve": of(0.02)}) is None
    assert learnt({}, {}) is None
    assert "never finite" in verdict({})
