"""A run of which some values are at hand and the rest is read when somebody asks."""

from __future__ import annotations

from typing import Any

from decaylab.catalogue.fields import ALIASES
from decaylab.runlog.record import Folder, Record


class Glance(Record):
    """A record that shares columns of values with its neighbours, and reads its metadata only if they do not suffice.

    Only settled runs are seen so: one that is recorded as running is always read whole. Once it has read, the record
    goes by what it read alone, so its values never come from two states of the run.
    """

    _loaded: dict[str, Any] | None = None

    def __init__(
        self, folder: Folder, run_id: str, path: str, raw: str, columns: dict[str, list[Any]], row: int
    ) -> None:
        self.folder = folder
        self.run_id = run_id
        self.path = path
        self.raw = raw
        self._columns = columns
        self._row = row

    @property
    def document(self) -> dict[str, Any]:
        """The metadata file, read now if it was not yet."""
        if self._loaded is None:
            self._loaded = self._load()
        return self._loaded

    @property
    def metadata(self) -> dict[str, Any]:
        """As in `Record`; reading comes first, as it decides on the shape."""
        document = self.document
        return document if self.raw == "documented" else self._in_documented_form().metadata

    @property
    def model(self) -> str | None:
        column = self._columns.get("model")
        return super().model if column is None else column[self._row]

    @property
    def timestamp(self) -> str | None:
        column = self._columns.get("timestamp")
        return super().timestamp if column is None else column[self._row]

    @property
    def status(self) -> str:
        column = self._columns.get("status")
        if column is not None:
            return str(column[self._row])
        _ = self.document
        return super().status

    @property
    def problems(self) -> tuple[str, ...]:
        column = self._columns.get("problems")
        if column is not None:
            return tuple(column[self._row] or ())
        _ = self.document
        return super().problems

    def get(self, field: str) -> Any:
        column = self._columns.get(field) or self._columns.get(ALIASES.get(field, field))
        return super().get(field) if column is None else column[self._row]

    def _load(self) -> dict[str, Any]:
        from decaylab.runlog.store import read_entry

        self._columns = {}
        records = [record for record in read_entry(self.folder, self.run_id, False) if record.run_id == self.run_id]
        if not records:
            self.raw, self._found = "broken", ("removed while it was read",)
            return {}
        self.raw, self._found = records[0].raw, records[0]._found
        return records[0].document
