"""`import decaylab`: what it shows, what its types are, what it costs, and what works without PyTorch."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import decaylab
from decaylab import errors

ROOT = Path(__file__).parents[1]

#: A finder that stands before all others and says that PyTorch and what needs it are not installed.
WITHOUT_TORCH = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "lightning", "tensorboard"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocked())
import decaylab
"""


def python(code: str, folder: Path) -> str:
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("name", decaylab.__all__)
def test_every_name_is_there_and_is_shown(name: str) -> None:
    assert getattr(decaylab, name) is not None
    assert name in dir(decaylab)


def test_every_error_is_at_the_front_door() -> None:
    own = {name for name, value in vars(errors).items() if inspect.isclass(value)}
    assert own <= set(decaylab.__all__)
    assert all(issubclass(getattr(decaylab, name), decaylab.DecaylabError) for name in own)


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="tarin"):
        _ = decaylab.tarin


def test_the_names_are_those_of_the_folders_below() -> None:
    for name, place in [("train", "training"), ("load_model", "inference"), ("open_data", "rooms")]:
        assert getattr(decaylab, name) is getattr(importlib.import_module(f"decaylab.{place}"), name)


def test_importing_the_package_imports_nothing_of_it_and_nothing_heavy(tmp_path: Path) -> None:
    found = python("import sys, decaylab; dir(decaylab); print(*sys.modules)", tmp_path).split()
    assert [name for name in found if name.startswith("decaylab")] == ["decaylab"]
    assert not {"torch", "numpy", "lightning", "dataclasses"} & set(found)


def test_the_run_log_needs_neither_numpy_nor_torch(tmp_path: Path) -> None:
    code = "import sys, decaylab; decaylab.runlog.start; decaylab.runlog.runs; print('numpy' in sys.modules)"
    assert python(WITHOUT_TORCH + code, tmp_path) == "False"


def test_what_needs_no_torch_works_without_it(tmp_path: Path) -> None:
    code = """
import numpy as np
with decaylab.runlog.start("m", experiments="e") as run:
    run.log(epoch=1, val_loss=0.5)
curve = np.exp(-13.8155 * np.arange(48_000) / 24_000)
decaylab.open_data, decaylab.simulate, decaylab.TrainConfig, decaylab.Outcome, decaylab.load_model
print(len(decaylab.runlog.runs("e")), round(float(decaylab.parameters(curve, 24_000)["t20"]), 3))
"""
    assert python(WITHOUT_TORCH + code, tmp_path) == "1 1.0"


def test_without_torch_a_training_is_refused_in_one_line_that_says_what_to_install(tmp_path: Path) -> None:
    code = """
try:
    decaylab.train
except decaylab.MissingExtraError as error:
    print(error)
"""
    said = python(WITHOUT_TORCH + code, tmp_path)
    assert "\n" not in said
    assert "pip install 'decaylab[train]'" in said


def test_the_type_checker_sees_every_name(tmp_path: Path) -> None:
    lines = ["import decaylab", *(f"reveal_type(decaylab.{name})" for name in decaylab.__all__)]
    lines += ["reveal_type(decaylab.load_model().predict)", "reveal_type(decaylab.open_data('d').features)"]
    lines += ["decaylab.tarin"]
    path = tmp_path / "script.py"
    path.write_text("\n".join(lines) + "\n")
    command = [sys.executable, "-m", "mypy", "--config-file", str(ROOT / "pyproject.toml"), "--no-pretty", str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    revealed = [line for line in done.stdout.splitlines() if "Revealed type" in line]
    assert len(revealed) == len(lines) - 2, done.stdout + done.stderr
    assert not [line for line in revealed if line.rpartition("is ")[2].strip('"') == "Any"]
    (mistake,) = [line for line in done.stdout.splitlines() if ": error:" in line]
    assert f":{len(lines)}:" in mistake


def test_parameters_of_arrays_have_the_shape_of_the_records() -> None:
    rate, t60 = 8000, np.array([[0.3, 0.5], [0.7, 0.9]])
    time = np.arange(2 * rate) / rate
    curves = 10 ** (-6 * time / t60[..., None])
    found = decaylab.parameters(curves, rate)
    assert found["t20"].shape == (2, 2)
    np.testing.assert_allclose(found["t20"], t60, rtol=1e-3)
    assert found["t20"][0, 1] == decaylab.parameters(curves[0, 1], rate)["t20"]


def test_a_response_and_its_curve_agree_and_a_response_has_bands() -> None:
    rate = 48_000
    time = np.arange(2 * rate) / rate
    response = np.random.default_rng(0).normal(size=2 * rate) * 10 ** (-3 * time / 0.5)
    found = decaylab.parameters(response, rate, bands=[500, 1000])
    assert found["c50"].shape == (3,)
    np.testing.assert_allclose(found["t20"], 0.5, rtol=0.05)
    curve = np.cumsum(np.square(response[::-1]))[::-1]
    of_curve = decaylab.parameters(curve / curve[0], rate)
    np.testing.assert_allclose(of_curve["t20"], found["t20"][0], rtol=0.01)
    assert np.isnan(decaylab.parameters(np.zeros(100), rate)["t20"])


@pytest.mark.parametrize(
    ("samples", "options", "named"),
    [
        ([1.0], {}, r"\(1,\)"),
        ([[1.0, 0.5], [np.nan, 0.1]], {}, "record 1"),
        ([1.0, 0.5, 0.25], {"bands": [500]}, "record 0"),
        ([1.0, -0.5], {"kind": "wav"}, "wav"),
        ([1.0, -0.5], {"sampling_rate": 0}, "0 Hz"),
        ([1.0, -0.5], {"onset": 2}, "record 0"),
    ],
)
def test_what_cannot_be_measured_is_named(samples: list[float], options: dict, named: str) -> None:
    with pytest.raises((decaylab.DataError, decaylab.InputError), match=named):
        decaylab.parameters(samples, **{"sampling_rate": 48_000, **options})


def test_rooms_are_simulated_into_a_data_set_that_is_opened(tmp_path: Path) -> None:
    pytest.importorskip("pyroomacoustics")
    from decaylab.rooms import RoomTable, SimulationSettings, draw_rooms, write_rooms_csv

    settings = SimulationSettings(rays=50)
    drawn = decaylab.simulate(tmp_path / "drawn", 2, settings=settings)
    assert (len(drawn), drawn.read([0, 1]).shape) == (2, (2, drawn.samples))
    table = draw_rooms(3, seed=0)
    with open(tmp_path / "rooms.csv", "w", newline="") as file:
        write_rooms_csv(table, file)
    of_file = decaylab.simulate(tmp_path / "file", tmp_path / "rooms.csv", limit=2, settings=settings)
    assert of_file.manifest["source"]["file"] == "rooms.csv"
    grown = decaylab.simulate(tmp_path / "file", RoomTable(table.ids, table.features), settings=settings)
    assert grown.ids[:2] == of_file.ids
    assert len(grown) == 3
    np.testing.assert_array_equal(grown.read([0]), of_file.read([0]))
