"""From a folder to records: which directories are runs, and what their metadata files hold.

A run is a directory one level below the experiments folder (two for the published `<date>/<time>/`) that holds
metadata, arrays or `checkpoints/`, or is named `{model}_{timestamp}`. Everything in it is believed to be hostile.
"""

from __future__ import annotations

import os
import re
import stat
from typing import Any

from decaylab.errors import RunLogError
from decaylab.runlog import legacy
from decaylab.runlog.files import METADATA_LIMIT, read_regular
from decaylab.runlog.parse import parse, use_fast_decoder
from decaylab.runlog.record import Folder, Record
from decaylab.runlog.schema import CHECKPOINTS, METADATA

PUBLISHED_METADATA = "experiment_metadata.json"
ARRAYS = frozenset(
    f"{prefix}{kind}.npy" for prefix in ("", "edc_", "edt_", "t20_", "c50_") for kind in ("predictions", "targets")
)

#: What a run directory holds, whoever wrote it: one of these, or it is known by its name.
MARKS = ARRAYS | {METADATA, PUBLISHED_METADATA, CHECKPOINTS}

_DATE = r"\d{4}[-_.]?\d{2}[-_.]?\d{2}|\d{1,2}[-_.]\d{1,2}[-_.]\d{4}"
_TIME = r"\d{2}[-_.:h]?\d{2}(?:[-_.:m]?\d{2})?s?"

#: From this many directories on msgspec reads them. Importing it costs as much as reading two thousand runs with the
#: standard library's decoder, and twice as much as starting Python.
_MANY = 1000


def scan(experiments: str, found: list[tuple[str, bool]] | None = None) -> list[Record]:
    """Every run of an experiments folder, sorted by id; unreadable ones too, with the reason in `problems`.

    `found` are its `directories`, if they have been listed already.

    Raises:
        RunLogError: the folder does not exist or may not be listed.
    """
    folder = Folder(experiments)
    if found is None:
        found = directories(experiments)
    prepare_for(len(found))
    records = [record for name, is_link in found for record in read_entry(folder, name, is_link)]
    records.sort(key=lambda record: record.run_id)
    return records


def prepare_for(count: int) -> None:
    """Choose the decoder that reads `count` metadata files soonest."""
    if count >= _MANY:
        use_fast_decoder()


def read_entry(folder: Folder, name: str, is_link: bool, seen: list[os.stat_result] | None = None) -> list[Record]:
    """What one entry of an experiments folder holds: one run, the runs of a published date, or none.

    Args:
        folder: the experiments folder.
        name: the entry's name.
        is_link: whether the entry is a link; a run behind it is listed as linked.
        seen: takes the state of the metadata.json that was read, as it was before the reading.
    """
    path = os.path.join(folder.path, name)
    if is_link:
        record = _linked(folder, name, path)
    else:
        record = _run(folder, name, path, seen=seen)
        if record is None and re.fullmatch(_DATE, name):
            return _published(folder, name, path)
    return [] if record is None else [record]


def read_run(path: str) -> Record:
    """The run in directory `path`.

    Raises:
        RunLogError: there is no such directory, or it holds no run.
    """
    directory = os.path.normpath(path)
    name = os.path.basename(os.path.abspath(directory))
    parent = os.path.dirname(directory) or (".." if directory in (".", "..") else ".")
    if not os.path.isdir(directory):
        raise RunLogError(f"no run directory '{path}'")
    date = os.path.basename(os.path.abspath(parent))
    if re.fullmatch(_TIME, name) and re.fullmatch(_DATE, date):
        name, parent = f"{date}/{name}", os.path.dirname(parent) or "."
    folder = Folder(parent)
    is_link = os.path.islink(directory)
    record = _linked(folder, name, directory) if is_link else _run(folder, name, directory, named=True)
    if record is None:
        raise RunLogError(f"'{path}' is no run: it holds no {METADATA}, no arrays and no {CHECKPOINTS}/")
    return record


def is_run(directory: str) -> bool:
    """Whether a directory is a run rather than a folder of runs. OSError: it cannot be listed."""
    return not MARKS.isdisjoint(os.listdir(directory)) or legacy.is_run_name(
        os.path.basename(os.path.abspath(directory))
    )


def directories(path: str) -> list[tuple[str, bool]]:
    """Names of the directories in `path`, and of the links, each with whether it is a link; dot folders left out.

    Raises:
        RunLogError: it does not exist or may not be listed.
    """
    found = []
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                name = entry.name
                if name[0] == ".":
                    continue
                if entry.is_dir(follow_symlinks=False):
                    found.append((name, False))
                elif entry.is_symlink():
                    found.append((name, True))
    except FileNotFoundError as error:
        raise RunLogError(
            f"no experiments folder '{path}': name one with --experiments DIR, or record a run there first"
        ) from error
    except NotADirectoryError as error:
        raise RunLogError(f"'{path}' is no folder: name the folder that holds the runs") from error
    except OSError as error:
        raise RunLogError(f"the folder '{path}' cannot be listed: {error.strerror}") from error
    return found


def _run(
    folder: Folder,
    name: str,
    path: str,
    linked: str | None = None,
    named: bool = False,
    seen: list[os.stat_result] | None = None,
) -> Record | None:
    """The run in `path`, or None if that directory is no run. `named`: the user says that it is one."""
    try:
        document, found = _metadata(path, METADATA, seen)
    except FileNotFoundError:
        return _without_metadata(folder, name, path, linked)
    if document is None:
        # An unreadable file makes its directory a run if it is there, or if the folder is named like one.
        is_run = named or legacy.is_run_name(name) or os.path.lexists(f"{path}/{METADATA}")
        return Record(folder, name, path, {}, "broken", found, linked) if is_run else None
    return Record(folder, name, path, document, legacy.shape_of(document), found, linked)


def _metadata(
    path: str, name: str, seen: list[os.stat_result] | None = None
) -> tuple[dict[str, Any] | None, tuple[str, ...]]:
    """The object in a metadata file, and what is odd about it; None with the reason if it cannot be read.

    Raises:
        FileNotFoundError: there is none.
    """
    try:
        data = read_regular(f"{path}/{name}", METADATA_LIMIT, seen=seen)
    except RunLogError as error:
        return None, (str(error),)
    return parse(data, name)


def _without_metadata(folder: Folder, name: str, path: str, linked: str | None) -> Record | None:
    """A run that has no metadata.json: of the published layout, killed, or of another program; or no run."""
    is_run = legacy.is_run_name(name)
    try:
        names = set(os.listdir(path))
    except OSError as error:
        raw, said = "broken", f"cannot be listed: {error.strerror}"
    else:
        if PUBLISHED_METADATA in names:
            return _published_run(folder, name, path, linked)
        raw, said = "no metadata", f"no {METADATA}"
        if ARRAYS & names:
            is_run, raw, said = True, "arrays only", f"{said}; the metrics can be computed from the arrays"
        elif CHECKPOINTS in names:
            is_run, said = True, f"{said}: killed before it was written; model and time are the folder's"
        elif not names:
            raw, said = "empty", "empty: killed while starting"
    return Record(folder, name, path, {}, raw, (said,), linked) if is_run else None


def _published_run(folder: Folder, name: str, path: str, linked: str | None = None) -> Record | None:
    try:
        document, found = _metadata(path, PUBLISHED_METADATA)
    except FileNotFoundError:
        return None
    return Record(folder, name, path, document or {}, "broken" if document is None else "published", found, linked)


def _published(folder: Folder, date: str, path: str) -> list[Record]:
    """The runs `<date>/<time>/` below one date's folder, linked ones as linked; nothing below them is searched."""
    records = []
    try:
        times = [(name, is_link) for name, is_link in directories(path) if re.fullmatch(_TIME, name)]
    except RunLogError:  # a date's folder that may not be listed holds no runs that anyone can name
        return []
    for time, is_link in times:
        read = _linked if is_link else _run
        record = read(folder, f"{date}/{time}", f"{path}/{time}")
        if record is not None:
            records.append(record)
    return records


def _linked(folder: Folder, name: str, path: str) -> Record | None:
    """A linked run, listed as linked. What it links to is read like any run, and nothing below it is searched."""
    target = os.readlink(path)
    said = (f"linked to {target}",)
    try:
        is_directory = stat.S_ISDIR(os.stat(path).st_mode)
    except OSError as error:
        if not legacy.is_run_name(name):
            return None
        return Record(folder, name, path, {}, "broken", (*said, f"cannot be followed: {error.strerror}"), target)
    if not is_directory:
        return None
    record = _run(folder, name, path, linked=target)
    if record is not None:
        record.add_found(said)
    return record
