"""A run beside the noise of its labels: what `noise --run` and `show` have in common."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from decaylab.errors import DataError, InputError

if TYPE_CHECKING:
    from decaylab.evaluation.errors import RoomErrors
    from decaylab.rooms.dataset import DataSet
    from decaylab.runlog.record import Record


def data_folder(record: Record) -> str | None:
    """The recorded folder of the run's data set, as seen from here or from where it was trained; None if not there."""
    path, start = record.get("data_config.path"), record.get("working_directory")
    if not isinstance(path, str) or not path or "\0" in path:
        return None
    places = [path, os.path.join(start, path)] if isinstance(start, str) and "\0" not in start else [path]
    return next((place for place in places if os.path.isdir(place)), None)


def noise_lines(record: Record) -> list[str]:
    """The run's errors over the label noise: as recorded, else computed now, if the data set was measured since.

    Nothing where nothing was measured or the data set is not there.
    """
    from decaylab.runlog.label_noise import recorded
    from decaylab.runlog.tables.noise_lines import lines

    content = recorded(record.path, record.metadata)
    said = _computed(record) if content is None else lines(content)
    return (
        ["errors over the label noise (95 % interval over geometries)", *(f"  {line}" for line in said)] if said else []
    )


def _computed(record: Record) -> list[str]:
    """The same, computed from errors.csv and the data set's noise.csv."""
    folder = data_folder(record)
    is_there = folder is not None and all(
        os.path.isfile(path)
        for path in (
            os.path.join(folder, "manifest.json"),
            os.path.join(folder, "noise.csv"),
            os.path.join(record.path, "errors.csv"),
        )
    )
    if folder is None or not is_there:
        return []
    from pathlib import Path

    from decaylab.evaluation.errors import ERRORS, read_errors
    from decaylab.evaluation.noise import LEAST_ROOMS
    from decaylab.rooms.store import read_manifest
    from decaylab.runlog.tables.noise_lines import lines
    from decaylab.runlog.text import printable

    try:
        if read_manifest(Path(folder))["digest"] != record.get("data_digest"):
            return [f"not known: {printable(folder)} is no longer the data set that the run was trained on (digest)"]
        content = ratio(record, read_errors(os.path.join(record.path, ERRORS)), folder)
    except (DataError, OSError) as error:
        return [f"not known: {printable(str(error))}"]
    if content is None:
        return [f"not known: it takes {LEAST_ROOMS} measured test rooms, and there are fewer (decaylab noise --run)"]
    return lines(content)


def data_and_errors(record: Record, given: str | None) -> tuple[DataSet, RoomErrors]:
    """The data set that a run was trained on, opened, and the errors of its test rooms.

    Args:
        given: the folder of the data set, if it is not the recorded one.

    Raises:
        InputError: a run that goes on, has no errors, or whose data set is not there or another one.
        DataError: the data set or the errors cannot be read.
    """
    from dataclasses import replace

    from decaylab.cli.room_errors import errors_of
    from decaylab.rooms.features import SIZE
    from decaylab.rooms.store import open_data

    if record.status == "running":
        raise InputError(f"{record.run_id} is running: it has no errors yet. Wait for its end, or use --data DIR")
    errors, _ = errors_of(record)
    folder = given or data_folder(record)
    if folder is None:
        raise InputError(
            f"the data set of {record.run_id} is not at {record.get('data_config.path') or 'a recorded place'}: "
            "name its folder with --data DIR"
        )
    data = open_data(folder)
    if data.digest != record.get("data_digest"):
        raise InputError(
            f"{folder} is not the data set that {record.run_id} was trained on: its digest is {data.digest}, "
            f"the run's {record.get('data_digest')}. Name the right folder with --data DIR"
        )
    rows = errors.rows.tolist()
    if not all(0 <= row < len(data) and data.ids[row] == room for row, room in zip(rows, errors.rooms, strict=True)):
        raise InputError(f"the test rooms of {record.run_id} are not those of {folder}: row and ID do not agree")
    return data, replace(errors, sizes=data.features[errors.rows, SIZE])  # errors from arrays know no sizes


def linked_remark(record: Record) -> str:
    """Why nothing may be written into the run's directory, if it or a folder above it is a link; else nothing."""
    here = os.path.join(os.path.realpath(record.folder.path), record.run_id)
    if record.linked is None and os.path.realpath(record.path) == here:
        return ""
    return f"{record.run_id} is linked to {record.linked or os.path.realpath(record.path)}: nothing is written there"


def keep_ratio(record: Record, errors: RoomErrors, data: DataSet) -> tuple[dict[str, Any] | None, str]:
    """The run's errors over the label noise, kept in the run's label_noise.json; and what there is to say of it.

    A linked run is never written through, and too few rooms give no ratio.
    """
    from decaylab.evaluation.noise import LEAST_ROOMS
    from decaylab.runlog.label_noise import write_label_noise

    content = ratio(record, errors, str(data.path))
    if content is None:
        return None, f"no ratio for {record.run_id}: it takes {LEAST_ROOMS} measured test rooms, and there are fewer"
    if remark := linked_remark(record):
        return content, remark
    write_label_noise(record.path, {**content, "data_digest": data.digest})
    return content, ""


def ratio(record: Record, errors: RoomErrors, folder: str) -> dict[str, Any] | None:
    """`evaluation.noise.ratio_to_noise` of the run. DataError, FileNotFoundError: as `read_noise` raises them."""
    from decaylab.evaluation.noise import ratio_to_noise
    from decaylab.evaluation.noise_file import read_noise

    medians = record.metadata.get("training_medians")
    known = {}
    if isinstance(medians, dict):
        known = {name: float(value) for name, value in medians.items() if type(value) in (int, float)}
    return ratio_to_noise(errors, read_noise(folder), known)
