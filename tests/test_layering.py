"""The import direction of the house, over the syntax tree of every file: imports inside functions count too."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "decaylab"

#: Folder -> folders that it may import besides itself; `errors` and the package itself are open to all.
ALLOWED = {
    "acoustics": set(),
    "rooms": {"acoustics"},
    "models": {"acoustics", "rooms"},
    "losses": {"acoustics", "rooms", "models"},
    "evaluation": {"acoustics", "rooms", "models"},
    "inference": {"acoustics", "rooms", "models", "losses", "evaluation"},
    "training": {"acoustics", "rooms", "models", "losses", "evaluation", "inference", "runlog", "reports"},
    "runlog": set(),
    "reports": {"runlog", "acoustics", "evaluation"},
    "cli": {
        "acoustics", "rooms", "models", "losses", "evaluation", "inference", "training", "runlog", "reports",
    },
    "errors": set(),
}  # fmt: skip
#: Packages that a folder must do without.
FORBIDDEN = {
    "acoustics": {"torch", "lightning", "pandas", "scipy", "sklearn"},
    "rooms": {"torch", "lightning", "pandas"},
    "runlog": {"torch", "lightning", "numpy", "pandas", "scipy", "sklearn"},
}


def imported(path: Path) -> set[str]:
    """Dotted names of everything that a file imports, wherever the import stands."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import; name the package"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) == "import_module":
            names |= {arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)}
    return names


FILES = sorted(SOURCE.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_run_one_way(path: Path) -> None:
    room = path.relative_to(SOURCE).parts[0].removesuffix(".py")
    if room == "__init__":
        assert not {name for name in imported(path) if name.startswith("decaylab.")}
        return
    assert room in ALLOWED, f"the house has no room '{room}'"
    open_to_all = {"errors", "__version__", room}
    for name in imported(path):
        package, _, rest = name.partition(".")
        if package == "decaylab":
            target = rest.split(".")[0]
            assert target in ALLOWED[room] | open_to_all, f"{room} imports {name}"
        assert package not in FORBIDDEN.get(room, ()), f"{room} imports {package}"


def test_the_walk_finds_the_files() -> None:
    assert len(FILES) > 20
    assert "decaylab.errors.RunLogError" in imported(SOURCE / "runlog" / "store.py")
