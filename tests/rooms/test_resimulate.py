"""Rooms simulated again as they were: the same settings, another seed, or a clear refusal."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from decaylab.errors import DataError, InputError
from decaylab.rooms import SimulationSettings, draw_rooms, open_data, simulate_edc, simulate_rooms
from decaylab.rooms.generate import simulated_curves
from decaylab.rooms.resimulate import first_rows, fresh_seed, recorded_simulation
from decaylab.rooms.store_writer import store_to_annotate

pytest.importorskip("pyroomacoustics")

QUICK = SimulationSettings(rays=100, time_limit=0.1, samples=4_800, realisations=2)


@pytest.fixture
def data(tmp_path: Path) -> Any:
    simulate_rooms(tmp_path / "data", draw_rooms(3, seed=5), seed=5, settings=QUICK)
    return open_data(tmp_path / "data")


def change_settings(data: Any, **changes: Any) -> Any:
    manifest = json.loads((data.path / "manifest.json").read_text())
    for key, value in changes.items():
        if value is ...:
            manifest["settings"].pop(key, None)
        else:
            manifest["settings"][key] = value
    (data.path / "manifest.json").write_text(json.dumps(manifest))
    return open_data(data.path)


def test_fresh_curves_have_the_recorded_settings_and_the_seed_given(data: Any) -> None:
    recorded = recorded_simulation(data)
    assert recorded.seed == 5
    assert recorded.settings.to_json() == QUICK.to_json()
    same = dict(simulated_curves(data.table, [2, 0], 5, recorded.settings, 1))
    assert sorted(same) == [0, 2]
    for row, curve in same.items():
        np.testing.assert_array_equal(curve, data.read([row])[0])
    fresh = dict(simulated_curves(data.table, [1], 6, recorded.settings, 1))
    np.testing.assert_array_equal(fresh[1], simulate_edc(data.features[1], 6, QUICK))
    assert (fresh[1] != data.read([1])[0]).any()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"simulator": "pyroomacoustics 0.8.6"}, "was simulated with pyroomacoustics 0.8.6, pyroomacoustics .* is"),
        ({"scattering": 0.1}, "cannot be simulated again as they were: scattering is 0.1 there, None here"),
        ({"rays": ...}, "rays is None there, 16000 here"),
        ({"seed": ...}, "seed is None"),
        ({"seed": "five"}, "seed is 'five'"),
        ({"rays": "many"}, "settings that cannot be"),
        ({"realisations": 0}, "settings that cannot be"),
    ],
)
def test_what_cannot_be_repeated_is_refused(data: Any, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        recorded_simulation(change_settings(data, **changes))


def test_a_store_of_before_there_was_a_choice_of_builders_was_built_by_the_library(data: Any) -> None:
    before = change_settings(data, builder=..., builder_version=...)
    assert recorded_simulation(before).settings.builder == "pyroomacoustics"


def test_the_published_layout_has_no_settings(tmp_path: Path) -> None:
    header = "ID,Length,Width,Height,Source_X,Source_Y,Source_Z,Receiver_X,Receiver_Y,Receiver_Z,f1,f2,f3,f4,f5,f6,f7"
    (tmp_path / "roomFeaturesDataset.csv").write_text(f"{header}\na,4,4,3,1,1,1,3,3,2,{','.join(['0.3'] * 7)}\n")
    (tmp_path / "EDC").mkdir()
    np.save(tmp_path / "EDC" / "a.npy", np.ones(96_000, dtype=np.float32))
    with pytest.raises(DataError, match="was not simulated by decaylab: its settings are not known"):
        recorded_simulation(open_data(tmp_path))


def test_the_seed_is_another_than_the_data_sets(data: Any) -> None:
    recorded = recorded_simulation(data)
    assert fresh_seed(recorded) == 6
    assert fresh_seed(recorded, 9) == 9
    with pytest.raises(InputError, match="itself was simulated with seed 5"):
        fresh_seed(recorded, 5)
    with pytest.raises(InputError, match="0 or more"):
        fresh_seed(recorded, -1)


def test_more_rooms_include_fewer_and_are_mixed(tmp_path: Path) -> None:
    class Rooms:
        features = draw_rooms(40, seed=0).features

    rows = np.arange(5, 40)
    nested = [set(first_rows(Rooms(), rows, count).tolist()) for count in (4, 9, 20, None)]  # type: ignore[arg-type]
    assert [len(chosen) for chosen in nested] == [4, 9, 20, 35]
    assert all(few <= more for few, more in pairwise(nested))
    assert nested[1] != set(range(5, 14))
    assert first_rows(Rooms(), rows[::-1], 99).tolist() == rows.tolist()  # type: ignore[arg-type]


def test_label_noise_is_kept_when_the_store_is_extended_and_is_no_part_of_its_digest(data: Any) -> None:
    before = json.loads((data.path / "manifest.json").read_text())
    with store_to_annotate(data.path) as annotate:
        annotate({"seed": 6, "rooms": 0})
        with pytest.raises(InputError, match="another process is writing"):
            simulate_rooms(data.path, draw_rooms(4, seed=5), seed=5, settings=QUICK)
    after = json.loads((data.path / "manifest.json").read_text())
    assert after == {**before, "label_noise": {"seed": 6, "rooms": 0}}
    report = simulate_rooms(data.path, draw_rooms(3, seed=5), seed=5, settings=QUICK)
    assert (report.simulated, report.digest) == (0, data.digest)
    report = simulate_rooms(data.path, draw_rooms(4, seed=5), seed=5, settings=QUICK)
    assert report.simulated == 1
    extended = open_data(data.path)
    assert extended.digest != data.digest
    assert extended.manifest["label_noise"] == {"seed": 6, "rooms": 0}


def test_label_noise_stays_while_a_store_is_unfinished(data: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with store_to_annotate(data.path) as annotate:
        annotate({"seed": 6})

    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("decaylab.rooms.generate.simulate_row", stop)
    with pytest.raises(KeyboardInterrupt):
        simulate_rooms(data.path, draw_rooms(4, seed=5), seed=5, settings=QUICK)
    manifest = json.loads((data.path / "manifest.json").read_text())
    assert not manifest["complete"]
    assert manifest["label_noise"] == {"seed": 6}


def test_a_data_set_that_cannot_be_written_to_is_told_in_one_line(data: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied", str(data.path / ".lock"))

    monkeypatch.setattr("decaylab.rooms.files.open", refuse, raising=False)
    with pytest.raises(DataError, match="cannot be written: Permission denied"), store_to_annotate(data.path):
        pytest.fail("the lock is not held")
