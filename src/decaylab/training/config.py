"""What a training is asked to do, checked before anything is written."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from decaylab.errors import InputError

PRECISIONS: tuple[int | str, ...] = (32, 16, "bf16")
SCALER_TYPES = ("minmax", "standard", "robust")
DEVICES = ("auto", "cpu", "cuda")
SPLITS = ("random", "room", "material")

#: Settings of a model that has no recipe of its own.
GENERAL_SETTINGS: dict[str, Any] = {
    "max_epochs": 200,
    "batch_size": 8,
    "learning_rate": 1e-3,
    "weight_decay": 0.0,
    "schedule": "constant",
    "early_stop_patience": 50,
    "input_noise": 0.0,
}


class Origin(NamedTuple):
    """The run that a training's settings come from. `how`: "from" (`train --from`) or "reproduce".

    Attributes:
        assumed: what its record lacked and a person stated, by key.
        threads: of PyTorch, as recorded; None: as many as help.
    """

    parent: str
    how: str
    assumed: dict[str, Any]
    threads: int | None = None

    def sections(self) -> dict[str, Any]:
        """For the new run's record."""
        return {"parent": self.parent, "parent_how": self.how, **({"assumed": self.assumed} if self.assumed else {})}


@dataclass(frozen=True)
class TrainConfig:
    """Settings of one training run. `None` means: the model's own recipe, else `GENERAL_SETTINGS`."""

    data: str
    model: str = "compact"
    loss: str | None = None
    experiments: str = "experiments"
    max_epochs: int | None = None
    batch_size: int | None = None
    eval_batch_size: int | None = None
    learning_rate: float | None = None
    weight_decay: float | None = None
    schedule: str | None = None
    input_noise: float | None = None
    scaler: str = "standard"
    precision: int | str = 32
    gradient_clip_val: float | None = None
    loss_weights: dict[str, float] = field(default_factory=dict)
    early_stop_patience: int | None = None
    early_stop: bool = True
    guard: bool = True
    train_ratio: float = 0.6
    val_ratio: float = 0.2
    split: str = "random"
    split_seed: int = 0
    fold: tuple[int, int] | None = None
    max_samples: int | None = None
    num_workers: int = 0
    pin_memory: bool = False
    persistent_workers: bool = False
    seed: int = 0
    device: str = "auto"
    note: str | None = None

    @property
    def model_name(self) -> str:
        """What the run is named after: the model's name, and of `package.module:Class` the class."""
        return self.model.rpartition(":")[2]

    @property
    def model_path(self) -> str | None:
        """The whole path of a model of the user's own; None for one of ours."""
        return self.model if ":" in self.model else None

    def completed(self, recipe: dict[str, Any]) -> TrainConfig:
        """This configuration with every open setting filled in from the model's recipe."""
        from dataclasses import replace

        settings = GENERAL_SETTINGS | recipe
        filled = {
            name: settings[name]
            for name in GENERAL_SETTINGS
            if getattr(self, name) is None and not (name == "early_stop_patience" and not self.early_stop)
        }
        config = replace(self, **filled)
        if config.eval_batch_size is None:
            config = replace(config, eval_batch_size=min(64, max(16, config.batch_size or 0)))
        return config

    def check(self) -> None:
        """Refuse what cannot be trained with.

        Raises:
            InputError: the first setting that is out of range, with what it may be.
        """
        counts = ("max_epochs", "batch_size", "eval_batch_size", "early_stop_patience", "max_samples")
        for name in counts:
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InputError(f"{_option(name)} is {value}: it must be at least 1")
        if self.early_stop_patience is not None and not self.early_stop:
            raise InputError("--no-early-stop and --early-stop-patience contradict each other: give one of them")
        if self.num_workers < 0:
            raise InputError(f"--num-workers is {self.num_workers}: it must be 0 or more")
        for name in ("seed", "split_seed"):
            if not 0 <= getattr(self, name) < 2**32:
                raise InputError(f"{_option(name)} is {getattr(self, name)}: it must be from 0 to {2**32 - 1}")
        if self.persistent_workers and self.num_workers == 0:
            raise InputError("--persistent-workers needs --num-workers of at least 1")
        for name in ("learning_rate", "gradient_clip_val"):
            value = getattr(self, name)
            if value is not None and not 0 < value < float("inf"):
                raise InputError(f"{_option(name)} is {value}: it must be a number above 0")
        for name, value in (*self.loss_weights.items(), ("input_noise", self.input_noise or 0)):
            if not 0 <= value < float("inf"):
                raise InputError(f"{_option(name)} is {value}: it must be 0 or more")
        for name in ("train_ratio", "val_ratio"):
            if not 0 < getattr(self, name) < 1:
                raise InputError(f"{_option(name)} is {getattr(self, name)}: it must be above 0 and below 1")
        if self.train_ratio + self.val_ratio >= 1:
            raise InputError(
                f"--train-ratio {self.train_ratio} and --val-ratio {self.val_ratio} leave nothing for the test: "
                "their sum must be below 1"
            )
        _choice("--scaler", self.scaler, SCALER_TYPES)
        _choice("--precision", self.precision, PRECISIONS)
        _choice("--device", self.device, DEVICES)
        _choice("--split", self.split, SPLITS)
        if self.fold is not None:
            number, folds = self.fold
            if self.split == "random":
                raise InputError("--fold needs --split room or --split material: a random split has no folds")
            if not (folds >= 2 and 1 <= number <= folds):
                raise InputError(f"--fold {number}/{folds} does not exist: K/N needs N >= 2 and 1 <= K <= N")


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")


def _choice(option: str, value: Any, allowed: tuple[Any, ...]) -> None:
    if value not in allowed:
        raise InputError(f"{option} {value!r} does not exist: choose from {', '.join(map(str, allowed))}")
