"""The content of metadata.json while a run goes on: documented keys first, in the document's order, then our own."""

from __future__ import annotations

import datetime
import traceback
from typing import Any

from decaylab.catalogue.document import DOCUMENTED, SCHEMA_VERSION, SETTING_PLACES, empty_metadata
from decaylab.catalogue.fields import ALIASES, FIELDS
from decaylab.errors import RunLogError
from decaylab.runlog import values
from decaylab.runlog.naming import check_model_name

#: Keys that only the recorder writes.
_RECORDERS_OWN = {
    "schema_version", "run_id", "status", "timestamp", "process", "command", "files", "best_model_path", "resumes",
}  # fmt: skip
_TRACEBACK_LIMIT = 20_000


class Document:
    """metadata.json as a nested dict that is always fit to be written."""

    def __init__(self, model_name: str) -> None:
        self.data = empty_metadata()
        self.data["model_name"] = model_name
        self.data |= {
            "schema_version": SCHEMA_VERSION,
            "run_id": None,
            "status": "running",
            "error": None,
            "started_utc": None,
            "ended_utc": None,
            "total_duration_seconds": None,
            "best_epoch": None,
            "seed": None,
            "config": {},
        }

    @classmethod
    def of(cls, document: dict[str, Any]) -> Document:
        """The document of a run that goes on, as its file holds it; keys that the file lacks are null."""
        found = cls(document["model_name"])
        _merge(found.data, document, "")
        return found

    def set_directions(self, directions: dict[str, Any]) -> None:
        for name, direction in directions.items():
            if direction not in ("min", "max"):
                raise RunLogError(f"the direction of {name!r} is {direction!r}: it must be 'min' or 'max'")
        if directions:
            self.data["metric_directions"] = dict(directions)

    def begin(
        self, run_id: str, timestamp: str, process: dict[str, Any], command: list[str], working_directory: str
    ) -> None:
        """Note when, where and by which process the run starts.

        Args:
            run_id: the name of the run's directory.
            timestamp: the local time in that name.
            process: which process this is, as `identity` gives it.
            command: the command line, without secrets.
            working_directory: the current directory of the process.
        """
        self.data |= {
            "timestamp": timestamp,
            "run_id": run_id,
            "started_utc": _utc_now(),
            "process": process,
            "command": values.plain(command, "command"),
            "working_directory": values.plain(working_directory, "working_directory"),
        }

    def begin_again(self, resume: dict[str, Any], process: dict[str, Any], fit_seconds: float) -> None:
        """The run goes on in `process`; `resume` is kept in `resumes`. What told of its end is open again.

        `fit_seconds`: what its fit took so far; interrupted before it goes on, it has not taken more.
        """
        known = self.data.get("resumes")
        self.data["resumes"] = [*(known if isinstance(known, list) else []), values.plain(resume, "resumes")]
        self.data["training_config"] |= {
            "actual_epochs": None,
            "training_duration_seconds": fit_seconds,
            "training_duration_minutes": round(fit_seconds / 60, 6),
        }
        self.data |= {
            "status": "running",
            "error": None,
            "ended_utc": None,
            "total_duration_seconds": None,
            "best_model_path": None,
            "process": process,
            "files": {},
        }

    def surround_again(self, environment: dict[str, Any], git: dict[str, Any] | None) -> None:
        """What was found around a run that was resumed; what was found at its start stays."""
        found = {"environment": values.plain(environment, "environment"), "git": values.plain(git, "git")}
        self.data["resumes"][-1] |= found

    def surround(self, environment: dict[str, Any], git: dict[str, Any] | None) -> None:
        """What was found around the run. A device that the training has named already is kept."""
        self.data["environment"] = values.plain(environment, "environment") | self.data.get("environment", {})
        self.data["git"] = values.plain(git, "git")

    def update(self, config: dict[str, Any] | None, sections: dict[str, Any]) -> None:
        """Merge settings and sections; all are checked before any is taken.

        Raises:
            RunLogError: a value that cannot be recorded, or a key that only the recorder writes.
        """
        if refused := _RECORDERS_OWN.intersection(sections):
            raise RunLogError(f"{', '.join(sorted(refused))!r} is written by the recorder itself")
        if "model_name" in sections:
            check_model_name(sections["model_name"])
        changes: dict[str, Any] = {}
        for key, value in (config or {}).items():
            _merge(changes, _placed(key, value), key)
        for key, value in sections.items():
            _merge(changes, _placed_metrics(value) if key == "metrics" else {key: value}, key)
        raw: dict[str, Any] = {}
        clean = {key: _clean(value, DOCUMENTED.get(key, _OWN), key, raw) for key, value in changes.items()}
        _check_shape(clean, DOCUMENTED, "")
        _merge(self.data, clean, "")
        for path, value in raw.items():
            if path.startswith("metrics."):
                self.data.setdefault("metrics_raw", {})[path.removeprefix("metrics.")] = value

    def end(
        self,
        status: str,
        error: BaseException | str | None,
        *,
        seconds: float,
        last_epoch: Any,
        best_model_path: str | None,
        peak_memory: int | None,
        files: dict[str, Any],
    ) -> None:
        """Note how the run ended. Training time and epochs that the training has recorded itself are kept.

        Args:
            status: one of the statuses that are stored.
            error: what ended it, or None.
            seconds: what it took, all resumes together.
            last_epoch: the greatest that was logged, from 1; None if none was.
            best_model_path: the best checkpoint, or None.
            peak_memory: the most memory that it took, in bytes; None if unknown.
            files: file of the run -> its digest.
        """
        training = self.data["training_config"]
        if training["training_duration_seconds"] is None:
            training["training_duration_seconds"] = round(seconds, 3)
        # One is always the other over sixty: the document's own example shows what comes of writing both by hand.
        training["training_duration_minutes"] = round(training["training_duration_seconds"] / 60, 6)
        if training["actual_epochs"] is None and last_epoch is not None:
            training["actual_epochs"] = values.plain(last_epoch, "epoch")
        self.data |= {
            "status": status,
            "error": _error(error),
            "ended_utc": _utc_now(),
            "total_duration_seconds": round(seconds, 3),
            "best_model_path": values.plain(best_model_path, "best_model_path"),
            "peak_memory_bytes": peak_memory,
            "files": values.plain(files, "files"),
        }

    def encode(self) -> bytes:
        return values.document(self.data)


#: Marks a place that the document does not show: non-finite numbers become strings there, null elsewhere.
_OWN = object()


def _placed(key: str, value: Any) -> dict[str, Any]:
    """Where one setting of `config` belongs: its documented place, or `config`."""
    if key in SETTING_PLACES:
        return {SETTING_PLACES[key]: {key: value}}
    if isinstance(DOCUMENTED.get(key), dict) and isinstance(value, dict):
        return _placed_metrics(value) if key == "metrics" else {key: value}
    if key == "seed":
        return {"seed": value}
    return {"config": {key: value}}


def _placed_metrics(metrics: Any) -> dict[str, Any]:
    """Metrics in documented form; short names such as `t20_mae` go to `t20.mae`."""
    if not isinstance(metrics, dict):
        raise RunLogError(f"metrics must be a dict, not {type(metrics).__name__}")
    placed: dict[str, Any] = {}
    for key, value in metrics.items():
        field = FIELDS.get(ALIASES.get(str(key), str(key)))
        if field is not None and field.path.startswith("metrics."):
            _, parameter, statistic = field.path.split(".")
            _merge(placed, {parameter: {statistic: value}}, key)
        else:
            _merge(placed, {key: value}, key)
    return {"metrics": placed}


def _clean(value: Any, documented: Any, key: str, raw: dict[str, Any]) -> Any:
    """`value` for JSON; non-finite numbers at documented places become null and are put into `raw`."""
    if isinstance(value, dict):
        inner = documented if isinstance(documented, dict) else {}
        return {k: _clean(v, inner.get(k, _OWN), f"{key}.{k}", raw) for k, v in _text_keys(value, key).items()}
    clean = values.plain(value, key)
    if (
        documented is not _OWN
        and not isinstance(documented, dict)
        and isinstance(clean, str)
        and clean in values.NON_FINITE
    ):
        raw[key] = clean
        return None
    return clean


def _check_shape(changes: dict[str, Any], documented: dict[str, Any], path: str) -> None:
    """What the document has as a section must stay one, and the duration a number: the end of the run computes with it.

    Raises:
        RunLogError: named by its key.
    """
    for name, value in changes.items():
        inner, key = documented.get(name), f"{path}{name}"
        if isinstance(inner, dict):
            if not isinstance(value, dict):
                raise RunLogError(
                    f"{key!r} is {value!r}: it must be a dict, such as {{{next(iter(inner), 'key')!r}: ...}}"
                )
            _check_shape(value, inner, f"{key}.")
        elif key == "training_config.training_duration_seconds" and not (
            value is None or (isinstance(value, (int, float)) and not isinstance(value, bool))
        ):
            raise RunLogError(f"{key!r} is {value!r}: it must be a number of seconds")


def _text_keys(value: dict[Any, Any], key: str) -> dict[str, Any]:
    for name in value:
        if not isinstance(name, str):
            raise RunLogError(f"{key!r} holds the key {name!r} ({type(name).__name__}); keys must be text")
    return value


def _merge(target: dict[str, Any], changes: dict[str, Any], key: str) -> None:
    for name, value in changes.items():
        if isinstance(value, dict) and isinstance(target.get(name), dict):
            _merge(target[name], value, f"{key}.{name}")
        elif isinstance(value, dict):
            target[name] = {}
            _merge(target[name], value, f"{key}.{name}")
        else:
            target[name] = value


def _error(error: BaseException | str | None) -> dict[str, Any] | None:
    if error is None:
        return None
    if isinstance(error, str):
        return {"type": None, "message": values.plain(error, "error"), "traceback": None}
    trace = "".join(traceback.format_exception(error))
    return {
        "type": type(error).__name__,
        "message": str(error)[:_TRACEBACK_LIMIT].encode("utf-8", "backslashreplace").decode(),
        "traceback": trace[-_TRACEBACK_LIMIT:].encode("utf-8", "backslashreplace").decode(),
    }


def _utc_now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
