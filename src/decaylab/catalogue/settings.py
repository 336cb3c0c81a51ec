"""The settings of a training: one row each, and what is checked before anything is written.

A new setting is a row of `TrainConfig`, and a use of `config.NAME` where it takes effect; options, checks, records,
printed commands, completion, the JSON Schema, FIELDs and the tables of docs/ follow from the row.
"""

from __future__ import annotations

from typing import Any

from decaylab.catalogue.losses import LOSSES, weight_rows
from decaylab.catalogue.models import DEFAULT_MODEL, MODELS
from decaylab.catalogue.rows import ABOVE_0, FROM_0, FROM_1, MISSING, SEED, SHARE, Rows, Setting, row
from decaylab.errors import InputError

#: Headings of `decaylab train --help`, in their order.
WHAT, HOW, SPLIT, LOADING, RECORD = "what to train, and on what", "how", "the split", "loading", "the record"
GROUPS = (WHAT, HOW, SPLIT, LOADING, RECORD)

PRECISIONS: tuple[int | str, ...] = (32, 16, "bf16")
SCALER_TYPES = ("minmax", "standard", "robust")
DEVICES = ("auto", "cpu", "cuda")
SPLITS = ("random", "room", "material")
SCHEDULES = ("constant", "onecycle")


class TrainConfig(metaclass=Rows):
    """Settings of one training run. `None` means: the model's own recipe, else the general value of the setting.

    A frozen dataclass; `decaylab.catalogue.rows.Setting` tells what the row of a field says (metadata "row").
    """

    data: str = row(
        "path", "read this data set: a folder of `decaylab simulate`, or one in the published layout", WHAT,
        key="data_config.path", metavar="DIR", meaning="folder of the data set, as it was given",
    )  # fmt: skip
    model: str = row(
        "model", f"train this model: {', '.join(MODELS)}; or your own: package.module:Class or path/to/file.py:Class",
        WHAT, default=DEFAULT_MODEL, key="model_path or model_name", metavar="NAME", offers=tuple(MODELS), decides=True,
        short="model", label="model", column=10, aliases=("model_name",), axis=True,
    )  # fmt: skip
    loss: str | None = row(
        "text", f"train with this loss: {', '.join(LOSSES)} (default: the model's own)", WHAT, default=None,
        key="loss_config.loss_type", metavar="NAME", meaning="name of the loss", example="auxiliary", decides=True,
        offers=tuple(LOSSES), short="loss_type", label="loss", column=130, aliases=("loss",), axis=True,
    )  # fmt: skip
    loss_weights: dict[str, float] = row("weights", "weights of the loss's terms, by name", default={})
    max_epochs: int | None = row(
        "count", "train at most N epochs", HOW, default=None, general=200, key="training_config.max_epochs",
        bounds=FROM_1, unit="epochs", meaning="epochs asked for", example=200, decides=True, short="max_epochs",
        label="max epochs", column=60,
    )  # fmt: skip
    batch_size: int | None = row(
        "count", "take N rooms in a training step", HOW, default=None, general=8, key="training_config.batch_size",
        bounds=FROM_1, unit="rooms", meaning="rooms in a training step", example=2, decides=True, short="batch_size",
        label="batch", column=100, aliases=("batch",), axis=True,
    )  # fmt: skip
    eval_batch_size: int | None = row(
        "count", "take N rooms at once in validation and evaluation (default: 16 to 64, by the batch size)", HOW,
        default=None, key="training_config.eval_batch_size", bounds=FROM_1, unit="rooms",
        meaning="rooms in an evaluation step", example=2, short="eval_batch_size", label="eval batch", column=110,
    )  # fmt: skip
    learning_rate: float | None = row(
        "number", "learning rate of the optimiser; the peak of a schedule", HOW, default=None, general=1e-3,
        key="training_config.learning_rate", metavar="R", bounds=ABOVE_0, example=0.001,
        meaning="learning rate of the optimiser; the peak of a schedule", decides=True, short="learning_rate",
        label="lr", column=120, aliases=("lr",), telling=True, axis=True,
    )  # fmt: skip
    weight_decay: float | None = row(
        "number", "weight decay; above 0 the optimiser is AdamW", HOW, default=None, general=0.0,
        key="training_config.weight_decay", metavar="W", bounds=FROM_0, meaning="weight decay; above 0: AdamW",
        decides=True,
    )  # fmt: skip
    schedule: str | None = row(
        "choice", "learning rate over the run: constant or onecycle", HOW, default=None, general="constant",
        key="training_config.schedule", metavar="NAME", choices=SCHEDULES,
        meaning="learning rate over the run: constant or onecycle", decides=True,
    )  # fmt: skip
    input_noise: float | None = row(
        "number", "add noise of this standard deviation to the normalised inputs of compact", HOW, default=None,
        general=0.0, key="training_config.input_noise", metavar="SD", bounds=FROM_0, of_model=True, reset_by="model",
        meaning="standard deviation of the noise on a knot model's normalised inputs", decides=True,
    )  # fmt: skip
    gradient_clip_val: float | None = row(
        "number", "clip gradients at this norm, or none (default: none)", HOW, default=None, metavar="V",
        key="loss_config.gradient_clip_val", bounds=ABOVE_0, optional=True, decides=True, short="gradient_clip_val",
        meaning="largest norm of the gradient; null: not clipped", label="clip", column=140, aliases=("clip",),
        telling=True, axis=True,
    )  # fmt: skip
    precision: int | str = row(
        "precision", "compute in 32 bit, 16 (GPU only) or bf16", HOW, default=32, key="precision_config.precision",
        metavar="P", choices=PRECISIONS, unit="bit", meaning='32, 16 or "bf16": what ran', example=16, decides=True,
        short="precision", label="precision", column=160, axis=True,
    )  # fmt: skip
    scaler: str = row(
        "choice", "scale features and curves: minmax, standard or robust", HOW, default="standard",
        key="data_loader_config.scaler_type", metavar="NAME", choices=SCALER_TYPES, example="standard", decides=True,
        meaning="minmax, standard or robust", short="scaler_type", label="scaler", column=170, aliases=("scaler",),
        telling=True,
    )  # fmt: skip
    early_stop_patience: int | None = row(
        "patience", "stop after N epochs without a lower validation loss", HOW, default=None, general=50,
        key="early_stopping_config.patience", bounds=FROM_1, unit="epochs", example=50, decides=True, short="patience",
        meaning="epochs without improvement before it stops", label="patience", column=90,
    )  # fmt: skip
    early_stop: bool = row(
        "off", "train all epochs", HOW, default=True, key="early_stopping_config.enabled",
        option_name="--no-early-stop", meaning="whether training could stop early", example=True, decides=True,
    )  # fmt: skip
    guard: bool = row(
        "guard", "do not stop a run that is lost (docs/preflight.md)", HOW, default=True, key="guard.enabled",
        option_name="--no-guard", meaning="whether a lost run would have been stopped (not with --no-guard)",
        example=True,
    )  # fmt: skip
    split: str = row(
        "choice", "divide the rooms at random, or keep each room or material in one part: random, room or material",
        SPLIT, default="random", key="data_config.split", metavar="NAME", choices=SPLITS, example="random",
        meaning="random, room or material; indices and ids lie in split.json", short="split", label="split",
        column=240, telling=True,
    )  # fmt: skip
    split_seed: int = row(
        "count", "seed of the split", SPLIT, default=0, key="data_config.split_seed", metavar="S", bounds=SEED,
        meaning="which division", example=0,
    )  # fmt: skip
    fold: tuple[int, int] | None = row(
        "fold", "take fold K of N of --split room or material, or none", SPLIT, default=None, key="data_config.fold",
        metavar="K/N", meaning="K/N for room and material", optional=True, reset_by="split",
    )  # fmt: skip
    train_ratio: float = row(
        "number", "share of the rooms or groups for training", SPLIT, default=0.6, key="data_config.train_ratio",
        metavar="R", bounds=SHARE, meaning="share asked for the training, of rows or groups", example=0.6,
    )  # fmt: skip
    val_ratio: float = row(
        "number", "share of the rooms or groups for validation", SPLIT, default=0.2, key="data_config.val_ratio",
        metavar="R", bounds=SHARE, meaning="share asked for the validation", example=0.2,
    )  # fmt: skip
    # The draw is decided by what was asked for, which the record holds apart only where it is not what was used.
    max_samples: int | None = row(
        "count", "use only N rooms of the data set", SPLIT, default=None, bounds=FROM_1, unit="rooms",
        key="data_config.num_samples_requested or data_config.num_samples", example=6000,
        meaning="rooms used: train + val + test", short="num_samples", label="rooms", column=200, telling=True,
    )  # fmt: skip
    num_workers: int = row(
        "count", "load with N processes; 0 reads in the training process", LOADING, default=0,
        key="data_loader_config.num_workers", bounds=FROM_0, example=8, short="num_workers", label="workers",
        meaning="loading processes; 0: the training process itself", column=180,
    )  # fmt: skip
    pin_memory: bool = row(
        "flag", "load into page-locked memory, for a GPU", LOADING, default=False, key="data_loader_config.pin_memory",
        meaning="page-locked memory for a GPU", example=True,
    )  # fmt: skip
    persistent_workers: bool = row(
        "flag", "keep the loading processes between epochs", LOADING, default=False, needs="num_workers",
        key="data_loader_config.persistent_workers", meaning="workers kept between epochs", example=True,
    )  # fmt: skip
    seed: int = row(
        "count", "seed of the training alone", HOW, default=0, key="seed", metavar="S", bounds=SEED, example=0,
        meaning="of the training alone; the split has its own", short="seed", label="seed", column=250, telling=True,
        axis=True,
    )  # fmt: skip
    device: str = row(
        "device", "train on auto, cpu or cuda", HOW, default="auto", key="environment.device", metavar="D",
        choices=DEVICES, meaning="what it was trained on", example="cpu", short="device", label="device", column=340,
    )  # fmt: skip
    experiments: str = row(
        "path", "put the run into this folder of runs", RECORD, default="experiments", metavar="DIR"
    )  # fmt: skip
    note: str | None = row("text", "write a line about this run into NOTES.md", RECORD, default=None, metavar="TEXT")

    @property
    def model_name(self) -> str:
        """What the run is named after: the model's name, and of `package.module:Class` the class."""
        return self.model.rpartition(":")[2]

    @property
    def model_path(self) -> str | None:
        """The whole path of a model of the user's own; None for one of ours."""
        return self.model if ":" in self.model else None

    def value(self, setting: Setting) -> Any:
        """What these settings have for a row of `OPTIONS`; of a weight that was not given None."""
        return self.loss_weights.get(setting.name) if setting.kind == "weight" else getattr(self, setting.name)

    def replaced(self, **changes: Any) -> TrainConfig:
        """The same settings but for `changes`, fields by name."""
        return TrainConfig(**{**vars(self), **changes})

    def completed(self, recipe: dict[str, Any]) -> TrainConfig:
        """These settings with every open one filled in from a model's recipe, else with the general value.

        Args:
            recipe: settings by name, as `catalogue.models.Model.recipe` has them.
        """
        settings = GENERAL_SETTINGS | recipe
        filled = {
            name: settings[name]
            for name in GENERAL_SETTINGS
            if getattr(self, name) is None and not (name == "early_stop_patience" and not self.early_stop)
        }
        config = self.replaced(**filled)
        if config.eval_batch_size is None:
            config = config.replaced(eval_batch_size=min(64, max(16, config.batch_size or 0)))
        return config

    def check(self) -> None:
        """Refuse what cannot be trained with.

        Raises:
            InputError: the first setting that is out of range, with what it may be, or two that exclude each other.
        """
        for setting in SETTINGS:
            setting.check(self.value(setting))
            if setting.needs and self.value(setting) and not self.value(BY_NAME[setting.needs]):
                raise InputError(f"{setting.option} needs {BY_NAME[setting.needs].option} of at least 1")
        if self.early_stop_patience is not None and not self.early_stop:
            raise InputError("--no-early-stop and --early-stop-patience contradict each other: give one of them")
        if self.train_ratio + self.val_ratio >= 1:
            raise InputError(
                f"--train-ratio {self.train_ratio} and --val-ratio {self.val_ratio} leave nothing for the test: "
                "their sum must be below 1"
            )
        if self.fold is not None:
            number, folds = self.fold
            if self.split == "random":
                raise InputError("--fold needs --split room or --split material: a random split has no folds")
            if not (folds >= 2 and 1 <= number <= folds):
                raise InputError(f"--fold {number}/{folds} does not exist: K/N needs N >= 2 and 1 <= K <= N")


#: Every setting that an option sets, weights of losses in the place of `loss_weights`.
OPTIONS: tuple[Setting, ...] = tuple(
    one for of in TrainConfig.rows for one in (weight_rows(WHAT) if of.kind == "weights" else (of,))
)
#: Those that a record states: what makes the run again.
SETTINGS: tuple[Setting, ...] = tuple(setting for setting in OPTIONS if setting.key)
BY_NAME: dict[str, Setting] = {setting.name: setting for setting in OPTIONS}
#: Settings of a model whose recipe does not say otherwise.
GENERAL_SETTINGS: dict[str, Any] = {s.name: s.general for s in SETTINGS if s.general is not MISSING}
