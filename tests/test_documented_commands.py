"""Every command and every piece of Python in README.md and docs/ runs, as it is written there.

Each document is a session in a folder of its own: its blocks run one after the other, as a reader would type them.
Beside it lie what the documents take for granted: a table of rooms in the published format (a small grid, so that
"600 rooms" are the fifteen that there are), the envelope's file, two recorded runs, scripts/ and benchmarks/.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest

from decaylab import runlog

ROOT = pathlib.Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```(bash|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

#: Commands that are not run here, each with where it is.
ELSEWHERE = {
    "make demo": "tests/test_demo.py runs its script",
    "make test": "this is it",
    "make check": ".ci/run",
    "make test-all": ".ci/run",
    "make bench": "tests/test_benchmarks.py runs each script",
}


def blocks_of(document):
    return BLOCK.findall(document.read_text())


def with_blocks():
    for document in DOCUMENTS:
        if not document.exists() or not blocks_of(document):
            continue
        name = str(document.relative_to(ROOT))
        heavy = any("train" in text or "simulate" in text for kind, text in blocks_of(document) if kind == "bash")
        yield pytest.param(document, id=name, marks=[pytest.mark.heavy] if heavy else [])


def room_table():
    """Fifteen rooms: three geometries and five materials, in the published format."""
    lines = ["ID,Length,Width,Height,Source_X,Source_Y,Source_Z,Receiver_X,Receiver_Y,Receiver_Z,f1,f2,f3,f4,f5,f6,f7"]
    for room, geometry in enumerate(["3,3,2.5,1.4,2,1.5,1,1,1.5", "5,4,3,2,3,1.5,1,1,1.2", "6,4,2.8,1,3,1.5,4,1,1.7"]):
        for case, alpha in enumerate([0.3, 0.35, 0.4, 0.5, 0.6]):
            lines.append(f"RIR_{room:03d}_case{case}_edc,{geometry}," + ",".join([f"{alpha}"] * 7))
    return "\n".join(lines) + "\n"


@pytest.fixture
def session(tmp_path):
    """A folder as the documents find it, and the environment of a shell in it."""
    (tmp_path / "roomFeaturesDataset.csv").write_text(room_table())
    np.savez(tmp_path / "edc_envelope.npz", edc_min=np.zeros(96_000), edc_max=np.ones(96_000))
    for folder in ("scripts", "benchmarks"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    for seed in (1, 2):
        with runlog.start("seeded", experiments=tmp_path / "experiments", config={"seed": seed}) as run:
            run.log(epoch=1, val_loss=0.5 / seed)
            run.finish(metrics={"t20_mae": 0.01 * seed})
    path = f"{pathlib.Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return tmp_path, {**os.environ, "PATH": path, "PYTHONHASHSEED": "0"}


@pytest.mark.parametrize("document", list(with_blocks()))
def test_every_block_of_a_document_runs(document, session):
    folder, environment = session
    for kind, text in blocks_of(document):
        if kind == "python":
            command = [sys.executable, "-c", text]
        else:
            lines = [line for line in text.splitlines() if line.split("#")[0].strip() not in ELSEWHERE]
            command = ["bash", "-euo", "pipefail", "-c", "\n".join(lines)]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=900)
        assert done.returncode == 0, f"{document.name}:\n{text}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"


def test_the_documents_that_must_be_there_hold_commands():
    names = {param.id for param in with_blocks()}
    assert {"README.md", "docs/tutorial.md", "docs/run-log.md", "docs/recorder.md"} <= names
