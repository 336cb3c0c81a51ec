"""The keys of metadata.json, one row each: type, unit, meaning, example. Settings and metrics have rows of their own.

This is the format, version 1. The JSON Schema (docs/metadata.schema.json), the table of docs/run-log.md and the checks
of `decaylab verify` are made of these rows by `runlog.keys`.
"""

from __future__ import annotations

from typing import Any

from decaylab.catalogue.document import DOCUMENT, SCHEMA_VERSION, STORED_STATUSES
from decaylab.catalogue.metrics import METRICS, Metric
from decaylab.catalogue.rows import COUNT, FLAG, NUMBER, TEXT, Row
from decaylab.catalogue.settings import SETTINGS


class Key(Row):
    """`types` are JSON Schema's names; `example` is what the documented run would hold."""

    path: str
    types: tuple[str, ...]
    unit: str
    meaning: str
    example: Any = None


OBJECT, LIST, REQUIRED_TEXT = ("object",), ("array",), ("string",)
OBJECT_OR_NULL = ("object", "null")


def _of_metric(metric: Metric) -> list[Key]:
    path, what, unit = f"metrics.{metric.key}", metric.meaning, metric.unit
    found = [
        Key(f"{path}.mae", NUMBER, unit, f"{what}: mean absolute error over the test rooms", metric.example),
        Key(f"{path}.rmse", NUMBER, unit, f"{what}: root of the mean squared error"),
        Key(f"{path}.r2", NUMBER, "", f"{what}: 1 - SSE / SST, at most 1; below 0 is worse than the mean"),
    ]
    if metric.is_parameter:
        found += [
            Key(f"{path}.bias", NUMBER, unit, f"{what}: mean error, prediction less target; above 0 it predicts too much"),
            Key(f"{path}.p95", NUMBER, unit, f"{what}: 95th percentile of the absolute error"),
            Key(f"{path}.within_jnd", NUMBER, "",
                f"{what}: share (0 to 1) of the rooms within one just noticeable difference"),
            Key(f"{path}.by_tercile", ("array", "null"), "",
                f"{what}, rooms by their target's T20 in three parts, shortest first: `t20_range` (s), `rooms`, "
                f"`mae` and `bias`{f' ({unit})' if unit else ''}, `within_jnd`"),
        ]  # fmt: skip
    return found


#: Keys that neither a setting nor a metric has.
_OWN = (
    Key("model_name", REQUIRED_TEXT, "", "name of the model; the directory is `{model_name}_{timestamp}`", "hybrid_v2"),
    Key("timestamp", REQUIRED_TEXT, "", "start in local time, `%Y%m%d_%H%M%S`", "20260122_020157"),
    Key("model_parameters.total", COUNT, "", "number of parameters", 197885568),
    Key("model_parameters.trainable", COUNT, "", "of these, the ones that are trained", 197885568),
    Key("training_config.actual_epochs", COUNT, "epochs", "epochs completed, counted from 1", 121),
    Key("training_config.training_duration_seconds", NUMBER, "s", "the fit alone, monotonic, summed over resumes", 26534),
    Key("training_config.training_duration_minutes", NUMBER, "min", "the same / 60", 442.24),
    Key("precision_config.mixed_precision_enabled", FLAG, "", "whether 16 bit were mixed with 32", True),
    Key("data_config.input_dim", COUNT, "", "features of a room", 16),
    Key("data_config.output_length", COUNT, "samples", "samples of a curve", 96000),
    Key("data_config.train_size", COUNT, "rooms", "training rooms", 3600),
    Key("data_config.val_size", COUNT, "rooms", "validation rooms", 1200),
    Key("data_config.test_size", COUNT, "rooms", "test rooms", 1200),
    Key("early_stopping_config.stopped_at_epoch", COUNT, "epochs", "last epoch; null if not stopped early", 121),
    Key("guard.state", TEXT, "", "what the guard made of the last epoch: quiet, warned or stopped", "quiet"),
    Key("guard.rule", TEXT, "", "the rule that it warns by, or stopped by: not_finite, rise, worse_than_mean"),
    Key("guard.epoch", COUNT, "epochs", "epoch of that verdict; null while quiet"),
    Key("guard.message", TEXT, "", "the numbers that the verdict rests on"),
    Key("guard.mean_curve_loss", NUMBER, "", "validation loss of the mean of the training curves, by the run's loss"),
    Key("guard.finding", OBJECT_OR_NULL, "", "of a run that was stopped: likely cause and the setting to change"),
    Key("preflight.findings", LIST, "", "what the check before the training found: `code`, `severity`, "
        "`evidence`, `basis`, `cause`, `change`, `command` each"),
    Key("preflight.estimate", OBJECT_OR_NULL, "", "what was expected: `step_seconds`, `epoch_seconds`, "
        "`total_seconds`, `earliest_seconds` (stopped as early as patience allows), `memory_bytes`, `disk_bytes`"),
    Key("preflight.seconds", NUMBER, "s", "what the check took"),
    Key("best_model_path", TEXT, "", "the checkpoint with the lowest validation loss",
        "experiments/hybrid_v2_20260122_020157/checkpoints/best_model.ckpt"),
    Key("model_path", TEXT, "", "a model of the user's own, as it was given to --model; null: one of decaylab's", "networks.mine:Net"),
    Key("metrics_scalar_heads", OBJECT, "", "models with scalar heads: `t20`, `c50` of the heads' own answers, figures as in `metrics`, which are of the curve"),
    Key("loss_config.scalar_heads", OBJECT, "", "the heads' part of the loss: `names`, `loss`, `space`, `weight` of each against the curve's loss"),
    Key("parent", TEXT, "", "the run that this one was made from", "hybrid_v2_20260121_180000"),
    Key("parent_how", TEXT, "", 'how: "from" (train --from), "reproduce"', "from"),
    Key("assumed", OBJECT, "", "what the parent's record lacked and a person stated (--assume), by key", {"seed": 0}),
    Key("resumes", LIST, "", "each time that the run was resumed: `utc`, `from_epoch` (epochs that were kept), how it had ended (`status_before`, `error_before`), `seconds_before`, and `command`, `process`, `environment`, `git`, `data_path`, `assumed` of that time"),
    Key("schema_version", ("integer",), "", "version of this format", SCHEMA_VERSION),
    Key("run_id", REQUIRED_TEXT, "", "name of the run's directory", "hybrid_v2_20260122_020157"),
    Key("status", REQUIRED_TEXT, "", "one of " + ", ".join(STORED_STATUSES) + "; readers derive `lost`", "completed"),
    Key("error", OBJECT_OR_NULL, "", "type, message and traceback of what ended the run"),
    Key("started_utc", TEXT, "", "start, UTC", "2026-01-22T01:01:57.120Z"),
    Key("ended_utc", TEXT, "", "end, UTC", "2026-01-22T08:24:31.480Z"),
    Key("total_duration_seconds", NUMBER, "s", "from start to end, evaluation included, monotonic", 26553.1),
    Key("data_preparation_seconds", NUMBER, "s", "scalers, targets and baselines, before the fit", 12.2),
    Key("evaluation_duration_seconds", NUMBER, "s", "the test rooms through the best checkpoint", 18.7),
    Key("best_epoch", COUNT, "epochs", "epoch of the best checkpoint, from 1", 71),
    Key("best_val_loss", ("number", "string", "null"), "", "its validation loss", 815.0),
    Key("config", OBJECT, "", "settings without a documented place", {}),
    Key("process", OBJECT, "", "host, pid, its start time, boot id and pid namespace: tells lost from running"),
    Key("command", LIST, "", "argv; values of options that look secret are blanked", ["decaylab", "train"]),
    Key("working_directory", TEXT, "", "where it was called", "/home/me/rooms"),
    Key("environment", OBJECT, "", "Python, platform, device, packages, SLURM and CUDA variables"),
    Key("git", OBJECT_OR_NULL, "", "commit, branch, dirty, untracked files; the diff lies in git.diff"),
    Key("metric_directions", OBJECT, "", '"min" or "max" for metrics of your own', {"accuracy": "max"}),
    Key("metrics_definitions", TEXT, "", '"iso" or "predecessor"; absent: unknown', "iso"),
    Key("metrics_raw", OBJECT, "", "documented metrics that were not finite, as text", {"c50.mae": "NaN"}),
    Key("validation", OBJECT, "", "metrics of the validation rooms by the best weights, in the form of `metrics`: what runs are chosen by, so that the test rooms stay unseen"),
    Key("baselines", OBJECT, "", "`mean_curve`: metrics of the mean training curve on the same test rooms; `physics`: of what physics alone expects (box rooms)"),
    Key("label_noise", OBJECT_OR_NULL, "", "the errors over the noise of the labels, paired: `rooms`, and for each metric `noise` (mean |a - b| / sqrt 2), `ratio` with its 95 % interval (`low`, `high`), `rooms`; null if not measured by then"),
    Key("uncertainty", OBJECT_OR_NULL, "", "intervals of predicted parameters from the errors on the validation rooms: `level`, `rooms`, `relative` (names whose half-width is a share of the value), `half_width`; and `coverage`, the share of test rooms that lay within; null if not measured"),
    Key("peak_memory_bytes", COUNT, "byte", "largest resident memory of the process", 3412000000),
    Key("gpu_peak_memory_bytes", COUNT, "byte", "largest memory allocated on the GPU"),
    Key("files", OBJECT, "", "size and BLAKE2b digest of each file at the end"),
    Key("data_config.digest", TEXT, "", "digest of the data set", "1f0e..."),
    Key("data_config.test_digest", TEXT, "", "digest of the test rooms' ids, in order", "9c44..."),
    Key("data_config.notes", LIST, "", "what is to be known of the data: what did not join, what a random split shares"),
    Key("data_config.num_samples_requested", COUNT, "rooms", "what was asked for, if different", 17639),
    Key("data_config.num_samples_available", COUNT, "rooms", "rooms of the data set", 17639),
    Key("data_config.band", TEXT, "", "all parameters are of the whole band at 48 kHz, not ISO's single number", "broadband"),
    Key("loss_config.space", TEXT, "", "scaled or physical: what the loss compares", "physical"),
    Key("data_loader_config.scaler_y_used", FLAG, "", "false where the model ignores scaler_y", True),
)  # fmt: skip
_EDC_DB = Key(
    "metrics.edc_db_mae", NUMBER, "dB",
    "levels of the curves: mean absolute error, from the onset to where the target passes -35 dB",
)  # fmt: skip


def _all() -> dict[str, Key]:
    """Every key by its path: the document's first, in its order."""
    known = {key.path: key for key in _OWN}
    for setting in SETTINGS:
        path = setting.key.rpartition(" or ")[2]
        own = Key(path, setting.types, setting.unit, setting.meaning or setting.help, setting.example)
        known.setdefault(path, own)
    paths = [f"{section}.{name}".lstrip(".") for section, names in DOCUMENT.items() for name in names.split()]
    metrics = {key.path: key for metric in METRICS for key in _of_metric(metric)}
    first = {path: known[path] for path in paths}
    return first | metrics | {_EDC_DB.path: _EDC_DB} | {path: key for path, key in known.items() if path not in first}


KEYS: tuple[Key, ...] = tuple(_all().values())
