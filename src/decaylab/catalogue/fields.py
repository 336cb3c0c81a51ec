"""FIELDs: the short names that tables, filters and exports take, with units, directions and targets."""

from __future__ import annotations

from decaylab.catalogue.metrics import METRICS, Metric
from decaylab.catalogue.rows import Row
from decaylab.catalogue.settings import SETTINGS


class Field(Row):
    """One short name: where its value lies, how it is shown, and which direction is better.

    `path` is dotted, into metadata.json in documented form; "" marks a value that the reader derives: in
    `runlog.derived`, or by a `function` of a record, named as "module:function" and null where that is not installed.
    `better` is "min", "max" or None (settings have no better direction).
    """

    name: str
    path: str
    label: str
    unit: str = ""
    better: str | None = None
    target: float | None = None
    digits: int | None = None
    function: str = ""


def _of_metric(metric: Metric) -> list[Field]:
    """MAE, RMSE and R2; of a parameter mean error, 95th percentile of |error|, share within one JND, too.

    Only the MAE has a target. A bias has no better direction: nearer to 0 is better, and neither the lowest nor the
    highest is.
    """
    name, label, unit, digits = metric.name, metric.label, metric.unit, metric.digits
    path = f"metrics.{metric.key}"
    found = [
        Field(f"{name}_mae", f"{path}.mae", f"{label} MAE", unit, "min", metric.target, digits),
        Field(f"{name}_rmse", f"{path}.rmse", f"{label} RMSE", unit, "min", None, digits),
        Field(f"{name}_r2", f"{path}.r2", f"{label} R2", "", "max", None, 4),
    ]
    if metric.is_parameter:
        found += [
            Field(f"{name}_bias", f"{path}.bias", f"{label} bias", unit, None, None, digits),
            Field(f"{name}_p95", f"{path}.p95", f"{label} 95 %", unit, "min", None, digits),
            Field(f"{name}_within_jnd", f"{path}.within_jnd", f"{label} within JND", "", "max", None, 3),
        ]
    return found


def _vs_noise(metric: Metric) -> Field:
    path = f"label_noise.metrics.{metric.name}.ratio"
    return Field(f"{metric.name}_vs_noise", path, f"{metric.label} vs label noise", "x", "min", None, 3)


#: Column of an export -> the fields that stand there, settings aside.
_OTHERS: dict[int, list[Field]] = {
    0: [Field("run_id", "", "run")],
    20: [Field("timestamp", "timestamp", "timestamp"), Field("status", "", "status")],
    40: [
        Field("duration", "training_config.training_duration_minutes", "duration", "min", "min", None, 2),
        Field("epochs", "training_config.actual_epochs", "epochs"),
    ],
    70: [
        Field("best_epoch", "best_epoch", "best epoch"),
        Field("stopped_at_epoch", "early_stopping_config.stopped_at_epoch", "stopped at"),
    ],
    190: [Field("parameters", "model_parameters.total", "parameters")],
    210: [
        Field("train_size", "data_config.train_size", "train"),
        Field("val_size", "data_config.val_size", "val"),
        Field("test_size", "data_config.test_size", "test"),
    ],
    260: [Field("parent", "parent", "parent")],
    300: [
        *(field for metric in METRICS for field in _of_metric(metric)),
        Field("edc_vs_mean", "", "EDC vs mean curve", "x", "min", None, 3),
        Field("edc_vs_physics", "", "EDC vs physics alone", "x", "min", None, 3),
        *(_vs_noise(metric) for metric in METRICS if metric.has_noise),
        Field("best_val_loss", "best_val_loss", "best val loss", "", "min", None, 5),
        Field("metrics_definitions", "metrics_definitions", "definitions"),
        Field("data_digest", "data_config.digest", "data set"),
        Field("test_split", "", "test rows"),
    ],
    350: [
        Field("size", "", "size", "MB", None, None, 1),
        Field("archive", "", "archive"),
        Field("tags", "", "tags"),
        Field("note", "", "note"),
        Field("severe", "", "severe findings", function="decaylab.diagnosis.severe:severe"),
        Field("problems", "", "problems"),
    ],
}


def _all() -> dict[str, Field]:
    columns = dict(_OTHERS)
    for setting in SETTINGS:
        if setting.short:
            own = Field(setting.short, setting.key.rpartition(" or ")[2], setting.label or setting.short)
            columns[setting.column] = [*columns.get(setting.column, ()), own]
    return {field.name: field for _, fields in sorted(columns.items()) for field in fields}


#: Short names in the order of an export. `run_id` is first by definition.
FIELDS: dict[str, Field] = _all()

#: Other spellings that users type.
ALIASES: dict[str, str] = {
    "run": "run_id", "id": "run_id", "training_duration_minutes": "duration", "actual_epochs": "epochs",
    "mae": "edc_mae", "rmse": "edc_rmse", "r2": "edc_r2", "overall_edc_mae": "edc_mae",
    "overall_edc_rmse": "edc_rmse", "overall_edc_r2": "edc_r2", "notes": "note", "tag": "tags",
    **{alias: setting.short for setting in SETTINGS for alias in setting.aliases},
}  # fmt: skip

#: The fields that the run log judges a run by, in the order of the document.
TARGETS: dict[str, float] = {field.name: field.target for field in FIELDS.values() if field.target is not None}

#: What a table shows where nothing else is asked for. `note` is added where any run has one.
TABLE_COLUMNS = (
    "run_id", "model", "loss_type", "batch_size", "precision", "epochs", "duration",
    "edc_mae", "edc_vs_mean", "edt_mae", "t20_mae", "c50_mae", "status",
)  # fmt: skip

#: Settings that get a column of their own as soon as they differ between the runs shown, by FIELD.
TELLING = tuple(name for name in FIELDS if name in {s.short for s in SETTINGS if s.telling})
