"""`decaylab reproduce`: train again from a run's record, and say whether the metrics agree."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from decaylab.cli.again import add_again
from decaylab.cli.out import say, write_lines
from decaylab.cli.runs import add_run, chosen_run

if TYPE_CHECKING:
    from decaylab.training.reproduce import Again
    from decaylab.training.same import Difference
    from decaylab.training.verdict import Verdict

EXAMPLE = """\
decaylab reproduce best:t20_mae --dry-run
decaylab reproduce compact_20260301_120000 --data /mnt/rooms"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_run(parser)
    add_again(parser)
    parser.add_argument("--dry-run", action="store_true", help="list what differs from the record, and train nothing")
    parser.add_argument("--device", metavar="D", help="auto, cpu or cuda; default: the recorded one")


def run(args: argparse.Namespace) -> int:
    from decaylab.runlog.text import printable

    record = chosen_run(args)
    from decaylab.training import reproduce

    again = reproduce.plan_again(
        record, args.experiments, data=args.data, model=args.model, assumed=dict(args.assume), device=args.device
    )
    if args.dry_run:
        write_lines(_plan_lines(again))
        return 0
    found = reproduce.reproduce(again)
    for line in found.trouble:
        say(line)
    if found.verdict is None:
        print(f"{printable(record.run_id)} is not reproduced: the new run ended as {found.status}, without metrics")
    else:
        write_lines(_verdict_lines(found.verdict))
    print(found.directory)
    return 0 if found.verdict is not None and found.verdict.agrees else 1


def _plan_lines(again: Again) -> list[str]:
    """What `--dry-run` says: each difference, and what may be expected of the training."""
    lines = _difference_lines(again.differences)
    wrong = [difference.key for difference in again.settings if difference.key.startswith("data_config.")]
    if wrong:
        return [*lines, "", "it would be refused: this is not the data that the run was trained on"]
    return [*lines, *([""] if lines else []), _expected(again.because, again.on_gpu)]


def _verdict_lines(verdict: Verdict) -> list[str]:
    """The verdict in a line, and where it is not bit-equality the figures and what differs."""
    from decaylab.runlog.text import printable

    said = printable(f"{verdict.run} and {verdict.reproduction}: {verdict.verdict}")
    if verdict.verdict == "bit-equal":
        return [said]
    from decaylab.runlog.tables.table import text_table

    rows = [
        [row.name, *map(_figure, (row.recorded, row.again, row.difference, row.allowed)), _word(row)]
        for row in verdict.rows
    ]
    table = text_table(["", "recorded", "again", "difference", "tolerance", ""], rows)
    lines = _difference_lines(verdict.because)
    return [said, "", *table, "", _expected(verdict.because, verdict.on_gpu), *lines]


def _word(row: Any) -> str:
    return row.remark or ("agrees" if row.agrees else "differs")


def _expected(because: Sequence[Difference], on_gpu: bool) -> str:
    """What may be expected, given what differs of that which the bits depend on."""
    if not because and not on_gpu:
        return "nothing that the bits depend on differs: the same bits are expected"
    gpu = ["a GPU does not give the same bits twice"] if on_gpu else []
    several = [f"differences that the bits may depend on: {len(because)}"] if because else []
    return f"{'; '.join([*several, *gpu])}; so figures within the tolerances are expected, not the same bits"


def _difference_lines(differences: Sequence[Difference]) -> list[str]:
    from decaylab.runlog.tables.table import text_table
    from decaylab.runlog.text import printable, shorten

    rows = [[printable(d.key), *(shorten(printable(str(v)), 60) for v in (d.recorded, d.here))] for d in differences]
    return text_table(["what differs", "recorded", "here"], rows) if rows else []


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.6g}"
