"""Every key of metadata.json that decaylab itself writes: type, unit, meaning, example.

From this table come the JSON Schema (docs/metadata.schema.json), the page docs/run-log.md and the type check of
`decaylab verify`. `python -m decaylab.runlog.keys schema` and `... page` print the first two; a test compares them.
"""

from __future__ import annotations

import sys
from typing import Any, NamedTuple

from decaylab.runlog.schema import DOCUMENTED, SCHEMA_VERSION, STORED_STATUSES

NUMBER = ("number", "null")
COUNT = ("integer", "null")
TEXT = ("string", "null")
FLAG = ("boolean", "null")


class Key(NamedTuple):
    """`types` are JSON Schema's names; `example` is what the documented run would hold."""

    path: str
    types: tuple[str, ...]
    unit: str
    meaning: str
    example: Any = None


def _scores(path: str, what: str, unit: str, mae: float | None) -> list[Key]:
    return [
        Key(f"{path}.mae", NUMBER, unit, f"{what}: mean absolute error over the test rooms", mae),
        Key(f"{path}.rmse", NUMBER, unit, f"{what}: root of the mean squared error", None),
        Key(f"{path}.r2", NUMBER, "", f"{what}: 1 - SSE / SST, at most 1; below 0 is worse than the mean", None),
    ]


def _details(path: str, what: str, unit: str) -> list[Key]:
    """What a run of decaylab has of each parameter beside MAE, RMSE and R2."""
    return [
        Key(f"{path}.bias", NUMBER, unit, f"{what}: mean error, prediction less target; above 0 it predicts too much"),
        Key(f"{path}.p95", NUMBER, unit, f"{what}: 95th percentile of the absolute error"),
        Key(f"{path}.within_jnd", NUMBER, "", f"{what}: share (0 to 1) of the rooms within one just noticeable difference"),
        Key(f"{path}.by_tercile", ("array", "null"), "",
            f"{what}, rooms by their target's T20 in three parts, shortest first: `t20_range` (s), `rooms`, "
            f"`mae` and `bias`{f' ({unit})' if unit else ''}, `within_jnd`"),
    ]  # fmt: skip


KEYS: tuple[Key, ...] = (
    Key("model_name", ("string",), "", "name of the model; the directory is `{model_name}_{timestamp}`", "hybrid_v2"),
    Key("timestamp", ("string",), "", "start in local time, `%Y%m%d_%H%M%S`", "20260122_020157"),
    Key("model_parameters.total", COUNT, "", "number of parameters", 197885568),
    Key("model_parameters.trainable", COUNT, "", "of these, the ones that are trained", 197885568),
    Key("training_config.max_epochs", COUNT, "epochs", "epochs asked for", 200),
    Key("training_config.actual_epochs", COUNT, "epochs", "epochs completed, counted from 1", 121),
    Key("training_config.batch_size", COUNT, "rooms", "rooms in a training step", 2),
    Key("training_config.eval_batch_size", COUNT, "rooms", "rooms in an evaluation step", 2),
    Key("training_config.learning_rate", NUMBER, "", "learning rate of the optimiser; the peak of a schedule", 0.001),
    Key("training_config.training_duration_seconds", NUMBER, "s", "the fit alone, monotonic, summed over resumes", 26534),
    Key("training_config.training_duration_minutes", NUMBER, "min", "the same / 60", 442.24),
    Key("loss_config.loss_type", TEXT, "", "name of the loss", "auxiliary"),
    Key("loss_config.gradient_clip_val", NUMBER, "", "largest norm of the gradient; null: not clipped", None),
    Key("loss_config.aux_weight", NUMBER, "", "weight of the parameter terms, where the loss has them", 0.3),
    Key("precision_config.precision", ("integer", "string", "null"), "bit", '32, 16 or "bf16": what ran', 16),
    Key("precision_config.mixed_precision_enabled", FLAG, "", "whether 16 bit were mixed with 32", True),
    Key("data_loader_config.num_workers", COUNT, "", "loading processes; 0: the training process itself", 8),
    Key("data_loader_config.pin_memory", FLAG, "", "page-locked memory for a GPU", True),
    Key("data_loader_config.persistent_workers", FLAG, "", "workers kept between epochs", True),
    Key("data_loader_config.scaler_type", TEXT, "", "minmax, standard or robust", "standard"),
    Key("data_config.num_samples", COUNT, "rooms", "rooms used: train + val + test", 6000),
    Key("data_config.input_dim", COUNT, "", "features of a room", 16),
    Key("data_config.output_length", COUNT, "samples", "samples of a curve", 96000),
    Key("data_config.train_size", COUNT, "rooms", "training rooms", 3600),
    Key("data_config.val_size", COUNT, "rooms", "validation rooms", 1200),
    Key("data_config.test_size", COUNT, "rooms", "test rooms", 1200),
    Key("data_config.train_ratio", NUMBER, "", "share asked for the training, of rows or groups", 0.6),
    Key("data_config.val_ratio", NUMBER, "", "share asked for the validation", 0.2),
    Key("early_stopping_config.enabled", FLAG, "", "whether training could stop early", True),
    Key("early_stopping_config.patience", COUNT, "epochs", "epochs without improvement before it stops", 50),
    Key("early_stopping_config.stopped_at_epoch", COUNT, "epochs", "last epoch; null if not stopped early", 121),
    Key("guard.enabled", FLAG, "", "whether a lost run would have been stopped (not with --no-guard)", True),
    Key("guard.state", TEXT, "", "what the guard made of the last epoch: quiet, warned or stopped", "quiet"),
    Key("guard.rule", TEXT, "", "the rule that it warns by, or stopped by: not_finite, rise, worse_than_mean"),
    Key("guard.epoch", COUNT, "epochs", "epoch of that verdict; null while quiet"),
    Key("guard.message", TEXT, "", "the numbers that the verdict rests on"),
    Key("guard.mean_curve_loss", NUMBER, "", "validation loss of the mean of the training curves, by the run's loss"),
    Key("guard.finding", ("object", "null"), "", "of a run that was stopped: likely cause and the setting to change"),
    Key("preflight.findings", ("array",), "", "what the check before the training found: `code`, `severity`, "
        "`evidence`, `basis`, `cause`, `change`, `command` each"),
    Key("preflight.estimate", ("object", "null"), "", "what was expected: `step_seconds`, `epoch_seconds`, "
        "`total_seconds`, `earliest_seconds` (stopped as early as patience allows), `memory_bytes`, `disk_bytes`"),
    Key("preflight.seconds", NUMBER, "s", "what the check took"),
    *_scores("metrics.overall_edc", "energy decay curve, all rooms and samples", "", 0.250203),
    *_scores("metrics.edt", "early decay time", "s", 0.072854),
    *_scores("metrics.t20", "reverberation time T20", "s", 0.726452),
    *_scores("metrics.c50", "clarity C50", "dB", 0.34),
    *_details("metrics.edt", "early decay time", "s"),
    *_details("metrics.t20", "reverberation time T20", "s"),
    *_details("metrics.c50", "clarity C50", "dB"),
    *_scores("metrics.t30", "reverberation time T30", "s", None),
    *_details("metrics.t30", "reverberation time T30", "s"),
    *_scores("metrics.ts", "centre time Ts", "s", None),
    *_details("metrics.ts", "centre time Ts", "s"),
    Key("metrics.edc_db_mae", NUMBER, "dB", "levels of the curves: mean absolute error, from the onset to where the target passes -35 dB"),
    Key("best_model_path", TEXT, "", "the checkpoint with the lowest validation loss",
        "experiments/hybrid_v2_20260122_020157/checkpoints/best_model.ckpt"),
    Key("model_path", TEXT, "", "a model of the user's own, as it was given to --model; null: one of decaylab's", "networks.mine:Net"),
    Key("metrics_scalar_heads", ("object",), "", "models with scalar heads: `t20`, `c50` of the heads' own answers, figures as in `metrics`, which are of the curve", None),
    Key("loss_config.scalar_heads", ("object",), "", "the heads' part of the loss: `names`, `loss`, `space`, `weight` of each against the curve's loss", None),
    Key("parent", TEXT, "", "the run that this one was made from", "hybrid_v2_20260121_180000"),
    Key("parent_how", TEXT, "", 'how: "from" (train --from), "reproduce"', "from"),
    Key("assumed", ("object",), "", "what the parent's record lacked and a person stated (--assume), by key", {"seed": 0}),
    Key("resumes", ("array",), "", "each time that the run was resumed: `utc`, `from_epoch` (epochs that were kept), how it had ended (`status_before`, `error_before`), `seconds_before`, and `command`, `process`, `environment`, `git`, `data_path`, `assumed` of that time", None),
    Key("schema_version", ("integer",), "", "version of this format", SCHEMA_VERSION),
    Key("run_id", ("string",), "", "name of the run's directory", "hybrid_v2_20260122_020157"),
    Key("status", ("string",), "", "one of " + ", ".join(STORED_STATUSES) + "; readers derive `lost`", "completed"),
    Key("error", ("object", "null"), "", "type, message and traceback of what ended the run", None),
    Key("started_utc", TEXT, "", "start, UTC", "2026-01-22T01:01:57.120Z"),
    Key("ended_utc", TEXT, "", "end, UTC", "2026-01-22T08:24:31.480Z"),
    Key("total_duration_seconds", NUMBER, "s", "from start to end, evaluation included, monotonic", 26553.1),
    Key("data_preparation_seconds", NUMBER, "s", "scalers, targets and baselines, before the fit", 12.2),
    Key("evaluation_duration_seconds", NUMBER, "s", "the test rooms through the best checkpoint", 18.7),
    Key("best_epoch", COUNT, "epochs", "epoch of the best checkpoint, from 1", 71),
    Key("best_val_loss", ("number", "string", "null"), "", "its validation loss", 815.0),
    Key("seed", COUNT, "", "of the training alone; the split has its own", 0),
    Key("config", ("object",), "", "settings without a documented place", {}),
    Key("process", ("object",), "", "host, pid, its start time, boot id and pid namespace: tells lost from running", None),
    Key("command", ("array",), "", "argv; values of options that look secret are blanked", ["decaylab", "train"]),
    Key("working_directory", TEXT, "", "where it was called", "/home/me/rooms"),
    Key("environment", ("object",), "", "Python, platform, device, packages, SLURM and CUDA variables", None),
    Key("git", ("object", "null"), "", "commit, branch, dirty, untracked files; the diff lies in git.diff", None),
    Key("metric_directions", ("object",), "", '"min" or "max" for metrics of your own', {"accuracy": "max"}),
    Key("metrics_definitions", TEXT, "", '"iso" or "predecessor"; absent: unknown', "iso"),
    Key("metrics_raw", ("object",), "", "documented metrics that were not finite, as text", {"c50.mae": "NaN"}),
    Key("validation", ("object",), "", "metrics of the validation rooms by the best weights, in the form of `metrics`: what runs are chosen by, so that the test rooms stay unseen", None),
    Key("baselines", ("object",), "", "`mean_curve`: metrics of the mean training curve on the same test rooms; `physics`: of what physics alone expects (box rooms)", None),
    Key("label_noise", ("object", "null"), "", "the errors over the noise of the labels, paired: `rooms`, and for each metric `noise` (mean |a - b| / sqrt 2), `ratio` with its 95 % interval (`low`, `high`), `rooms`; null if not measured by then", None),
    Key("uncertainty", ("object", "null"), "", "intervals of predicted parameters from the errors on the validation rooms: `level`, `rooms`, `relative` (names whose half-width is a share of the value), `half_width`; and `coverage`, the share of test rooms that lay within; null if not measured", None),
    Key("peak_memory_bytes", COUNT, "byte", "largest resident memory of the process", 3412000000),
    Key("gpu_peak_memory_bytes", COUNT, "byte", "largest memory allocated on the GPU", None),
    Key("files", ("object",), "", "size and BLAKE2b digest of each file at the end", None),
    Key("data_config.digest", TEXT, "", "digest of the data set", "1f0e..."),
    Key("data_config.test_digest", TEXT, "", "digest of the test rooms' ids, in order", "9c44..."),
    Key("data_config.split", TEXT, "", "random, room or material; indices and ids lie in split.json", "random"),
    Key("data_config.split_seed", COUNT, "", "which division", 0),
    Key("data_config.fold", TEXT, "", "K/N for room and material", None),
    Key("data_config.notes", ("array",), "", "what is to be known of the data: what did not join, what a random split shares", None),
    Key("data_config.num_samples_requested", COUNT, "rooms", "what was asked for, if different", 17639),
    Key("data_config.num_samples_available", COUNT, "rooms", "rooms of the data set", 17639),
    Key("data_config.band", TEXT, "", "all parameters are of the whole band at 48 kHz, not ISO's single number", "broadband"),
    Key("loss_config.space", TEXT, "", "scaled or physical: what the loss compares", "physical"),
    Key("data_loader_config.scaler_y_used", FLAG, "", "false where the model ignores scaler_y", True),
)  # fmt: skip


def json_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of a metadata.json of this version; additional keys are welcome."""
    root: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "metadata.json of a training run",
        "description": f"Version {SCHEMA_VERSION}. Documented keys are always there, null where a value does not exist.",
        "type": "object",
        "properties": {},
        "required": [*DOCUMENTED, "schema_version", "run_id", "status"],
    }
    for key in KEYS:
        *folders, name = key.path.split(".")
        place = root
        for depth, folder in enumerate(folders):
            documented = _documented(folders[: depth + 1])
            place = place["properties"].setdefault(folder, {"type": "object", "properties": {}})
            if isinstance(documented, dict):
                place["required"] = list(documented)
        place["properties"][name] = _property(key)
    return root


def page() -> str:
    """The table of docs/run-log.md, in Markdown."""
    import json

    lines = ["| key | unit | type | meaning | example |", "|---|---|---|---|---|"]
    for key in KEYS:
        shown = "" if key.example is None else f"`{json.dumps(key.example)}`"
        lines.append(f"| `{key.path}` | {key.unit} | {' or '.join(key.types)} | {key.meaning} | {shown} |")
    return "\n".join(lines) + "\n"


def type_faults(metadata: dict[str, Any]) -> list[str]:
    """Documented keys that are missing, and keys whose value has another type than the format says."""
    faults = []
    for key in KEYS:
        value, found = _at(metadata, key.path)
        if not found:
            if _is_documented(key.path):
                faults.append(f"{key.path} is missing")
        elif not any(_is_a(value, kind) for kind in key.types):
            faults.append(f"{key.path} is {_json_type(value)}, not {' or '.join(key.types)}")
    return faults


def _property(key: Key) -> dict[str, Any]:
    described = f"{key.meaning} [{key.unit}]" if key.unit else key.meaning
    found: dict[str, Any] = {"type": list(key.types) if len(key.types) > 1 else key.types[0], "description": described}
    if key.path == "status":
        found["enum"] = list(STORED_STATUSES)
    return found


def _documented(path: list[str]) -> Any:
    place: Any = DOCUMENTED
    for name in path:
        place = place.get(name) if isinstance(place, dict) else None
    return place


def _is_documented(path: str) -> bool:
    *folders, name = path.split(".")
    place = _documented(folders)
    return isinstance(place, dict) and name in place


def _at(metadata: dict[str, Any], path: str) -> tuple[Any, bool]:
    place: Any = metadata
    for name in path.split("."):
        if not isinstance(place, dict) or name not in place:
            return None, False
        place = place[name]
    return place, True


_PYTHON = {"string": str, "object": dict, "array": list, "boolean": bool}


def _is_a(value: Any, kind: str) -> bool:
    if kind == "null":
        return value is None
    if kind in ("integer", "number"):
        whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
        return not isinstance(value, bool) and (whole if kind == "integer" else isinstance(value, (int, float)))
    return isinstance(value, _PYTHON[kind])


def _json_type(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "a number"
    return next((name for name, kind in _PYTHON.items() if isinstance(value, kind)), type(value).__name__)


def main(what: str) -> str:
    """What `python -m decaylab.runlog.keys WHAT` prints."""
    import json

    return page() if what == "page" else json.dumps(json_schema(), indent=2) + "\n"


if __name__ == "__main__":
    sys.stdout.write(main(sys.argv[1] if len(sys.argv) > 1 else "schema"))
