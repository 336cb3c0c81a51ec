"""The manifest of an archive: what it holds, with digests, and what was said of the run outside its directory.

It is the archive's second entry, after the metadata, a JSON object in a file of its own in the run's folder.
`restore` checks the files against it, puts missing notes back, and leaves the file itself out.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from decaylab.errors import RunLogError
from decaylab.runlog.parse import parse

MANIFEST = ".decaylab_archive.json"
MANIFEST_LIMIT = 64 * 1024 * 1024

_VERSION = 1
_MOST_NOTES = 1000
_LONGEST_NOTE = 10_000


class Digest(NamedTuple):
    """Size in bytes and BLAKE2b digest (128 bits, hexadecimal) of a file."""

    size: int
    blake2b: str


class Manifest(NamedTuple):
    """`run_id`; relative path -> digest of every file; notes and tags as people wrote them."""

    run_id: str
    files: dict[str, Digest]
    notes: list[str]
    tags: list[str]
    left_out: dict[str, str]


def encode(manifest: Manifest) -> bytes:
    document = {
        "archive_version": _VERSION,
        "run_id": manifest.run_id,
        "notes": manifest.notes,
        "tags": manifest.tags,
        "left_out": manifest.left_out,
        "files": {path: {"bytes": digest.size, "blake2b": digest.blake2b} for path, digest in manifest.files.items()},
    }
    return (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace")


def decode(data: bytes) -> Manifest:
    """The manifest in `data`.

    Raises:
        RunLogError: it is none that this program wrote, or one of a later version.
    """
    document, odd = parse(data, MANIFEST)
    if document is None:
        raise RunLogError(f"its manifest cannot be read: {'; '.join(odd)}")
    version = document.get("archive_version")
    if version != _VERSION:
        raise RunLogError(f"its manifest {MANIFEST} has the version {version!r}; this program knows {_VERSION}")
    files = document.get("files")
    run_id = document.get("run_id")
    if not isinstance(files, dict) or not isinstance(run_id, str):
        raise RunLogError(f"its manifest {MANIFEST} lists no files, or names no run")
    return Manifest(
        run_id,
        {path: _digest(path, known) for path, known in files.items()},
        [note[:_LONGEST_NOTE] for note in _texts(document.get("notes"))[:_MOST_NOTES]],
        [tag[:200] for tag in _texts(document.get("tags"))[:_MOST_NOTES]],
        {},
    )


def _digest(path: str, known: Any) -> Digest:
    size, digest = (known.get("bytes"), known.get("blake2b")) if isinstance(known, dict) else (None, None)
    if not isinstance(size, int) or not isinstance(digest, str):
        raise RunLogError(f"its manifest {MANIFEST} has no size and digest of {path!r}")
    return Digest(size, digest)


def _texts(values: Any) -> list[str]:
    return [value for value in values if isinstance(value, str)] if isinstance(values, list) else []
