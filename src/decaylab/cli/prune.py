"""`decaylab prune`: what would be removed by rule, and its removal with `--yes`."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from decaylab.cli.out import say, write_lines
from decaylab.cli.parser import add_experiments, positive_int

if TYPE_CHECKING:
    from decaylab.runlog.keeping.prune import Plan

EXAMPLE = """\
decaylab prune --where status=lost
decaylab prune --keep-best 10 --by t20_mae --only checkpoints --yes"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--where",
        metavar="EXPR",
        action="append",
        default=[],
        help="the runs that fulfil FIELD OP VALUE, as in compare; several mean and",
    )
    add("--keep-best", metavar="N", type=positive_int, help="all but the best N of each data set and test split")
    add("--by", metavar="FIELD", help="the metric that --keep-best goes by")
    add("--only", choices=("checkpoints", "arrays"), help="of each run only its checkpoints/, or its arrays")
    add("--noted", action="store_true", help="runs with a note or tag, too, even if this is their only copy")
    add("--yes", action="store_true", help="remove what is listed")
    add_experiments(parser)


def run(args: argparse.Namespace) -> int:
    from decaylab.runlog import query
    from decaylab.runlog.keeping import prune
    from decaylab.runlog.store import scan

    records = scan(args.experiments)
    conditions = [query.parse_condition(expression, records) for expression in args.where]
    found = prune.plan(records, prune.Rules(conditions, args.keep_best, args.by, args.only, args.noted))
    _print(found, args.experiments)
    if not found.removals:
        return 0
    if not args.yes:
        say("nothing was removed; --yes removes what is listed")
        return 0
    return _remove(found, args.experiments)


def _remove(found: Plan, experiments: str) -> int:
    """Remove what the plan lists, one run after the other; what cannot be removed is said, and the rest goes on."""
    from decaylab.errors import DecaylabError
    from decaylab.runlog.keeping import prune
    from decaylab.runlog.keeping.removable import sweep_removed

    status, removed = 0, 0
    for removal in found.removals:
        try:
            prune.carry_out(removal, found.rules)
            removed += 1
        except DecaylabError as error:
            say(f"decaylab: error: {error}")
            status = max(status, error.exit_status)
    sweep_removed(experiments)
    what = f"{found.rules.only} of " if found.rules.only else ""
    say(f"removed: {what}{removed} of {len(found.removals)} runs listed")
    return status


def _print(found: Plan, experiments: str) -> None:
    from decaylab.runlog.keeping.tree import total_size
    from decaylab.runlog.text import counted, printable

    lines = []
    for removal in found.removals:
        size = total_size(removal.files.values())
        files = f", {len(removal.files)} files" if found.rules.only else ""
        note = f"  {removal.said}" if removal.said else ""
        copy = f"  (archived in {removal.archive})" if removal.archive else ""
        lines.append(f"{removal.record.run_id}  {removal.record.status}  {size / 1e6:.1f} MB{files}{note}{copy}")
    what = f"{found.rules.only} of " if found.rules.only else ""
    count = counted(len(found.removals), "run")
    if found.removals:
        shared = found.size - found.freed
        rest = f" ({shared / 1e6:.1f} MB stay, shared with files that are not removed)" if shared else ""
        lines.append(
            f"{what}{count} in {experiments}: {found.size / 1e6:.1f} MB, would free {found.freed / 1e6:.1f} MB{rest}"
        )
    else:
        lines.append(f"nothing to remove in {experiments}")
    if found.rules.keep_best is not None:
        lines.append(f"the best {found.rules.keep_best} by {found.rules.by} of each data set and test split stay")
    lines += [f"kept: {record.run_id}: {reason}" for record, reason in found.kept]
    write_lines(map(printable, lines))
    sys.stdout.flush()
