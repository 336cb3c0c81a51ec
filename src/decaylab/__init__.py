"""Decaylab: train networks that predict a room's energy decay curve, and keep every run on record.

    import decaylab

    decaylab.simulate("data/rooms", 200)
    outcome = decaylab.train(decaylab.TrainConfig(data="data/rooms"))
    model = decaylab.load_model(outcome.directory)

Importing the package imports nothing heavy: each name is imported when it is touched. `runlog` works without numpy and
PyTorch, `parameters` without PyTorch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__version__ = "0.1.0"

__all__ = [
    "CheckFailed",
    "DataError",
    "DecaylabError",
    "InputError",
    "MissingExtraError",
    "ModelError",
    "Outcome",
    "RunLogError",
    "SimulationError",
    "TrainConfig",
    "__version__",
    "load_model",
    "open_data",
    "parameters",
    "runlog",
    "simulate",
    "train",
]

if TYPE_CHECKING:
    from decaylab import runlog as runlog
    from decaylab.catalogue.settings import TrainConfig as TrainConfig
    from decaylab.errors import CheckFailed as CheckFailed
    from decaylab.errors import DataError as DataError
    from decaylab.errors import DecaylabError as DecaylabError
    from decaylab.errors import InputError as InputError
    from decaylab.errors import MissingExtraError as MissingExtraError
    from decaylab.errors import ModelError as ModelError
    from decaylab.errors import RunLogError as RunLogError
    from decaylab.errors import SimulationError as SimulationError
    from decaylab.inference import load_model as load_model
    from decaylab.responses.measure import parameters as parameters
    from decaylab.rooms import open_data as open_data
    from decaylab.rooms.wanted import simulate as simulate
    from decaylab.training import Outcome as Outcome
    from decaylab.training import train as train
else:  # hidden from the type checker, which then knows a misspelt name

    def __getattr__(name):
        """Import on first use."""
        where = {
            "Outcome": "training",
            "TrainConfig": "catalogue.settings",
            "load_model": "inference",
            "open_data": "rooms",
            "parameters": "responses.measure",
            "simulate": "rooms.wanted",
            "train": "training",
        }
        if name not in __all__:
            raise AttributeError(f"module 'decaylab' has no attribute {name!r}")
        from importlib import import_module

        if name == "runlog":
            return import_module("decaylab.runlog")
        try:
            found = getattr(import_module(f"decaylab.{where.get(name, 'errors')}"), name)
        except ModuleNotFoundError as error:
            if error.name is None or error.name.partition(".")[0] == "decaylab":
                raise
            from decaylab.errors import MissingExtraError

            raise MissingExtraError(error.name, "train", f"decaylab.{name}") from error
        globals()[name] = found
        return found

    def __dir__():
        """What a notebook offers after `decaylab.`, imported or not."""
        return sorted({*__all__, *(name for name in globals() if name.startswith("__"))})
