"""What a row of the catalogue says of a setting, and the class that turns rows into a dataclass."""

from __future__ import annotations

from typing import Any, Self, dataclass_transform

from decaylab.errors import InputError

#: JSON Schema's names of the types that a key of metadata.json may have.
NUMBER, COUNT, TEXT, FLAG = (
    (kind, "null") for kind in ("number", "integer", "string", "boolean")
)  # fmt: skip
#: Kind of a setting -> the types of its key.
_TYPES = {
    "number": NUMBER, "weight": NUMBER, "count": COUNT, "patience": COUNT, "flag": FLAG, "off": FLAG, "guard": FLAG,
    "precision": ("integer", "string", "null"),
}  # fmt: skip
#: Stands where a setting has no default, or takes no part in a model's recipe.
MISSING: Any = type("Missing", (), {"__repr__": lambda self: "MISSING", "__bool__": lambda self: False})()


@dataclass_transform(frozen_default=True)
class Row:
    """A row of data: fields by position or name, defaults as class attributes. Never changed once it is made.

    The standard library's ways cost more than all rows together, at every start: `import dataclasses` 10 ms,
    a class of `NamedTuple` 0.4 ms.
    """

    def __init__(self, *values: Any, **named: Any) -> None:
        self.__dict__.update(zip(type(self).__annotations__, values, strict=False))
        self.__dict__.update(named)

    def replaced(self, **changes: Any) -> Self:
        """The same row but for `changes`, fields by name."""
        return type(self)(**{**self.__dict__, **changes})

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.__dict__.items())})"


class Bounds(Row):
    """The numbers that a setting may have: `text` completes "it must be ..."."""

    text: str
    low: float = float("-inf")
    high: float = float("inf")
    is_open: bool = False

    def hold(self, value: float) -> bool:
        """Whether `value` is finite and inside; `is_open`: the ends themselves are outside."""
        inside = self.low < value < self.high if self.is_open else self.low <= value <= self.high
        return inside and abs(value) < float("inf")


FROM_1, FROM_0 = Bounds("at least 1", 1), Bounds("0 or more", 0)
ABOVE_0 = Bounds("a number above 0", 0, is_open=True)
SHARE = Bounds("above 0 and below 1", 0, 1, is_open=True)
SEED = Bounds(f"from 0 to {2**32 - 1}", 0, 2**32 - 1)


class Setting(Row):
    """One setting of a training.

    Attributes:
        kind: how it is typed, recorded and read back: path, model, text, choice, count, number, weight, precision,
            fold, device, flag (on if the option is given), off (off if it is given), patience, guard.
        help: what the option does; what it is where it is not given follows from the row.
        group: the heading of `decaylab train --help` that it stands under; "" for what is no option.
        key: where metadata.json holds it, dotted; of "A or B" the first that is not null. "": not a setting on record.
        name: the field of `TrainConfig`.
        default: None: the model's recipe, else `general`.
        choices: the values that it may have. offers: those that completion offers, where others are possible, too.
        general: what holds where neither the command nor the model's recipe says it; MISSING: no part of recipes.
        unit, meaning, example: of the key, for docs/run-log.md and the JSON Schema; without a meaning, the help.
        optional: null on record means that it was not given (no clipping, no folds); typed, `none` says so.
        is_secret: recorded as ***.
        decides: what a training reaches depends on it.
        of_model: only models whose row lists it in `takes` have it.
        reset_by: a setting; if that is another one than on record, this one goes back to its default.
        needs: a setting that has to be on for this one to be.
        short: its FIELD; "": known by its key alone. label: in tables. column: place among the columns of exports.
        aliases: other names of the FIELD. telling: gets a column as soon as runs differ in it. axis: in parallel
            coordinates.
    """

    kind: str
    help: str
    group: str = ""
    key: str = ""
    name: str = ""
    default: Any = MISSING
    general: Any = MISSING
    metavar: str = "N"
    option_name: str = ""
    bounds: Bounds | None = None
    choices: tuple[Any, ...] = ()
    offers: tuple[Any, ...] = ()
    unit: str = ""
    meaning: str = ""
    example: Any = None
    optional: bool = False
    is_secret: bool = False
    decides: bool = False
    of_model: bool = False
    reset_by: str = ""
    needs: str = ""
    short: str = ""
    label: str = ""
    column: int = 255
    aliases: tuple[str, ...] = ()
    telling: bool = False
    axis: bool = False

    @property
    def option(self) -> str:
        """`--batch-size`."""
        return self.option_name or "--" + self.name.replace("_", "-")

    @property
    def types(self) -> tuple[str, ...]:
        """JSON Schema's names of the types of its key."""
        return _TYPES.get(self.kind, TEXT)

    @property
    def field(self) -> str:
        """What FIELD means it: the short name, else the key."""
        return self.short or self.key

    @property
    def whole_help(self) -> str:
        """The help line, with what holds where the option is not given."""
        if self.general is not MISSING:
            return f"{self.help} (default: the model's own)"
        said = self.default not in (MISSING, None, "") and not isinstance(self.default, bool)
        return f"{self.help} (default: {self.default})" if said else self.help

    def check(self, value: Any) -> None:
        """InputError for a value that this setting cannot have; None (not given) always can."""
        if value is None:
            return
        if self.choices and value not in self.choices:
            names = ", ".join(map(str, self.choices))
            raise InputError(f"{self.option} {value!r} does not exist: choose from {names}")
        if self.bounds is not None and not self.bounds.hold(value):
            raise InputError(f"{self.option} is {value}: it must be {self.bounds.text}")


def row(kind: str, help: str, group: str = "", *, default: Any = MISSING, **more: Any) -> Any:  # noqa: A002
    """The row of one field of a class of settings: a `Setting` of this `kind`, `help` and `group`.

    Args:
        default: of the field; without one it must be given.
        more: further attributes of `Setting`.
    """
    return Setting(kind, help, group, default=default, **more)


@dataclass_transform(frozen_default=True, field_specifiers=(row,))
class Rows(type):
    """Makes a class of settings out of its rows: a frozen dataclass, each field's metadata the row under "row".

    It becomes a dataclass when it is first used as one: `import dataclasses` takes half as long as Python takes to
    start, and a table of runs, which only reads rows, need not wait for it.
    """

    rows: tuple[Setting, ...]

    def __new__(mcs, name: str, bases: tuple[type, ...], space: dict[str, Any]) -> Rows:
        made = super().__new__(mcs, name, bases, space)
        made.rows = tuple(value.replaced(name=key) for key, value in space.items() if isinstance(value, Setting))
        return made

    def __getattr__(cls, name: str) -> Any:
        if name != "__dataclass_fields__":
            raise AttributeError(f"type object {cls.__name__!r} has no attribute {name!r}")
        _become_dataclass(cls)
        return cls.__dict__[name]

    def __call__(cls, *args: Any, **values: Any) -> Any:
        _ = cls.__dataclass_fields__
        return super().__call__(*args, **values)


def _become_dataclass(cls: Any) -> None:
    from dataclasses import dataclass, field
    from inspect import signature

    for setting in cls.rows:
        default: dict[str, Any] = {} if setting.default is MISSING else {"default": setting.default}
        if isinstance(setting.default, dict):
            default = {"default_factory": dict}
        setattr(cls, setting.name, field(**default, metadata={"row": setting}))
    dataclass(frozen=True)(cls)
    own = signature(cls.__init__)  # else `help` would show that of `Rows.__call__`
    cls.__signature__ = own.replace(parameters=list(own.parameters.values())[1:])
