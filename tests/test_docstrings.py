"""What people call is documented: each parameter by its name, and each error that is raised where it is raised.

Looked at, over the syntax tree, are everything in an `__all__`, and public functions and methods of three or more
parameters. A parameter is an entry of the docstring's `Args:` (or `Attributes:`), or stands in backticks above it.
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "decaylab"
MANY = 3
#: Called by Lightning, which documents what it hands over.
HOOK = re.compile(r"on_\w+|(training|validation)_step|configure_optimizers")
ERRORS = {node.name for node in ast.parse((SOURCE / "errors.py").read_text()).body if isinstance(node, ast.ClassDef)}

Function = ast.FunctionDef | ast.AsyncFunctionDef


class Documented(NamedTuple):
    """A function, or a class with its fields or the parameters of its `__init__`."""

    where: str
    text: str
    parameters: list[str]
    raises: set[str]


def place(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


def parameters_of(function: Function) -> list[str]:
    named = function.args.posonlyargs + function.args.args + function.args.kwonlyargs
    return [argument.arg for argument in named if argument.arg not in ("self", "cls")]


def raised(function: Function) -> set[str]:
    """Errors of ours that the body raises itself."""
    calls = [node.exc for node in ast.walk(function) if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call)]
    return {call.func.id for call in calls if isinstance(call.func, ast.Name)} & ERRORS


def of_function(path: Path, function: Function, owner: str = "") -> Documented:
    where = f"{place(path)}: {owner}{function.name}"
    return Documented(where, ast.get_docstring(function) or "", parameters_of(function), raised(function))


def of_class(path: Path, node: ast.ClassDef) -> Documented:
    text, raises = ast.get_docstring(node) or "", set()
    names = [
        statement.target.id
        for statement in node.body
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name)
    ]
    is_data = any("NamedTuple" in ast.unparse(base) for base in node.bases) or any(
        "dataclass" in ast.unparse(decorator) for decorator in node.decorator_list
    )
    for function in node.body:
        if isinstance(function, ast.FunctionDef) and function.name == "__init__":
            text = f"{text}\n{ast.get_docstring(function) or ''}"
            return Documented(f"{place(path)}: {node.name}", text, parameters_of(function), raised(function))
    return Documented(f"{place(path)}: {node.name}", text, names if is_data else [], raises)


@functools.cache
def methods() -> dict[str, set[str]]:
    """Class -> names of its methods, of every class of ours."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in SOURCE.rglob("*.py")]
    classes = [node for tree in trees for node in tree.body if isinstance(node, ast.ClassDef)]
    return {node.name: {part.name for part in node.body if isinstance(part, Function)} for node in classes}


def is_inherited(node: ast.ClassDef, method: str) -> bool:
    """Whether a method does for this class what the class above it documents."""
    return any(method in methods().get(ast.unparse(base), ()) for base in node.bases)


def with_many_parameters(path: Path) -> Iterator[Documented]:
    """Public functions, and methods of public classes."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            for method in node.body:
                if (
                    isinstance(method, Function)
                    and not HOOK.fullmatch(method.name)
                    and not is_inherited(node, method.name)
                ):
                    yield of_function(path, method, f"{node.name}.")
        elif isinstance(node, Function):
            yield of_function(path, node)


def exported(path: Path) -> dict[str, str]:
    """Name -> the module that it comes from, of what stands in a file's `__all__`."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names: list[str] = []
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            names = ast.literal_eval(node.value)
    dotted = ".".join(("decaylab", *path.relative_to(SOURCE).with_suffix("").parts)).removesuffix(".__init__")
    found = dict.fromkeys(names, dotted)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            found |= {alias.name: node.module for alias in node.names if alias.name in found}
    return found


def definition(name: str, module: str) -> Documented | None:
    """Where it is defined, followed through the folders that hand it on; None for a constant."""
    path = SOURCE.joinpath(*module.split(".")[1:])
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    further = exported(path).get(name, module)
    if further != module:
        return definition(name, further)
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, Function) and node.name == name:
            return of_function(path, node)
        if isinstance(node, ast.ClassDef) and node.name == name:
            return of_class(path, node)
    return None


def to_document() -> list[Documented]:
    found: dict[str, Documented] = {}
    for path in sorted(SOURCE.rglob("*.py")):
        for one in with_many_parameters(path):
            name = one.where.rpartition(".")[2].rpartition(" ")[2]
            if len(one.parameters) >= MANY and not name.startswith("_"):
                found[one.where] = one
        for name, module in exported(path).items():
            one = definition(name, module)
            if one is not None:
                found[one.where] = one
    return list(found.values())


def missing(one: Documented) -> list[str]:
    """What its docstring does not say."""
    entries = re.findall(r"(?:^\s*|[.;] )((?:\*{0,2}\w+, )*\*{0,2}\w+): ", one.text, re.MULTILINE)
    named = {name.strip("* ") for entry in entries for name in entry.split(",")}
    named |= set(re.findall(r"`(\w+)`", one.text))
    lacking = [name for name in one.parameters if name not in named]
    return lacking + [name for name in sorted(one.raises) if name not in one.text]


@pytest.mark.parametrize("one", to_document(), ids=lambda one: one.where)
def test_the_docstring_names_every_parameter_and_every_error(one: Documented) -> None:
    assert one.text, f"{one.where} has no docstring"
    assert not missing(one), f"{one.where} does not say: {', '.join(missing(one))}"


def test_the_walk_finds_what_people_call() -> None:
    found = {one.where for one in to_document()}
    assert {"training/loop.py: train", "training/outcome.py: Outcome", "inference/load.py: load_model"} <= found
    assert "inference/predictor.py: Predictor.predict_receivers" in found


@pytest.mark.parametrize(
    ("text", "lacking"),
    [
        ("Of `a`.\n\nArgs:\n    b, c: numbers.\n\nRaises:\n    DataError: never.", []),
        ("Args:\n    a: 1. b: 2.\n    c: 3.", ["DataError"]),
        ("Args:\n    a: the b.\n\nDataError: c.", ["b", "c"]),
        ("", ["a", "b", "c", "DataError"]),
    ],
)
def test_what_a_docstring_lacks_is_found(text: str, lacking: list[str]) -> None:
    assert missing(Documented("x.py: f", text, ["a", "b", "c"], {"DataError"})) == lacking
