"""ONNX files: the same numbers from onnxruntime as from PyTorch, and no PyTorch needed to get them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx")
pytest.importorskip("onnxscript")
onnxruntime = pytest.importorskip("onnxruntime")

from decaylab import load_model  # noqa: E402
from decaylab.errors import DataError  # noqa: E402
from decaylab.inference import PARAMETERS  # noqa: E402
from decaylab.inference.export import TOLERANCES, export_onnx  # noqa: E402
from decaylab.inference.onnx_engine import METADATA_KEY  # noqa: E402

pytestmark = pytest.mark.heavy  # an export takes 10 to 30 s

#: Told to be without PyTorch, in the way that its absence shows.
WITHOUT_TORCH = """
import sys
from importlib.abc import MetaPathFinder

class Missing(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "lightning", "onnx", "onnxscript", "scipy", "pyroomacoustics"):
            raise ModuleNotFoundError(name=name)

sys.meta_path.insert(0, Missing())
import importlib.util
real = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name == "torch" else real(name, package)
import numpy as np
from decaylab import load_model
model = load_model(sys.argv[1])
rooms = np.load(sys.argv[2])
found = model.predict(rooms)
np.savez(sys.argv[3], curves=found.curves, rir=model.impulse_responses(rooms[:1]), **found.parameters)
print(model.backend, "torch" in sys.modules)
"""


@pytest.fixture(scope="module")
def exported(checkpoint: Path) -> Path:
    path = checkpoint.parent.parent / "model.onnx"
    assert export_onnx(str(checkpoint), str(path)).within
    return path


@pytest.mark.parametrize("count", [1, 3, 10])
def test_the_file_computes_what_pytorch_does(exported: Path, checkpoint: Path, rooms: np.ndarray, count: int) -> None:
    ours, its = load_model(checkpoint).predict(rooms[:count]), load_model(exported).predict(rooms[:count])
    assert ours.curves is not None
    assert its.curves is not None
    seen = ours.curves > 1e-6
    assert np.abs(10 * np.log10(its.curves[seen] / ours.curves[seen])).max() < 1e-3
    np.testing.assert_array_equal(its.onset, ours.onset)
    for name in PARAMETERS:
        np.testing.assert_allclose(its.parameters[name], ours.parameters[name], rtol=0, atol=TOLERANCES[name])
        np.testing.assert_allclose(its.half_width[name], ours.half_width[name], rtol=1e-3)
    assert load_model(exported).ranges == load_model(checkpoint).ranges


def test_the_file_says_what_it_takes_and_gives(exported: Path) -> None:
    session = onnxruntime.InferenceSession(str(exported), providers=["CPUExecutionProvider"])
    about = json.loads(session.get_modelmeta().custom_metadata_map[METADATA_KEY])
    assert about["features"]["Length"] == "m"
    assert about["units"]["t20"] == "s"
    assert about["ranges"]["f1"][0] < about["ranges"]["f1"][1]
    assert "broadband" in about["band"]
    assert [value.name for value in session.get_inputs()] == ["features"]
    assert {"curve", "onset", "late", *PARAMETERS} <= {value.name for value in session.get_outputs()}


def test_a_run_is_used_without_pytorch(exported: Path, checkpoint: Path, rooms: np.ndarray, tmp_path: Path) -> None:
    np.save(tmp_path / "rooms.npy", rooms)
    command = [
        sys.executable,
        "-c",
        WITHOUT_TORCH,
        str(exported.parent),
        str(tmp_path / "rooms.npy"),
        str(tmp_path / "p.npz"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.stdout.split() == ["onnxruntime", "False"], done.stderr
    found = np.load(tmp_path / "p.npz")
    model = load_model(checkpoint)
    np.testing.assert_allclose(found["t20"], model.predict(rooms, curves=False).parameters["t20"], atol=1e-4)
    expected = model.impulse_responses(rooms[:1])
    assert np.corrcoef(found["rir"][0], expected[0])[0, 1] > 0.999


def test_a_network_of_somebodys_own_is_exported_with_its_scalers(
    own: tuple[Path, str], tmp_path: Path, rooms: np.ndarray
) -> None:
    path, name = own
    assert export_onnx(str(path), str(tmp_path / "own.onnx"), own_model=name).within
    ours, its = load_model(path, model=name).predict(rooms), load_model(tmp_path / "own.onnx").predict(rooms)
    np.testing.assert_allclose(its.curves, ours.curves, atol=1e-6)
    for parameter in PARAMETERS:
        np.testing.assert_allclose(its.parameters[parameter], ours.parameters[parameter], atol=TOLERANCES[parameter])
    assert load_model(tmp_path / "own.onnx").ranges is None
    assert not load_model(tmp_path / "own.onnx").can_be_heard


def test_other_files_are_refused_by_name(tmp_path: Path, exported: Path) -> None:
    import onnx

    (tmp_path / "text.onnx").write_text("graph")
    with pytest.raises(DataError, match=r"text\.onnx is no ONNX file"):
        load_model(tmp_path / "text.onnx")
    file = onnx.load(str(exported))
    stored = next(entry for entry in file.metadata_props if entry.key == METADATA_KEY)
    stored.value = stored.value.replace('"version": 1', '"version": 9')
    onnx.save(file, tmp_path / "newer.onnx")
    with pytest.raises(DataError, match="version 9"):
        load_model(tmp_path / "newer.onnx")
    del file.metadata_props[:]
    onnx.save(file, tmp_path / "bare.onnx")
    with pytest.raises(DataError, match="not of `decaylab export`"):
        load_model(tmp_path / "bare.onnx")
