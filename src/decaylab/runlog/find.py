"""Which run is meant: by its directory, id, timestamp, a unique part of the id, `latest` or `best:FIELD`."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from decaylab.catalogue.fields import FIELDS
from decaylab.catalogue.metrics import DEFINITION_BOUND
from decaylab.errors import InputError, RunLogError
from decaylab.runlog.index import scan
from decaylab.runlog.legacy import name_parts
from decaylab.runlog.query import direction, paths_of, resolve, sort
from decaylab.runlog.reading import moment, number
from decaylab.runlog.record import Record
from decaylab.runlog.store import read_run

_SHOWN_CANDIDATES = 12
#: What finding a run takes of each: by when it started; and, for the best one, by how it ended and was tested.
_IDENTITY = ("model", "timestamp", "started_utc")
_JUDGEMENT = ("status", "data_digest", "test_split", "metrics_definitions")


def find_run(experiments: str, name: str, tell: Callable[[str], None] = lambda line: None) -> Record:
    """The one run that `name` means. An exact id wins over everything else.

    Args:
        experiments: the folder of the runs.
        name: a run directory, an id, a timestamp, a unique part of an id, `latest` or `best:FIELD`.
        tell: takes the lines that say what `best:FIELD` left out.

    Raises:
        RunLogError: no run, or more than one, is meant; with near misses, or the candidates.
        InputError: `best:FIELD` with a FIELD that no run has or that is not judged.
    """
    if name and "/" not in name and os.path.isdir(os.path.join(experiments, name)):
        try:
            return read_run(os.path.join(experiments, name))
        except RunLogError:
            pass  # a folder that is no run, such as `lightning_logs`: the name may still be part of an id
    if os.path.isdir(name) and (os.sep in name or name in (".", "..")):
        return read_run(name)
    best = name.removeprefix("best:") if name.startswith("best:") else None
    records = scan(experiments, _IDENTITY if best is None else (*_IDENTITY, *_JUDGEMENT, *paths_of(best)))
    if name == "latest":
        return _whole(_latest(records, experiments))
    if best is not None:
        return _whole(best_run(records, best, tell))
    matches = [record for record in records if record.run_id == name]
    matches = matches or [record for record in records if name_parts(record.run_id)[1] == name]
    matches = matches or [record for record in records if record.timestamp == name]
    matches = matches or [record for record in records if name and name in record.run_id]
    if len(matches) == 1:
        return _whole(matches[0])
    if matches:
        shown = ", ".join(record.run_id for record in matches[:_SHOWN_CANDIDATES])
        more = f" and {len(matches) - _SHOWN_CANDIDATES} more" if len(matches) > _SHOWN_CANDIDATES else ""
        raise RunLogError(f"'{name}' is not unique in '{experiments}': {shown}{more}")
    if os.path.isdir(name):
        return read_run(name)
    raise RunLogError(_unknown(name, records, experiments))


def best_run(records: Sequence[Record], field: str, tell: Callable[[str], None] = lambda line: None) -> Record:
    """The best completed run by FIELD, among those with the data set and the test split of the latest completed one.

    Metrics by other or unknown definitions are left out where the field depends on them.

    Args:
        records: the runs to choose from.
        field: a FIELD as it was typed.
        tell: takes the lines that say what was left out.

    Raises:
        InputError: a field that no run has or that is not judged. RunLogError: no run to choose from.
    """
    resolved = resolve(field, records)
    better, is_known = direction(resolved, records)
    if better is None:
        raise InputError(f"best:{field}: a setting has no best; name a metric, such as best:t20_mae")
    if not is_known:
        tell(f"best:{field}: no direction recorded, less is taken as better")
    completed = [record for record in records if record.status == "completed"]
    if not completed:
        raise RunLogError(f"best:{field}: none of {len(records)} runs is completed")
    reference = max(completed, key=start_time)
    candidates, other, unsure, without = [], 0, 0, 0
    for record in completed:
        value = number(record.get(resolved))
        if value is None or value != value:
            without += 1
        elif test_set(record) != test_set(reference):
            other += 1
        elif is_doubtful(record, resolved):
            unsure += 1
        else:
            candidates.append(record)
    left_out = [
        (len(records) - len(completed), "not completed"),
        (without, f"without {field}"),
        (other, f"on another data set or test split than {reference.run_id}"),
        (unsure, "with metrics by other or unknown definitions"),
    ]
    if said := [f"{count} {why}" for count, why in left_out if count]:
        tell(f"best:{field}: left out {', '.join(said)}")
    if not candidates:
        raise RunLogError(f"best:{field}: no run to choose from; left out {', '.join(said)}")
    return sort(candidates, resolved, descending=better == "max")[0]


def test_set(record: Record) -> tuple[str | None, str | None]:
    """What a run was tested on: its data set and its test rows; unknown equals unknown."""
    digest = record.get("data_digest")
    return digest if isinstance(digest, str) else None, record.get("test_split")


def comparable(record: Record) -> tuple[str | None, str | None, str]:
    """What two runs must share for their metrics to be comparable: data set, test rows, definitions."""
    return (*test_set(record), definitions(record))


def data_folder(record: Record) -> str | None:
    """The recorded folder of the run's data set, as seen from here or from where it was trained; None if not there."""
    path, start = record.get("data_config.path"), record.get("working_directory")
    if not isinstance(path, str) or not path or "\0" in path:
        return None
    places = [path, os.path.join(start, path)] if isinstance(start, str) and "\0" not in start else [path]
    return next((place for place in places if os.path.isdir(place)), None)


def linked_remark(record: Record) -> str:
    """Why nothing may be written into the run's directory, if it or a folder above it is a link; else nothing."""
    here = os.path.join(os.path.realpath(record.folder.path), record.run_id)
    if record.linked is None and os.path.realpath(record.path) == here:
        return ""
    return f"{record.run_id} is linked to {record.linked or os.path.realpath(record.path)}: nothing is written there"


def definitions(record: Record) -> str:
    """ "iso", "predecessor" or "unknown"."""
    stored = record.get("metrics_definitions")
    return stored if isinstance(stored, str) and stored in ("iso", "predecessor") else "unknown"


def is_doubtful(record: Record, field: str) -> bool:
    """Whether a FIELD of this run was computed by other, or unknown, definitions."""
    bound = DEFINITION_BOUND.get(definitions(record))
    if bound is None:
        return False
    known = FIELDS.get(field)
    path = known.path if known is not None else field
    return path.startswith("metrics.") and path.split(".")[1] in bound


def start_time(record: Record) -> tuple[float, str]:
    """When a run started, in seconds since 1970, then its id; runs that do not tell come before all others."""
    moments = (moment(text) for text in (record.get("started_utc"), record.timestamp))
    return next((found for found in moments if found is not None), float("-inf")), record.run_id


def _whole(record: Record) -> Record:
    """The run, read now: whoever names one acts on it, and an index has said which one it is, no more."""
    return read_run(record.path) if type(record) is not Record else record


def _latest(records: Sequence[Record], experiments: str) -> Record:
    if not records:
        raise RunLogError(f"latest: no runs in '{experiments}'")
    return max(records, key=start_time)


def _unknown(name: str, records: Sequence[Record], experiments: str) -> str:
    from difflib import get_close_matches

    ids = [record.run_id for record in records]
    by_part = {part: record.run_id for record in records for part in (record.timestamp, record.model) if part}
    close = get_close_matches(name, ids, n=3, cutoff=0.5) or get_close_matches(name, by_part, n=3)
    shown = list(dict.fromkeys(by_part.get(match, match) for match in close))
    if not ids:
        return f"no run '{name}': there are no runs in '{experiments}'"
    hint = (
        f"did you mean {' or '.join(shown)}?" if shown else f"{len(ids)} runs are there; `decaylab compare` lists them"
    )
    return f"no run '{name}' in '{experiments}': {hint}"
