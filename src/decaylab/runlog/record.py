"""One run as a reader sees it: its metadata in documented form, and what is derived from it.

Nothing is computed before it is asked for: a table of ten thousand runs pays for the columns that it shows.
"""

from __future__ import annotations

import os
from typing import Any

from decaylab.catalogue.document import STORED_STATUSES
from decaylab.catalogue.fields import ALIASES, FIELDS
from decaylab.runlog import legacy
from decaylab.runlog.derived import DERIVED, UNFINISHED, elsewhere
from decaylab.runlog.faults import contradictions
from decaylab.runlog.reading import at, number
from decaylab.runlog.schema import HISTORY, NOTES
from decaylab.runlog.text import counted

#: A table believes this much of a run's history; `show` and `verify` read more.
_HISTORY_LIMIT = 32 * 1024 * 1024


class Folder:
    """An experiments folder: what its runs share. Its notes are read once, and only if somebody asks."""

    __slots__ = ("_notes", "path")

    def __init__(self, path: str) -> None:
        self.path = path
        self._notes: Any = None

    def note_on(self, record: Record) -> str | None:
        """Everything that NOTES.md says of a run."""
        if not self._read_notes():
            return None
        note: str | None = self._notes.of(record)
        return note

    @property
    def notes_problem(self) -> str | None:
        """Why NOTES.md could not be read, if somebody asked for it."""
        return self._notes.problem if self._notes else None

    def _read_notes(self) -> bool:
        """Read NOTES.md; False, and nothing imported, where there is none."""
        if self._notes is None:
            there = os.path.lexists(os.path.join(self.path, NOTES))
            if there:
                from decaylab.runlog.notes import read_notes

                self._notes = read_notes(self.path)
            else:
                self._notes = False
        return bool(self._notes)


class Record:
    """One run. `get(FIELD)` takes short names, their aliases, and dotted paths into the documented form.

    Attributes:
        run_id: the directory's name (`<date>/<time>` in the published layout).
        path: the run directory.
        raw: the shape that was found: "documented", "flat", "flat early", "multihead", "published", "no metadata",
            "arrays only", "empty" or "broken".
        linked: where the run lies, if its entry in the experiments folder is a link.
        archive: an archive that holds the run, where archives were asked for (see `archived.with_archived`).
    """

    # Ten thousand records are made for a table that shows twenty: what most never need is set when it is asked for.
    linked: str | None = None
    archive: str | None = None
    _found: tuple[str, ...] = ()  # what reading the directory had to say
    _converted: legacy.Converted | None = None
    _status: str | None = None
    _problems: tuple[str, ...] | None = None

    def __init__(
        self,
        folder: Folder,
        run_id: str,
        path: str,
        document: dict[str, Any],
        raw: str,
        found: tuple[str, ...] = (),
        linked: str | None = None,
    ) -> None:
        self.folder = folder
        self.run_id = run_id
        self.path = path
        self.raw = raw
        self.linked = linked
        self._document = document
        self._found = found

    def __repr__(self) -> str:
        return f"<Record {self.run_id} ({self.raw})>"

    @property
    def document(self) -> dict[str, Any]:
        """The metadata file as it was read; empty if there is none."""
        return self._document

    @property
    def metadata(self) -> dict[str, Any]:
        """The metadata in documented form, as far as it goes. Not to be changed."""
        return self.document if self.raw == "documented" else self._in_documented_form().metadata

    @property
    def model(self) -> str | None:
        name = self.metadata.get("model_name")
        return name if isinstance(name, str) else legacy.name_parts(self.run_id)[0]

    @property
    def timestamp(self) -> str | None:
        """Local time of the start, `20260122_020157`."""
        stamp = self.metadata.get("timestamp")
        return stamp if isinstance(stamp, str) else legacy.name_parts(self.run_id)[1]

    @property
    def stamp(self) -> str | None:
        """What notes and archives name the run by: its folder's timestamp, else the one on record.

        The folder's name counts first: a copied metadata.json must not bring another run's notes.
        """
        return legacy.name_parts(self.run_id)[1] or self.timestamp

    @property
    def status(self) -> str:
        """As stored, or derived: a stored "running" is never believed."""
        if self._status is None:
            self._status = self._derive_status()
        return self._status

    @property
    def error(self) -> str | None:
        """What ended the run, its type and its message, as recorded; None where nothing is."""
        error = self.document.get("error")
        if isinstance(error, dict):
            return ": ".join(str(part) for part in (error.get("type"), error.get("message")) if part) or None
        return error if isinstance(error, str) and error else None

    def forget_status(self) -> None:
        """Derive `status` anew when it is asked for next: the process of a running run may have ended."""
        self._status = None

    @property
    def problems(self) -> tuple[str, ...]:
        """What is missing or wrong, one line each; empty for a run that agrees with itself."""
        if self._problems is None:
            found = [*self._found]
            if self.raw != "broken":
                converted = self._in_documented_form().problems
                found += [*converted, *contradictions(self.metadata), *self._own_problems()]
            self._problems = tuple(found)
        return self._problems

    def get(self, field: str) -> Any:
        """The value of a FIELD, or None where the run does not have it."""
        plan = _PLANS.get(field)
        if plan is None:
            plan = _PLANS[field] = _plan(field)
        derive, parts, numeric = plan
        if derive is not None:
            return derive(self)
        value = at(self.metadata, parts)
        if not numeric:
            return value
        value = number(value)
        # A documented metric that is not finite counts as missing; what it was stands among the problems.
        return None if value is not None and parts[0] == "metrics" and value - value != 0 else value

    def add_found(self, found: tuple[str, ...]) -> None:
        """Put what the reader of the folder found out before what else is wrong."""
        self._found = (*found, *self._found)

    def _in_documented_form(self) -> legacy.Converted:
        if self._converted is None:
            self._converted = legacy.convert(self.document, self.raw, self.run_id)
        return self._converted

    def _derive_status(self) -> str:
        if self.raw == "broken":
            return "unreadable"
        if self.raw in ("no metadata", "empty"):
            return "lost"
        stored = self.document.get("status")
        if stored == "running":
            from decaylab.runlog.process import is_alive

            return "running" if is_alive(self.document.get("process"), self.path) else "lost"
        return stored if isinstance(stored, str) and stored in STORED_STATUSES else "unknown"

    def history(self) -> Any:
        """What the run logged, as far as a table needs it (see `history.read_history`)."""
        from decaylab.runlog.history import read_history

        return read_history(os.path.join(self.path, HISTORY), _HISTORY_LIMIT)

    def _own_problems(self) -> list[str]:
        found = []
        stored = self.document.get("status")
        if stored is not None and stored not in STORED_STATUSES:
            found.append(f"status {stored!r} is none that the format knows")
        if self.status in UNFINISHED and self.raw == "documented":
            history = self.history()
            if history.torn:
                found.append(f"{counted(history.torn, 'torn line')} in {HISTORY} skipped")
            if history.problem is not None:
                found.append(history.problem)
        return [*found, *([self.error] if self.error else [])]


#: FIELD as typed -> (how it is derived, or None; its path; whether anything but a number counts as missing).
_PLANS: dict[str, tuple[Any, tuple[str, ...], bool]] = {}


def _plan(field: str) -> tuple[Any, tuple[str, ...], bool]:
    name = ALIASES.get(field, field)
    if name in DERIVED:
        return DERIVED[name], (), False
    known = FIELDS.get(name)
    if known is not None and known.function:
        return elsewhere(known.function), (), False
    path = known.path if known is not None else field
    return None, tuple(path.split(".")), known is not None and known.better is not None
