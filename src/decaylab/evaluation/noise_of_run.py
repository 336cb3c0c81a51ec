"""A recorded run beside the noise of its labels: its errors over what `decaylab noise` measured of its data set."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from decaylab.errors import DataError, InputError
from decaylab.evaluation.errors import ERRORS, RoomErrors, read_errors
from decaylab.evaluation.noise import LEAST_ROOMS, ratio_to_noise
from decaylab.evaluation.noise_file import read_noise
from decaylab.evaluation.of_run import errors_of, training_medians
from decaylab.rooms.dataset import DataSet
from decaylab.rooms.features import SIZE
from decaylab.rooms.store import open_data, read_manifest
from decaylab.runlog.find import data_folder, linked_remark
from decaylab.runlog.label_noise import write_label_noise
from decaylab.runlog.record import Record


def ratio_now(record: Record, folder: str) -> dict[str, Any] | str:
    """The run's errors over the label noise, as `ratio_to_noise` gives them; or why they are not known."""
    try:
        if read_manifest(Path(folder))["digest"] != record.get("data_digest"):
            return f"{folder} is no longer the data set that the run was trained on (digest)"
        content = _ratio(record, read_errors(os.path.join(record.path, ERRORS)), folder)
    except (DataError, OSError) as error:
        return str(error)
    if content is None:
        return f"it takes {LEAST_ROOMS} measured test rooms, and there are fewer (decaylab noise --run)"
    return content


def data_and_errors(record: Record, given: str | None) -> tuple[DataSet, RoomErrors]:
    """The data set that a run was trained on, opened, and the errors of its test rooms.

    Args:
        given: the folder of the data set, if it is not the recorded one.

    Raises:
        InputError: a run that goes on, has no errors, or whose data set is not there or another one.
        DataError: the data set or the errors cannot be read.
    """
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


def keep_ratio(record: Record, errors: RoomErrors, data: DataSet) -> tuple[dict[str, Any] | None, str]:
    """The run's errors over the label noise, kept in the run's label_noise.json; and what there is to say of it.

    A linked run is never written through, and too few rooms give no ratio.

    Args:
        record: the run.
        errors: of its test rooms.
        data: the data set that it was trained on, measured by `decaylab noise`.

    Raises:
        DataError, FileNotFoundError: noise.csv cannot be read. RunLogError: the disk refuses.
    """
    content = _ratio(record, errors, str(data.path))
    if content is None:
        return None, f"no ratio for {record.run_id}: it takes {LEAST_ROOMS} measured test rooms, and there are fewer"
    if remark := linked_remark(record):
        return content, remark
    write_label_noise(record.path, {**content, "data_digest": data.digest})
    return content, ""


def _ratio(record: Record, errors: RoomErrors, folder: str) -> dict[str, Any] | None:
    return ratio_to_noise(errors, read_noise(folder), training_medians(record) or {})
