"""Which names of files an archive may hold: those that mean one file, inside the run, on every file system."""

from __future__ import annotations

from unicodedata import normalize

from decaylab.errors import RunLogError
from decaylab.runlog.text import printable

_MOST_PARTS = 32
_LONGEST_PART = 255
_LONGEST_PATH = 1024


class PathCheck:
    """Takes the paths of one archive, one after the other, and refuses the first that cannot be trusted.

    A path twice, a path below a file, and two that differ in case or in how an accent is written: on some file
    system one of them would replace the other.
    """

    def __init__(self) -> None:
        self._spelled: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._is_folder: dict[tuple[str, ...], bool] = {}
        self._listed: set[tuple[str, ...]] = set()

    def take(self, path: str, is_folder: bool) -> tuple[str, ...]:
        """The parts of `path`, relative and below the folder that the archive is unpacked into; () for that folder.

        Raises:
            RunLogError: the path is refused; the message names it and says why.
        """
        parts = _parts(path)
        if not parts and not is_folder:
            raise RunLogError(f"a file without a name ({printable(path)!r})")
        key: tuple[str, ...] = ()
        for depth, part in enumerate(parts, start=1):
            if key and not self._is_folder[key]:
                raise RunLogError(f"{printable(path)} lies below a file")
            key = (*key, normalize("NFC", normalize("NFC", part).casefold()))
            known = self._spelled.setdefault(key, parts[:depth])
            if known != parts[:depth]:
                raise RunLogError(
                    f"{printable(path)} and {printable('/'.join(known))} differ only in how they are spelled"
                )
            self._is_folder.setdefault(key, True if depth < len(parts) else is_folder)
        if parts and (key in self._listed or self._is_folder[key] != is_folder):
            raise RunLogError(f"{printable(path)} comes twice")
        self._listed.add(key)
        return parts


def _parts(path: str) -> tuple[str, ...]:
    """The parts of a relative path; `./` in front and a slash at the end are what `tar` writes, and mean nothing."""
    shown = printable(path)
    if path.startswith("/"):
        raise RunLogError(f"{shown} is an absolute path")
    if any(ord(char) < 32 or 0x7F <= ord(char) < 0xA0 for char in path) or "\\" in path:
        raise RunLogError(f"{shown} holds a control character or a backslash")
    try:
        encoded = path.encode("utf-8")
    except UnicodeEncodeError:
        raise RunLogError(f"{shown} is not UTF-8") from None
    parts = tuple(path.removesuffix("/").split("/")) if path else ()
    while parts and parts[0] == ".":
        parts = parts[1:]
    if any(part in ("", ".", "..") for part in parts):
        raise RunLogError(f"{shown} leads out of the run, or is no plain path")
    too_long = len(encoded) > _LONGEST_PATH or any(len(part.encode("utf-8")) > _LONGEST_PART for part in parts)
    if too_long or len(parts) > _MOST_PARTS:
        raise RunLogError(f"{shown[:80]}... is too long or too deep a path")
    return parts
