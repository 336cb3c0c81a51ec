"""NOTES.md, which people and `decaylab note` write at the same time, and the tags of a run.

A note is a line `20260122_020157 - text`, or `<run id> - text` where two runs share the timestamp. People write the
file by hand, so bullets, code fences, other dashes and other encodings are read; only whole lines are ever appended.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import Any

from decaylab.errors import RunLogError
from decaylab.runlog.files import open_regular, read_regular, write_all
from decaylab.runlog.legacy import is_run_name, name_parts
from decaylab.runlog.schema import NOTES, TAGS
from decaylab.runlog.text import printable

_NOTES_LIMIT = 16 * 1024 * 1024
_TAGS_LIMIT = 64 * 1024

#: Bullets, quotes, numbering and check boxes before a note; the run's name, perhaps in backticks or bold; a separator.
_LINE = re.compile(
    r"""[\s>*+#|-]*+(?:\d{1,4}[.)]\s+)?(?:\[[ xX]\]\s*)?[`*_\[]*
        (?P<name>(?:[A-Za-z0-9][A-Za-z0-9._-]*_)?\d{8}_\d{6}(?:_\d+)?+(?!\w)|\d[\w.-]*+/\d[\w.-]*+(?::\d+)*+)
        (?>[`*\]]*\s*[:|=,\u2010-\u2015\u2212-]*\s*)(?P<text>\S.*?)\s*""",
    re.VERBOSE,
)
_TAG = re.compile(r"[^\s,]+")


class Notes:
    """What NOTES.md says of runs, by id and by timestamp; `problem` says why it could not be read, if so."""

    def __init__(self, lines: list[tuple[str, str]], problem: str | None = None) -> None:
        self.problem = problem
        self._texts: dict[str, list[str]] = {}
        for name, text in lines:
            self._texts.setdefault(name, []).append(text)

    def of(self, record: Any) -> str | None:
        """Everything noted on a run, in the order of the file, joined by "; "."""
        if not self._texts:
            return None
        texts = [*self._texts.get(record.run_id, ()), *self._texts.get(record.stamp, ())]
        return "; ".join(texts) or None


def read_notes(experiments: str) -> Notes:
    """Read EXPERIMENTS/NOTES.md; a missing one is empty, an unreadable one says why."""
    try:
        data = read_regular(os.path.join(experiments, NOTES), _NOTES_LIMIT)
    except FileNotFoundError:
        return Notes([])
    except RunLogError as error:
        return Notes([], str(error))
    return Notes(parse_notes(data))


def parse_notes(data: bytes) -> list[tuple[str, str]]:
    """(run id or timestamp, text) of every note in the file's order.

    An indented line under a note goes on with it. Lines that name no run at their beginning are the people's own.
    """
    notes: list[tuple[str, str]] = []
    continues = False
    for line in _lines(data):
        match = _LINE.fullmatch(line)
        if match is not None:
            notes.append((match["name"], match["text"]))
            continues = True
        elif continues and line[:1] in (" ", "\t") and line.strip() and not line.strip().startswith("```"):
            name, text = notes[-1]
            notes[-1] = (name, f"{text} {line.strip()}")
        else:
            continues = False
    return notes


def check_note(text: str) -> str:
    """A note as it is written, on one line. RunLogError if nothing is left of it."""
    line = printable(" ".join(text.split()))
    if not line:
        raise RunLogError("an empty note: say something about the run")
    return line


def append_note(experiments: str, run_id: str, text: str) -> str:
    """Append one line on a run to EXPERIMENTS/NOTES.md and return it. What people wrote there is not touched.

    Args:
        experiments: the folder of the runs.
        run_id: the run directory's name; the line begins with its timestamp where no other run has the same.
        text: the note; newlines become spaces.

    Raises:
        RunLogError: the note is empty, or the file cannot be written or is no UTF-8 text to append to.
    """
    text = check_note(text)
    line = f"{_name_for(experiments, run_id)} - {text}"
    _append_line(os.path.join(experiments, NOTES), line)
    return line


def read_tags(directory: str) -> list[str]:
    """The tags of the run in `directory`, in their order, each once; separated by lines, spaces or commas."""
    try:
        data = read_regular(os.path.join(directory, TAGS), _TAGS_LIMIT)
    except (FileNotFoundError, RunLogError):
        return []
    return list(dict.fromkeys(_TAG.findall(" ".join(_lines(data)))))


def check_tags(tags: Sequence[str]) -> None:
    """RunLogError if these are no tags, or one text instead of several."""
    if isinstance(tags, str):
        raise RunLogError(f"tags is the text {tags!r}: give a list, such as [{tags!r}]")
    for tag in tags:
        if not isinstance(tag, str) or not _TAG.fullmatch(tag) or not tag.isprintable():
            raise RunLogError(f"tag {tag!r} cannot be used: take a word without spaces, commas and control characters")


def add_tags(directory: str, tags: list[str] | tuple[str, ...]) -> list[str]:
    """Add tags to a run, one a line in its tags.txt; return those that it did not have.

    Raises:
        RunLogError: a tag that holds spaces, commas or control characters; a linked run; a file that cannot be written.
    """
    check_tags(tags)
    if os.path.islink(directory):
        raise RunLogError(f"'{directory}' is a link, and nothing is written through one: tag the run where it lies")
    present = read_tags(directory)
    new = [tag for tag in dict.fromkeys(tags) if tag not in present]
    for tag in new:
        _append_line(os.path.join(directory, TAGS), tag)
    return new


def _name_for(experiments: str, run_id: str) -> str:
    """The timestamp, as the document has it, or the run id where another run has the same."""
    timestamp = name_parts(run_id)[1]
    if timestamp is None:
        return run_id
    with os.scandir(experiments) as entries:
        same = [entry.name for entry in entries if timestamp in entry.name and is_run_name(entry.name)]
    return timestamp if same == [run_id] else run_id


def _append_line(path: str, line: str) -> None:
    """One write at the end of the file, on a line of its own, whoever else appends at the same time."""
    if os.path.lexists(path):
        os.close(open_regular(path))  # a pipe, a device or a link is refused before anything is opened for writing
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        descriptor = os.open(path, flags, 0o666)
        try:
            data = f"{line}\n".encode("utf-8", "backslashreplace")
            end = _end_of(descriptor)
            if end.endswith(b"\r\n"):
                data = data[:-1] + b"\r\n"
            elif end and not end.endswith(b"\n"):
                data = b"\n" + data
            write_all(descriptor, data)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise RunLogError(f"'{path}' cannot be written: {error.strerror}") from error


def _end_of(descriptor: int) -> bytes:
    size = os.fstat(descriptor).st_size
    if os.pread(descriptor, 2, 0) in (b"\xff\xfe", b"\xfe\xff"):
        raise RunLogError(f"{NOTES} is UTF-16: save it as UTF-8 first, a line appended now would be lost in it")
    return os.pread(descriptor, 2, max(0, size - 2))


def _lines(data: bytes) -> list[str]:
    """Lines of a text file whose encoding nobody knows: UTF-16 by its mark, else UTF-8, line by line else Latin-1."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace").splitlines()
    lines = []
    for raw in data.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n"):
        try:
            lines.append(raw.decode("utf-8"))
        except UnicodeDecodeError:
            lines.append(raw.decode("latin-1"))
    return lines
