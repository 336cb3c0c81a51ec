"""The core needs numpy alone: what simulating and training need is imported when it is called, or named."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from decaylab.errors import MissingExtraError
from decaylab.rooms import SimulationSettings, draw_rooms, fit_features, simulate_edc

EXTRAS = ("torch", "sklearn", "joblib", "pyroomacoustics", "scipy", "tqdm", "threadpoolctl")


def test_importing_rooms_imports_none_of_them() -> None:
    program = f"import sys, decaylab.rooms, decaylab.acoustics; print(sorted(set({EXTRAS}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_missing_package_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for package in ("pyroomacoustics", "pyroomacoustics.parameters", "sklearn", "sklearn.preprocessing"):
        monkeypatch.setitem(sys.modules, package, None)
    room = np.array([4.0, 5.0, 3.0, 1.0, 1.2, 1.5, 3.0, 4.0, 1.4, *[0.3] * 7])
    with pytest.raises(MissingExtraError, match=r"simulating rooms needs .*'pyroomacoustics'.*decaylab\[train\]"):
        simulate_edc(room, 0, SimulationSettings())
    with pytest.raises(MissingExtraError, match="table of materials"):
        draw_rooms(1, seed=0)
    with pytest.raises(MissingExtraError, match="scikit-learn"):
        fit_features("standard", room[None]).sklearn()
