"""Reading a packed run (`.tar.gz`) as if somebody had made it to do harm.

`tarfile` reads the headers and nothing else: its filters have been got round. Paths, kinds of entries, sizes and the
amount that is unpacked are checked here, and the caller writes the files.
"""

from __future__ import annotations

import gzip
import os
import tarfile
import zlib
from collections.abc import Iterator
from typing import NamedTuple
from unicodedata import normalize

from decaylab.errors import RunLogError
from decaylab.runlog.files import open_regular
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


#: Room for the headers of one entry. A long name takes three kilobytes; a header that claims more is refused unread.
_HEADERS = 256 * 1024
_CHUNK = 1024 * 1024
#: `tar` fills its last record with zeros, up to this much with the largest blocking factor in use.
_MOST_PADDING = 1024 * 1024
_GIB = 1024**3

#: What `tarfile`, `gzip` and `zlib` raise on bytes that are no archive.
_DAMAGE = (tarfile.TarError, EOFError, zlib.error, OSError, ValueError, RecursionError, OverflowError)


class Limits(NamedTuple):
    """How much an archive may hold: entries, and bytes of all files together."""

    entries: int
    size: int


class Item(NamedTuple):
    """One file or folder. `content` yields a file's bytes and must be used before the next item is asked for."""

    path: tuple[str, ...]
    is_folder: bool
    size: int
    changed: float
    content: Iterator[bytes]


def limits_for(file: str, size: int | None = None) -> Limits:
    """100,000 entries; `size` bytes, or else a hundred times the archive and at least 4 GiB.

    Deflate packs a file of equal values a thousandfold, so a diverged run's arrays need the 4 GiB; no run's files
    as a whole come near a hundredfold.
    """
    return Limits(100_000, max(4 * _GIB, 100 * os.path.getsize(file)) if size is None else size)


def items(file: str, limits: Limits, most_read: int | None = None) -> Iterator[Item]:
    """The entries of the archive `file`, in its order; with `most_read`, none that begins behind so many bytes.

    Raises:
        RunLogError: the archive is damaged or cut off, holds anything but regular files and folders, a path that
            cannot be trusted, more than `limits` allow, or something after its end.
    """
    try:
        descriptor = open_regular(os.path.realpath(file))
    except FileNotFoundError:
        raise RunLogError(f"no archive '{file}'") from None
    with os.fdopen(descriptor, "rb") as raw:
        try:
            yield from _items(_Unpacked(raw), limits, most_read)
        except RunLogError as error:
            raise RunLogError(f"'{file}' cannot be taken: {error}") from error


def _items(stream: _Unpacked, limits: Limits, most_read: int | None) -> Iterator[Item]:
    check, count, total = PathCheck(), 0, 0
    archive: tarfile.TarFile | None = None
    while True:
        stream.allow(_HEADERS)
        if most_read is not None and stream.tell() > most_read:
            return
        try:
            if archive is None:
                # read, seek and tell are all that it uses
                archive = tarfile.TarFile(fileobj=stream, mode="r")  # type: ignore[arg-type]
            header = archive.next()
        except _DAMAGE as error:
            raise RunLogError(f"damaged or cut off ({_said(error)})") from error
        if header is None:
            return stream.finish()
        archive.members = []  # type: ignore[attr-defined]  # its list of all headers so far: memory without a use
        count += 1
        if count > limits.entries:
            raise RunLogError(f"more than {limits.entries:,} entries")
        _check_kind(header)
        path = check.take(header.name, header.isdir())
        size = 0 if header.isdir() else header.size
        total += size
        if total > limits.size:
            raise RunLogError(f"it unpacks to more than {limits.size:,} bytes")
        stream.allow(size)
        end = stream.tell() + size
        yield Item(path, header.isdir(), size, _time(header.mtime), _content(stream, end))
        if most_read is not None and end > most_read:
            return None
        for _ in _content(stream, end):  # what the caller left
            pass


def _check_kind(header: tarfile.TarInfo) -> None:
    name = printable(header.name)
    if header.issym() or header.islnk():
        raise RunLogError(
            f"{name} is a link (to {printable(header.linkname)}); only regular files and folders are taken"
        )
    if header.issparse() or header.type not in (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.DIRTYPE):
        raise RunLogError(f"{name} is neither a regular file nor a folder (type {header.type!r})")
    if header.size < 0:
        raise RunLogError(f"{name} has the size {header.size}")


def _content(stream: _Unpacked, end: int) -> Iterator[bytes]:
    """The bytes of the stream from where it stands to `end`."""
    while stream.tell() < end:
        try:
            data = stream.read(min(_CHUNK, end - stream.tell()))
        except _DAMAGE as error:
            raise RunLogError(f"damaged or cut off ({_said(error)})") from error
        if not data:
            raise RunLogError("cut off in the middle of a file")
        yield data


def _time(changed: float) -> float:
    """A time that a file may have; one that cannot be is 0."""
    return float(changed) if 0 <= changed < 2**40 else 0.0


def _said(error: BaseException) -> str:
    return printable(str(error))[:120] or type(error).__name__


class _Unpacked:
    """The unpacked bytes, forward only, and never further than `allow` said: a header's claim costs no memory."""

    def __init__(self, raw: object) -> None:
        self._gzip = gzip.GzipFile(fileobj=raw, mode="rb")  # type: ignore[call-overload]
        self._position = 0
        self._allowed = 0
        self._last = b""

    def allow(self, size: int) -> None:
        """Let `size` more bytes be read, and the filling of a block."""
        self._allowed = self._position + size + tarfile.BLOCKSIZE

    def tell(self) -> int:
        return self._position

    def seek(self, position: int) -> None:
        if position < self._position:
            raise tarfile.StreamError("an entry that ends before it begins")
        while self._position < position and self.read(min(_CHUNK, position - self._position)):
            pass

    def read(self, size: int) -> bytes:
        if size < 0 or self._position + size > self._allowed:
            raise tarfile.ReadError(f"a header claims {size:,} bytes")
        data: bytes = self._gzip.read(size)
        self._position += len(data)
        self._last = data
        return data

    def finish(self) -> None:
        """`tarfile` saw an end: was it the end-of-archive mark, with nothing but zeros after it?"""
        if len(self._last) != tarfile.BLOCKSIZE or any(self._last):
            raise RunLogError("damaged or cut off: a header is wrong, or the end-of-archive mark is missing")
        self.allow(_MOST_PADDING)
        try:
            rest = self.read(_MOST_PADDING)
        except _DAMAGE as error:
            raise RunLogError(f"damaged or cut off ({_said(error)})") from error
        if any(rest) or len(rest) == _MOST_PADDING:
            raise RunLogError("something follows the end of the archive")
