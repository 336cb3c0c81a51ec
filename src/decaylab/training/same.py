"""Is a training that is planned here the one that a record tells of? Key by key, and around it."""

from __future__ import annotations

import hashlib
import os
from importlib import metadata as installed
from typing import Any, NamedTuple

import torch

from decaylab import __version__
from decaylab.catalogue.settings import TrainConfig
from decaylab.errors import DataError, InputError, RunLogError
from decaylab.runlog import surroundings
from decaylab.runlog.files import read_regular
from decaylab.runlog.process import identity
from decaylab.runlog.reading import at, flatten, section
from decaylab.runlog.record import Record
from decaylab.runlog.recording import git
from decaylab.training.describe import code_digest, settings
from decaylab.training.plan import Plan

_DATA = "data_config."
#: What may be another value although the training is the same: where the data lie, what is said of them, how many of
#: them there are beside those that are used.
_MAY_DIFFER = (
    "data_config.path", "data_config.notes", "data_config.simulation", "data_config.num_samples_requested",
    "data_config.num_samples_available", "environment", "model_path",
)  # fmt: skip
#: What the users' older programs recorded as it was asked for, not as it was.
_ASKED_FOR = ("data_config.num_samples",)
_DIFF_LIMIT = 2 * git.DIFF_LIMIT
#: Digests of the code that trains: decaylab's, and the file of a model of the user's own.
_CODE = ("code", "model_code")
#: No training has more; a number beyond comes from no record of ours, and PyTorch might try to start them.
_MOST_THREADS = 1024


class Difference(NamedTuple):
    """A key, what the record says, what it is here, and whether a training may give other bits for that."""

    key: str
    recorded: Any
    here: Any
    may_change_bits: bool = True

    def __str__(self) -> str:
        return f"{self.key} was {self.recorded}, here it is {self.here}"


def setting_differences(recorded: dict[str, Any], plan: Plan) -> list[Difference]:
    """Where the plan is another training than the one in `recorded` (metadata in documented form, completed).

    A key that the record does not have says nothing; neither does null in a record of another program.
    """
    is_ours = "schema_version" in recorded
    stored, now = flatten(recorded), flatten(settings(plan))
    found = []
    for key, value in now.items():
        if key not in stored or any(key == name or key.startswith(f"{name}.") for name in _MAY_DIFFER):
            continue
        if not is_ours and (stored[key] is None or key in _ASKED_FOR):
            continue
        if stored[key] != value:
            found.append(Difference(key, stored[key], value))
    return found


def check_data(run_id: str, differences: list[Difference]) -> None:
    """DataError if the data set or the split is another one: then nothing that follows could be compared."""
    wrong = [difference for difference in differences if difference.key.startswith(_DATA)]
    if wrong:
        raise DataError(
            f"{run_id}: this is not the data that it was trained on: {'; '.join(map(str, wrong))}; "
            "say where the right data set is with --data DIR"
        )


def check_device(record: Record) -> None:
    """InputError if the run was trained on a GPU and there is none here."""
    device = at(record.metadata, ("environment", "device"))
    if isinstance(device, str) and device.startswith("cuda") and not torch.cuda.is_available():
        raise InputError(f"{record.run_id} was trained on {device}, and PyTorch finds no GPU here")


def check_precision(record: Record, config: TrainConfig) -> None:
    """InputError if the run was trained with 16 bit, which no CPU does."""
    if config.precision == 16 and (config.device == "cpu" or not torch.cuda.is_available()):
        raise InputError(
            f"{record.run_id} was trained with precision 16, which needs a GPU: it cannot be trained again on a CPU"
        )


def threads_of(record: Record) -> int | None:
    """PyTorch's threads as recorded."""
    threads = at(record.metadata, ("environment", "torch_threads"))
    is_count = isinstance(threads, int) and not isinstance(threads, bool)
    return threads if is_count and 0 < threads <= _MOST_THREADS else None


def version_differences(record: Record, plan: Plan) -> list[Difference]:
    """Packages, Python, decaylab's own code and that of a model of the user's own, as recorded and here."""
    environment = section(record.metadata, "environment")
    here = settings(plan)["environment"]
    packages = section(environment, "packages")
    pairs: list[tuple[str, Any, Any]] = [
        (f"environment.packages.{name}", stored, _installed(name)) for name, stored in packages.items()
    ]
    if not packages:
        pairs.append(("environment.packages", None, "installed"))
    pairs.append(("environment.python", environment.get("python"), surroundings.environment()["python"]))
    pairs += [(f"environment.{key}", environment.get(key), here[key]) for key in _CODE]
    return _differing(pairs)


def surrounding_differences(record: Record, plan: Plan) -> list[Difference]:
    """Everything around the training that its bits may depend on, as recorded and here; unknown is different."""
    environment = section(record.metadata, "environment")
    here = settings(plan)["environment"]
    around = surroundings.environment()
    pairs: list[tuple[str, Any, Any]] = [
        ("process.host", at(record.document, ("process", "host")), identity()["host"]),
        *((f"environment.{key}", environment.get(key), around[key]) for key in ("platform", "machine")),
        *((f"environment.{key}", environment.get(key), here[key]) for key in ("device", "cpu_capability")),
    ]
    if threads_of(record) is None:  # where it is known, the training takes as many
        pairs.append(("environment.torch_threads", None, here["torch_threads"]))
    return [*version_differences(record, plan), *_differing(pairs), *_git_differences(record, plan)]


def _git_differences(record: Record, plan: Plan) -> list[Difference]:
    """The commit and what was changed since, of the folder that each training was called in.

    Where decaylab's own code is the recorded one to the letter and the model is one of ours, no other code takes part:
    then they are listed and change no bit.
    """
    state, diff = git.state_of(os.getcwd())
    is_code_known = section(record.metadata, "environment").get("code") == code_digest()
    may_change = plan.config.model_path is not None or not is_code_known
    stored, here = at(record.document, ("git", "commit")), state and state["commit"]
    pairs = [("git.commit", stored, here), ("git.diff", _stored_diff(record), _named(diff))]
    return [difference._replace(may_change_bits=may_change) for difference in _differing(pairs)]


def _stored_diff(record: Record) -> str:
    try:
        return _named(read_regular(os.path.join(record.path, "git.diff"), _DIFF_LIMIT))
    except FileNotFoundError:
        return _named(b"")
    except RunLogError as error:
        return str(error)


def _named(diff: bytes) -> str:
    return f"{len(diff):,} bytes, {hashlib.sha256(diff).hexdigest()[:12]}" if diff else "none"


def _differing(pairs: list[tuple[str, Any, Any]]) -> list[Difference]:
    return [Difference(key, stored, now) for key, stored, now in pairs if stored != now]


def _installed(name: str) -> str | None:
    if name == "decaylab":
        return __version__
    try:
        return installed.version(name)
    except installed.PackageNotFoundError:
        return None
