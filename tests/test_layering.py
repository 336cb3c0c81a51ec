"""The import direction of the house, over the syntax tree of every file: imports inside functions count too."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from decaylab.catalogue.losses import LOSSES
from decaylab.catalogue.models import MODELS
from decaylab.catalogue.settings import OPTIONS, RECORD

SOURCE = Path(__file__).parents[1] / "src" / "decaylab"

#: The floors of the house, lowest first: a folder may import those below its own floor, and none beside it.
FLOORS = (
    ("errors",),
    ("catalogue",),
    ("acoustics", "runlog"),
    ("responses",),
    ("rooms",),
    ("models",),
    ("losses", "evaluation"),
    ("inference",),
    ("diagnosis",),
    ("reports",),
    ("training",),
    ("cli",),
)
#: What a folder does without although it lies below: rooms, models, and a trained model in use know no run.
WITHOUT = {room: {"runlog"} for room in ("responses", "rooms", "models", "losses", "inference")}


def allowed(room: str) -> set[str]:
    """The folders that a folder may import besides itself."""
    floor = next((number for number, rooms in enumerate(FLOORS) if room in rooms), None)
    assert floor is not None, f"the house has no room '{room}'"
    return {name for rooms in FLOORS[:floor] for name in rooms} - WITHOUT.get(room, set())


#: Packages that a folder must do without.
FORBIDDEN = {
    "catalogue": {"torch", "lightning", "numpy", "pandas", "polars", "scipy", "sklearn", "msgspec"},
    "acoustics": {"torch", "lightning", "pandas", "scipy", "sklearn"},
    "rooms": {"torch", "lightning", "pandas"},
    "responses": {"torch", "lightning", "pandas", "scipy"},
    "runlog": {"torch", "lightning", "numpy", "pandas", "polars", "scipy", "sklearn"},
}
#: File -> what it may import although its folder must do without: by `import_module` inside a function, no other way.
#: `runs(...).to_pandas()` has to name pandas somewhere. It is called only by who has pandas and asks for its frames;
#: a plain `import` would still be one to the type checker, and one at the top would cost every reader 0.6 s.
AT_CALL_TIME = {"runlog/tables/frames.py": {"pandas", "polars"}}


def imported(path: Path) -> set[str]:
    """Dotted names of everything that a file imports, wherever the import stands."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return statements(tree, path) | calls(tree)


def statements(tree: ast.AST, path: Path) -> set[str]:
    """What `import` and `from ... import` name."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import; name the package"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def calls(tree: ast.AST) -> set[str]:
    """What `import_module("...")` names."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) == "import_module":
            names |= {arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)}
    return names


def called_for(path: Path) -> set[str]:
    """What a file imports by `import_module` inside its functions, and in no other way."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inside: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            inside |= set().union(*map(calls, node.body))  # the body: a default or a decorator runs at import time
    outside = [node for node in tree.body if not isinstance(node, ast.FunctionDef)]
    return inside - statements(tree, path) - set().union(*map(calls, outside))


FILES = sorted(SOURCE.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_run_one_way(path: Path) -> None:
    room = path.relative_to(SOURCE).parts[0].removesuffix(".py")
    if room == "__init__":  # the front door imports what is touched; only the type checker looks further
        always = [node for node in ast.parse(path.read_text(encoding="utf-8")).body if not isinstance(node, ast.If)]
        assert not {name for node in always for name in statements(node, path) if name.startswith("decaylab")}
        return
    open_to_all = allowed(room) | {"__version__", room}
    at_call_time = AT_CALL_TIME.get(path.relative_to(SOURCE).as_posix(), set()) & called_for(path)
    for name in imported(path) - at_call_time:
        package, _, rest = name.partition(".")
        if package == "decaylab":
            target = rest.split(".")[0]
            assert target in open_to_all, f"{room} imports {name}"
        assert package not in FORBIDDEN.get(room, ()), f"{room} imports {package}"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('def f():\n    return import_module("pandas")\n', {"pandas"}),
        ('pandas = import_module("pandas")\n', set()),
        ('def f(pandas=import_module("pandas")):\n    return pandas\n', set()),
        ('class A:\n    pandas = import_module("pandas")\n', set()),
        ('import pandas\ndef f():\n    return import_module("pandas")\n', set()),
        ("def f():\n    import pandas\n", set()),
    ],
)
def test_only_a_call_inside_a_function_is_at_call_time(text: str, found: set[str], tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(text)
    assert called_for(tmp_path / "a.py") == found


#: Folder of `runlog` -> folders beside it that it may import; its own files above them import none of these.
RUNLOG = {"tables": set(), "watching": {"tables"}, "keeping": set(), "recording": set()}
#: Files above them: what the users' `runlog.runs(...)` offers is put together here, the recorder out of its parts.
READING = {"tables", "watching", "keeping"}
COMPOSED = {
    "runlog/notebook.py": READING,
    "runlog/run_record.py": READING,
    "runlog/recorder.py": {"recording"},
}


@pytest.mark.parametrize("path", [*SOURCE.glob("runlog/**/*.py")], ids=lambda path: str(path.relative_to(SOURCE)))
def test_the_folders_of_the_run_log_stand_on_its_files_and_not_on_each_other(path: Path) -> None:
    parts = path.relative_to(SOURCE / "runlog").parts
    own = parts[0] if parts[1:] else ""
    assert not own or own in RUNLOG, f"runlog has no folder '{own}'"
    used = {name.split(".")[2] for name in imported(path) if name.startswith("decaylab.runlog.")} & set(RUNLOG)
    allowed = COMPOSED.get(path.relative_to(SOURCE).as_posix(), {own} | RUNLOG.get(own, set()))
    assert used <= allowed, f"{path.name} imports {', '.join(sorted(used - allowed))}"


def test_no_files_import_each_other_in_a_circle() -> None:
    names = {path: ".".join(("decaylab", *path.relative_to(SOURCE).with_suffix("").parts)) for path in FILES}
    modules = {name.removesuffix(".__init__") for name in names.values()}
    graph = {
        name.removesuffix(".__init__"): {found for used in imported(path) if (found := module_of(used, modules))}
        for path, name in names.items()
    }
    assert sum(map(len, graph.values())) > 500
    TopologicalSorter(graph).prepare()  # a circle is an error that names its files


def module_of(imported_name: str, modules: set[str]) -> str | None:
    """The file of the house that `from a.b import c` reads: `a.b.c` if that is one, else `a.b`."""
    parent = imported_name.rpartition(".")[0]
    return imported_name if imported_name in modules else parent if parent in modules - {"decaylab"} else None


#: Words that are a model's or a loss's, and mean something else in the run log: the shape of a record that users have,
#: and the key of a metric in such a record.
OLD_FORMATS = {"multihead", "mse"}


@pytest.mark.parametrize("path", [*SOURCE.glob("runlog/**/*.py")], ids=lambda path: str(path.relative_to(SOURCE)))
def test_the_run_log_names_no_model_no_loss_and_no_option_of_train(path: Path) -> None:
    options = {setting.option for setting in OPTIONS if setting.group != RECORD and setting.name != "model"}
    strange = {*MODELS, *LOSSES, *options} - OLD_FORMATS
    texts = (node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant))
    words = {word for text in texts if isinstance(text, str) for word in re.findall(r"--[a-z0-9-]+|\w+", text)}
    assert not words & strange


def test_the_run_log_could_be_released_with_the_catalogue_and_the_errors_alone(tmp_path: Path) -> None:
    for name in ("catalogue", "runlog"):
        shutil.copytree(SOURCE / name, tmp_path / "decaylab" / name)
    for name in ("errors.py", "__init__.py"):
        shutil.copy(SOURCE / name, tmp_path / "decaylab" / name)
    code = """
from decaylab import runlog
with runlog.start("mine", config={"batch_size": 8}) as run:
    run.log(epoch=1, val_loss=0.5)
    run.finish(metrics={"t20_mae": 0.01})
record, = runlog.runs("experiments")
print(record.run_id, record.get("t20_mae"), record.get("severe"))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[1:] == ["0.01", "None"]


#: A fact of a row, in either spelling -> in how many files of the source it may stand, examples in help texts aside.
STANDS_IN = {"gradient_clip_val": 6, "input_noise": 6, "hybrid_v3": 2}


@pytest.mark.parametrize(("fact", "most"), STANDS_IN.items())
def test_a_fact_of_a_row_is_not_written_again(fact: str, most: int) -> None:
    spelt = re.compile(f"{fact}|{fact.replace('_', '-')}")
    texts = {path: re.sub(r'EXAMPLE = """.*?"""', "", path.read_text(), flags=re.DOTALL) for path in FILES}
    assert len([path for path, text in texts.items() if spelt.search(text)]) <= most


def test_the_walk_finds_the_files() -> None:
    assert len(FILES) > 20
    assert "decaylab.errors.RunLogError" in imported(SOURCE / "runlog" / "store.py")
