"""What is said of stored curves: faults with their counts and worst rooms; decays are left in peace."""

import numpy as np
import pytest

from decaylab.evaluation.curve_findings import curve_facts, curve_findings


def decays(rooms=10, samples=400):
    """Curves (rooms, samples), each with a decay of its own."""
    time = np.arange(samples) / samples
    return np.exp(-time[None, :] * np.linspace(5, 15, rooms)[:, None]).astype(np.float32)


def found(predictions, targets):
    names = [f"room {row}" for row in range(len(targets))]
    return {one.code: one for one in curve_findings(curve_facts(predictions, targets), names)}


def test_decays_are_left_in_peace():
    assert found(decays() * np.float32(0.995), decays()) == {}


def test_a_single_odd_prediction_is_a_remark():
    wrong = decays(40)
    wrong[3, 100] += 0.5
    assert found(wrong, decays(40))["predictions_no_decays"].severity == "note"


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda curves: curves[:4, 200:].__iadd__(0.3), "4 of 10 rising"),
        (lambda curves: curves[:4].__isub__(0.2), "4 of 10 negative"),
        (lambda curves: curves[:4].__imul__(0.5), "4 of 10 not 1 at the start"),
        (lambda curves: curves[:4, 7:].__imul__(np.float32("nan")), "4 of 10 not finite"),
    ],
)
def test_each_fault_is_counted(spoil, said):
    wrong = decays()
    spoil(wrong)
    predicted = found(wrong, decays())["predictions_no_decays"]
    assert said in predicted.evidence
    assert predicted.severity in ("severe", "warning")
    assert said in found(decays(), wrong)["data_faults"].evidence


def test_small_ripples_of_a_network_are_no_fault_but_targets_must_be_exact():
    ripple = decays()
    ripple[:, 300] = ripple[:, 299] + 5e-4
    assert "predictions_no_decays" not in found(ripple, decays())
    assert found(decays(), ripple)["data_faults"].severity == "severe"


def test_the_worst_rooms_are_named():
    wrong = decays()
    wrong[2, 200:] += 0.1
    wrong[7, 200:] += 0.6
    assert "worst: room 7, room 2" in found(wrong, decays())["predictions_no_decays"].evidence


def test_the_same_answer_for_every_room():
    same = np.repeat(decays()[:1], 10, axis=0)
    assert found(same, decays())["predictions_constant"].severity == "severe"
    nearly = same * np.linspace(1, 0.999, 10, dtype=np.float32)[:, None]
    assert "predictions_constant" not in found(nearly, decays())


def test_few_rooms_that_make_most_of_the_error():
    predictions = decays(40) * np.float32(0.9999)
    predictions[5] = decays(40)[39]
    assert "room 5" in found(predictions, decays(40))["few_rooms_rule"].evidence
    assert "few_rooms_rule" not in found(decays(40) * np.float32(0.9999), decays(40))
