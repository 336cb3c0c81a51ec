"""Does an archive hold what the run holds? Read back from its first byte to its last, and the run looked at again."""

from __future__ import annotations

import os

from decaylab.errors import CheckFailed, RunLogError
from decaylab.runlog.digests import blake2b, of_open
from decaylab.runlog.files import METADATA_LIMIT
from decaylab.runlog.keeping.manifest import MANIFEST, Digest
from decaylab.runlog.keeping.packed import Limits, items
from decaylab.runlog.keeping.tree import Entry, Tree, open_below, walk
from decaylab.runlog.parse import parse
from decaylab.runlog.record import Record
from decaylab.runlog.schema import METADATA
from decaylab.runlog.store import PUBLISHED_METADATA

#: First folder in every archive, as in the document's own `tar` line.
LEADING = "experiments"


def check_archive(file: str, record: Record, digests: dict[str, Digest]) -> None:
    """Read a whole archive back: exactly these files of the run, each with its digest, and metadata that can be read.

    The manifest, which is no file of the run, is compared if `digests` names it.

    Args:
        file: the archive.
        record: the run that it is to hold.
        digests: path within the run -> size and digest that the file must have.

    Raises:
        CheckFailed: it does not hold, with what differs.
    """
    root = (LEADING, *record.run_id.split("/"))
    found: dict[str, Digest] = {}
    metadata: dict[str, bytes] = {}
    most = sum(digest.size for digest in digests.values()) + METADATA_LIMIT * 8
    try:
        for item in items(file, Limits(10**9, most)):
            if item.is_folder:
                continue
            is_inside = item.path[: len(root)] == root
            path = "/".join(item.path[len(root) :] if is_inside else item.path)
            digest = blake2b()
            kept = []
            for data in item.content:
                digest.update(data)
                if path in (METADATA, PUBLISHED_METADATA) and item.size <= METADATA_LIMIT:
                    kept.append(data)
            found[path] = Digest(item.size, digest.hexdigest())
            if kept:
                metadata[path] = b"".join(kept)
    except RunLogError as error:
        raise CheckFailed(f"the archive's check failed: {error}") from error
    if MANIFEST not in digests:
        found.pop(MANIFEST, None)
    differing = sorted(path for path in found.keys() | digests.keys() if found.get(path) != digests.get(path))
    if differing:
        more = f" and {len(differing) - 5} more" if len(differing) > 5 else ""
        raise CheckFailed(f"the archive's check failed: it differs from the run in {', '.join(differing[:5])}{more}")
    for path, data in metadata.items():
        document, found_odd = parse(data, path)
        if document is None:
            raise CheckFailed(f"the archive's check failed: {'; '.join(found_odd)}")


def check_unchanged(record: Record, tree: Tree) -> None:
    """Raise CheckFailed if any file of the run came, went or changed since `tree` was taken."""
    now = walk(record.path)
    then = _with_manifest(tree, now).files
    changed = sorted(path for path in now.files.keys() | then.keys() if _differ(now.files.get(path), then.get(path)))
    if not changed and now.folders == tree.folders:
        return
    raise CheckFailed(
        f"run {record.run_id} changed while it was archived ({', '.join(changed[:5])}); nothing was removed"
    )


def digests_of(record: Record) -> dict[str, Digest]:
    """Relative path -> digest of every regular file of the run as it is now."""
    return {path: digest_of(record.path, path) for path in walk(record.path).files if path != MANIFEST}


def digest_of(root: str, path: str) -> Digest:
    """Digest of one file of the run directory `root`."""
    with os.fdopen(open_below(root, path), "rb") as file:
        digest = of_open(file)
        return Digest(file.tell(), digest)


def _differ(now: Entry | None, then: Entry | None) -> bool:
    """Not by its number of names: a run that takes over the targets of this one gives them one more."""
    return now is None or then is None or now._replace(names=then.names) != then


def _with_manifest(tree: Tree, now: Tree) -> Tree:
    own = {MANIFEST: now.files[MANIFEST]} if MANIFEST in now.files else {}
    return tree._replace(files=tree.files | own)
