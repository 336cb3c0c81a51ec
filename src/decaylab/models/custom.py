"""A model of the user's own: `package.module:Class`, or `path/to/file.py:Class`. The contract: docs/models.md.

Whatever is wrong with it is said in one line that names the user's file and line. Their code may raise anything that
code raises: `OWN_FAULTS` lists what is turned into such a line.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
import sys
import traceback
from types import ModuleType
from typing import Any, NamedTuple

from torch import nn

from decaylab.errors import ModelError

#: What a mistake in somebody's module raises when it is imported, built or called.
OWN_FAULTS = (
    ArithmeticError, AssertionError, AttributeError, ImportError, LookupError, NameError, OSError,
    RuntimeError, SyntaxError, TypeError, ValueError,
)  # fmt: skip
#: What a model need not say of itself, and what is then taken.
DEFAULTS: dict[str, Any] = {
    "inputs": "scaled",
    "outputs": "scaled_curve",
    "default_loss": "mse",
    "default_settings": {},
}
INPUTS, OUTPUTS = ("scaled", "physical"), ("scaled_curve", "knots")
#: What a model on knots must be able to do beside `forward(features, physics)`.
KNOT_METHODS = ("physics", "knot_index", "render", "fit_inputs")
#: What a model with scalar heads must be able to do.
SCALAR_METHODS = ("forward_with_scalars", "fit_scalars")


class OwnModel(NamedTuple):
    """An untrained model, and which of `DEFAULTS` were taken because it says nothing of them."""

    model: nn.Module
    taken: tuple[str, ...]


def is_path(name: str) -> bool:
    """Whether a model's name is the path of a user's own class."""
    return ":" in name


def build_own(path: str, *, input_dim: int, output_length: int) -> OwnModel:
    """Import the class and build the model; `input_dim` and `output_length` are given if the class takes them.

    Args:
        path: `package.module:Class` or `path/to/file.py:Class`.
        input_dim: features of a room.
        output_length: samples of a curve.

    Raises:
        ModelError: no such module or class, not a torch module, one that cannot be built, or attributes that no
            training knows.
    """
    own = _class_at(path)
    given = {"input_dim": input_dim, "output_length": output_length}
    try:
        model = own(**_accepted(path, own, given))
    except OWN_FAULTS as error:
        raise ModelError(f"--model {path}: {own.__name__} cannot be built: {fault(error, own)}") from error
    taken = tuple(name for name in DEFAULTS if not hasattr(model, name))
    for name in taken:
        setattr(model, name, DEFAULTS[name])
    _check_attributes(path, model)
    return OwnModel(model, taken)


def fault(error: BaseException, own: type) -> str:
    """What somebody's code raised, in one line: where in their file (or where else), which error, its first line."""
    file = inspect.getsourcefile(own)
    frames = traceback.extract_tb(error.__traceback__)
    frame = ([found for found in frames if found.filename == file] or frames)[-1]
    return f"{os.path.basename(frame.filename)} line {frame.lineno}: {_named(error)}"


def _class_at(path: str) -> type[nn.Module]:
    place, _, name = path.rpartition(":")
    if not place or not name.isidentifier():
        raise ModelError(f"--model {path}: a model of your own is named package.module:Class, or path/to/file.py:Class")
    module = _from_file(path, place) if place.endswith(".py") else _from_name(path, place)
    found = getattr(module, name, None)
    if found is None:
        has = ", ".join(_modules_of(module)) or "no torch module"
        raise ModelError(f"--model {path}: {place} has no '{name}': it has {has}")
    if not (isinstance(found, type) and issubclass(found, nn.Module)):
        what = "a class" if isinstance(found, type) else f"of type {type(found).__name__}"
        raise ModelError(f"--model {path}: {name} is {what}, not a subclass of torch.nn.Module")
    return found


def _from_name(path: str, place: str) -> ModuleType:
    _importable(os.getcwd())
    try:
        return importlib.import_module(place)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{place}.".startswith(f"{error.name}."):
            raise _import_failed(path, error) from error
        raise ModelError(
            f"--model {path}: there is no module '{error.name}' in {os.getcwd()} or among the installed packages; "
            "call from the folder that holds it, or name its file: path/to/file.py:Class"
        ) from error
    except OWN_FAULTS as error:
        raise _import_failed(path, error) from error


def _from_file(path: str, place: str) -> ModuleType:
    if not os.path.isfile(place):
        raise ModelError(f"--model {path}: there is no file {place}")
    # As Python does for a script: what lies beside the file can be imported from it.
    _importable(os.path.dirname(os.path.abspath(place)))
    name = f"decaylab_own_{os.path.basename(place).removesuffix('.py')}"
    spec = importlib.util.spec_from_file_location(name, place)
    if spec is None or spec.loader is None:
        raise ModelError(f"--model {path}: {place} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except OWN_FAULTS as error:
        del sys.modules[name]
        raise _import_failed(path, error) from error
    return module


def _importable(folder: str) -> None:
    if folder not in sys.path:
        sys.path.insert(0, folder)
        importlib.invalidate_caches()


def _import_failed(path: str, error: BaseException) -> ModelError:
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "importlib" not in frame.filename]
    # The first frame is ours; without another one the file was not even compiled, and a SyntaxError says where.
    where = f"{frames[-1].filename} line {frames[-1].lineno}: " if len(frames) > 1 else ""
    return ModelError(f"--model {path} cannot be imported: {where}{_named(error)}")


def _named(error: BaseException) -> str:
    lines = str(error).splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


def _modules_of(module: ModuleType) -> list[str]:
    """The torch modules that a module defines itself."""
    return [
        name
        for name, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, nn.Module) and value.__module__ == module.__name__
    ]


def _accepted(path: str, own: type[nn.Module], given: dict[str, int]) -> dict[str, int]:
    """Of what is given, the keywords that the class takes."""
    parameters = inspect.signature(own).parameters.values()
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return given
    named = {p.name: p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    unknown = [name for name, p in named.items() if p.default is p.empty and name not in given]
    if unknown:
        raise ModelError(
            f"--model {path}: {own.__name__} must be given {', '.join(unknown)}; training gives input_dim and "
            "output_length alone: give the others a default"
        )
    return {name: value for name, value in given.items() if name in named}


def _check_attributes(path: str, model: Any) -> None:
    for name, allowed in (("inputs", INPUTS), ("outputs", OUTPUTS)):
        value = getattr(model, name)
        if not isinstance(value, str) or value not in allowed:
            raise ModelError(f"--model {path}: its {name} is {_shown(value)}: it must be {' or '.join(allowed)}")
    if not isinstance(model.default_loss, str):
        raise ModelError(f"--model {path}: its default_loss is {_shown(model.default_loss)}: it must be a loss's name")
    if not isinstance(model.default_settings, dict):
        raise ModelError(f"--model {path}: its default_settings is {_shown(model.default_settings)}, not a dict")
    needs: tuple[str, ...] = KNOT_METHODS if model.outputs == "knots" else ()
    if getattr(model, "scalars", ()):
        if model.outputs == "knots":
            raise ModelError(f"--model {path}: a model on knots has no scalar heads: its curve gives every parameter")
        needs = SCALAR_METHODS
    lacking = [name for name in needs if not callable(getattr(model, name, None))]
    if lacking:
        why = "its outputs are knots" if model.outputs == "knots" else "it has scalars"
        raise ModelError(f"--model {path}: {why}, but it has no method {', '.join(lacking)} (see docs/models.md)")
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise ModelError(f"--model {path}: it has no parameter that could be trained")


def _shown(value: Any) -> str:
    return repr(value) if isinstance(value, (str, int, float, type(None))) else f"a {type(value).__name__}"
